package diffusion

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// TestThreeFactors merges a convolution's change of three factors (LoCon's lora_mid) and compares with the sum by its definition.
func TestThreeFactors(t *testing.T) {
	fill := func(name string, shape ...int) *source.Tensor {
		n := 1
		for _, d := range shape {
			n *= d
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32((i*7+len(name)*3)%11) - 5
		}
		return source.Floats(name, shape, v)
	}
	base := "down_blocks.0.resnets.0.conv1"
	const out, in, k, r1, r2 = 3, 2, 3, 2, 4
	w := fill("w", out, in, k, k)
	part := &Part{Name: "unet", tensors: map[string]*source.Tensor{base + ".weight": w}}
	m := &Model{Parts: []*Part{part}}
	down, mid, up := fill("down", r1, in, 1, 1), fill("middle", r2, r1, k, k), fill("up", out, r2, 1, 1)
	key := "lora_unet_down_blocks_0_resnets_0_conv1"
	unmatched, err := m.Merge(&source.Set{Tensors: map[string]*source.Tensor{
		key + ".lora_down.weight": down, key + ".lora_mid.weight": mid, key + ".lora_up.weight": up, key + ".alpha": source.Floats("alpha", nil, []float32{1}),
		"lora_unet_other.lora_down.weight": down,
	}}, 0.5, 0)
	require.NoError(t, err)
	require.Equal(t, []string{"lora_unet_other.lora_down.weight"}, unmatched)
	got, err := part.tensors[base+".weight"].Floats()
	require.NoError(t, err)
	floats := func(x *source.Tensor) []float32 {
		v, err := x.Floats()
		require.NoError(t, err)
		return v
	}
	d, c, u, before := floats(down), floats(mid), floats(up), floats(w)
	for o := range out {
		for i := range in {
			for p := range k * k {
				sum := float32(0)
				for a := range r2 {
					for b := range r1 {
						sum += u[o*r2+a] * c[(a*r1+b)*k*k+p] * d[b*in+i]
					}
				}
				at := (o*in+i)*k*k + p
				require.InDelta(t, before[at]+0.5*sum/r1, got[at], 1e-3)
			}
		}
	}
	_, err = m.Merge(&source.Set{Tensors: map[string]*source.Tensor{key + ".lora_down.weight": fill("x", 2, 5), key + ".lora_up.weight": fill("y", 3, 2)}}, 1, 0)
	require.ErrorContains(t, err, "do not fit the weights of [3 2 3 3]")
}

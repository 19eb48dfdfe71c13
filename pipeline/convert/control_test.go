package convert

import (
	"maps"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestControlNet converts what testdata/controlnet.py made, and the U-Net that takes what it gives, whole and in halves, and compares with diffusers.
func TestControlNet(t *testing.T) {
	dir := filepath.Join(diffusionDir, "controlnet")
	reference := func(name string) []float32 { return floatsOf(t, filepath.Join(dir, "reference", name+".f32")) }
	in := diffusionInputs()
	in["encoder_hidden_states"], in["controlnet_cond"] = pattern(2*16*77, 1), pattern(2*3*32*32, 1)
	for _, attention := range []string{"original", "split-einsum"} {
		_, path := convert(t, Options{ModelPath: dir, Float32: true, Attention: attention, Sizes: [][2]int{{32, 32}}})
		residuals := run(t, path, in, nil)
		require.Len(t, residuals, 5)
		for name, got := range residuals {
			within(t, reference(name), got, 1e-3)
		}
		o := Options{ModelPath: filepath.Join(diffusionDir, "sd1"), Float32: true, Attention: attention, Part: "unet", ControlledUNet: true}
		controlled := maps.Clone(in)
		maps.Copy(controlled, residuals)
		_, path = convert(t, o)
		within(t, reference("noise_pred"), run(t, path, controlled, nil)["noise_pred"], 1e-3)
		o.ChunkUNet = true
		r, _ := convert(t, o)
		require.Equal(t, "ControlledUnetChunk1", r.Packages[0].Name)
		maps.Copy(controlled, run(t, r.Packages[0].Path, controlled, nil))
		within(t, reference("noise_pred"), run(t, r.Packages[1].Path, controlled, nil)["noise_pred"], 1e-3)
	}
}

package arch

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

func open(t *testing.T, file string) map[string]*source.Tensor {
	t.Helper()
	s, err := source.Open("../testdata/" + file)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return maps.Clone(s.Tensors)
}

func recognise(tensors map[string]*source.Tensor) (*Network, error) {
	return Recognise(&source.Set{Tensors: tensors})
}

func TestNearest(t *testing.T) {
	whole := open(t, "transformer.safetensors")
	for name, c := range map[string]struct {
		change  func(map[string]*source.Tensor)
		nearest string
		missing []string
		extra   []string
	}{
		"lacking": {func(m map[string]*source.Tensor) { delete(m, "res3.in1.bias") }, "TransformerNet (fast neural style)", []string{"res3.in1.bias"}, nil},
		"too many": {
			func(m map[string]*source.Tensor) {
				m["extra.weight"] = source.Floats("extra.weight", []int{1}, []float32{1})
			},
			"TransformerNet (fast neural style)", nil,
			[]string{"extra.weight"},
		},
		"another shape": {
			func(m map[string]*source.Tensor) {
				m["in1.weight"] = source.Floats("in1.weight", []int{5}, make([]float32, 5))
			},
			"TransformerNet (fast neural style)",
			[]string{"in1.weight of shape [4], not [5]"},
			[]string{"in1.weight"},
		},
		"nothing": {func(m map[string]*source.Tensor) {
			clear(m)
			m["a"] = source.Floats("a", []int{1}, []float32{1})
		}, "", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := maps.Clone(whole)
			c.change(m)
			_, err := recognise(m)
			var not *NotRecognisedError
			require.True(t, errors.As(err, &not), "%v", err)
			require.Equal(t, c.nearest, not.Nearest)
			require.Equal(t, c.missing, not.Missing)
			require.Equal(t, c.extra, not.Extra)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestPrefixesAreLeftOut(t *testing.T) {
	for _, prefix := range []string{"module.", "model.", "module.model.", "_orig_mod.module."} {
		m := map[string]*source.Tensor{"x": nil}
		clear(m)
		for n, x := range open(t, "transformer.safetensors") {
			m[prefix+n] = x
		}
		n, err := recognise(m)
		require.NoError(t, err, prefix)
		require.Contains(t, n.Name, "TransformerNet")
	}
}

// TestTablesOfStyles puts the scales and shifts of many styles in the forms that files have them in, and compares the tables.
func TestTablesOfStyles(t *testing.T) {
	whole := open(t, "multistyle.safetensors")
	is := func(n string) bool { return strings.Contains(n, "in") && len(whole[n].Shape) == 2 }
	floats := func(n string) []float32 {
		v, err := whole[n].Floats()
		require.NoError(t, err)
		return v
	}
	for name, change := range map[string]func(out map[string]*source.Tensor, norm string, s, c int){
		"gamma and beta": func(out map[string]*source.Tensor, norm string, s, c int) {
			out[norm+".gamma"], out[norm+".beta"] = whole[norm+".weight"].Reshaped(s, c, 1, 1), whole[norm+".bias"].Reshaped(s, c, 1, 1)
		},
		"embeddings": func(out map[string]*source.Tensor, norm string, s, c int) {
			out[norm+".scale.weight"], out[norm+".shift.weight"] = whole[norm+".weight"], whole[norm+".bias"]
		},
		"one embedding": func(out map[string]*source.Tensor, norm string, s, c int) {
			var v []float32
			for i := range s {
				v = append(v, floats(norm + ".weight")[i*c:(i+1)*c]...)
				v = append(v, floats(norm + ".bias")[i*c:(i+1)*c]...)
			}
			out[norm+".embed.weight"] = source.Floats("", []int{s, 2 * c}, v)
		},
		"a list": func(out map[string]*source.Tensor, norm string, s, c int) {
			for i := range s {
				for _, kind := range []string{"weight", "bias"} {
					out[fmt.Sprintf("%s.norms.%d.%s", norm, i, kind)] = source.Floats("", []int{c}, floats(norm + "." + kind)[i*c:(i+1)*c])
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := map[string]*source.Tensor{}
			for n, x := range whole {
				norm, weight := strings.CutSuffix(n, ".weight")
				switch {
				case is(n) && weight:
					change(m, norm, x.Shape[0], x.Shape[1])
				case !is(n):
					m[n] = x
				}
			}
			n, err := recognise(m)
			require.NoError(t, err)
			require.Contains(t, n.Name, "multi-style")
			p, err := n.Build(Options{Sizes: [][2]int{{32, 32}}}, mil.Options{})
			require.NoError(t, err)
			require.Equal(t, []int{1, 3}, p.Inputs[1].Value.Shape)
			w := &weights{tensors: m, used: map[string]bool{}}
			styles := &styles{tables: map[string][2]*source.Tensor{}}
			styles.read(w)
			require.Empty(t, w.missing)
			for i, kind := range []string{"weight", "bias"} {
				got, err := styles.tables["res2.in1"][i].Floats()
				require.NoError(t, err)
				require.Equal(t, floats("res2.in1."+kind), got)
			}
		})
	}
}

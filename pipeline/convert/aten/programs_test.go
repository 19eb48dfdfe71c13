package aten

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// TestPrograms compares many small programs with PyTorch. ATEN_PROGRAMS names the folder that testdata/programs.py makes.
func TestPrograms(t *testing.T) {
	root := os.Getenv("ATEN_PROGRAMS")
	if root == "" {
		t.Skip("ATEN_PROGRAMS names no folder that testdata/programs.py made")
	}
	b, err := os.ReadFile(filepath.Join(root, "index.json"))
	require.NoError(t, err)
	var index map[string]struct{ Inputs, Outputs [][]int }
	require.NoError(t, json.Unmarshal(b, &index))
	numbers := func(name string) []float32 {
		b, err := os.ReadFile(filepath.Join(root, name+".f32"))
		require.NoError(t, err)
		out := make([]float32, len(b)/4)
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		return out
	}
	for name, c := range index {
		t.Run(name, func(t *testing.T) {
			f, err := Open(filepath.Join(root, name+".pt2"))
			require.NoError(t, err)
			defer f.Close()
			p, err := f.Build(c.Inputs, mil.Options{})
			require.NoError(t, err)
			dir := filepath.Join(t.TempDir(), "x.mlpackage")
			_, err = p.Write(t.Context(), dir, mil.Format{})
			require.NoError(t, err)
			m, err := native.Open(dir, native.Options{Threads: 1})
			require.NoError(t, err)
			defer m.Close()
			in, out := map[string]*native.Tensor{}, map[string]*native.Tensor{}
			for i, port := range p.Inputs {
				v := numbers(fmt.Sprintf("%s.in%d", name, i))
				d := native.Float32
				if port.Value.Kind != mil.Float {
					d = native.Int32
				}
				x, err := native.NewTensor(d, port.Value.Shape...)
				require.NoError(t, err)
				for k := range v {
					if d == native.Float32 {
						x.Float32s()[k] = v[k]
					} else {
						x.Int32s()[k] = int32(v[k])
					}
				}
				in[port.Name] = x
			}
			for _, port := range p.Outputs {
				out[port.Name], err = native.NewTensor(native.Float32, port.Value.Shape...)
				require.NoError(t, err)
			}
			require.NoError(t, m.Predict(t.Context(), in, out))
			require.Len(t, p.Outputs, len(c.Outputs))
			for i, port := range p.Outputs {
				require.Equal(t, c.Outputs[i], port.Value.Shape)
				want, got := numbers(fmt.Sprintf("%s.out%d", name, i)), out[port.Name].Float32s()
				for k := range want {
					require.InDelta(t, want[k], got[k], 1e-4*max(1, math.Abs(float64(want[k]))), "%d of output %d", k, i)
				}
			}
		})
	}
}

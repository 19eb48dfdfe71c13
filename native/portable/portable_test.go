package portable

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/engine"
)

// The packages and values of testdata are made by testdata/make.py, from NumPy's and PyTorch's definitions of the operations.
var families = []struct {
	name      string
	tolerance float64
}{
	{"elementwise", 1e-4},
	{"reductions", 1e-4},
	{"convolutions", 1e-4},
	{"norms", 1e-4},
	{"shapes", 0},
	{"products", 1e-4},
	{"resampling", 1e-4},
	{"integers", 1e-4},
	{"half", 1e-2}, // float16 weights, some of them read from weight.bin by ONNX Runtime
}

func TestOperations(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			m := open(t, f.name)
			in, out := map[string]*engine.Tensor{}, map[string]*engine.Tensor{}
			for _, x := range m.Inputs() {
				in[x.Name] = tensor(t, x.DType, x.Shape)
				load(t, f.name, x.Name, in[x.Name])
			}
			for _, y := range m.Outputs() {
				out[y.Name] = tensor(t, y.DType, y.Shape)
			}
			for range 2 { // the second run finds the outputs of the first
				require.NoError(t, m.Predict(t.Context(), in, out))
			}
			for name, y := range out {
				compare(t, f.name, name, y, f.tolerance)
			}
		})
	}
}

func TestEnumeratedShapes(t *testing.T) {
	m := open(t, "enumerated")
	x := m.Inputs()[0]
	require.Equal(t, [][]int{{1, 3, 8, 8}, {1, 3, 4, 12}}, x.Shapes)
	require.Equal(t, "y", m.Outputs()[0].Name)
	require.Equal(t, []int{1, 2, 0, 0}, m.Outputs()[0].Shape, "what follows from the input is 0")
	for i, shape := range x.Shapes {
		name := []string{"enumerated.0", "enumerated.1"}[i]
		in := tensor(t, engine.Float32, shape)
		load(t, name, "x", in)
		out := map[string]*engine.Tensor{"y": tensor(t, engine.Float32, []int{1, 2, shape[2], shape[3]}), "m": tensor(t, engine.Float32, []int{1, 3, 1, 1})}
		require.NoError(t, m.Predict(t.Context(), map[string]*engine.Tensor{"x": in}, out))
		compare(t, name, "y", out["y"], 1e-4)
		compare(t, name, "m", out["m"], 1e-4)
	}
	in := tensor(t, engine.Float32, []int{1, 3, 4, 4})
	err := m.Predict(t.Context(), map[string]*engine.Tensor{"x": in}, map[string]*engine.Tensor{})
	require.ErrorContains(t, err, `the input "x" cannot have the shape [1 3 4 4]`)

	in = tensor(t, engine.Float32, x.Shapes[0])
	wrong := map[string]*engine.Tensor{"y": tensor(t, engine.Float32, []int{1, 2, 8, 9}), "m": tensor(t, engine.Float32, []int{1, 3, 1, 1})}
	require.Error(t, m.Predict(t.Context(), map[string]*engine.Tensor{"x": in}, wrong), "an output of another size than the input's")
}

// open opens a package of testdata for the length of a test.
func open(t *testing.T, name string) engine.Model {
	t.Helper()
	m, err := Open(filepath.Join("testdata", name+".mlpackage"), engine.Options{Threads: 1})
	if err != nil {
		t.Log("`make lib` fetches ONNX Runtime")
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func tensor(t *testing.T, d engine.DType, shape []int) *engine.Tensor {
	t.Helper()
	x, err := engine.NewTensor(d, shape...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x
}

// values reads the file of a value, which is as long as the tensor.
func values(t *testing.T, model, name string, like *engine.Tensor) []byte {
	t.Helper()
	kind := ".f32"
	if like.DType() == engine.Int32 {
		kind = ".i32"
	}
	b, err := os.ReadFile(filepath.Join("testdata", model+"."+name+kind))
	require.NoError(t, err)
	require.Len(t, b, len(like.Bytes()), "%s of shape %v", name, like.Shape())
	return b
}

func load(t *testing.T, model, name string, into *engine.Tensor) {
	t.Helper()
	copy(into.Bytes(), values(t, model, name, into))
}

func compare(t *testing.T, model, name string, got *engine.Tensor, tolerance float64) {
	t.Helper()
	want := values(t, model, name, got)
	if got.DType() == engine.Int32 {
		require.Equal(t, want, got.Bytes(), name)
		return
	}
	worst := 0.0
	for i, v := range got.Float32s() {
		w := float64(math.Float32frombits(binary.LittleEndian.Uint32(want[4*i:])))
		d := math.Abs(float64(v) - w)
		require.False(t, math.IsNaN(d), "%s[%d]: %v, expected %v", name, i, v, w)
		worst = max(worst, d/max(1, math.Abs(w)))
	}
	require.LessOrEqual(t, worst, tolerance, "%s: the largest difference", name)
}

// cancelled is a context that has ended.
func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

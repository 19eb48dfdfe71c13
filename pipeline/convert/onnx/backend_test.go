package onnx

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline/convert/mil"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// TestBackend runs ONNX's own tests of operations. ONNX_BACKEND names a folder of them, as
// `python -m onnx.backend.test.case` makes them: FOLDER/node/test_*/model.onnx, and test_data_set_0 beside it.
// What it reports is a list; what must not be on it fails the test.
func TestBackend(t *testing.T) {
	root := os.Getenv("ONNX_BACKEND")
	if root == "" {
		t.Skip("ONNX_BACKEND names no folder with ONNX's backend tests")
	}
	models, err := filepath.Glob(filepath.Join(root, "*", "*", "model.onnx"))
	require.NoError(t, err)
	require.NotEmpty(t, models)
	count := map[string]int{}
	for _, m := range models {
		name := filepath.Base(filepath.Dir(m))
		if f := os.Getenv("ONNX_FILTER"); f != "" && !strings.Contains(name, f) {
			continue
		}
		verdict, why := backend(t, m)
		count[verdict]++
		if verdict != "ok" {
			fmt.Printf("%s\t%s\t%.300s\n", verdict, name, strings.ReplaceAll(why, "\n", " "))
		}
	}
	t.Log(count)
	require.Zero(t, count["differs"])
}

func readTensor(t *testing.T, path string) *source.Tensor {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	x, err := (&File{}).tensor(b)
	if err != nil {
		return nil
	}
	return x
}

func backend(t *testing.T, path string) (verdict, why string) {
	f, err := Open(path)
	if err != nil {
		return "unreadable", err.Error()
	}
	defer f.Close()
	if err := f.Unsupported(); err != nil {
		return "unsupported", err.Error()
	}
	set := filepath.Join(filepath.Dir(path), "test_data_set_0")
	var shapes [][]int
	given := map[string]*source.Tensor{}
	for i, in := range f.Graph.Inputs {
		x := readTensor(t, filepath.Join(set, fmt.Sprintf("input_%d.pb", i)))
		if x == nil {
			return "unreadable", "input"
		}
		given[in.Name] = x
	}
	// what a graph takes as a shape or an index is known when a network is exported: it is made a constant
	for n, x := range given {
		if x.DType == source.I64 || x.Len() == 0 || strings.Contains(n, "scale") && len(x.Shape) < 2 || slices.Contains([]string{"min", "max", "pads", "value", "mean", "var", "s", "bias", "sizes", "scales", "cond", "W", "w", "depth", "y_zero_point", "x_zero_point", "zero_point", "axis", "k"}, n) && len(f.Graph.Inputs) > 1 {
			f.Graph.Tensors[n] = x
		}
	}
	for _, in := range f.Inputs() {
		shapes = append(shapes, given[in.Name].Shape)
	}
	if len(shapes) == 0 {
		return "constant", ""
	}
	p, err := f.Build(shapes, mil.Options{})
	if err != nil {
		return "refused", err.Error()
	}
	dir := filepath.Join(t.TempDir(), "x.mlpackage")
	if _, err := p.Write(t.Context(), dir, mil.Format{}); err != nil {
		return "unwritable", err.Error()
	}
	m, err := native.Open(dir, native.Options{Threads: 1})
	if err != nil {
		return "unopened", err.Error()
	}
	defer m.Close()
	in, out := map[string]*native.Tensor{}, map[string]*native.Tensor{}
	for k, port := range p.Inputs {
		x := given[f.Inputs()[k].Name]
		v, err := x.Floats()
		require.NoError(t, err)
		d := native.Float32
		if port.Value.Kind != mil.Float {
			d = native.Int32
		}
		nt, err := native.NewTensor(d, x.Shape...)
		if err != nil {
			return "unrun", err.Error()
		}
		for i := range v {
			if d == native.Float32 {
				nt.Float32s()[i] = v[i]
			} else {
				nt.Int32s()[i] = int32(v[i])
			}
		}
		in[port.Name] = nt
	}
	for _, port := range p.Outputs {
		d := native.Float32
		if port.Value.Kind != mil.Float {
			d = native.Int32
		}
		if out[port.Name], err = native.NewTensor(d, port.Value.Shape...); err != nil {
			return "unrun", err.Error()
		}
	}
	if err := m.Predict(t.Context(), in, out); err != nil {
		return "unrun", err.Error()
	}
	for i, port := range p.Outputs {
		want := readTensor(t, filepath.Join(set, fmt.Sprintf("output_%d.pb", i)))
		if want == nil {
			return "unreadable", "output"
		}
		w, err := want.Floats()
		require.NoError(t, err)
		y := out[port.Name]
		if len(w) != y.Len() || !slices.Equal(want.Shape, port.Value.Shape) && len(want.Shape) > 0 {
			return "differs", fmt.Sprintf("shape %v, not %v", port.Value.Shape, want.Shape)
		}
		for k := range w {
			got := 0.0
			if y.DType() == native.Float32 {
				got = float64(y.Float32s()[k])
			} else {
				got = float64(y.Int32s()[k])
			}
			if d := math.Abs(got - float64(w[k])); d > 1e-3*max(1, math.Abs(float64(w[k]))) || math.IsNaN(d) != false && !math.IsNaN(float64(w[k])) && !math.IsInf(float64(w[k]), 0) {
				return "differs", fmt.Sprintf("output %d [%d] is %v, not %v", i, k, got, w[k])
			}
		}
	}
	return "ok", ""
}

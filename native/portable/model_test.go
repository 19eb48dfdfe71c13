package portable

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/engine"
)

// pair is a model with its tensors: enumerated, of its first shape.
func pair(t *testing.T) (engine.Model, map[string]*engine.Tensor, map[string]*engine.Tensor) {
	t.Helper()
	m := open(t, "enumerated")
	x := tensor(t, engine.Float32, []int{1, 3, 8, 8})
	load(t, "enumerated.0", "x", x)
	out := map[string]*engine.Tensor{"y": tensor(t, engine.Float32, []int{1, 2, 8, 8}), "m": tensor(t, engine.Float32, []int{1, 3, 1, 1})}
	return m, map[string]*engine.Tensor{"x": x}, out
}

func TestPredictRefuses(t *testing.T) {
	m, in, out := pair(t)
	closed, err := engine.NewTensor(engine.Float32, 1, 3, 8, 8)
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	type tensors = map[string]*engine.Tensor
	for name, c := range map[string]struct {
		in, out tensors
		want    string
	}{
		"no input":      {nil, out, `the input "x" is missing`},
		"no output":     {in, tensors{"y": out["y"]}, `the output "m" is missing`},
		"closed input":  {tensors{"x": closed}, out, `the tensor of the input "x" is closed`},
		"int32":         {tensors{"x": tensor(t, engine.Int32, []int{1, 3, 8, 8})}, out, `the input "x" is float32, not int32`},
		"float16":       {tensors{"x": tensor(t, engine.Float16, []int{1, 3, 8, 8})}, out, `the input "x" is float32, not float16`},
		"shape":         {tensors{"x": tensor(t, engine.Float32, []int{1, 3, 8, 9})}, out, `the input "x" cannot have the shape [1 3 8 9]`},
		"rank":          {tensors{"x": tensor(t, engine.Float32, []int{3, 8, 8})}, out, `the input "x" cannot have the shape [3 8 8]`},
		"output shape":  {in, tensors{"y": out["y"], "m": tensor(t, engine.Float32, []int{1, 4, 1, 1})}, `the output "m" cannot have the shape [1 4 1 1]`},
		"output number": {in, tensors{"y": out["y"], "m": tensor(t, engine.Int32, []int{1, 3, 1, 1})}, `the output "m" is float32, not int32`},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, m.Predict(t.Context(), c.in, c.out), c.want)
		})
	}
	require.NoError(t, m.Predict(t.Context(), in, out), "the model still runs")
	compare(t, "enumerated.0", "y", out["y"], 1e-4)
	require.ErrorIs(t, m.Predict(cancelled(t), in, out), context.Canceled)
	require.False(t, m.Placement().Known)

	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	require.ErrorContains(t, m.Predict(t.Context(), in, out), "is closed")
}

func TestTwoModelsAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for range 2 {
		m, in, out := pair(t)
		wg.Go(func() {
			for range 50 {
				if err := m.Predict(t.Context(), in, out); err != nil {
					t.Error(err)
					return
				}
			}
		})
		t.Cleanup(func() { compare(t, "enumerated.0", "y", out["y"], 1e-4) })
	}
	wg.Wait()
}

// TestCancelDuringRun ends a run of seconds soon after its start.
func TestCancelDuringRun(t *testing.T) {
	const path = "../../assets/networks/transform.mlpackage"
	if _, err := os.Stat(path); err != nil {
		t.Skip("the transform network is not there: it is the only model here whose run lasts long enough to cancel")
	}
	m, err := Open(path, engine.Options{Threads: 1})
	require.NoError(t, err)
	defer m.Close()
	area := func(shape []int) int { return shape[len(shape)-2] * shape[len(shape)-1] }
	largest := func(f engine.Feature) []int {
		shape := f.Shape
		for _, s := range f.Shapes {
			if area(s) > area(shape) {
				shape = s
			}
		}
		return shape
	}
	in, out := map[string]*engine.Tensor{}, map[string]*engine.Tensor{}
	var picture []int
	for _, f := range m.Inputs() {
		shape := largest(f)
		if len(shape) == 4 && shape[1] == 3 {
			picture = shape
		}
		in[f.Name] = tensor(t, f.DType, shape)
	}
	require.NotNil(t, picture)
	for _, f := range m.Outputs() {
		shape := append([]int{}, f.Shape...)
		for i, n := range shape {
			if n == 0 {
				shape[i] = picture[i]
			}
		}
		out[f.Name] = tensor(t, f.DType, shape)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	require.ErrorIs(t, m.Predict(ctx, in, out), context.DeadlineExceeded)
	t.Logf("a run on %v ended %v after its cancel", picture, time.Since(start)-50*time.Millisecond)
}

func TestOpenRefuses(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "none.mlpackage"), engine.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "none.mlpackage")
}

func TestLibrary(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.so")
	t.Setenv(libraryVariable, missing)
	_, err := library()
	require.ErrorIs(t, err, engine.ErrNoRuntime)
	require.ErrorContains(t, err, "GESSO_ONNXRUNTIME names "+missing)
	t.Setenv(libraryVariable, filepath.Dir(missing))
	_, err = library()
	require.ErrorIs(t, err, engine.ErrNoRuntime, "a folder is not a library")

	require.NoError(t, os.WriteFile(missing, nil, 0o644))
	t.Setenv(libraryVariable, missing)
	path, err := library()
	require.NoError(t, err)
	require.Equal(t, missing, path)

	t.Setenv(libraryVariable, "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	_, err = library()
	require.ErrorIs(t, err, engine.ErrNoRuntime)
	require.ErrorContains(t, err, "make lib")
}

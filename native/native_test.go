package native_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
)

func TestOpenAndPredict(t *testing.T) {
	t.Log(native.Engine())
	require.NotEmpty(t, native.Engine())
	dir := filepath.Join("portable", "testdata")
	m, err := native.Open(filepath.Join(dir, "enumerated.mlpackage"), native.Options{Units: native.UnitsCPUOnly})
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()

	require.Len(t, m.Inputs(), 1)
	x := m.Inputs()[0]
	require.Equal(t, "x", x.Name)
	require.Equal(t, native.Float32, x.DType)
	require.Equal(t, []int{1, 3, 8, 8}, x.Shape)
	require.True(t, x.Permits([]int{1, 3, 4, 12}))
	require.Len(t, m.Outputs(), 2)

	in, y, mean := tensor(t, x.Shape...), tensor(t, 1, 2, 8, 8), tensor(t, 1, 3, 1, 1)
	read(t, filepath.Join(dir, "enumerated.0.x.f32"), in)
	wantY, wantMean := tensor(t, y.Shape()...), tensor(t, mean.Shape()...)
	read(t, filepath.Join(dir, "enumerated.0.y.f32"), wantY)
	read(t, filepath.Join(dir, "enumerated.0.m.f32"), wantMean)

	inputs, outputs := map[string]*native.Tensor{"x": in}, map[string]*native.Tensor{"y": y, "m": mean}
	require.NoError(t, m.Predict(t.Context(), inputs, outputs))
	require.InDeltaSlice(t, wantY.Float32s(), y.Float32s(), 1e-4)
	require.InDeltaSlice(t, wantMean.Float32s(), mean.Float32s(), 1e-4)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, m.Predict(ctx, inputs, outputs), context.Canceled)
}

func TestOpenRefuses(t *testing.T) {
	_, err := native.Open(filepath.Join(t.TempDir(), "none.mlpackage"), native.Options{})
	require.ErrorContains(t, err, "none.mlpackage")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func tensor(t *testing.T, shape ...int) *native.Tensor {
	t.Helper()
	x, err := native.NewTensor(native.Float32, shape...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x
}

func read(t *testing.T, file string, into *native.Tensor) {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Len(t, b, len(into.Bytes()))
	copy(into.Bytes(), b)
}

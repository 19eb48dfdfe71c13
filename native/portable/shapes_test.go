package portable

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// chain is program with more operations: each takes what the one before gives, and the last gives y.
func chain(input []int, ops ...*milpb.Operation) *coremlpb.Model {
	spec := program("relu", nil, nil)
	fn := spec.GetMlProgram().Functions["main"]
	shape, wide := make([]int64, len(input)), make([]uint64, len(input))
	for i, n := range input {
		shape[i], wide[i] = int64(n), uint64(n)
	}
	spec.Description.Input[0].Type.GetMultiArrayType().Shape = shape
	fn.Inputs[0].Type = typeOf(milpb.DataType_FLOAT32, wide...)
	fn.BlockSpecializations["CoreML6"].Operations = ops
	return spec
}

func operation(kind, out string, t *milpb.ValueType, in arguments) *milpb.Operation {
	return &milpb.Operation{Type: kind, Inputs: in, Outputs: []*milpb.NamedValueType{{Name: out, Type: t}}}
}

func run(t *testing.T, m engine.Model, input []int, d engine.DType, output []int) *engine.Tensor {
	t.Helper()
	x, y := tensor(t, engine.Float32, input), tensor(t, d, output)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i)
	}
	require.NoError(t, m.Predict(t.Context(), map[string]*engine.Tensor{"x": x}, map[string]*engine.Tensor{"y": y}))
	return y
}

// TestComputedShape flattens rows by a shape that the program computes, as networks with several input shapes do.
func TestComputedShape(t *testing.T) {
	whole := typeOf(milpb.DataType_INT32, 4)
	turned := given(typeOf(milpb.DataType_INT32, 4), &milpb.TensorValue{
		Value: &milpb.TensorValue_Ints{Ints: &milpb.TensorValue_RepeatedInts{Values: []int32{3, 2, 1, 0}}},
	})
	m, err := openSpec(t, chain([]int{1, 3, 4, 2},
		operation("shape", "s", whole, arguments{"x": named("x")}),
		operation("gather", "back", whole, arguments{"x": named("s"), "indices": turned, "axis": ints(0)}),
		operation("reshape", "y", typeOf(milpb.DataType_FLOAT32, 2, 4, 3, 1), arguments{"x": named("x"), "shape": named("back")}),
	))
	require.NoError(t, err)
	y := run(t, m, []int{1, 3, 4, 2}, engine.Float32, []int{2, 4, 3, 1})
	require.EqualValues(t, 23, y.Float32s()[23])

	m, err = openSpec(t, chain([]int{1, 3, 4, 2}, operation("shape", "y", whole, arguments{"x": named("x")})))
	require.NoError(t, err)
	require.Equal(t, []int32{1, 3, 4, 2}, run(t, m, []int{1, 3, 4, 2}, engine.Int32, []int{4}).Int32s())
}

func TestUpsampleRanks(t *testing.T) {
	twice := arguments{"x": named("x"), "scale_factor_height": ints(2), "scale_factor_width": ints(1)}
	m, err := openSpec(t, chain([]int{2, 2, 2}, operation("upsample_nearest_neighbor", "y", typeOf(milpb.DataType_FLOAT32, 2, 4, 2), twice)))
	require.NoError(t, err)
	y := run(t, m, []int{2, 2, 2}, engine.Float32, []int{2, 4, 2})
	require.Equal(t, []float32{0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7}, y.Float32s())

	_, err = openSpec(t, chain([]int{4}, operation("upsample_nearest_neighbor", "y", typeOf(milpb.DataType_FLOAT32, 4), twice)))
	require.ErrorContains(t, err, "an upsampling of rank 1")
}

package engine

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewTensorRefusesBadShapes(t *testing.T) {
	for name, c := range map[string]struct {
		dtype DType
		shape []int
	}{
		"zero":          {Float32, []int{1, 0, 3}},
		"negative":      {Float32, []int{-1}},
		"huge":          {Float32, []int{math.MaxInt}},
		"past int32":    {Float16, []int{math.MaxInt32 + 1}},
		"huge product":  {Float32, []int{1 << 20, 1 << 20}},
		"overflow":      {Int32, []int{math.MaxInt32, math.MaxInt32, math.MaxInt32, math.MaxInt32}},
		"smallest type": {DType(-1), []int{1}},
		"largest type":  {Uint8 + 1, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			x, err := NewTensor(c.dtype, c.shape...)
			require.Error(t, err)
			require.Nil(t, x)
		})
	}
}

func TestTensorViews(t *testing.T) {
	shape := []int{2, 3}
	f, err := NewTensor(Float32, shape...)
	require.NoError(t, err)
	defer f.Close()
	shape[0] = 9
	require.Equal(t, []int{2, 3}, f.Shape(), "the tensor keeps a copy of its shape")
	require.Equal(t, 6, f.Len())
	require.Len(t, f.Bytes(), 24)
	require.Equal(t, make([]float32, 6), f.Float32s())
	f.Float32s()[5] = 1.5
	require.Equal(t, []byte{0, 0, 0xc0, 0x3f}, f.Bytes()[20:], "the views share memory")
	require.Panics(t, func() { f.Int32s() })

	h, err := NewTensor(Float16, 7)
	require.NoError(t, err)
	defer h.Close()
	require.Equal(t, 7, h.Len())
	require.Len(t, h.Bytes(), 14)
	require.PanicsWithValue(t, "a float16 tensor is read as float32", func() { h.Float32s() })

	i, err := NewTensor(Int32)
	require.NoError(t, err)
	defer i.Close()
	require.Equal(t, Int32, i.DType())
	require.Equal(t, []int32{0}, i.Int32s(), "a shape without dimensions has one element")
	require.Panics(t, func() { i.Float32s() })
}

func TestTensorCloseTwice(t *testing.T) {
	x, err := NewTensor(Float32, 4)
	require.NoError(t, err)
	require.NoError(t, x.Close())
	require.NoError(t, x.Close())
	require.Nil(t, x.Bytes())
	require.Nil(t, x.Float32s())
	require.Zero(t, x.Len())
	require.Equal(t, []int{4}, x.Shape())
}

func TestDTypeString(t *testing.T) {
	require.Equal(t, "float32", Float32.String())
	require.Equal(t, "int32", Int32.String())
	require.Equal(t, "DType(7)", DType(7).String())
	require.Equal(t, "DType(-1)", DType(-1).String())
}

func TestTensorMemoryOutlivesTheTensorWhileItIsHeld(t *testing.T) {
	x, err := NewTensor(Uint8, 4)
	require.NoError(t, err)
	x.Bytes()[3] = 7
	b := x.Bytes()
	release := x.Hold()
	require.NoError(t, x.Close())
	require.Equal(t, byte(7), b[3], "still mapped")
	release()
	release()
	require.Nil(t, x.memory.data, "unmapped when nobody holds it")
}

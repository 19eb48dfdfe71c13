package mlpackage

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// packedConst are elements of a type of so many bits.
func packedConst(t *testing.T, d milpb.DataType, data []byte, shape ...int64) *Const {
	t.Helper()
	c := &Const{DType: d, Shape: shape}
	require.NoError(t, c.raw(data, c.Len()))
	return c
}

// pieces reads a constant in pieces of n, and back to front, which must give the same as reading it whole.
func pieces(t *testing.T, c *Const, n int64) []float32 {
	t.Helper()
	whole := make([]float32, c.Len())
	c.Read(whole, 0)
	for at := (c.Len() - 1) / n * n; at >= 0; at -= n {
		part := make([]float32, min(n, c.Len()-at))
		c.Read(part, at)
		require.Equal(t, whole[at:at+int64(len(part))], part)
	}
	return whole
}

func TestPieces(t *testing.T) {
	index := packedConst(t, milpb.DataType_UINT3, []byte{0b10001000, 0b11000110, 0b11111010}, 2, 4) // 0 1 2 3 4 5 6 7
	table := Floats([]int64{2, 1, 8, 1}, []float32{0, 1, 2, 3, 4, 5, 6, 7, 0, 10, 20, 30, 40, 50, 60, 70})
	c, err := Palette(index, table, 0)
	require.NoError(t, err)
	require.Equal(t, []float32{0, 1, 2, 3, 40, 50, 60, 70}, pieces(t, c, 3))

	mask := packedConst(t, milpb.DataType_UINT1, []byte{0b10010110}, 2, 4)
	c, err = Sparse(Floats([]int64{4}, []float32{1, 2, 3, 4}), mask)
	require.NoError(t, err)
	require.Equal(t, []float32{0, 1, 2, 0, 3, 0, 0, 4}, pieces(t, c, 3))

	c, err = Blockwise(packedConst(t, milpb.DataType_INT4, []byte{0x1f, 0x82}, 2, 2), Floats([]int64{1, 2}, []float32{2, 10}), Floats([]int64{1, 2}, []float32{1, 0}))
	require.NoError(t, err)
	require.Equal(t, []float32{-4, 10, 2, -80}, pieces(t, c, 3)) // -1 1 2 -8

	c, err = LayerWeights(&coremlpb.WeightParams{RawValue: []byte{0b00011011}, Quantization: &coremlpb.QuantizationParams{
		NumberOfBits: 2, QuantizationType: &coremlpb.QuantizationParams_LinearQuantization{LinearQuantization: &coremlpb.LinearQuantizationParams{Scale: []float32{1, 10}, Bias: []float32{0, 1}}},
	}}, []int64{2, 2}, 0)
	require.NoError(t, err)
	require.Equal(t, []float32{0, 1, 21, 31}, pieces(t, c, 3)) // 0 1 2 3, the first bit first
}

func TestCompressedRefused(t *testing.T) {
	index := packedConst(t, milpb.DataType_UINT2, []byte{0b11100100}, 2, 2)
	bytes := packedConst(t, milpb.DataType_UINT8, []byte{1, 2, 3, 4}, 2, 2)
	mask := packedConst(t, milpb.DataType_UINT1, []byte{0b0110}, 2, 2)
	one := Floats([]int64{1, 1}, []float32{1})
	sparse := &Const{DType: milpb.DataType_FLOAT32, Shape: []int64{2}, dense: one}
	for name, f := range map[string]func() (*Const, error){
		"blocks that do not divide": func() (*Const, error) { return Blockwise(bytes, Floats([]int64{1, 3}, make([]float32, 3)), nil) },
		"blocks of another rank":    func() (*Const, error) { return Blockwise(bytes, Floats([]int64{2}, make([]float32, 2)), nil) },
		"no blocks":                 func() (*Const, error) { return Blockwise(bytes, Floats([]int64{0, 1}, nil), nil) },
		"offsets of another shape":  func() (*Const, error) { return Blockwise(bytes, one, Floats([]int64{2, 1}, make([]float32, 2))) },
		"sparse data in blocks":     func() (*Const, error) { return Blockwise(sparse, one, nil) },
		"affine axis":               func() (*Const, error) { return Affine(bytes, one, one, 2) },
		"affine scales":             func() (*Const, error) { return Affine(bytes, one, Floats([]int64{3}, make([]float32, 3)), 0) },
		"palette of another rank":   func() (*Const, error) { return Palette(index, one, 0) },
		"palette too short":         func() (*Const, error) { return Palette(index, Floats([]int64{1, 1, 2, 1}, make([]float32, 2)), 0) },
		"indices without a width":   func() (*Const, error) { return Palette(one, Floats([]int64{1, 1, 4, 1}, make([]float32, 4)), 0) },
		"palette axis":              func() (*Const, error) { return Palette(index, Floats([]int64{1, 1, 4, 1}, make([]float32, 4)), 5) },
		"palette of 5": func() (*Const, error) {
			return PackedPalette(bytes, Floats([]int64{5}, make([]float32, 5)), []int64{4})
		},
		"packed indices too short": func() (*Const, error) {
			return PackedPalette(bytes, Floats([]int64{4}, make([]float32, 4)), []int64{64})
		},
		"packed indices of any size": func() (*Const, error) {
			return PackedPalette(bytes, Floats([]int64{4}, make([]float32, 4)), []int64{math.MaxInt64, 2})
		},
		"mask of bytes":         func() (*Const, error) { return Sparse(one, bytes) },
		"too few for the mask":  func() (*Const, error) { return Sparse(Floats([]int64{1}, make([]float32, 1)), mask) },
		"mask of another shape": func() (*Const, error) { return Sparse(sparse, mask) },
		"no weights":            func() (*Const, error) { return LayerWeights(nil, []int64{2}, 0) },
		"too few weights": func() (*Const, error) {
			return LayerWeights(&coremlpb.WeightParams{FloatValue: []float32{1}}, []int64{2}, 0)
		},
		"weights of any shape": func() (*Const, error) {
			return LayerWeights(&coremlpb.WeightParams{FloatValue: []float32{1}}, slices.Repeat([]int64{math.MaxInt32}, 4), 0)
		},
		"nine bits": func() (*Const, error) {
			return LayerWeights(&coremlpb.WeightParams{RawValue: []byte{1}, Quantization: &coremlpb.QuantizationParams{NumberOfBits: 9}}, []int64{1}, 0)
		},
		"no scales": func() (*Const, error) {
			return LayerWeights(&coremlpb.WeightParams{RawValue: []byte{1}, Quantization: &coremlpb.QuantizationParams{NumberOfBits: 8}}, []int64{1}, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f()
			require.Error(t, err)
		})
	}
}

// TestToHalf rounds every float16 number, and what lies between two of them, to the nearest.
func TestToHalf(t *testing.T) {
	for h := range uint16(0x7c00) {
		v := Half(h)
		require.Equal(t, h, ToHalf(v))
		require.Equal(t, h|0x8000, ToHalf(-v))
		if h < 0x7bff {
			next := Half(h + 1)
			middle := v + (next-v)/2
			require.Equal(t, h+h&1, ToHalf(middle), "ties go to the even one")
			require.Equal(t, h+1, ToHalf(math.Nextafter32(middle, next)))
			require.Equal(t, h, ToHalf(math.Nextafter32(middle, v)))
		}
	}
	require.EqualValues(t, 0x7c00, ToHalf(65520))
	require.EqualValues(t, 0x7bff, ToHalf(65519))
	require.EqualValues(t, 0xfc00, ToHalf(float32(math.Inf(-1))))
	require.True(t, math.IsNaN(float64(Half(ToHalf(float32(math.NaN()))))))
}

package compress

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/pipeline/convert/mil"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

func normal(n int) []float32 {
	r := rand.New(rand.NewPCG(3, 4))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(0.05 * r.NormFloat64())
	}
	return v
}

// TestErrors compares the errors on normal numbers with those of the best quantizers: Max, "Quantizing for minimum distortion", 1960, table I.
func TestErrors(t *testing.T) {
	v := normal(64 * 32 * 9)
	for _, c := range []struct {
		o     Options
		error float64
		bytes int64
	}{
		{Options{Mode: Palette, Bits: 1}, math.Sqrt(0.3634), 2304 + 4 + 16},
		{Options{Mode: Palette, Bits: 2}, math.Sqrt(0.1175), 4608 + 8 + 16},
		{Options{Mode: Palette, Bits: 3}, math.Sqrt(0.03454), 6912 + 16},
		{Options{Mode: Palette, Bits: 4}, math.Sqrt(0.009497), 9216 + 32 + 16},
		{Options{Mode: Palette, Bits: 6}, 0.027, 13824 + 128 + 16},
		{Options{Mode: Palette, Bits: 8}, 0.0075, 18432 + 512 + 16},
		{Options{Mode: Palette, Bits: 4, Group: 8}, math.Sqrt(0.009497), 9216 + 8*32},
		{Options{Mode: Linear, Bits: 8}, 0.008, 18432 + 64*3 + 4},
		{Options{Mode: Linear, Bits: 8, PerTensor: true}, 0.012, 18432 + 3 + 4},
		{Options{Mode: Linear, Bits: 4}, 0.14, 9216 + 128},
		{Options{Mode: Linear, Bits: 4, Block: 8}, 0.12, 9216 + 4*128},
	} {
		require.NoError(t, c.o.Validate())
		comp := New(c.o, mil.IOS16)
		e, err := comp.Encode(t.Context(), "w", source.Floats("w", []int{64, 32, 3, 3}, v), true)
		require.NoError(t, err)
		layer := comp.Report().Layers[0]
		require.LessOrEqual(t, layer.Error, 1.03*c.error, "%+v", c.o)
		require.GreaterOrEqual(t, layer.Error, 0.5*c.error, "%+v", c.o)
		require.Equal(t, c.bytes, layer.Bytes, "%+v", c.o)
		require.Equal(t, c.bytes, comp.Report().After)
		require.EqualValues(t, 2*len(v), comp.Report().Before)
		if c.o.Group > 0 || c.o.Block > 0 || c.o.Bits == 3 || (c.o.Mode == Linear && c.o.Bits == 4) {
			require.Equal(t, mil.IOS18, e.Target)
		} else {
			require.Equal(t, mil.IOS16, e.Target)
		}
	}
}

func TestMaxErrorTakesMoreBits(t *testing.T) {
	v := normal(4096)
	for bound, form := range map[float64]string{0.7: "palettize 1 bits", 0.2: "palettize 4 bits", 0.01: "palettize 8 bits", 0.0001: "float16"} {
		comp := New(Options{Mode: Palette, Bits: 1, MaxError: bound}, mil.IOS16)
		_, err := comp.Encode(t.Context(), "w", source.Floats("w", []int{64, 64}, v), true)
		require.NoError(t, err)
		require.Equal(t, form, comp.Report().Layers[0].Form)
	}
}

func TestSmallWeightsStay(t *testing.T) {
	comp := New(Options{Mode: Palette, Bits: 4}, mil.IOS16)
	for _, shape := range [][]int{{2047, 1}, {4096}} {
		e, err := comp.Encode(t.Context(), "w", source.Floats("w", shape, make([]float32, shape[0])), true)
		require.NoError(t, err)
		require.Nil(t, e)
	}
}

func TestFewValuesAreExact(t *testing.T) {
	v := make([]float32, 4096)
	for i := range v {
		v[i] = []float32{-1, 0.5, 2, 7}[i%4]
	}
	comp := New(Options{Mode: Palette, Bits: 2}, mil.IOS16)
	e, err := comp.Encode(t.Context(), "w", source.Floats("w", []int{64, 64}, v), true)
	require.NoError(t, err)
	require.Zero(t, comp.Report().Layers[0].Error)
	require.Equal(t, milpb.DataType_UINT8, e.Parts[0].DType)
	require.Equal(t, byte(0b11100100), e.Parts[0].Data[0], "the first index in the lowest bits")
}

func TestValidate(t *testing.T) {
	for _, o := range []Options{
		{Mode: Palette, Bits: 5},
		{Mode: Linear, Bits: 6},
		{Mode: "zip", Bits: 8},
		{Mode: Palette, Bits: 4, Group: -1},
		{Mode: Linear, Bits: 8, Block: -1},
		{Mode: Palette, Bits: 4, MaxError: 2},
		{Mode: Palette, Bits: 4, MaxError: math.NaN()},
		{Mode: Palette, Bits: 4, Size: -1},
	} {
		require.Error(t, o.Validate(), "%+v", o)
	}
	require.NoError(t, Options{}.Validate())
}

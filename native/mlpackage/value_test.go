package mlpackage

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// written is a value that the specification itself holds.
func written(t *milpb.ValueType, v *milpb.TensorValue) *milpb.Value {
	im := &milpb.Value_ImmediateValue{Value: &milpb.Value_ImmediateValue_Tensor{Tensor: v}}
	return &milpb.Value{Type: t, Value: &milpb.Value_ImmediateValue_{ImmediateValue: im}}
}

func floats(v ...float32) *milpb.TensorValue {
	return &milpb.TensorValue{Value: &milpb.TensorValue_Floats{Floats: &milpb.TensorValue_RepeatedFloats{Values: v}}}
}

func ints(v ...int32) *milpb.TensorValue {
	return &milpb.TensorValue{Value: &milpb.TensorValue_Ints{Ints: &milpb.TensorValue_RepeatedInts{Values: v}}}
}

func raw(v ...byte) *milpb.TensorValue {
	return &milpb.TensorValue{Value: &milpb.TensorValue_Bytes{Bytes: &milpb.TensorValue_RepeatedBytes{Values: v}}}
}

func TestImmediateValues(t *testing.T) {
	p := &Package{}
	for name, c := range map[string]struct {
		value   *milpb.Value
		ints    []int64
		floats  []float32
		strings []string
	}{
		"float":    {value: written(typeOf(milpb.DataType_FLOAT32), floats(2.5)), floats: []float32{2.5}},
		"float16":  {value: written(typeOf(milpb.DataType_FLOAT16, 1), raw(0x00, 0x3e)), floats: []float32{1.5}},
		"int":      {value: written(typeOf(milpb.DataType_INT32, 2), ints(-1, 7)), ints: []int64{-1, 7}, floats: []float32{-1, 7}},
		"int8":     {value: written(typeOf(milpb.DataType_INT8, 2), raw(0xff, 7)), ints: []int64{-1, 7}, floats: []float32{-1, 7}},
		"uint8":    {value: written(typeOf(milpb.DataType_UINT8), raw(0xff)), ints: []int64{255}, floats: []float32{255}},
		"int16":    {value: written(typeOf(milpb.DataType_INT16), raw(0xfe, 0xff)), ints: []int64{-2}, floats: []float32{-2}},
		"uint16":   {value: written(typeOf(milpb.DataType_UINT16), raw(0xfe, 0xff)), ints: []int64{65534}, floats: []float32{65534}},
		"nothing":  {value: written(typeOf(milpb.DataType_FLOAT32, 0), floats()), floats: []float32{}},
		"no value": {value: &milpb.Value{Type: typeOf(milpb.DataType_INT32, 0)}, floats: []float32{}},
		"string": {
			value: written(typeOf(milpb.DataType_STRING), &milpb.TensorValue{
				Value: &milpb.TensorValue_Strings{Strings: &milpb.TensorValue_RepeatedStrings{Values: []string{"same"}}},
			}),
			strings: []string{"same"}, floats: []float32{},
		},
		"bool": {
			value: written(typeOf(milpb.DataType_BOOL, 2), &milpb.TensorValue{
				Value: &milpb.TensorValue_Bools{Bools: &milpb.TensorValue_RepeatedBools{Values: []bool{true, false}}},
			}),
			ints: []int64{1, 0}, floats: []float32{1, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.Value(c.value)
			require.NoError(t, err)
			require.Equal(t, c.ints, got.Ints())
			require.Equal(t, c.strings, got.Strings)
			if len(c.floats) > 0 {
				require.Equal(t, c.floats, got.Float32s())
			} else {
				require.Empty(t, got.Float32s())
			}
		})
	}
}

func TestImmediateValuesRefused(t *testing.T) {
	p := &Package{}
	unknown := typeOf(milpb.DataType_FLOAT32, 1)
	unknown.GetTensorType().Dimensions[0] = &milpb.Dimension{}
	for name, v := range map[string]*milpb.Value{
		"nil":               nil,
		"no type":           {},
		"not a tensor":      {Type: &milpb.ValueType{Type: &milpb.ValueType_ListType{}}},
		"no value":          {Type: typeOf(milpb.DataType_FLOAT32, 1)},
		"unknown dimension": written(unknown, floats(1)),
		"too few":           written(typeOf(milpb.DataType_FLOAT32, 3), floats(1, 2)),
		"too many":          written(typeOf(milpb.DataType_FLOAT32), floats(1, 2)),
		"ints as floats":    written(typeOf(milpb.DataType_FLOAT32, 2), ints(1, 2)),
		"floats as ints":    written(typeOf(milpb.DataType_INT32, 2), floats(1, 2)),
		"floats as strings": written(typeOf(milpb.DataType_STRING, 2), floats(1, 2)),
		"short bytes":       written(typeOf(milpb.DataType_FLOAT16, 2), raw(1, 2, 3)),
		"long bytes":        written(typeOf(milpb.DataType_FLOAT16, 1), raw(1, 2, 3)),
		"huge":              written(typeOf(milpb.DataType_INT8, 1<<31-1, 1<<31-1, 4), raw(1)),
		"huge and zero":     written(typeOf(milpb.DataType_INT8, 1<<31-1, 1<<31-1, 0), raw()),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.Value(v)
			require.Error(t, err)
		})
	}
}

// TestHalf compares all float16 numbers with what their definition, IEEE 754 binary16, says.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		got := float64(Half(uint16(h)))
		exp, frac := h>>10&31, float64(h&1023)
		want := math.Ldexp(1+frac/1024, exp-15)
		switch {
		case exp == 0:
			want = math.Ldexp(frac/1024, -14)
		case exp == 31 && frac == 0:
			want = math.Inf(1)
		case exp == 31:
			require.True(t, math.IsNaN(got), "%#04x", h)
			continue
		}
		if h>>15 == 1 {
			want = -want
		}
		if got != want || math.Signbit(got) != (h>>15 == 1) {
			require.Fail(t, "wrong", "%#04x is %v, not %v", h, got, want)
		}
	}
}

package mlpackage

import (
	"fmt"
	"slices"

	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// Floats is a constant of these elements, which are not copied.
func Floats(shape []int64, v []float32) *Const {
	return &Const{DType: milpb.DataType_FLOAT32, Shape: shape, floats: v}
}

// Ints is a constant of whole numbers, which are not copied.
func Ints(shape, v []int64) *Const {
	return &Const{DType: milpb.DataType_INT32, Shape: shape, ints: v}
}

// Text is a constant of one string.
func Text(s string) *Const {
	return &Const{DType: milpb.DataType_STRING, Strings: []string{s}}
}

// Truths is a constant of booleans, which are 0 and 1.
func Truths(shape, v []int64) *Const {
	return &Const{DType: milpb.DataType_BOOL, Shape: shape, ints: v}
}

// LayerWeights are the weights of a neural network's layer, of that shape: float32, float16, or numbers of 1 to 8 bits. These have one scale and
// one bias, or as many as axis is long.
func LayerWeights(w *coremlpb.WeightParams, shape []int64, axis int) (*Const, error) {
	n := int64(1)
	for _, d := range shape {
		if d < 1 || n > maxElements/d {
			return nil, fmt.Errorf("weights of shape %v", shape)
		}
		n *= d
	}
	q := w.GetQuantization()
	switch {
	case len(w.GetFloatValue()) > 0:
		if int64(len(w.GetFloatValue())) != n {
			return nil, fmt.Errorf("%d weights for the shape %v", len(w.GetFloatValue()), shape)
		}
		return Floats(shape, w.GetFloatValue()), nil
	case len(w.GetFloat16Value()) > 0:
		c := &Const{DType: milpb.DataType_FLOAT16, Shape: shape}
		return c, c.raw(w.GetFloat16Value(), n)
	case len(w.GetInt8RawValue()) > 0:
		c := &Const{DType: milpb.DataType_INT8, Shape: shape}
		if err := c.raw(w.GetInt8RawValue(), n); err != nil {
			return nil, err
		}
		return c.linear(q.GetLinearQuantization(), axis)
	case len(w.GetRawValue()) > 0 && q != nil:
		c, err := numbers(w.GetRawValue(), q.GetNumberOfBits(), shape, n)
		if err != nil {
			return nil, err
		}
		if table := q.GetLookupTableQuantization(); table != nil {
			v := slices.Clone(table.GetFloatValue())
			if uint64(len(v)) != 1<<q.GetNumberOfBits() {
				return nil, fmt.Errorf("a table of %d entries for numbers of %d bits", len(v), q.GetNumberOfBits())
			}
			return computed(milpb.DataType_FLOAT32, shape, func(dst []float32, at int64) {
				for i := range dst {
					dst[i] = v[c.packed[at+int64(i)]]
				}
			}), nil
		}
		return c.linear(q.GetLinearQuantization(), axis)
	}
	return nil, fmt.Errorf("the weights of shape %v are missing", shape)
}

// numbers unpacks n numbers of that many bits, the most significant bit first.
func numbers(b []byte, bits uint64, shape []int64, n int64) (*Const, error) {
	if bits < 1 || bits > 8 || uint64(len(b)) != (uint64(n)*bits+7)/8 {
		return nil, fmt.Errorf("%d bytes of weights of %d bits for the shape %v", len(b), bits, shape)
	}
	c := &Const{DType: milpb.DataType_UINT8, Shape: shape, packed: b, bits: 8}
	if bits == 8 {
		return c, nil
	}
	c.packed = make([]byte, n)
	for i := range n {
		at := uint64(i) * bits
		v := uint16(b[at/8]) << 8
		if at/8+1 < uint64(len(b)) {
			v |= uint16(b[at/8+1])
		}
		c.packed[i] = byte(v >> (16 - bits - at%8) & (1<<bits - 1))
	}
	return c, nil
}

// linear is scale * c + bias.
func (c *Const) linear(q *coremlpb.LinearQuantizationParams, axis int) (*Const, error) {
	scale, bias := q.GetScale(), q.GetBias()
	counts := slices.Repeat([]int64{1}, len(c.Shape))
	if len(scale) > 1 || len(bias) > 1 {
		if axis >= len(counts) {
			return nil, fmt.Errorf("%d scales for weights of shape %v", len(scale), c.Shape)
		}
		counts[axis] = c.Shape[axis]
	}
	n := int64(1)
	for _, k := range counts {
		n *= k
	}
	if len(bias) == 0 {
		bias = make([]float32, n)
	}
	if int64(len(scale)) != n || int64(len(bias)) != n {
		return nil, fmt.Errorf("%d scales and %d biases for weights of shape %v", len(scale), len(bias), c.Shape)
	}
	t, err := newTiling(c.Shape, counts)
	if err != nil {
		return nil, err
	}
	return computed(milpb.DataType_FLOAT32, c.Shape, func(dst []float32, at int64) {
		c.Read(dst, at)
		for i := int64(0); i < int64(len(dst)); {
			b, left := t.block(at + i)
			for end := min(i+left, int64(len(dst))); i < end; i++ {
				dst[i] = dst[i]*scale[b] + bias[b]
			}
		}
	}), nil
}

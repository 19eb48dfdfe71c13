package onnx

import (
	"slices"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// quantized is the result of a quantization: whole numbers before the zero point was added.
type quantized struct {
	whole *mil.Value
	zero  []float64
}

// limits are the least and the greatest number of a quantized type.
func limits(d source.DType) (lo, hi float64) {
	switch d {
	case source.I8:
		return -128, 127
	case source.U16:
		return 0, 65535
	case source.I16:
		return -32768, 32767
	}
	return 0, 255
}

// dtypeOf is the type of a constant in the file, which a Value does not tell.
func (c *call) dtypeOf(i int) source.DType {
	if !c.has(i) {
		return source.U8
	}
	if t := c.in(i).Source(); t != nil {
		return t.DType
	}
	return source.U8
}

// along shapes one number for each element of an axis so that it goes with x.
func (c *call) along(v, x *mil.Value, axis int) *mil.Value {
	if v == nil || v.Len() == 1 {
		if v != nil {
			return c.Reshape(v)
		}
		return nil
	}
	if v.Rank() != 1 { // blocks: each number stands for several elements of the axis
		axis = mil.Axis(axis, x.Rank())
		mil.Bounded(x.Shape[axis])
		block := x.Shape[axis] / v.Shape[axis]
		var at []int
		for i := range x.Shape[axis] {
			at = append(at, i/block)
		}
		return c.Gather(v, c.Ints(at...), axis)
	}
	shape := slices.Repeat([]int{1}, x.Rank())
	shape[mil.Axis(axis, x.Rank())] = v.Len()
	return c.Reshape(v, shape...)
}

// quantize rounds to whole numbers of a scale. What is left of it after dequantize is the rounding, in floats.
func (c *call) quantize() {
	x, scale := c.in(0), c.in(1)
	q, zero := c.rounded(x, scale, c.maybe(2), c.dtypeOf(2))
	out := q
	if slices.ContainsFunc(zero, func(z float64) bool { return z != 0 }) {
		out = c.Add(q, c.along(c.Floats([]int{len(zero)}, zero...), x, c.int("axis", 1)))
	}
	c.quantized[c.n.Out[0]] = quantized{q, zero}
	c.give(out)
}

// rounded gives round(x/scale), within the limits of the type less the zero point.
func (c *call) rounded(x, scale, zeroPoint *mil.Value, d source.DType) (*mil.Value, []float64) {
	zero := []float64{0}
	if zeroPoint != nil {
		zero = c.Known(zeroPoint)
	}
	lo, hi := limits(d)
	axis := c.int("axis", 1)
	y := c.Unary("round", c.Binary("real_div", x, c.along(scale, x, axis)))
	if !slices.ContainsFunc(zero, func(z float64) bool { return z != zero[0] }) {
		return c.Clip(y, lo-zero[0], hi-zero[0]), zero
	}
	bounds := func(b float64) *mil.Value {
		v := make([]float64, len(zero))
		for i, z := range zero {
			v[i] = b - z
		}
		return c.along(c.Floats([]int{len(v)}, v...), x, axis)
	}
	return c.Binary("minimum", c.Binary("maximum", y, bounds(lo)), bounds(hi)), zero
}

func (c *call) dequantize() {
	c.give(c.real(0, 1, 2, c.int("axis", 1)))
}

// real is what a quantized input with a scale and a zero point stands for. Constants stay as they are in the file until they are written.
func (c *call) real(ix, iscale, izero, axis int) *mil.Value {
	scale := c.in(iscale)
	var zero []float64
	if v := c.maybe(izero); v != nil {
		zero = c.Known(v)
	} else {
		zero = []float64{0}
	}
	x := c.in(ix)
	if q, ok := c.quantized[c.n.In[ix]]; ok && slices.Equal(q.zero, zero) {
		return c.Mul(q.whole, c.along(scale, q.whole, axis))
	}
	if t := x.Source(); t != nil && scale.IsConst() && scale.Rank() <= 1 {
		if slices.Equal(t.Shape, x.Shape) {
			return c.Weight(dequantized(t, c.Known(scale), zero, axis))
		}
	}
	x = c.Cast(x, mil.Float)
	if slices.ContainsFunc(zero, func(z float64) bool { return z != 0 }) {
		x = c.Binary("sub", x, c.along(c.Reshape(c.Floats([]int{len(zero)}, zero...), c.in(izero).Shape...), x, axis))
	}
	return c.Mul(x, c.along(scale, x, axis))
}

// dequantized computes weights when they are read.
func dequantized(t *source.Tensor, scale, zero []float64, axis int) *source.Tensor {
	inner := 1
	if len(scale) > 1 || len(zero) > 1 {
		for _, d := range t.Shape[mil.Axis(axis, len(t.Shape))+1:] {
			inner *= d
		}
	}
	return source.Computed(t.Name, t.Shape, func() ([]float32, error) {
		v, err := t.Floats()
		if err != nil {
			return nil, err
		}
		for i := range v {
			k := i / inner
			v[i] = float32(float64(v[i])-zero[k%len(zero)]) * float32(scale[k%len(scale)])
		}
		return v, nil
	})
}

// requantize rounds a result to a scale, as a quantized operation gives it.
func (c *call) requantize(y *mil.Value, iscale, izero int) {
	q, zero := c.rounded(y, c.in(iscale), c.maybe(izero), c.dtypeOf(izero))
	c.quantized[c.n.Out[0]] = quantized{q, zero}
	c.give(c.Add(q, c.Scalar(zero[0])))
}

func (c *call) quantizedConv() {
	x, w := c.real(0, 1, 2, 1), c.real(3, 4, 5, 0)
	var bias *mil.Value
	if c.has(8) { // whole numbers of the product of both scales
		s := c.Known(c.in(4))
		v := slices.Clone(c.Known(c.in(8)))
		for i := range v {
			v[i] *= c.Known(c.in(1))[0] * s[i%len(s)]
		}
		bias = c.Floats([]int{len(v)}, v...)
	}
	c.requantize(c.convolve(x, w, bias), 6, 7)
}

func (c *call) quantizedMatMul() {
	c.requantize(c.MatMul(c.real(0, 1, 2, -2), c.real(3, 4, 5, -1), false, false), 6, 7)
}

// whole is an input of whole numbers less its zero point.
func (c *call) whole(i, zero int) *mil.Value {
	x := c.Cast(c.in(i), mil.Float)
	if z := c.maybe(zero); z != nil {
		z = c.Cast(z, mil.Float)
		if c.n.Op == "ConvInteger" && z.Len() > 1 { // one for each output channel
			z = c.Reshape(z, z.Len(), 1, 1, 1)
		}
		x = c.Binary("sub", x, z)
	}
	return x
}

func (c *call) convInteger() { c.give(c.convolve(c.whole(0, 2), c.whole(1, 3), nil)) }

func (c *call) matMulInteger() { c.give(c.MatMul(c.whole(0, 2), c.whole(1, 3), false, false)) }

// dynamicQuantize takes the scale from the values: 0..255 over their range, which holds 0.
func (c *call) dynamicQuantize() {
	x := c.in(0)
	lo := c.Binary("minimum", c.Reshape(c.Reduce("min", x, true)), c.Scalar(0))
	hi := c.Binary("maximum", c.Reshape(c.Reduce("max", x, true)), c.Scalar(0))
	scale := c.Mul(c.Binary("sub", hi, lo), c.Scalar(1.0/255))
	zero := c.Clip(c.Unary("round", c.Binary("real_div", c.negative(lo), scale)), 0, 255)
	y := c.Clip(c.Add(c.Unary("round", c.Binary("real_div", x, scale)), zero), 0, 255)
	c.give(y, scale, zero)
}

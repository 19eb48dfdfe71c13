package onnx

import (
	"slices"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// window reads how a convolution or pool of that kernel goes over x (N,C,spatial...).
func (c *call) window(x *mil.Value, kernel []int) mil.Window {
	n := x.Rank() - 2
	w := mil.Window{Strides: c.ints("strides"), Dilations: c.ints("dilations"), Groups: c.int("group", 1)}
	if pads := c.ints("pads"); len(pads) == 2*n {
		for i := range n {
			w.Pad = append(w.Pad, pads[i], pads[i+n])
		}
	}
	if auto := c.text("auto_pad", "NOTSET"); auto == "SAME_UPPER" || auto == "SAME_LOWER" {
		w.Pad = nil
		for i := range n {
			stride, dilation := 1, 1
			if i < len(w.Strides) {
				stride = w.Strides[i]
			}
			if i < len(w.Dilations) {
				dilation = w.Dilations[i]
			}
			size := x.Shape[i+2]
			total := max(0, ((size+stride-1)/stride-1)*stride+dilation*(kernel[i]-1)+1-size)
			before := total / 2
			if auto == "SAME_LOWER" {
				before = total - total/2
			}
			w.Pad = append(w.Pad, before, total-before)
		}
	}
	return w
}

func (c *call) conv() { c.give(c.convolve(c.in(0), c.in(1), c.maybe(2))) }

func (c *call) convolve(x, weight, bias *mil.Value) *mil.Value {
	return c.Conv(x, weight, bias, c.window(x, weight.Shape[2:]))
}

func (c *call) convTranspose() {
	x, weight := c.in(0), c.in(1)
	w := c.window(x, weight.Shape[2:])
	w.OutputPadding = c.ints("output_padding")
	n := x.Rank() - 2
	shape := c.ints("output_shape")
	auto := c.text("auto_pad", "NOTSET")
	if len(shape) == n || auto == "SAME_UPPER" || auto == "SAME_LOWER" { // the paddings follow from the size of the result
		w.Pad = nil
		for i := range n {
			stride, dilation, more := 1, 1, 0
			if len(w.Strides) == n {
				stride = w.Strides[i]
			}
			if len(w.Dilations) == n {
				dilation = w.Dilations[i]
			}
			if len(w.OutputPadding) == n {
				more = w.OutputPadding[i]
			}
			size := x.Shape[i+2] * stride
			if len(shape) == n {
				size = shape[i]
			}
			total := stride*(x.Shape[i+2]-1) + more + dilation*(weight.Shape[i+2]-1) + 1 - size
			if total < 0 { // what is asked for is larger: more rows at the end
				for len(w.OutputPadding) < n {
					w.OutputPadding = append(w.OutputPadding, 0)
				}
				w.OutputPadding[i] -= total
				total = 0
			}
			half := total / 2
			if auto == "SAME_UPPER" {
				w.Pad = append(w.Pad, half, total-half)
			} else {
				w.Pad = append(w.Pad, total-half, half)
			}
		}
	}
	c.give(c.ConvTranspose(x, weight, c.maybe(2), w))
}

func (c *call) pool() {
	x, kernel := c.Cast(c.in(0), mil.Float), c.ints("kernel_shape")
	w := c.window(x, kernel)
	w.Ceil = c.int("ceil_mode", 0) != 0
	op := "max_pool"
	if c.n.Op == "AveragePool" {
		op, w.CountPadding = "avg_pool", c.int("count_include_pad", 0) != 0
	}
	if len(c.n.Out) > 1 && c.n.Out[1] != "" {
		mil.Fail("the places of the maxima are not supported")
	}
	c.give(c.Cast(c.Pool(op, x, kernel, w), c.in(0).Kind))
}

func (c *call) globalPool(op string) *mil.Value {
	x := c.in(0)
	return c.Reduce(op, x, true, spatial(x)...)
}

// spatial are the axes of x (N,C,spatial...) after the first two.
func spatial(x *mil.Value) []int {
	var axes []int
	for i := 2; i < x.Rank(); i++ {
		axes = append(axes, i)
	}
	return axes
}

func (c *call) batchNorm() {
	if c.int("training_mode", 0) != 0 {
		mil.Fail("a batch normalisation that is still in training: export the model after eval()")
	}
	c.give(c.BatchNorm(c.in(0), c.in(3), c.in(4), c.in(1), c.in(2), c.float("epsilon", 1e-5)))
}

// instanceNorm keeps scales and shifts that are computed apart, as Core ML's must be constants.
func (c *call) instanceNorm() {
	x, scale, shift, epsilon := c.in(0), c.in(1), c.in(2), c.float("epsilon", 1e-5)
	if scale.IsConst() && shift.IsConst() {
		c.give(c.InstanceNorm(x, scale, shift, epsilon))
		return
	}
	shape := slices.Concat([]int{1, x.Shape[1]}, slices.Repeat([]int{1}, x.Rank()-2))
	y := c.Mul(c.InstanceNorm(x, nil, nil, epsilon), c.Reshape(scale, shape...))
	c.give(c.Add(y, c.Reshape(shift, shape...)))
}

// last are the axes from axis on.
func last(x *mil.Value, axis int) []int {
	var axes []int
	for i := mil.Axis(axis, x.Rank()); i < x.Rank(); i++ {
		axes = append(axes, i)
	}
	return axes
}

func (c *call) layerNorm() {
	x := c.in(0)
	axes := last(x, c.int("axis", -1))
	defer func() {
		if len(c.n.Out) > 1 { // statistics, which few graphs use
			mean := c.Reduce("mean", x, true, axes...)
			variance := c.Reduce("mean", c.Unary("square", c.Binary("sub", x, mean)), true, axes...)
			c.give(c.out[0], mean, c.Rsqrt(variance, c.float("epsilon", 1e-5)))
		}
	}()
	gamma, beta, shape := c.in(1), c.maybe(2), x.Shape[axes[0]:]
	if gamma.IsConst() && (beta == nil || beta.IsConst()) {
		if beta != nil {
			beta = c.Expand(beta, shape)
		}
		c.give(c.LayerNorm(x, c.Expand(gamma, shape), beta, c.float("epsilon", 1e-5), axes...))
		return
	}
	y := c.Mul(c.LayerNorm(x, nil, nil, c.float("epsilon", 1e-5), axes...), gamma)
	if beta != nil {
		y = c.Add(y, beta)
	}
	c.give(y)
}

func (c *call) groupNorm() {
	x, groups := c.in(0), c.int("num_groups", 1)
	gamma, beta := c.in(1), c.in(2)
	per := x.Shape[1] / groups
	each := func(v *mil.Value) *mil.Value { // opset 18 has one scale for each group
		if v.Len() == x.Shape[1] {
			return v
		}
		return c.Reshape(c.Expand(c.Reshape(v, groups, 1), []int{groups, per}), x.Shape[1])
	}
	c.give(c.GroupNorm(x, each(gamma), each(beta), groups, c.float("epsilon", 1e-5)))
}

func (c *call) rmsNorm() {
	x := c.in(0)
	mean := c.Reduce("mean", c.Unary("square", x), true, last(x, c.int("axis", -1))...)
	c.give(c.Mul(c.Mul(x, c.Rsqrt(mean, c.float("epsilon", 1e-5))), c.in(1)))
}

func (c *call) lpNorm() {
	x, op := c.in(0), "l2_norm"
	if c.int("p", 2) == 1 {
		op = "l1_norm"
	}
	c.give(c.Binary("real_div", x, c.Binary("maximum", c.Reduce(op, x, true, c.int("axis", -1)), c.Scalar(1e-12))))
}

func (c *call) meanVariance() {
	x := c.in(0)
	axes := c.ints("axes")
	if axes == nil {
		axes = []int{0, 2, 3}
	}
	y := c.Binary("sub", x, c.Reduce("mean", x, true, axes...))
	deviation := c.Unary("sqrt", c.Reduce("mean", c.Unary("square", y), true, axes...))
	c.give(c.Binary("real_div", y, c.Add(deviation, c.Scalar(1e-9))))
}

func (c *call) gemm() {
	x, y := c.in(0), c.in(1)
	if c.int("transA", 0) != 0 {
		x = c.Transpose(x, 1, 0)
	}
	alpha, beta := c.float("alpha", 1), c.float("beta", 1)
	z := c.MatMul(x, y, false, c.int("transB", 0) != 0)
	if alpha != 1 {
		z = c.Mul(z, c.Scalar(alpha))
	}
	if bias := c.maybe(2); bias != nil && beta != 0 {
		if beta != 1 {
			bias = c.Mul(bias, c.Scalar(beta))
		}
		z = c.Add(z, bias)
	}
	c.give(z)
}

func (c *call) softmax() {
	x := c.in(0)
	axis := c.int("axis", -1)
	y := x
	if c.opset < 13 { // the dimensions from the axis on are one
		axis = c.int("axis", 1)
		y, axis = c.Flatten(x, axis), 1
	}
	y = c.Reshape(c.Softmax(y, axis), x.Shape...)
	if c.n.Op == "LogSoftmax" {
		y = c.Log(y)
	}
	c.give(y)
}

// reduced reduces x along the axes that an attribute or an input names.
func (c *call) reduced(op string, x *mil.Value) *mil.Value {
	axes := c.axes(1)
	if len(axes) == 0 && c.int("noop_with_empty_axes", 0) != 0 {
		return x
	}
	return c.Reduce(op, x, c.int("keepdims", 1) != 0, axes...)
}

func (c *call) logSumExp() {
	x := c.in(0)
	axes := c.axes(1)
	top := c.Reduce("max", x, true, axes...)
	sum := c.Add(c.Log(c.Reduce("sum", c.Unary("exp", c.Binary("sub", x, top)), true, axes...)), top)
	if c.int("keepdims", 1) == 0 {
		if len(axes) == 0 {
			sum = c.Squeeze(sum)
		} else {
			sum = c.Squeeze(sum, axes...)
		}
	}
	c.give(sum)
}

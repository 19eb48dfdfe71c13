package aten

import (
	"math"
	"slices"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
	"github.com/gesso-app/gesso/pipeline/convert/onnx"
)

// each repeats a single number for each of n dimensions.
func each(v []int, n, missing int) []int {
	switch len(v) {
	case 0:
		return slices.Repeat([]int{missing}, n)
	case 1:
		return slices.Repeat(v, n)
	}
	return v
}

// both puts the same padding before and after each dimension.
func both(pad []int) []int {
	var out []int
	for _, p := range pad {
		out = append(out, p, p)
	}
	return out
}

func (c *call) conv() {
	x, weight, bias := c.Cast(c.x(), mil.Float), c.need("weight"), c.tensor("bias")
	n := weight.Rank() - 2
	w := mil.Window{Strides: each(c.list("stride"), n, 1), Dilations: each(c.list("dilation"), n, 1), Groups: c.int("groups", 1)}
	if c.has("padding") && c.args["padding"].String != nil {
		if *c.args["padding"].String == "same" {
			for i := range n {
				total := w.Dilations[i] * (weight.Shape[i+2] - 1)
				w.Pad = append(w.Pad, total/2, total-total/2)
			}
		}
	} else {
		w.Pad = both(each(c.list("padding"), n, 0))
	}
	single := x.Rank() == n+1 // without a batch
	if single {
		x = c.Unsqueeze(x, 0)
	}
	var y *mil.Value
	transposed := c.transposes
	if a := c.args["transposed"]; a.Bool != nil {
		transposed = *a.Bool
	}
	if transposed {
		w.OutputPadding = each(c.list("output_padding"), n, 0)
		y = c.ConvTranspose(x, weight, bias, w)
	} else {
		y = c.Conv(x, weight, bias, w)
	}
	if single {
		y = c.Squeeze(y, 0)
	}
	c.give(y)
}

func (c *call) linear() { c.give(c.Linear(c.x(), c.need("weight"), c.tensor("bias"))) }

func (c *call) matmul() { c.give(c.MatMul(c.x(), c.other(), false, false)) }

func (c *call) addmm() {
	names := []string{"mat1", "mat2"}
	if !c.has("mat1") {
		names = []string{"batch1", "batch2"}
	}
	y := c.MatMul(c.need(names[0]), c.need(names[1]), false, false)
	if a := c.float("alpha", 1); a != 1 {
		y = c.Mul(y, c.Scalar(a))
	}
	if b := c.float("beta", 1); b == 1 {
		y = c.Add(y, c.x())
	} else if b != 0 {
		y = c.Add(y, c.Mul(c.x(), c.Scalar(b)))
	}
	c.give(y)
}

func (c *call) einsum() {
	c.give(onnx.Einsum(c.Builder, c.text("equation", ""), c.tensors("tensors")...))
}

func (c *call) attention() {
	q, k, v := c.need("query"), c.need("key"), c.need("value")
	scale := c.float("scale", 1/math.Sqrt(float64(q.Shape[q.Rank()-1])))
	mask := c.tensor("attn_mask")
	if c.flag("is_causal", false) {
		rows, columns := q.Shape[q.Rank()-2], k.Shape[k.Rank()-2]
		mil.Bounded(rows, columns)
		m := make([]float64, rows*columns)
		for i := range rows {
			for j := i + 1; j < columns; j++ {
				m[i*columns+j] = math.Inf(-1)
			}
		}
		mask = c.Floats([]int{rows, columns}, m...)
	}
	if mask != nil && mask.Kind == mil.Bool {
		mask = c.Where(mask, c.Scalar(0), c.Scalar(math.Inf(-1)))
	}
	c.give(c.Attention(q, k, v, mask, scale))
}

func (c *call) pool() {
	kernel := each(c.list("kernel_size"), 2, 1)
	stride := c.list("stride")
	if len(stride) == 0 {
		stride = kernel
	}
	w := mil.Window{Strides: each(stride, 2, 1), Pad: both(each(c.list("padding"), 2, 0)), Dilations: each(c.list("dilation"), 2, 1), Ceil: c.flag("ceil_mode", false)}
	c.give(c.Pool("max_pool", c.x(), kernel, w))
}

func (c *call) averagePool() {
	kernel := each(c.list("kernel_size"), 2, 1)
	stride := c.list("stride")
	if len(stride) == 0 {
		stride = kernel
	}
	if c.has("divisor_override") {
		mil.Fail("a divisor of its own")
	}
	w := mil.Window{Strides: each(stride, 2, 1), Pad: both(each(c.list("padding"), 2, 0)), Ceil: c.flag("ceil_mode", false), CountPadding: c.flag("count_include_pad", true)}
	c.give(c.Pool("avg_pool", c.x(), kernel, w))
}

func (c *call) adaptive() {
	x, size := c.x(), c.list("output_size")
	r := x.Rank()
	h, w := x.Shape[r-2], x.Shape[r-1]
	switch {
	case size[0] == 1 && size[1] == 1:
		c.give(c.Reduce("mean", x, true, r-2, r-1))
	case h%size[0] == 0 && w%size[1] == 0:
		k := []int{h / size[0], w / size[1]}
		c.give(c.Pool("avg_pool", x, k, mil.Window{Strides: k}))
	default:
		mil.Fail("the size %d x %d is no multiple of %v", h, w, size)
	}
}

func (c *call) instanceNorm() {
	x := c.x()
	if !c.flag("use_input_stats", true) {
		c.give(c.BatchNorm(x, c.need("running_mean"), c.need("running_var"), c.tensor("weight"), c.tensor("bias"), c.float("eps", 1e-5)))
		return
	}
	c.give(c.InstanceNorm(x, c.tensor("weight"), c.tensor("bias"), c.float("eps", 1e-5)))
}

func (c *call) batchNorm() {
	x, eps := c.x(), c.float("eps", 1e-5)
	mean := c.tensor("running_mean")
	if mean != nil && !c.flag("training", false) {
		c.give(c.BatchNorm(x, mean, c.need("running_var"), c.tensor("weight"), c.tensor("bias"), eps))
		return
	}
	if x.Shape[0] != 1 {
		mil.Fail("a batch normalisation that is still in training: export the model after eval()")
	}
	// over a batch of one it is an instance normalisation, as which PyTorch writes those
	c.give(c.InstanceNorm(x, c.tensor("weight"), c.tensor("bias"), eps))
}

func (c *call) layerNorm() {
	x, shape := c.x(), c.list("normalized_shape")
	var axes []int
	for i := range shape {
		axes = append(axes, x.Rank()-len(shape)+i)
	}
	c.give(c.LayerNorm(x, c.tensor("weight"), c.tensor("bias"), c.float("eps", 1e-5), axes...))
}

func (c *call) groupNorm() {
	groups := c.int("num_groups", c.int("group", 1))
	c.give(c.GroupNorm(c.x(), c.tensor("weight"), c.tensor("bias"), groups, c.float("eps", 1e-5)))
}

func (c *call) rmsNorm() {
	x, shape := c.x(), c.list("normalized_shape")
	var axes []int
	for i := range shape {
		axes = append(axes, x.Rank()-len(shape)+i)
	}
	y := c.Mul(x, c.Rsqrt(c.Reduce("mean", c.Unary("square", x), true, axes...), c.float("eps", 1.1920929e-07)))
	if w := c.tensor("weight"); w != nil {
		y = c.Mul(y, w)
	}
	c.give(y)
}

func (c *call) softmax() { c.give(c.Softmax(c.floatX(), c.int("dim", -1))) }

func (c *call) logSoftmax() { c.give(c.Log(c.Softmax(c.floatX(), c.int("dim", -1)))) }

func (c *call) mean() {
	c.give(c.Reduce("mean", c.floatX(), c.flag("keepdim", false), c.list("dim")...))
}

func reduceBy(op string) func(*call) {
	return func(c *call) {
		x := c.x()
		if x.Kind == mil.Bool {
			x = c.Cast(x, mil.Int)
		}
		c.give(c.Reduce(op, x, c.flag("keepdim", false), c.list("dim")...))
	}
}

// extreme is max or min: of two tensors, of all elements, or along an axis with the places.
func (c *call) extreme() {
	op, arg, two := "max", "argmax", "maximum"
	if c.least {
		op, arg, two = "min", "argmin", "minimum"
	}
	x := c.x()
	switch {
	case c.has("other"):
		c.give(c.Binary(two, x, c.other()))
	case c.has("dim"):
		d, keep := c.int("dim", 0), c.flag("keepdim", false)
		c.give(c.Reduce(op, x, keep, d), c.ArgMax(arg, x, d, keep))
	default:
		c.give(c.Reduce(op, x, false))
	}
}

func (c *call) argmax() {
	op := "argmax"
	if c.least {
		op = "argmin"
	}
	x := c.x()
	if !c.has("dim") {
		x = c.Reshape(x, x.Len())
	}
	c.give(c.ArgMax(op, x, c.int("dim", 0), c.flag("keepdim", false)))
}

// variance is var, std or var_mean, by correction or unbiased.
func (c *call) variance() {
	x, axes, keep := c.x(), c.list("dim"), c.flag("keepdim", false)
	correction := c.float("correction", 1)
	if !c.flag("unbiased", true) {
		correction = 0
	}
	mean := c.Reduce("mean", x, true, axes...)
	v := c.Reduce("mean", c.Unary("square", c.Binary("sub", x, mean)), keep, axes...)
	n := float64(x.Len()) / float64(mean.Len())
	if correction != 0 {
		v = c.Mul(v, c.Scalar(n/(n-correction)))
	}
	if c.root {
		v = c.Unary("sqrt", v)
	}
	if !keep && !slices.Equal(mean.Shape, v.Shape) {
		mean = c.Reshape(mean, v.Shape...)
	}
	c.give(v, mean)
}

func (c *call) norm() {
	ord := c.float("ord", c.float("p", 2))
	axes, keep := c.list("dim"), c.flag("keepdim", false)
	switch ord {
	case 2:
		c.give(c.Unary("sqrt", c.Reduce("sum", c.Unary("square", c.x()), keep, axes...)))
	case 1:
		c.give(c.Reduce("sum", c.Unary("abs", c.x()), keep, axes...))
	default:
		mil.Fail("the norm %v", ord)
	}
}

func (c *call) upsample() {
	x := c.x()
	size := c.list("output_size")
	scales := []float64{c.float("scales_h", 0), c.float("scales_w", 0)}
	for i, f := range c.args["scale_factors"].Floats {
		scales[i] = float64(f)
	}
	if len(size) == 0 {
		size = []int{int(math.Floor(float64(x.Shape[2]) * scales[0])), int(math.Floor(float64(x.Shape[3]) * scales[1]))}
	}
	c.give(onnx.Resample(c.Builder, x, size, scales, c.sampling, c.flag("align_corners", false)))
}

// pad reads all kinds of padding: the last axis first, before and after.
func (c *call) pad() {
	x := c.x()
	list := c.list("pad")
	if len(list) == 0 {
		list = c.list("padding")
	}
	full := make([]int, 2*x.Rank())
	if len(list) > len(full) || len(list)%2 != 0 {
		mil.Fail("the paddings %v of the shape %v", list, x.Shape)
	}
	for i := range len(list) / 2 {
		axis := x.Rank() - 1 - i
		full[2*axis], full[2*axis+1] = list[2*i], list[2*i+1]
	}
	mode := c.padding
	if mode == "" {
		mode = c.text("mode", "constant")
	}
	if mode == "circular" {
		mil.Fail("padding by %q", mode)
	}
	c.give(c.Pad(x, full, mode, c.float("value", 0)))
}

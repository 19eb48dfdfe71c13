package aten

import (
	"math"
	"slices"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// more are operations that are rare, or that others are made of.
func more() map[string]func(*call) {
	return map[string]func(*call){
		"any": truths("max"), "all": truths("min"), "meshgrid": (*call).meshgrid, "glu": (*call).glu,
		"fmod": func(c *call) {
			x, y := c.floatX(), c.Cast(c.other(), mil.Float)
			q := c.Binary("real_div", x, y)
			c.give(c.Binary("sub", x, c.Mul(c.Mul(c.Unary("sign", q), c.Unary("floor", c.Unary("abs", q))), y)))
		},
		"selu": func(c *call) { c.give(c.Mul(c.ELU(c.x(), 1.6732632423543772), c.Scalar(1.0507009873554805))) },
		"celu": func(c *call) {
			a, x := c.float("alpha", 1), c.x()
			low := c.Binary("minimum", c.Mul(c.Binary("sub", c.Unary("exp", c.Mul(x, c.Scalar(1/a))), c.Scalar(1)), c.Scalar(a)), c.Scalar(0))
			c.give(c.Add(c.Unary("relu", x), low))
		},
		"expm1":       func(c *call) { c.give(c.Binary("sub", c.Unary("exp", c.floatX()), c.Scalar(1))) },
		"log1p":       func(c *call) { c.give(c.Log(c.Add(c.floatX(), c.Scalar(1)))) },
		"log2":        func(c *call) { c.give(c.Mul(c.Log(c.floatX()), c.Scalar(1/math.Ln2))) },
		"log10":       func(c *call) { c.give(c.Mul(c.Log(c.floatX()), c.Scalar(1/math.Ln10))) },
		"log_sigmoid": func(c *call) { c.give(c.Log(c.Unary("sigmoid", c.x()))) },
		"addcdiv": func(c *call) {
			c.give(c.Add(c.x(), c.Mul(c.Binary("real_div", c.need("tensor1"), c.need("tensor2")), c.Scalar(c.float("value", 1)))))
		},
		"threshold": func(c *call) {
			x := c.x()
			c.give(c.Where(c.Binary("greater", x, c.Scalar(c.float("threshold", 0))), x, c.Scalar(c.float("value", 0))))
		},
		"isnan":  func(c *call) { c.give(c.Binary("not_equal", c.x(), c.x())) },
		"gather": func(c *call) { c.give(c.GatherAlong(c.x(), c.need("index"), c.int("dim", 0))) },
		"topk": func(c *call) {
			v, at := c.TopK(c.x(), c.int("k", 1), c.int("dim", -1), !c.flag("largest", true))
			c.give(v, at)
		},
		"grid_sampler": (*call).gridSample, "grid_sampler_2d": (*call).gridSample, "movedim": (*call).movedim,
		"adaptive_max_pool2d": (*call).adaptiveMax,
		"new_zeros":           (*call).full, "new_ones": (*call).full, "new_full": (*call).full,
	}
}

// truths reduces truth values: the greatest is whether any holds, the least whether all do.
func truths(op string) func(*call) {
	return func(c *call) {
		x := c.Cast(c.Binary("not_equal", c.x(), c.Array(c.x().Kind, nil, []float64{0})), mil.Int)
		c.give(c.Cast(c.Reduce(op, x, c.flag("keepdim", false), c.list("dim")...), mil.Bool))
	}
}

func (c *call) meshgrid() {
	parts := c.tensors("tensors")
	swap := c.text("indexing", "ij") == "xy" && len(parts) > 1
	var shape []int
	for _, p := range parts {
		shape = append(shape, p.Len())
	}
	if swap {
		shape[0], shape[1] = shape[1], shape[0]
	}
	for i, p := range parts {
		at := i
		if swap && i < 2 {
			at = 1 - i
		}
		one := slices.Repeat([]int{1}, len(parts))
		one[at] = p.Len()
		c.out = append(c.out, c.Expand(c.Reshape(p, one...), shape))
	}
}

func (c *call) glu() {
	x := c.x()
	d := mil.Axis(c.int("dim", -1), x.Rank())
	half := x.Shape[d] / 2
	parts := c.Split(x, d, half, half)
	c.give(c.Mul(parts[0], c.Unary("sigmoid", parts[1])))
}

func (c *call) gridSample() {
	modes, paddings := []string{"bilinear", "nearest"}, []string{"constant", "border", "reflection"}
	mode, padding := c.int("interpolation_mode", 0), c.int("padding_mode", 0)
	if mode >= len(modes) || padding >= len(paddings) {
		mil.Fail("sampling by the mode %d", mode)
	}
	c.give(c.GridSample(c.x(), c.need("grid"), modes[mode], paddings[padding], c.flag("align_corners", false)))
}

func (c *call) movedim() {
	x, from, to := c.x(), c.list("source"), c.list("destination")
	perm := slices.Repeat([]int{-1}, x.Rank())
	for i := range from {
		perm[mil.Axis(to[i], x.Rank())] = mil.Axis(from[i], x.Rank())
	}
	next := 0
	for i := range perm {
		if perm[i] >= 0 {
			continue
		}
		for slices.Contains(perm, next) {
			next++
		}
		perm[i] = next
	}
	c.give(c.Transpose(x, perm...))
}

func (c *call) adaptiveMax() {
	x, size := c.x(), c.list("output_size")
	h, w := x.Shape[x.Rank()-2], x.Shape[x.Rank()-1]
	if h%size[0] != 0 || w%size[1] != 0 {
		mil.Fail("the size %d x %d is no multiple of %v", h, w, size)
	}
	k := []int{h / size[0], w / size[1]}
	c.give(c.Pool("max_pool", x, k, mil.Window{Strides: k}))
}

package onnx

import (
	"math"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// more are operations that are rare in networks of pictures.
func more() map[string]func(*call) {
	return map[string]func(*call){
		"GatherElements": func(c *call) { c.give(c.GatherAlong(c.in(0), c.in(1), c.int("axis", 0))) }, "GatherND": (*call).gatherND, "TopK": (*call).topK,
		"OneHot": (*call).oneHot, "GridSample": (*call).gridSample, "Hardmax": (*call).hardmax, "IsInf": (*call).isInf,
		"Swish": func(c *call) {
			c.give(c.Mul(c.in(0), c.Unary("sigmoid", c.Mul(c.in(0), c.Scalar(c.float("alpha", 1))))))
		},
		"Shrink": (*call).shrink, "LRN": (*call).lrn, "LpPool": (*call).lpPool, "GlobalLpPool": (*call).globalLpPool, "NonZero": (*call).nonZero,
		"Asinh": func(c *call) {
			x := c.in(0)
			c.give(c.Log(c.Add(x, c.Unary("sqrt", c.Add(c.Unary("square", x), c.Scalar(1))))))
		},
		"Acosh": func(c *call) {
			x := c.in(0)
			c.give(c.Log(c.Add(x, c.Unary("sqrt", c.Binary("sub", c.Unary("square", x), c.Scalar(1))))))
		},
		"ScatterND": (*call).scatterND, "Attention": (*call).attention, "CenterCropPad": (*call).centerCropPad,
	}
}

// gatherND takes places of several axes at once: the indices' last axis counts the first axes as one.
func (c *call) gatherND() {
	x, at := c.in(0), c.in(1)
	if c.int("batch_dims", 0) != 0 {
		mil.Fail("batches of places")
	}
	k := at.Shape[at.Rank()-1]
	flat, n := c.flatPlaces(at, x.Shape[:k])
	joined := c.Reshape(x, append([]int{n}, x.Shape[k:]...)...)
	c.give(c.Gather(joined, flat, 0))
}

// flatPlaces are places (...,k) of k axes as places of one.
func (c *call) flatPlaces(at *mil.Value, shape []int) (flat *mil.Value, n int) {
	n = 1
	axis := at.Rank() - 1
	for i, d := range shape {
		v := c.Squeeze(c.Slice(at, axis, i, i+1, 1), axis)
		v = c.Where(c.Binary("less", v, c.Int(0)), c.Add(v, c.Int(d)), v)
		if i == 0 {
			flat = v
		} else {
			flat = c.Add(c.Mul(flat, c.Int(d)), v)
		}
		n *= d
	}
	return flat, n
}

// scatterND puts rows at known places that are all different.
func (c *call) scatterND() {
	x, at, updates := c.in(0), c.in(1), c.in(2)
	if c.text("reduction", "none") != "none" || !at.IsConst() {
		mil.Fail("places that are not known, or sums of what comes to one place")
	}
	k := at.Shape[at.Rank()-1]
	flat, n := c.flatPlaces(at, x.Shape[:k])
	rest := x.Shape[k:]
	old := c.Reshape(x, append([]int{n}, rest...)...)
	rows := c.KnownInts(flat)
	from := make([]int, n) // of the old rows and the new ones behind them
	for i := range from {
		from[i] = i
	}
	for i, r := range rows {
		from[r] = n + i
	}
	all := c.Concat(0, old, c.Reshape(updates, append([]int{len(rows)}, rest...)...))
	c.give(c.Reshape(c.Gather(all, c.Ints(from...), 0), x.Shape...))
}

func (c *call) topK() {
	x := c.in(0)
	k := c.int("k", 0)
	if c.has(1) {
		k = c.KnownInts(c.in(1))[0]
	}
	v, at := c.TopK(x, k, c.int("axis", -1), c.int("largest", 1) == 0)
	c.give(v, at)
}

func (c *call) oneHot() {
	at, depth, values := c.in(0), c.KnownInts(c.in(1))[0], c.in(2)
	axis := c.int("axis", -1)
	if axis < 0 {
		axis += at.Rank() + 1
	}
	if depth < 1 || depth > mil.MaxSpan {
		mil.Fail("a depth of %d", depth)
	}
	count := make([]float64, depth)
	for i := range count {
		count[i] = float64(i)
	}
	shape := slices.Repeat([]int{1}, at.Rank()+1)
	shape[axis] = depth
	at = c.Cast(at, mil.Int)
	at = c.Unsqueeze(c.Where(c.Binary("less", at, c.Int(0)), c.Add(at, c.Int(depth)), at), axis)
	is := c.Binary("equal", at, c.Array(mil.Int, shape, count))
	off, on := c.Slice(values, 0, 0, 1, 1), c.Slice(values, 0, 1, 2, 1)
	c.give(c.Where(is, c.Reshape(on), c.Reshape(off)))
}

func (c *call) gridSample() {
	mode := map[string]string{"": "bilinear", "linear": "bilinear", "bilinear": "bilinear", "nearest": "nearest"}[c.text("mode", "")]
	if mode == "" {
		mil.Fail("sampling by %q", c.text("mode", ""))
	}
	padding := map[string]string{"zeros": "constant", "border": "border", "reflection": "reflection"}[c.text("padding_mode", "zeros")]
	c.give(c.GridSample(c.in(0), c.in(1), mode, padding, c.int("align_corners", 0) != 0))
}

func (c *call) hardmax() {
	x := c.in(0)
	axis := mil.Axis(c.int("axis", -1), x.Rank())
	y, a := x, axis
	if c.opset < 13 {
		y, a = c.Flatten(x, c.int("axis", 1)), 1
	}
	mil.Bounded(y.Shape[a])
	count := make([]float64, y.Shape[a])
	for i := range count {
		count[i] = float64(i)
	}
	shape := slices.Repeat([]int{1}, y.Rank())
	shape[a] = len(count)
	is := c.Binary("equal", c.ArgMax("argmax", y, a, true), c.Array(mil.Int, shape, count))
	c.give(c.Reshape(c.Cast(is, mil.Float), x.Shape...))
}

func (c *call) isInf() {
	x := c.in(0)
	up, down := c.Binary("greater", x, c.Scalar(math.MaxFloat32)), c.Binary("less", x, c.Scalar(-math.MaxFloat32))
	switch {
	case c.int("detect_negative", 1) == 0:
		c.give(up)
	case c.int("detect_positive", 1) == 0:
		c.give(down)
	default:
		c.give(c.Binary("logical_or", up, down))
	}
}

func (c *call) shrink() {
	x, bias, lambd := c.in(0), c.float("bias", 0), c.float("lambd", 0.5)
	zero := c.Scalar(0)
	low := c.Where(c.Binary("less", x, c.Scalar(-lambd)), c.Add(x, c.Scalar(bias)), zero)
	c.give(c.Where(c.Binary("greater", x, c.Scalar(lambd)), c.Binary("sub", x, c.Scalar(bias)), low))
}

// lrn divides by sums of squares over neighbouring channels.
func (c *call) lrn() {
	x, size := c.in(0), c.int("size", 1)
	n := x.Shape[1]
	mil.Bounded(n, n)
	band := make([]float64, n*n)
	for i := range n {
		for j := max(0, i-(size-1)/2); j <= min(n-1, i+size/2); j++ {
			band[i*n+j] = 1
		}
	}
	flat := c.Reshape(c.Unary("square", x), x.Shape[0], n, -1)
	sums := c.Reshape(c.MatMul(c.Floats([]int{1, n, n}, band...), flat, false, false), x.Shape...)
	scaled := c.Add(c.Mul(sums, c.Scalar(c.float("alpha", 0.0001)/float64(size))), c.Scalar(c.float("bias", 1)))
	c.give(c.Binary("real_div", x, c.Binary("pow", scaled, c.Scalar(c.float("beta", 0.75)))))
}

func (c *call) lpPool() {
	x, kernel := c.in(0), c.ints("kernel_shape")
	w := c.window(x, kernel)
	w.Ceil, w.CountPadding = c.int("ceil_mode", 0) != 0, true
	p := float64(c.int("p", 2))
	n := 1
	for _, k := range kernel {
		n *= k
	}
	power := c.Binary("pow", c.Unary("abs", x), c.Scalar(p))
	sum := c.Mul(c.Pool("avg_pool", power, kernel, w), c.Scalar(float64(n)))
	c.give(c.Binary("pow", sum, c.Scalar(1/p)))
}

func (c *call) globalLpPool() {
	x, p := c.in(0), float64(c.int("p", 2))
	sum := c.Reduce("sum", c.Binary("pow", c.Unary("abs", x), c.Scalar(p)), true, spatial(x)...)
	c.give(c.Binary("pow", sum, c.Scalar(1/p)))
}

// nonZero knows constants alone, as the number of places is the shape.
func (c *call) nonZero() {
	x := c.in(0)
	var places [][]float64
	for i, v := range c.Known(x) {
		if v == 0 {
			continue
		}
		at := make([]float64, x.Rank())
		for k := x.Rank() - 1; k >= 0; k-- {
			at[k] = float64(i % x.Shape[k])
			i /= x.Shape[k]
		}
		places = append(places, at)
	}
	out := make([]float64, 0, x.Rank()*len(places))
	for k := range x.Rank() {
		for _, p := range places {
			out = append(out, p[k])
		}
	}
	c.give(c.Array(mil.Int, []int{x.Rank(), len(places)}, out))
}

// attention is opset 23's, without a cache of keys and values.
func (c *call) attention() {
	for i := 4; i < len(c.n.In); i++ {
		if c.has(i) {
			mil.Fail("a cache of keys and values")
		}
	}
	for name := range c.n.Attr {
		if strings.Contains(name, "window") {
			mil.Fail("a window of keys")
		}
	}
	if len(c.n.Out) > 1 || c.float("softcap", 0) != 0 {
		mil.Fail("more results than one, or a soft cap")
	}
	q, k, v := c.in(0), c.in(1), c.in(2)
	flat := q.Rank() == 3
	heads, kvHeads := c.int("q_num_heads", 0), c.int("kv_num_heads", 0)
	if flat {
		split := func(x *mil.Value, heads int) *mil.Value {
			return c.Transpose(c.Reshape(x, x.Shape[0], x.Shape[1], heads, x.Shape[2]/heads), 0, 2, 1, 3)
		}
		q, k, v = split(q, heads), split(k, kvHeads), split(v, kvHeads)
	}
	if n := q.Shape[1] / k.Shape[1]; n > 1 { // several heads share keys
		var at []int
		for i := range q.Shape[1] {
			at = append(at, i/n)
		}
		k, v = c.Gather(k, c.Ints(at...), 1), c.Gather(v, c.Ints(at...), 1)
	}
	mask := c.maybe(3)
	if mask != nil && mask.Kind == mil.Bool {
		mask = c.Where(mask, c.Scalar(0), c.Scalar(math.Inf(-1)))
	}
	if c.int("is_causal", 0) != 0 {
		rows, columns := q.Shape[2], k.Shape[2]
		mil.Bounded(rows, columns)
		m := make([]float64, rows*columns)
		for i := range rows {
			for j := i + 1; j < columns; j++ {
				m[i*columns+j] = math.Inf(-1)
			}
		}
		causal := c.Floats([]int{rows, columns}, m...)
		if mask != nil {
			causal = c.Add(mask, causal)
		}
		mask = causal
	}
	y := c.Builder.Attention(q, k, v, mask, c.float("scale", 1/math.Sqrt(float64(q.Shape[3]))))
	if flat {
		y = c.Reshape(c.Transpose(y, 0, 2, 1, 3), y.Shape[0], y.Shape[2], -1)
	}
	c.give(y)
}

func (c *call) centerCropPad() {
	x, size, axes := c.in(0), c.KnownInts(c.in(1)), c.ints("axes")
	if axes == nil {
		for i := range size {
			axes = append(axes, i)
		}
	}
	pad := make([]int, 2*x.Rank())
	for i, a := range axes {
		a = mil.Axis(a, x.Rank())
		switch d := size[i] - x.Shape[a]; {
		case d > 0:
			pad[2*a], pad[2*a+1] = d/2, d-d/2
		case d < 0:
			x = c.Slice(x, a, -d/2, -d/2+size[i], 1)
		}
	}
	c.give(c.Pad(x, pad, "constant", 0))
}

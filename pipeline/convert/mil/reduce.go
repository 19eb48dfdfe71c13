package mil

import (
	"math"
	"slices"
)

// Reduce joins the elements along axes: op is mean, sum, max, min, prod, sum_square, l1_norm, l2_norm, log_sum or log_sum_exp. No axes are all.
func (b *Builder) Reduce(op string, x *Value, keep bool, axes ...int) *Value {
	if len(axes) == 0 {
		for i := range x.Shape {
			axes = append(axes, i)
		}
	}
	axes = Axes(axes, x.Rank())
	var shape []int
	for i, d := range x.Shape {
		switch {
		case !slices.Contains(axes, i):
			shape = append(shape, d)
		case keep:
			shape = append(shape, 1)
		}
	}
	if f := folds[op]; b.Folds(x) && f != nil {
		return b.foldReduce(x, shape, axes, f, op)
	}
	if x.Kind == Int && op == "mean" || x.Kind == Bool {
		x = b.Cast(x, Float)
	}
	if x.Rank() == 0 {
		return x
	}
	if len(shape) == 0 { // programs give no scalars: the result keeps one dimension until it is reshaped
		return b.scalarReduce(op, x, axes)
	}
	return b.add("reduce_"+op, x.Kind, shape, in("x", x), in("axes", b.Ints(axes...)), in("keep_dims", boolean(keep)))
}

func (b *Builder) scalarReduce(op string, x *Value, axes []int) *Value {
	ones := slices.Repeat([]int{1}, x.Rank())
	y := b.add("reduce_"+op, x.Kind, ones, in("x", x), in("axes", b.Ints(axes...)), in("keep_dims", boolean(true)))
	return b.Squeeze(y)
}

// folds are reductions that are computed here: what a sum begins with and how an element is added.
var folds = map[string]*struct {
	start float64
	add   func(sum, x float64) float64
}{
	"mean":       {0, func(s, x float64) float64 { return s + x }},
	"sum":        {0, func(s, x float64) float64 { return s + x }},
	"max":        {math.Inf(-1), math.Max},
	"min":        {math.Inf(1), math.Min},
	"prod":       {1, func(s, x float64) float64 { return s * x }},
	"sum_square": {0, func(s, x float64) float64 { return s + x*x }},
}

func (b *Builder) foldReduce(x *Value, shape, axes []int, f *struct {
	start float64
	add   func(sum, x float64) float64
}, op string,
) *Value {
	a := load(x)
	var outer, inner, outerStep, innerStep []int
	for i, step := range strides(a.shape) {
		if slices.Contains(axes, i) {
			inner, innerStep = append(inner, a.shape[i]), append(innerStep, step)
		} else {
			outer, outerStep = append(outer, a.shape[i]), append(outerStep, step)
		}
	}
	out := &array{a.kind, shape, nil}
	visit(outer, outerStep, 0, func(start int) {
		sum := f.start
		visit(inner, innerStep, start, func(at int) { sum = f.add(sum, a.data[at]) })
		if op == "mean" {
			sum /= float64(product(inner))
		}
		out.data = append(out.data, sum)
	})
	return constant(out)
}

// ArgMax gives the place of the greatest element along an axis, ArgMin of the least.
func (b *Builder) ArgMax(op string, x *Value, axis int, keep bool) *Value {
	axis = Axis(axis, x.Rank())
	shape := slices.Clone(x.Shape)
	shape[axis] = 1
	y := b.add("reduce_"+op, Int, shape, in("x", x), in("axis", b.Int(axis)), in("keep_dims", boolean(true)))
	if keep {
		return y
	}
	return b.Squeeze(y, axis)
}

// CumSum adds up along an axis.
func (b *Builder) CumSum(x *Value, axis int, exclusive, reverse bool) *Value {
	axis = Axis(axis, x.Rank())
	if b.Folds(x) && !exclusive && !reverse {
		a := load(x)
		out := &array{a.kind, a.shape, slices.Clone(a.data)}
		step, n := strides(a.shape)[axis], a.shape[axis]
		for i := range out.data {
			if i/step%n > 0 {
				out.data[i] += out.data[i-step]
			}
		}
		return constant(out)
	}
	return b.add("cumsum", x.Kind, x.Shape, in("x", x), in("axis", b.Int(axis)), in("exclusive", boolean(exclusive)), in("reverse", boolean(reverse)))
}

// Sampling is how an upsampling places the new pixels among the old.
type Sampling int

// The ways of sampling, as ONNX names them.
const (
	HalfPixel Sampling = iota
	AlignCorners
	Asymmetric
)

// Resize makes x (N,C,H,W) h by w pixels: nearest picks the pixel at or before, bilinear mixes four.
func (b *Builder) Resize(x *Value, h, w int, bilinear bool, s Sampling) *Value {
	if x.Rank() != 4 {
		Fail("a picture of the shape %v is resized, not of four dimensions", x.Shape)
	}
	if h == x.Shape[2] && w == x.Shape[3] {
		return x
	}
	fh, fw := float64(h)/float64(x.Shape[2]), float64(w)/float64(x.Shape[3])
	shape := []int{x.Shape[0], x.Shape[1], h, w}
	whole := fh == math.Trunc(fh) && fw == math.Trunc(fw)
	if !bilinear {
		if !whole || s == AlignCorners {
			return b.nearest(x, h, w, s)
		}
		return b.add("upsample_nearest_neighbor", x.Kind, shape, in("x", x), in("scale_factor_height", b.factor(fh)), in("scale_factor_width", b.factor(fw)))
	}
	if s == AlignCorners && whole || s != AlignCorners && whole {
		return b.add("upsample_bilinear", Float, shape, in("x", x), in("scale_factor_height", b.factor(fh)), in("scale_factor_width", b.factor(fw)),
			in("align_corners", boolean(s == AlignCorners)), in("half_pixel_centers", boolean(s == HalfPixel)))
	}
	return b.bilinear(x, h, w, s)
}

// factor is a number that stays float32 in a program of float16.
func (b *Builder) factor(f float64) *Value {
	if f == math.Trunc(f) {
		return b.Int(int(f))
	}
	v := b.Scalar(f)
	v.single = true
	return v
}

// at is where the pixel i of n comes from among m, unrounded.
func (s Sampling) at(i, n, m int) float64 {
	switch s {
	case AlignCorners:
		if n == 1 {
			return 0
		}
		return float64(i) * float64(m-1) / float64(n-1)
	case Asymmetric:
		return float64(i) * float64(m) / float64(n)
	}
	return (float64(i)+0.5)*float64(m)/float64(n) - 0.5
}

// nearest picks rows and columns.
func (b *Builder) nearest(x *Value, h, w int, s Sampling) *Value {
	return b.Pick(x, s.places(h, x.Shape[2]), s.places(w, x.Shape[3]))
}

func (s Sampling) places(n, m int) []int {
	Bounded(n)
	at := make([]int, n)
	for i := range at {
		f := s.at(i, n, m)
		if s == Asymmetric {
			f = math.Floor(f)
		} else {
			f = math.Ceil(f - 0.5) // ONNX's round_prefer_floor
		}
		at[i] = min(max(int(f), 0), m-1)
	}
	return at
}

// Pick makes a picture x (N,C,H,W) of its rows and columns at the given places. Rows and columns that are each repeated as often are an upsampling.
func (b *Builder) Pick(x *Value, rows, columns []int) *Value {
	repeats := func(at []int, n int) bool {
		for i, v := range at {
			if len(at)%n != 0 || v != i/(len(at)/n) {
				return false
			}
		}
		return true
	}
	if h, w := len(rows), len(columns); repeats(rows, x.Shape[2]) && repeats(columns, x.Shape[3]) {
		return b.Resize(x, h, w, false, Asymmetric)
	}
	for axis, at := range [][]int{rows, columns} {
		if repeats(at, x.Shape[axis+2]) && len(at) == x.Shape[axis+2] {
			continue
		}
		if step := (x.Shape[axis+2] + len(at) - 1) / len(at); evenly(at, step) {
			x = b.Slice(x, axis+2, at[0], at[len(at)-1]+1, step)
		} else {
			x = b.Gather(x, b.Ints(at...), axis+2)
		}
	}
	return x
}

// evenly tells whether places lie step apart.
func evenly(at []int, step int) bool {
	for i := 1; i < len(at); i++ {
		if at[i]-at[i-1] != step {
			return false
		}
	}
	return len(at) > 0
}

// bilinear mixes rows and columns by two products of matrices, for factors that Core ML's own operation does not take.
func (b *Builder) bilinear(x *Value, h, w int, s Sampling) *Value {
	matrix := func(n, m int) []float64 {
		Bounded(n, m)
		data := make([]float64, n*m)
		for i := range n {
			f := min(max(s.at(i, n, m), 0), float64(m-1))
			lo := int(f)
			data[i*m+lo] += 1 - (f - float64(lo))
			if lo+1 < m {
				data[i*m+lo+1] += f - float64(lo)
			}
		}
		return data
	}
	return b.Mix(x, h, w, matrix(h, x.Shape[2]), matrix(w, x.Shape[3]))
}

// Mix makes each row of a picture x (N,C,H,W) a sum of its rows, and then each column: rows is a matrix (h,H), columns one of (w,W).
func (b *Builder) Mix(x *Value, h, w int, rows, columns []float64) *Value {
	left := b.Floats([]int{1, 1, h, x.Shape[2]}, rows...)
	right := b.Floats([]int{1, 1, w, x.Shape[3]}, columns...)
	return b.MatMul(b.MatMul(left, x, false, false), right, false, true)
}

// DepthToSpace moves channels into blocks of pixels: channelFirst is PyTorch's pixel shuffle, the other order TensorFlow's.
func (b *Builder) DepthToSpace(x *Value, block int, channelFirst bool) *Value {
	if x.Rank() != 4 || block < 1 || x.Shape[1]%(block*block) != 0 {
		Fail("the channels of %v do not make blocks of %d", x.Shape, block)
	}
	shape := []int{x.Shape[0], x.Shape[1] / (block * block), x.Shape[2] * block, x.Shape[3] * block}
	if channelFirst {
		return b.add("pixel_shuffle", Float, shape, in("x", x), in("upscale_factor", b.Int(block)))
	}
	return b.add("depth_to_space", Float, shape, in("x", x), in("block_size", b.Int(block)))
}

// SpaceToDepth moves blocks of pixels into channels, block by block.
func (b *Builder) SpaceToDepth(x *Value, block int) *Value {
	if x.Rank() != 4 || block < 1 || x.Shape[2]%block != 0 || x.Shape[3]%block != 0 {
		Fail("the pixels of %v do not make blocks of %d", x.Shape, block)
	}
	shape := []int{x.Shape[0], x.Shape[1] * block * block, x.Shape[2] / block, x.Shape[3] / block}
	return b.add("space_to_depth", Float, shape, in("x", x), in("block_size", b.Int(block)))
}

// Unshuffle moves blocks of pixels into channels, channel by channel, as PyTorch does.
func (b *Builder) Unshuffle(x *Value, block int) *Value {
	if x.Rank() != 4 || block < 1 || x.Shape[2]%block != 0 || x.Shape[3]%block != 0 {
		Fail("the pixels of %v do not make blocks of %d", x.Shape, block)
	}
	n, ch, h, w := x.Shape[0], x.Shape[1], x.Shape[2]/block, x.Shape[3]/block
	y := b.Reshape(x, n*ch, h, block, w*block) // in two steps, as Core ML's arrays have five dimensions
	y = b.Reshape(b.Transpose(y, 0, 2, 1, 3), n*ch*block*h, w, block)
	y = b.Reshape(b.Transpose(y, 0, 2, 1), n*ch*block, h, block, w)
	return b.Reshape(b.Transpose(y, 0, 2, 1, 3), n, ch*block*block, h, w)
}

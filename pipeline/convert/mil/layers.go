package mil

import (
	"math"
	"slices"
)

// Window is how a convolution or a pool goes over the spatial dimensions. Empty lists stand for strides and dilations of 1 and paddings of 0.
type Window struct {
	Strides, Dilations []int
	Pad                []int // before and after for each dimension: top, bottom, left, right
	Groups             int   // 0 is 1
	OutputPadding      []int // of transposed convolutions
	Ceil               bool  // of pools
	CountPadding       bool  // of average pools: zeros count
}

func (w *Window) complete(n int) {
	if len(w.Strides) == 0 {
		w.Strides = slices.Repeat([]int{1}, n)
	}
	if len(w.Dilations) == 0 {
		w.Dilations = slices.Repeat([]int{1}, n)
	}
	if len(w.Pad) == 0 {
		w.Pad = make([]int, 2*n)
	}
	if w.Groups == 0 {
		w.Groups = 1
	}
	if len(w.Strides) != n || len(w.Dilations) != n || len(w.Pad) != 2*n || slices.Min(w.Strides) < 1 || slices.Min(w.Dilations) < 1 {
		Fail("the strides %v, dilations %v or paddings %v do not fit %d dimensions", w.Strides, w.Dilations, w.Pad, n)
	}
}

func (w *Window) padType() *Value {
	if slices.Max(w.Pad) == 0 {
		return text("valid")
	}
	return text("custom")
}

// Conv is a convolution of x (N,C,spatial...) with weight (O,C/groups,kernel...) and, if it is not nil, bias (O).
func (b *Builder) Conv(x, weight, bias *Value, w Window) *Value {
	n := x.Rank() - 2
	if n < 1 || n > 3 || weight.Rank() != n+2 {
		Fail("a convolution of the shape %v with weights of %v", x.Shape, weight.Shape)
	}
	w.complete(n)
	if x.Shape[1] != weight.Shape[1]*w.Groups || weight.Shape[0]%w.Groups != 0 {
		Fail("a convolution of %d channels with weights of %v in %d groups", x.Shape[1], weight.Shape, w.Groups)
	}
	if slices.Min(w.Pad) < 0 {
		x, w.Pad = b.crop(x, w.Pad)
	}
	shape := []int{x.Shape[0], weight.Shape[0]}
	for i := range n {
		size := x.Shape[i+2] + w.Pad[2*i] + w.Pad[2*i+1] - w.Dilations[i]*(weight.Shape[i+2]-1) - 1
		if size < 0 {
			Fail("the shape %v is smaller than the kernel %v", x.Shape, weight.Shape)
		}
		shape = append(shape, size/w.Strides[i]+1)
	}
	return b.add("conv", Float, shape, in("x", x), in("weight", weight), in("bias", bias), in("strides", b.Ints(w.Strides...)),
		in("pad_type", w.padType()), in("pad", b.Ints(w.Pad...)), in("dilations", b.Ints(w.Dilations...)), in("groups", b.Int(w.Groups)))
}

// crop cuts off what negative paddings say, and returns the paddings that are left.
func (b *Builder) crop(x *Value, pad []int) (*Value, []int) {
	pad = slices.Clone(pad)
	first := x.Rank() - len(pad)/2
	for i := range len(pad) / 2 {
		begin, end := max(-pad[2*i], 0), x.Shape[first+i]-max(-pad[2*i+1], 0)
		x = b.Slice(x, first+i, begin, end, 1)
		pad[2*i], pad[2*i+1] = max(pad[2*i], 0), max(pad[2*i+1], 0)
	}
	return x, pad
}

// ConvTranspose is a transposed convolution of x (N,C,spatial...) with weight (C,O/groups,kernel...).
func (b *Builder) ConvTranspose(x, weight, bias *Value, w Window) *Value {
	n := x.Rank() - 2
	if n < 1 || n > 3 || weight.Rank() != n+2 || weight.Shape[0] != x.Shape[1] {
		Fail("a transposed convolution of the shape %v with weights of %v", x.Shape, weight.Shape)
	}
	w.complete(n)
	more := make([]int, n)
	copy(more, w.OutputPadding)
	shape, pad, missing := []int{x.Shape[0], weight.Shape[1] * w.Groups}, slices.Clone(w.Pad), make([]int, 2*x.Rank())
	for i := range n {
		// A row more at the end is one row less of padding there, which is what a transposed convolution cuts off.
		if pad[2*i+1] -= more[i]; pad[2*i+1] < 0 {
			missing[2*(i+2)+1], pad[2*i+1] = -pad[2*i+1], 0
		}
		shape = append(shape, (x.Shape[i+2]-1)*w.Strides[i]+w.Dilations[i]*(weight.Shape[i+2]-1)+1-pad[2*i]-pad[2*i+1])
	}
	late := bias
	if slices.Max(missing) > 0 {
		bias = nil
	}
	w.Pad = pad
	y := b.add("conv_transpose", Float, shape, in("x", x), in("weight", weight), in("bias", bias), in("strides", b.Ints(w.Strides...)),
		in("pad_type", w.padType()), in("pad", b.Ints(w.Pad...)), in("dilations", b.Ints(w.Dilations...)), in("groups", b.Int(w.Groups)))
	if slices.Max(missing) == 0 {
		return y
	}
	y = b.Pad(y, missing, "constant", 0)
	if late != nil {
		y = b.Add(y, b.Reshape(late, slices.Concat([]int{1, late.Len()}, slices.Repeat([]int{1}, n))...))
	}
	return y
}

// Pool is a max or an average pool of x (N,C,spatial...).
func (b *Builder) Pool(op string, x *Value, kernel []int, w Window) *Value {
	n := x.Rank() - 2
	if n < 1 || n > 3 || len(kernel) != n || slices.Min(kernel) < 1 {
		Fail("a pool of the shape %v by %v", x.Shape, kernel)
	}
	w.complete(n)
	if slices.Max(w.Dilations) > 1 {
		Fail("pools with dilations are not supported")
	}
	if p := x.node; op == "avg_pool" && p != nil && p.op == "pad" && slices.Max(w.Pad) == 0 && !w.Ceil {
		if pad, rest, ok := zeros(p); ok { // zeros before the pool are its own paddings, which count
			x, w.Pad, w.CountPadding = pad, rest, true
		}
	}
	shape, partial := slices.Clone(x.Shape[:2]), false
	for i := range n {
		size := x.Shape[i+2] + w.Pad[2*i] + w.Pad[2*i+1] - kernel[i]
		if size < 0 {
			Fail("the shape %v is smaller than the pool %v", x.Shape, kernel)
		}
		out := size/w.Strides[i] + 1
		if w.Ceil && size%w.Strides[i] != 0 && out*w.Strides[i] < x.Shape[i+2]+w.Pad[2*i] { // a window may not begin in the padding behind
			out++
			partial = true
		}
		shape = append(shape, out)
	}
	args := []arg{in("x", x), in("kernel_sizes", b.Ints(kernel...)), in("strides", b.Ints(w.Strides...)), in("pad_type", w.padType()), in("pad", b.Ints(w.Pad...))}
	if op == "avg_pool" && w.CountPadding && !partial && uneven(w.Pad) {
		return b.mean(x, kernel, w)
	}
	if op == "avg_pool" {
		args = append(args, in("exclude_padding_from_average", boolean(!w.CountPadding)))
	}
	return b.add(op, Float, shape, append(args, in("ceil_mode", boolean(partial)))...)
}

// zeros tells whether a pad puts zeros around the spatial axes alone; it gives what is padded and the paddings.
func zeros(p *node) (x *Value, pad []int, ok bool) {
	mode, value := p.arg("mode"), p.arg("constant_val")
	if mode.text != "constant" || load(value).data[0] != 0 {
		return nil, nil, false
	}
	for _, f := range load(p.arg("pad")).data {
		pad = append(pad, int(f))
	}
	return p.arg("x"), pad[4:], slices.Max(pad[:4]) == 0
}

// uneven tells whether a padding differs from that of the other side.
func uneven(pad []int) bool {
	for i := 0; i < len(pad); i += 2 {
		if pad[i] != pad[i+1] {
			return true
		}
	}
	return false
}

// mean is an average pool in which zeros count, as a convolution of each channel: engines differ on pools with uneven paddings.
func (b *Builder) mean(x *Value, kernel []int, w Window) *Value {
	c, n := x.Shape[1], product(kernel)
	Bounded(c, n)
	weight := b.Floats(slices.Concat([]int{c, 1}, kernel), slices.Repeat([]float64{1 / float64(n)}, c*n)...)
	return b.Conv(x, weight, nil, Window{Strides: w.Strides, Pad: w.Pad, Groups: c})
}

// Pad adds elements before and after each axis of x: pad is before and after for each axis from the first. mode is constant, reflect or replicate;
// negative paddings cut off.
func (b *Builder) Pad(x *Value, pad []int, mode string, value float64) *Value {
	if len(pad) != 2*x.Rank() {
		Fail("the paddings %v do not fit the shape %v", pad, x.Shape)
	}
	x, pad = b.crop(x, pad)
	if slices.Max(pad) == 0 {
		return x
	}
	shape := slices.Clone(x.Shape)
	first := -1
	for i := range shape {
		if mode == "reflect" && max(pad[2*i], pad[2*i+1]) >= x.Shape[i] {
			Fail("the shape %v is too small to be reflected by %v", x.Shape, pad)
		}
		shape[i] += pad[2*i] + pad[2*i+1]
		if first < 0 && pad[2*i]+pad[2*i+1] > 0 {
			first = i
		}
	}
	if mode != "constant" && first < x.Rank()-2 {
		return b.padEach(x, pad, mode)
	}
	k := x.Kind
	if k == Bool {
		x = b.Cast(x, Int)
	}
	fill := b.Scalar(value)
	if x.Kind == Int {
		fill = b.Int(int(value))
	}
	return b.Cast(b.add("pad", x.Kind, shape, in("x", x), in("pad", b.Ints(pad...)), in("mode", text(mode)), in("constant_val", fill)), k)
}

// padEach pads the axes before the last two by joining the parts, as Core ML's modes pad the last two alone.
func (b *Builder) padEach(x *Value, pad []int, mode string) *Value {
	rest := slices.Clone(pad)
	for axis := range x.Rank() - 2 {
		var at []int
		n := x.Shape[axis]
		Bounded(n, 1+pad[2*axis]/n, 1+pad[2*axis+1]/n)
		for i := -pad[2*axis]; i < n+pad[2*axis+1]; i++ {
			k := min(max(i, 0), n-1)
			if mode == "reflect" {
				if k = max(i, -i); k >= n {
					k = 2*(n-1) - k
				}
			}
			at = append(at, k)
		}
		x = b.Gather(x, b.Ints(at...), axis)
		rest[2*axis], rest[2*axis+1] = 0, 0
	}
	return b.Pad(x, rest, mode, 0)
}

// InstanceNorm normalises each channel of x (N,C,spatial...); gamma and beta (C) may be nil.
func (b *Builder) InstanceNorm(x, gamma, beta *Value, epsilon float64) *Value {
	if x.Rank() == 3 { // Core ML takes rank 3 and 4; one spatial dimension is safest as two
		return b.Squeeze(b.InstanceNorm(b.Unsqueeze(x, 3), gamma, beta, epsilon), 3)
	}
	if x.Rank() == 5 {
		flat := b.Reshape(x, x.Shape[0], x.Shape[1], x.Shape[2]*x.Shape[3], x.Shape[4])
		return b.Reshape(b.InstanceNorm(flat, gamma, beta, epsilon), x.Shape...)
	}
	return b.add("instance_norm", Float, x.Shape, in("x", x), in("gamma", gamma), in("beta", beta), in("epsilon", b.Scalar(epsilon)))
}

// BatchNorm scales and shifts each channel by statistics of the training.
func (b *Builder) BatchNorm(x, mean, variance, gamma, beta *Value, epsilon float64) *Value {
	if b.folds(mean, variance, gamma, beta) && x.Rank() != 4 {
		return b.affine(x, mean, variance, gamma, beta, epsilon)
	}
	return b.add("batch_norm", Float, x.Shape, in("x", x), in("mean", mean), in("variance", variance), in("gamma", gamma), in("beta", beta),
		in("epsilon", b.Scalar(epsilon)))
}

// affine is a batch normalisation of any rank: a product and a sum.
func (b *Builder) affine(x, mean, variance, gamma, beta *Value, epsilon float64) *Value {
	scale, shift := b.scaleShift(mean, variance, gamma, beta, epsilon)
	shape := slices.Concat([]int{1, len(scale)}, slices.Repeat([]int{1}, max(0, x.Rank()-2)))
	return b.Add(b.Mul(x, b.Floats(shape, scale...)), b.Floats(shape, shift...))
}

func (b *Builder) scaleShift(mean, variance, gamma, beta *Value, epsilon float64) (scale, shift []float64) {
	m, v := b.Known(mean), b.Known(variance)
	scale, shift = make([]float64, len(m)), make([]float64, len(m))
	for i := range m {
		scale[i] = 1 / math.Sqrt(v[i]+epsilon)
		if gamma != nil {
			scale[i] *= b.Known(gamma)[i]
		}
		shift[i] = -m[i] * scale[i]
		if beta != nil {
			shift[i] += b.Known(beta)[i]
		}
	}
	return scale, shift
}

// LayerNorm normalises over the last axes; gamma and beta have their shape or are nil.
func (b *Builder) LayerNorm(x, gamma, beta *Value, epsilon float64, axes ...int) *Value {
	return b.add("layer_norm", Float, x.Shape, in("x", x), in("axes", b.Ints(Axes(axes, x.Rank())...)), in("gamma", gamma), in("beta", beta),
		in("epsilon", b.Scalar(epsilon)))
}

// GroupNorm normalises groups of channels of x (N,C,spatial...); gamma and beta (C) may be nil. The statistics are those of an instance
// normalisation of (N,groups,C/groups x H, W).
func (b *Builder) GroupNorm(x, gamma, beta *Value, groups int, epsilon float64) *Value {
	if x.Rank() < 2 || groups < 1 || x.Shape[1]%groups != 0 {
		Fail("a normalisation of %v in %d groups", x.Shape, groups)
	}
	rest := product(x.Shape[1:]) / groups
	last := x.Shape[x.Rank()-1]
	if x.Rank() == 2 {
		last = 1
	}
	y := b.InstanceNorm(b.Reshape(x, x.Shape[0], groups, rest/last, last), nil, nil, epsilon)
	y = b.Reshape(y, x.Shape...)
	shape := slices.Concat([]int{1, x.Shape[1]}, slices.Repeat([]int{1}, x.Rank()-2))
	if gamma != nil {
		y = b.Mul(y, b.Reshape(gamma, shape...))
	}
	if beta != nil {
		y = b.Add(y, b.Reshape(beta, shape...))
	}
	return y
}

// Softmax goes along one axis.
func (b *Builder) Softmax(x *Value, axis int) *Value {
	return b.add("softmax", Float, x.Shape, in("x", x), in("axis", b.Int(Axis(axis, x.Rank()))))
}

// Linear is x (...,in) times weight (out,in), plus bias (out), which may be nil.
func (b *Builder) Linear(x, weight, bias *Value) *Value {
	if x.Rank() < 1 || weight.Rank() != 2 || x.Shape[x.Rank()-1] != weight.Shape[1] {
		Fail("the shape %v times weights of %v", x.Shape, weight.Shape)
	}
	shape := slices.Concat(x.Shape[:x.Rank()-1], weight.Shape[:1])
	if x.Rank() > 3 || x.Rank() == 1 || !weight.IsConst() {
		flat := b.Reshape(x, -1, x.Shape[x.Rank()-1])
		if !weight.IsConst() {
			y := b.MatMul(flat, weight, false, true)
			if bias != nil {
				y = b.Add(y, bias)
			}
			return b.Reshape(y, shape...)
		}
		return b.Reshape(b.Linear(flat, weight, bias), shape...)
	}
	return b.add("linear", Float, shape, in("x", x), in("weight", weight), in("bias", bias))
}

// MatMul is the product of matrices in the last two axes, either of which may be transposed first.
func (b *Builder) MatMul(x, y *Value, transposeX, transposeY bool) *Value {
	if x.Rank() == 0 || y.Rank() == 0 {
		Fail("a product of matrices of %v and %v", x.Shape, y.Shape)
	}
	if x.Rank() == 1 {
		return b.Squeeze(b.MatMul(b.Unsqueeze(x, 0), y, false, transposeY), max(y.Rank()-2, 0))
	}
	if y.Rank() == 1 {
		z := b.MatMul(x, b.Unsqueeze(y, 1), transposeX, false)
		return b.Squeeze(z, z.Rank()-1)
	}
	rows, inner := x.Shape[x.Rank()-2], x.Shape[x.Rank()-1]
	if transposeX {
		rows, inner = inner, rows
	}
	inner2, columns := y.Shape[y.Rank()-2], y.Shape[y.Rank()-1]
	if transposeY {
		inner2, columns = columns, inner2
	}
	if inner != inner2 {
		Fail("a product of matrices of %v and %v", x.Shape, y.Shape)
	}
	if y.IsConst() && y.Rank() == 2 && y.Kind == Float && !transposeX && x.Rank() <= 3 && !x.IsConst() {
		if !transposeY {
			y = b.Transpose(y, 1, 0)
		}
		return b.Linear(x, y, nil)
	}
	batch := Broadcast(x.Shape[:x.Rank()-2], y.Shape[:y.Rank()-2])
	if b.folds(x, y) && product(batch)*rows*columns*inner <= maxFold {
		return b.foldMatMul(x, y, transposeX, transposeY, batch, rows, inner, columns)
	}
	x, y = b.Cast(x, Float), b.Cast(y, Float)
	return b.add("matmul", Float, slices.Concat(batch, []int{rows, columns}), in("x", x), in("y", y), in("transpose_x", boolean(transposeX)),
		in("transpose_y", boolean(transposeY)))
}

func (b *Builder) foldMatMul(x, y *Value, transposeX, transposeY bool, batch []int, rows, inner, columns int) *Value {
	swap := func(v *Value, turn bool) *Value {
		if !turn {
			return v
		}
		perm := make([]int, v.Rank())
		for i := range perm {
			perm[i] = i
		}
		n := len(perm)
		perm[n-1], perm[n-2] = perm[n-2], perm[n-1]
		return b.Transpose(v, perm...)
	}
	xs := load(swap(x, transposeX)).broadcast(slices.Concat(batch, []int{rows, inner}))
	ys := load(swap(y, transposeY)).broadcast(slices.Concat(batch, []int{inner, columns}))
	out := &array{Float, slices.Concat(batch, []int{rows, columns}), make([]float64, product(batch)*rows*columns)}
	for n := range product(batch) {
		for r := range rows {
			for c := range columns {
				sum := 0.0
				for k := range inner {
					sum += xs.data[(n*rows+r)*inner+k] * ys.data[(n*inner+k)*columns+c]
				}
				out.data[(n*rows+r)*columns+c] = sum
			}
		}
	}
	return constant(out)
}

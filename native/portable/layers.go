package portable

import (
	"slices"
	"strings"

	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// pads turns MIL's order b0, e0, b1, e1 into ONNX's b0, b1, e0, e1.
func pads(p []int64) []int64 {
	out := make([]int64, 0, len(p))
	for start := range 2 {
		for i := start; i < len(p); i += 2 {
			out = append(out, p[i])
		}
	}
	return out
}

func repeat(n int, v int64) []int64 { return slices.Repeat([]int64{v}, n) }

// conv lowers conv and conv_transpose: x (N,C,spatial...).
func (a *args) conv() {
	spatial := a.rank("x") - 2
	if spatial < 1 {
		a.fail("a convolution of rank %d", a.rank("x"))
		return
	}
	one, zero := repeat(spatial, 1), repeat(2*spatial, 0)
	attrs := append(a.padding(zero), attrInts("strides", a.ints("strides", one)), attrInts("dilations", a.ints("dilations", one)), attrInt("group", a.int("groups", 1)))
	in := []string{a.value("x"), a.value("weight")}
	if a.has("bias") {
		in = append(in, a.value("bias"))
	}
	if a.kind == "conv" {
		a.l.node("Conv", a.out(), in, attrs...)
		return
	}
	if a.has("output_shape") {
		shape := a.known("output_shape").Ints()
		if len(shape) < spatial {
			a.fail("output_shape has %d dimensions", len(shape))
			return
		}
		shape = shape[len(shape)-spatial:]
		if x := a.dims("x"); slices.Min(x[2:]) < 1 && !strings.HasPrefix(a.padType(), "same") {
			a.grown(in, shape, attrs)
			return
		}
		attrs = append(attrs, a.outputShape(shape))
	}
	a.l.node("ConvTranspose", a.out(), in, attrs...)
}

// outputShape makes a transposed convolution give that many rows and columns. ONNX's output_shape would place the paddings anew: what lies past
// MIL's paddings is appended at the end. With "same" there are none, and ONNX's own rule holds.
func (a *args) outputShape(shape []int64) *onnxpb.AttributeProto {
	n := len(shape)
	x, w := a.dims("x"), a.dims("weight")
	if kind := a.padType(); kind == "same" || kind == "same_lower" {
		return attrInts("output_shape", shape)
	}
	strides, dilations, pad := a.ints("strides", repeat(n, 1)), a.ints("dilations", repeat(n, 1)), repeat(2*n, 0)
	if a.padType() == "custom" {
		pad = a.ints("pad", pad)
	}
	if len(w) != n+2 || len(strides) != n || len(dilations) != n || len(pad) != 2*n {
		a.fail("its arguments do not have %d spatial dimensions", n)
		return nil
	}
	more := make([]int64, n)
	for i := range more {
		in, k := x[i+2], w[i+2]
		if in < 1 || k < 1 {
			a.fail("output_shape needs known sizes")
			return nil
		}
		more[i] = shape[i] - ((in-1)*strides[i] + (k-1)*dilations[i] + 1 - pad[2*i] - pad[2*i+1])
		if more[i] < 0 {
			a.fail("output_shape %v is smaller than the convolution's result", shape)
			return nil
		}
	}
	return attrInts("output_padding", more)
}

// grown is outputShape for an input whose sizes are not known before a run: the convolution without paddings is cut to that shape, and beyond its
// end there are zeros.
func (a *args) grown(in []string, shape []int64, attrs []*onnxpb.AttributeProto) {
	n := len(shape)
	begin := repeat(n, 0)
	if pad := a.ints("pad", repeat(2*n, 0)); a.padType() == "custom" && len(pad) == 2*n {
		for i := range begin {
			begin[i] = pad[2*i]
		}
	}
	end, axes := make([]int64, n), make([]int64, n)
	for i := range end {
		end[i], axes[i] = begin[i]+shape[i], int64(i-n)
	}
	attrs = slices.DeleteFunc(attrs, func(t *onnxpb.AttributeProto) bool { return t.GetName() == "pads" })
	bias := ""
	if len(in) == 3 { // it is added where there are zeros too
		in, bias = in[:2], in[2]
	}
	whole := a.l.node("ConvTranspose", "", in, attrs...)
	more := append(repeat(n+4, 0), a.ints("strides", repeat(n, 1))...)
	whole = a.l.node("Pad", "", []string{whole, a.l.list(more...)})
	whole = a.l.node("Slice", "", []string{whole, a.l.list(begin...), a.l.list(end...), a.l.list(axes...)})
	if bias != "" {
		wide := a.l.node("Reshape", "", []string{bias, a.l.list(append([]int64{-1}, repeat(n, 1)...)...)})
		whole = a.l.node("Add", "", []string{whole, wide})
	}
	a.l.node("Identity", a.out(), []string{whole})
}

func (a *args) pool() {
	kernel := a.known("kernel_sizes").Ints()
	zero := repeat(2*len(kernel), 0)
	attrs := append(a.padding(zero), attrInts("kernel_shape", kernel), attrInts("strides", a.ints("strides", repeat(len(kernel), 1))), attrInt("ceil_mode", a.int("ceil_mode", 0)))
	if a.kind == "max_pool" {
		a.l.node("MaxPool", a.out(), a.x(), attrs...)
		return
	}
	if a.kind == "l2_pool" {
		a.l.node("LpPool", a.out(), a.x(), append(attrs, attrInt("p", 2))...)
		return
	}
	attrs = append(attrs, attrInt("count_include_pad", 1-a.int("exclude_padding_from_average", 0)))
	a.l.node("AveragePool", a.out(), a.x(), attrs...)
}

func (a *args) linear() {
	weight, bias := a.value("weight"), ""
	if a.has("bias") {
		bias = a.value("bias")
	}
	if a.rank("x") == 2 {
		in := []string{a.value("x"), weight}
		if bias != "" {
			in = append(in, bias)
		}
		a.l.node("Gemm", a.out(), in, attrInt("transB", 1))
		return
	}
	turned := a.l.node("Transpose", "", []string{weight}, attrInts("perm", []int64{1, 0}))
	if bias == "" {
		a.l.node("MatMul", a.out(), []string{a.value("x"), turned})
		return
	}
	a.l.node("Add", a.out(), []string{a.l.node("MatMul", "", []string{a.value("x"), turned}), bias})
}

func (a *args) matmul() {
	side := func(key string) string {
		v, r := a.value(key), a.rank(key)
		if !a.flag("transpose_"+key) || r < 2 {
			return v
		}
		perm := sequence(r)
		perm[r-1], perm[r-2] = perm[r-2], perm[r-1]
		return a.l.node("Transpose", "", []string{v}, attrInts("perm", perm))
	}
	a.l.node("MatMul", a.out(), []string{side("x"), side("y")})
}

func sequence(n int) []int64 {
	s := make([]int64, n)
	for i := range s {
		s[i] = int64(i)
	}
	return s
}

func (a *args) pad() {
	r, p := a.rank("x"), a.known("pad").Ints()
	if len(p) > 2*r {
		a.fail("%d paddings for rank %d", len(p), r)
		return
	}
	if len(p) > 0 && (slices.Max(p) > maxSide || slices.Min(p) < 0) {
		a.fail("paddings of %v", p)
		return
	}
	full := append(repeat(2*r-len(p), 0), p...)
	mode := a.string("mode", "constant")
	if mode == "replicate" {
		mode = "edge"
	}
	in := []string{a.value("x"), a.l.list(pads(full)...)}
	if mode == "constant" {
		in = append(in, a.l.scalar(a.float("constant_val", 0)))
	}
	a.l.node("Pad", a.out(), in, attrString("mode", mode))
}

// maxChannels bounds what is allocated because a shape says so.
const maxChannels = 1 << 20

// gammaBeta are the scale and shift of a normalisation over n channels, 1 and 0 where they are missing.
func (a *args) gammaBeta(n int64) (gamma, beta string) {
	if n < 1 || n > maxChannels {
		a.fail("the number of channels is not known or too large")
		return "", ""
	}
	if a.has("gamma") {
		gamma = a.value("gamma")
	} else {
		gamma = a.l.floats([]int64{n}, ones(int(n), 1))
	}
	if a.has("beta") {
		beta = a.value("beta")
	} else {
		beta = a.l.floats([]int64{n}, ones(int(n), 0))
	}
	return gamma, beta
}

func (a *args) instanceNorm() {
	if a.rank("x") < 3 {
		a.fail("an instance normalisation of rank %d", a.rank("x"))
		return
	}
	g, b := a.gammaBeta(a.dims("x")[1])
	a.l.node("InstanceNormalization", a.out(), []string{a.value("x"), g, b}, attrFloat("epsilon", a.float("epsilon", 1e-5)))
}

func (a *args) batchNorm() {
	g, b := a.gammaBeta(a.known("mean").Len())
	in := []string{a.value("x"), g, b, a.value("mean"), a.value("variance")}
	a.l.node("BatchNormalization", a.out(), in, attrFloat("epsilon", a.float("epsilon", 1e-5)))
}

// layerNorm lowers a normalisation over any axes to its parts: ONNX's own takes trailing axes alone, and ONNX Runtime fuses the parts where it can.
func (a *args) layerNorm() {
	r := a.rank("x")
	axes := slices.Clone(a.ints("axes", sequence(r)))
	for i := range axes {
		if axes[i] < 0 {
			axes[i] += int64(r)
		}
		if axes[i] < 0 || axes[i] >= int64(r) {
			a.fail("the axis %d of rank %d", axes[i], r)
			return
		}
	}
	slices.Sort(axes)
	x, list := a.value("x"), a.l.list(axes...)
	mean := func(v string) string { return a.l.node("ReduceMean", "", []string{v, list}, attrInt("keepdims", 1)) }
	centred := a.l.node("Sub", "", []string{x, mean(x)})
	variance := mean(a.l.node("Mul", "", []string{centred, centred}))
	root := a.l.node("Sqrt", "", []string{a.l.node("Add", "", []string{variance, a.l.scalar(a.float("epsilon", 1e-5))})})
	y := a.l.node("Div", "", []string{centred, root})
	shape := repeat(r, 1)
	for i, k := range axes {
		for _, key := range []string{"gamma", "beta"} {
			if c := a.constant(key); c != nil && i < len(c.Shape) {
				shape[k] = c.Shape[i]
			}
		}
	}
	if a.has("gamma") {
		y = a.l.node("Mul", "", []string{y, a.l.floats(shape, a.known("gamma").Float32s())})
	}
	if a.has("beta") {
		y = a.l.node("Add", "", []string{y, a.l.floats(shape, a.known("beta").Float32s())})
	}
	a.l.node("Identity", a.out(), []string{y})
}

// l2Norm divides by the root of the sum of squares over the last three axes.
func (a *args) l2Norm() {
	x := a.value("x")
	sum := a.l.node("ReduceSumSquare", "", []string{x, a.l.list(-3, -2, -1)}, attrInt("keepdims", 1))
	root := a.l.node("Sqrt", "", []string{a.l.node("Add", "", []string{sum, a.l.scalar(a.float("epsilon", 1e-6))})})
	a.l.node("Div", a.out(), []string{x, root})
}

func (a *args) localResponseNorm() {
	attrs := []*onnxpb.AttributeProto{attrFloat("alpha", a.float("alpha", 1e-4)), attrFloat("beta", a.float("beta", 0.75)), attrFloat("bias", a.float("k", 1)), attrInt("size", a.int("size", 1))}
	a.l.node("LRN", a.out(), a.x(), attrs...)
}

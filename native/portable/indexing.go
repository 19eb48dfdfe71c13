package portable

import (
	"slices"

	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

func (a *args) gather() {
	batch, axis := a.int("batch_dims", 0), a.positive([]int64{a.int("axis", 0)})[0]
	if batch == 0 {
		a.l.node("Gather", a.out(), []string{a.value("x"), a.value("indices")}, attrInt("axis", axis))
		return
	}
	r, n := int64(a.rank("x")), int64(a.rank("indices"))
	if batch < 0 || batch > axis || batch > n || axis >= r {
		a.fail("batch_dims %d with the axis %d of rank %d", batch, axis, r)
		return
	}
	// The axis is brought behind the batch, gathered, and what was between them is brought back before the indices' own axes.
	x, perm := a.value("x"), sequence(int(r))
	copy(perm[batch+1:axis+1], sequence(int(r))[batch:axis])
	perm[batch] = axis
	deep := a.l.node("Unsqueeze", "", []string{a.value("indices"), a.l.list(-1)})
	got := a.l.node("GatherND", "", []string{a.l.turned(x, perm...), deep}, attrInt("batch_dims", batch))
	back := make([]int64, 0, r)
	back = append(back, sequence(int(batch))...)
	for i := n; i < n+axis-batch; i++ {
		back = append(back, i)
	}
	for i := batch; i < n; i++ {
		back = append(back, i)
	}
	for i := n + axis - batch; i < r+n-batch-1; i++ {
		back = append(back, i)
	}
	a.l.node("Transpose", a.out(), []string{got}, attrInts("perm", back))
}

func (a *args) gatherAlongAxis() {
	a.l.node("GatherElements", a.out(), []string{a.value("x"), a.value("indices")}, attrInt("axis", a.int("axis", 0)))
}

func (a *args) gatherND() {
	a.l.node("GatherND", a.out(), []string{a.value("x"), a.value("indices")}, attrInt("batch_dims", a.int("batch_dims", 0)))
}

// reduction is how a scatter joins updates with the data, and the updates for it: ONNX subtracts and divides by adding and multiplying.
func (a *args) reduction() (updates string, mode *onnxpb.AttributeProto) {
	updates = a.value("updates")
	name := a.string("mode", "add")
	switch name {
	case "update":
		name = "none"
	case "add", "mul", "max", "min":
	case "sub":
		name, updates = "add", a.l.node("Neg", "", []string{updates})
	case "div":
		if !a.isFloat("updates") {
			a.fail("integers are divided")
		}
		name, updates = "mul", a.l.node("Reciprocal", "", []string{updates})
	default:
		a.fail("the mode %q is not known", name)
	}
	return updates, attrString("reduction", name)
}

func (a *args) scatter() {
	r, n := a.rank("data"), a.rank("indices")
	axis := a.int("axis", 0)
	if axis < 0 {
		axis += int64(r)
	}
	if n != 1 || axis < 0 || axis >= int64(r) {
		a.fail("indices of rank %d and the axis %d of rank %d", n, axis, r)
		return
	}
	updates, mode := a.reduction()
	shape := repeat(r, 1)
	shape[axis] = -1
	indices := a.l.node("Reshape", "", []string{a.value("indices"), a.l.list(shape...)})
	wide := a.l.node("Expand", "", []string{indices, a.l.node("Shape", "", []string{updates})})
	a.l.node("ScatterElements", a.out(), []string{a.value("data"), wide, updates}, attrInt("axis", axis), mode)
}

func (a *args) scatterAlongAxis() {
	updates, mode := a.reduction()
	a.l.node("ScatterElements", a.out(), []string{a.value("data"), a.value("indices"), updates}, attrInt("axis", a.int("axis", 0)), mode)
}

func (a *args) scatterND() {
	updates, mode := a.reduction()
	a.l.node("ScatterND", a.out(), []string{a.value("data"), a.value("indices"), updates}, mode)
}

// bounds are a slice of all axes as ONNX values.
type bounds struct {
	begin, end, axes, steps string
	squeezed                []int64
}

// slice reads begin, end, stride and the masks of slice_by_index and slice_update.
func (a *args) slice() (b bounds, ok bool) {
	r := a.rank("x")
	steps := slices.Clone(a.ints("stride", repeat(r, 1)))
	beginMask, endMask, squeezeMask := a.ints("begin_mask", repeat(r, 0)), a.ints("end_mask", repeat(r, 0)), a.ints("squeeze_mask", repeat(r, 0))
	for _, v := range [][]int64{steps, beginMask, endMask, squeezeMask} {
		if len(v) != r {
			a.fail("an argument has %d values for rank %d", len(v), r)
			return b, false
		}
	}
	for i := range r {
		if squeezeMask[i] != 0 {
			b.squeezed = append(b.squeezed, int64(i))
			steps[i] = 1
		}
	}
	b.axes, b.steps = a.l.list(sequence(r)...), a.l.list(steps...)
	if !a.isKnown("begin") || !a.isKnown("end") {
		a.computedBounds(&b, steps, beginMask, endMask, squeezeMask)
		return b, true
	}
	begin, end := slices.Clone(a.known("begin").Ints()), slices.Clone(a.known("end").Ints())
	if len(begin) != r || len(end) != r {
		a.fail("an argument has %d values for rank %d", min(len(begin), len(end)), r)
		return b, false
	}
	for i := range r {
		if beginMask[i] != 0 {
			begin[i] = 0
			if steps[i] < 0 {
				begin[i] = endOfAxis
			}
		}
		switch {
		case squeezeMask[i] != 0:
			if end[i] = begin[i] + 1; end[i] == 0 {
				end[i] = endOfAxis
			}
		case endMask[i] != 0:
			end[i] = endOfAxis
			if steps[i] < 0 {
				end[i] = -endOfAxis
			}
		}
	}
	b.begin, b.end = a.l.list(begin...), a.l.list(end...)
	return b, true
}

// computedBounds applies the masks to bounds that the program computes.
func (a *args) computedBounds(b *bounds, steps, beginMask, endMask, squeezeMask []int64) {
	r := len(steps)
	first, last, one := repeat(r, 0), repeat(r, endOfAxis), repeat(r, 1)
	for i, s := range steps {
		if s < 0 {
			first[i], last[i] = endOfAxis, -endOfAxis
		}
	}
	b.begin = a.l.node("Where", "", []string{a.l.bools(beginMask), a.l.list(first...), a.value("begin")})
	b.end = a.value("end")
	if len(b.squeezed) > 0 {
		next := a.l.node("Add", "", []string{b.begin, a.l.list(one...)})
		past := a.l.node("Equal", "", []string{next, a.l.list(repeat(r, 0)...)})
		next = a.l.node("Where", "", []string{past, a.l.list(repeat(r, endOfAxis)...), next})
		b.end = a.l.node("Where", "", []string{a.l.bools(squeezeMask), next, b.end})
	}
	mask := slices.Clone(endMask)
	for _, i := range b.squeezed {
		mask[i] = 0
	}
	b.end = a.l.node("Where", "", []string{a.l.bools(mask), a.l.list(last...), b.end})
}

func (a *args) sliceByIndex() {
	b, ok := a.slice()
	if !ok {
		return
	}
	in := []string{a.value("x"), b.begin, b.end, b.axes, b.steps}
	if len(b.squeezed) == 0 {
		a.l.node("Slice", a.out(), in)
		return
	}
	a.l.node("Squeeze", a.out(), []string{a.l.node("Slice", "", in), a.l.list(b.squeezed...)})
}

// sliceUpdate numbers x's elements, takes the slice of the numbers, and scatters the update to them.
func (a *args) sliceUpdate() {
	b, ok := a.slice()
	if !ok {
		return
	}
	x := a.value("x")
	shape := a.l.node("Shape", "", []string{x})
	size := a.l.node("Size", "", []string{x})
	numbers := a.l.node("Reshape", "", []string{a.l.node("Range", "", []string{a.l.ints(nil, []int64{0}), size, a.l.ints(nil, []int64{1})}), shape})
	at := a.l.node("Reshape", "", []string{a.l.node("Slice", "", []string{numbers, b.begin, b.end, b.axes, b.steps}), a.l.list(-1)})
	flat := a.l.node("Reshape", "", []string{x, a.l.list(-1)})
	update := a.l.node("Reshape", "", []string{a.value("update"), a.l.list(-1)})
	a.l.node("Reshape", a.out(), []string{a.l.node("ScatterElements", "", []string{flat, at, update}, attrInt("axis", 0)), shape})
}

func (a *args) sliceBySize() {
	r := a.rank("x")
	if !a.isKnown("begin") || !a.isKnown("size") {
		begin, size := a.value("begin"), a.value("size")
		rest := a.l.node("Less", "", []string{size, a.l.list(repeat(r, 0)...)})
		end := a.l.node("Where", "", []string{rest, a.l.list(repeat(r, endOfAxis)...), a.l.node("Add", "", []string{begin, size})})
		a.l.node("Slice", a.out(), []string{a.value("x"), begin, end, a.l.list(sequence(r)...)})
		return
	}
	begin, size := a.known("begin").Ints(), a.known("size").Ints()
	if len(begin) != r || len(size) != r {
		a.fail("begin and size do not have rank %d", r)
		return
	}
	end := make([]int64, r)
	for i := range end {
		end[i] = begin[i] + size[i]
		if size[i] < 0 || (begin[i] < 0 && end[i] >= 0) {
			end[i] = endOfAxis
		}
	}
	a.l.node("Slice", a.out(), []string{a.value("x"), a.l.list(begin...), a.l.list(end...), a.l.list(sequence(r)...)})
}

// slidingWindows gathers rows of indices, one a window.
func (a *args) slidingWindows() {
	d, axis := a.dims("x"), a.positive([]int64{a.int("axis", 0)})[0]
	size, stride := a.int("size", 1), a.int("stride", 1)
	if axis < 0 || axis >= int64(len(d)) || size < 1 || stride < 1 || d[axis] < size || d[axis] > maxChannels || size > maxChannels/d[axis] {
		a.fail("windows of %d with a stride of %d along the axis %d of %v", size, stride, axis, d)
		return
	}
	n := (d[axis]-size)/stride + 1
	rows := make([]int64, 0, n*size)
	for i := range n {
		for k := range size {
			rows = append(rows, i*stride+k)
		}
	}
	a.l.node("Gather", a.out(), []string{a.value("x"), a.l.ints([]int64{n, size}, rows)}, attrInt("axis", axis))
}

func (a *args) reverse() {
	r := a.rank("x")
	axes := a.ints("axes", sequence(r))
	n := len(axes)
	in := []string{a.value("x"), a.l.list(repeat(n, endOfAxis)...), a.l.list(repeat(n, -endOfAxis)...), a.l.list(axes...), a.l.list(repeat(n, -1)...)}
	a.l.node("Slice", a.out(), in)
}

func (a *args) reverseSequence() {
	axes := a.positive([]int64{a.int("seq_axis", 0), a.int("batch_axis", 0)})
	seq, batch, r := axes[0], axes[1], int64(a.rank("x"))
	if seq == batch || min(seq, batch) < 0 || max(seq, batch) >= r {
		a.fail("the axes %d and %d of rank %d", seq, batch, r)
		return
	}
	perm := []int64{batch, seq}
	for i := range r {
		if i != seq && i != batch {
			perm = append(perm, i)
		}
	}
	back := make([]int64, r)
	for i, p := range perm {
		back[p] = int64(i)
	}
	done := a.l.node("ReverseSequence", "", []string{a.l.turned(a.value("x"), perm...), a.value("lengths")}, attrInt("batch_axis", 0), attrInt("time_axis", 1))
	a.l.node("Transpose", a.out(), []string{done}, attrInts("perm", back))
}

func (a *args) crop() {
	h, w := a.known("crop_height").Ints(), a.known("crop_width").Ints()
	if len(h) != 2 || len(w) != 2 || min(h[0], h[1], w[0], w[1]) < 0 {
		a.fail("crop_height and crop_width are %v and %v", h, w)
		return
	}
	end := func(n int64) int64 {
		if n == 0 {
			return endOfAxis
		}
		return -n
	}
	a.l.node("Slice", a.out(), []string{a.value("x"), a.l.list(h[0], w[0]), a.l.list(end(h[1]), end(w[1])), a.l.list(-2, -1)})
}

func (a *args) bandPart() {
	v := a.value("x")
	if lower := a.int("lower", -1); lower >= 0 {
		v = a.l.node("Trilu", "", []string{v, a.l.ints(nil, []int64{-lower})}, attrInt("upper", 1))
	}
	if upper := a.int("upper", -1); upper >= 0 {
		v = a.l.node("Trilu", "", []string{v, a.l.ints(nil, []int64{upper})}, attrInt("upper", 0))
	}
	a.l.node("Identity", a.out(), []string{v})
}

func (a *args) fill() {
	if a.isKnown("shape") {
		if err := bounded(a.known("shape").Ints()); err != nil {
			a.fail("%w", err)
			return
		}
	}
	a.l.node("Expand", a.out(), []string{a.optional("value", a.l.scalar(0)), a.value("shape")})
}

func (a *args) fillLike() {
	a.l.node("Expand", a.out(), []string{a.optional("value", a.l.scalar(0)), a.l.node("Shape", "", []string{a.value("ref_tensor")})})
}

func (a *args) range1d() {
	if a.isKnown("start") && a.isKnown("end") && a.isKnown("step") {
		if n := (a.float("end", 0) - a.float("start", 0)) / a.float("step", 1); !(n <= maxFolded) { // also where it is no number
			a.fail("a range of %v numbers", n)
			return
		}
	}
	var in []string
	for _, key := range []string{"start", "end", "step"} {
		in = append(in, a.l.node("Reshape", "", []string{a.value(key), a.l.list()}))
	}
	a.l.node("Range", a.out(), in)
}

func (a *args) oneHot() {
	on, off := a.optional("on_value", a.l.ints(nil, []int64{1})), a.optional("off_value", a.l.ints(nil, []int64{0}))
	if !a.has("on_value") && a.has("off_value") && a.isFloat("off_value") {
		on = a.l.scalar(1)
	}
	if !a.has("off_value") && a.has("on_value") && a.isFloat("on_value") {
		off = a.l.scalar(0)
	}
	one := a.l.list(1)
	values := a.l.node("Concat", "", []string{a.l.node("Reshape", "", []string{off, one}), a.l.node("Reshape", "", []string{on, one})}, attrInt("axis", 0))
	depth := a.l.node("Reshape", "", []string{a.value("one_hot_vector_size"), one})
	a.l.node("OneHot", a.out(), []string{a.value("indices"), depth, values}, attrInt("axis", a.int("axis", -1)))
}

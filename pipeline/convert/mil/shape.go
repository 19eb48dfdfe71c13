package mil

import (
	"slices"

	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// Reshape gives x another shape; one dimension may be -1, which is what is left.
func (b *Builder) Reshape(x *Value, shape ...int) *Value {
	shape = slices.Clone(shape)
	n, open := 1, -1
	for i, d := range shape {
		if d == -1 {
			if open >= 0 {
				Fail("the shape %v has two open dimensions", shape)
			}
			open = i
			continue
		}
		n *= d
	}
	if open >= 0 {
		if n == 0 || x.Len()%n != 0 {
			Fail("the shape %v cannot become %v", x.Shape, shape)
		}
		shape[open] = x.Len() / n
		n *= shape[open]
	}
	if n != x.Len() {
		Fail("the shape %v cannot become %v", x.Shape, shape)
	}
	switch {
	case slices.Equal(shape, x.Shape):
		return x
	case x.host != nil:
		return constant(&array{x.Kind, shape, x.host.data})
	case x.tensor != nil:
		return &Value{Kind: x.Kind, Shape: shape, name: x.name, tensor: x.tensor.Reshaped(shape...)}
	case x.node != nil && x.node.op == "reshape":
		return b.Reshape(x.node.args[0].values[0], shape...)
	}
	return b.add("reshape", x.Kind, shape, in("x", x), in("shape", b.Ints(shape...)))
}

// Flatten joins the dimensions from axis on, and those before it.
func (b *Builder) Flatten(x *Value, axis int) *Value {
	if axis < 0 {
		axis += x.Rank()
	}
	return b.Reshape(x, product(x.Shape[:axis]), product(x.Shape[axis:]))
}

// Unsqueeze adds dimensions of 1 at the given places of the result.
func (b *Builder) Unsqueeze(x *Value, axes ...int) *Value {
	axes = Axes(axes, x.Rank()+len(axes))
	shape := slices.Clone(x.Shape)
	for _, a := range axes {
		shape = slices.Insert(shape, a, 1)
	}
	if x.IsConst() {
		return b.Reshape(x, shape...)
	}
	return b.add("expand_dims", x.Kind, shape, in("x", x), in("axes", b.Ints(axes...)))
}

// Squeeze removes dimensions of 1; all of them if none is named.
func (b *Builder) Squeeze(x *Value, axes ...int) *Value {
	if len(axes) == 0 {
		for i, d := range x.Shape {
			if d == 1 {
				axes = append(axes, i)
			}
		}
	}
	axes = Axes(axes, x.Rank())
	var shape []int
	for i, d := range x.Shape {
		if !slices.Contains(axes, i) {
			shape = append(shape, d)
		} else if d != 1 {
			Fail("the axis %d of the shape %v is not 1", i, x.Shape)
		}
	}
	switch {
	case len(axes) == 0:
		return x
	case x.IsConst():
		return b.Reshape(x, shape...)
	}
	return b.add("squeeze", x.Kind, shape, in("x", x), in("axes", b.Ints(axes...)))
}

// Transpose puts the axes in another order.
func (b *Builder) Transpose(x *Value, perm ...int) *Value {
	perm = slices.Clone(perm)
	shape, step, own := make([]int, len(perm)), make([]int, len(perm)), strides(x.Shape)
	if len(perm) != x.Rank() || len(Axes(perm, x.Rank())) != len(perm) {
		Fail("the axes of %v cannot be put in the order %v", x.Shape, perm)
	}
	for i := range perm {
		perm[i] = Axis(perm[i], x.Rank())
		shape[i], step[i] = x.Shape[perm[i]], own[perm[i]]
	}
	switch {
	case slices.IsSorted(perm):
		return x
	case b.Folds(x):
		return constant(load(x).pick(shape, step, 0))
	case x.tensor != nil && x.Kind == Float:
		t := x.tensor
		return b.Weight(source.Computed(t.Name, shape, func() ([]float32, error) {
			v, err := t.Floats()
			if err != nil {
				return nil, err
			}
			out := make([]float32, 0, len(v))
			visit(shape, step, 0, func(at int) { out = append(out, v[at]) })
			return out, nil
		}))
	case x.node != nil && x.node.op == "transpose":
		inner, before := x.node.args[0].values[0], b.KnownInts(x.node.args[1].values[0])
		for i := range perm {
			perm[i] = before[perm[i]]
		}
		return b.Transpose(inner, perm...)
	}
	return b.add("transpose", x.Kind, shape, in("x", x), in("perm", b.Ints(perm...)))
}

// Expand repeats x to a shape, by the rules of broadcasting.
func (b *Builder) Expand(x *Value, shape []int) *Value {
	if slices.Equal(x.Shape, shape) {
		return x
	}
	if !slices.Equal(Broadcast(x.Shape, shape), shape) {
		Fail("the shape %v cannot be repeated to %v", x.Shape, shape)
	}
	if b.Folds(x) && product(shape) <= maxFold {
		return constant(load(x).broadcast(shape))
	}
	full := slices.Concat(slices.Repeat([]int{1}, len(shape)-x.Rank()), x.Shape)
	reps := make([]int, len(shape))
	for i := range reps {
		reps[i] = shape[i] / full[i]
	}
	return b.Tile(b.Reshape(x, full...), reps...)
}

// Tile repeats x along each axis.
func (b *Builder) Tile(x *Value, reps ...int) *Value {
	if len(reps) > x.Rank() {
		x = b.Reshape(x, slices.Concat(slices.Repeat([]int{1}, len(reps)-x.Rank()), x.Shape)...)
	}
	shape := slices.Clone(x.Shape)
	for i := range shape {
		shape[i] *= reps[i]
	}
	if slices.Equal(shape, x.Shape) {
		return x
	}
	if b.Folds(x) && product(shape) <= maxFold {
		a := load(x)
		out, own := &array{a.kind, shape, make([]float64, 0, product(shape))}, strides(a.shape)
		place := make([]int, len(shape))
		for range product(shape) {
			at := 0
			for i, p := range place {
				at += p % a.shape[i] * own[i]
			}
			out.data = append(out.data, a.data[at])
			for i := len(place) - 1; i >= 0; i-- {
				if place[i]++; place[i] < shape[i] {
					break
				}
				place[i] = 0
			}
		}
		return constant(out)
	}
	return b.add("tile", x.Kind, shape, in("x", x), in("reps", b.Ints(reps...)))
}

// Concat joins values along an axis.
func (b *Builder) Concat(axis int, values ...*Value) *Value {
	if len(values) == 0 {
		Fail("nothing to join")
	}
	axis = Axis(axis, values[0].Rank())
	shape := slices.Clone(values[0].Shape)
	kind := values[0].Kind
	for _, v := range values[1:] {
		if v.Rank() != len(shape) {
			Fail("the shapes %v and %v cannot be joined", shape, v.Shape)
		}
		for i, d := range v.Shape {
			if i != axis && d != shape[i] {
				Fail("the shapes %v and %v cannot be joined along the axis %d", values[0].Shape, v.Shape, axis)
			}
		}
		shape[axis] += v.Shape[axis]
		if v.Kind == Float {
			kind = Float
		}
	}
	values = slices.Clone(values)
	for i, v := range values {
		values[i] = b.Cast(v, kind)
	}
	values = slices.DeleteFunc(values, func(v *Value) bool { return v.Shape[axis] == 0 })
	if len(values) == 1 {
		return values[0]
	}
	if b.folds(values...) && product(shape) <= maxFold {
		out := &array{kind, shape, make([]float64, 0, product(shape))}
		outer := product(shape[:axis])
		for o := range outer {
			for _, v := range values {
				n := product(v.Shape[axis:])
				out.data = append(out.data, load(v).data[o*n:(o+1)*n]...)
			}
		}
		return constant(out)
	}
	return b.add("concat", kind, shape, in("values", values...), in("axis", b.Int(axis)), in("interleave", boolean(false)))
}

// Stack joins values along a new axis.
func (b *Builder) Stack(axis int, values ...*Value) *Value {
	parts := make([]*Value, len(values))
	for i, v := range values {
		parts[i] = b.Unsqueeze(v, axis)
	}
	return b.Concat(axis, parts...)
}

// Slice takes elements begin to end of an axis, every step-th; a negative begin or end counts from the axis' end.
func (b *Builder) Slice(x *Value, axis, begin, end, step int) *Value {
	axis = Axis(axis, x.Rank())
	n := x.Shape[axis]
	if step < 1 {
		return b.backwards(x, axis, begin, end, step)
	}
	begin, end = bound(begin, n, 0, n), bound(end, n, 0, n)
	size := max(0, (end-begin+step-1)/step)
	if begin == 0 && end == n && step == 1 {
		return x
	}
	shape := slices.Clone(x.Shape)
	shape[axis] = size
	if b.Folds(x) {
		own := strides(x.Shape)
		start := begin * own[axis]
		own[axis] *= step
		return constant(load(x).pick(shape, own, start))
	}
	r := x.Rank()
	from, to, steps := make([]int, r), slices.Clone(x.Shape), slices.Repeat([]int{1}, r)
	from[axis], to[axis], steps[axis] = begin, end, step
	mask := &array{Bool, []int{r}, slices.Repeat([]float64{1}, r)}
	mask.data[axis] = 0
	endMask := &array{Bool, []int{r}, slices.Clone(mask.data)}
	endMask.data[axis] = flag(end == n)
	return b.add("slice_by_index", x.Kind, shape, in("x", x), in("begin", b.Ints(from...)), in("end", b.Ints(to...)), in("stride", b.Ints(steps...)),
		in("begin_mask", constant(mask)), in("end_mask", constant(endMask)))
}

// backwards slices with a negative step.
func (b *Builder) backwards(x *Value, axis, begin, end, step int) *Value {
	if step == 0 {
		Fail("a slice with a step of 0")
	}
	n := x.Shape[axis]
	begin, end = bound(begin, n, -1, n-1), bound(end, n, -1, n-1)
	Bounded((begin - end) / -step)
	var at []int
	for i := begin; i > end; i += step {
		at = append(at, i)
	}
	return b.Gather(x, b.Ints(at...), axis)
}

func bound(i, n, lo, hi int) int {
	if i < 0 {
		i += n
	}
	return min(max(i, lo), hi)
}

// Split cuts x along an axis into parts of the given sizes.
func (b *Builder) Split(x *Value, axis int, sizes ...int) []*Value {
	axis = Axis(axis, x.Rank())
	var shapes [][]int
	sum := 0
	for _, s := range sizes {
		shape := slices.Clone(x.Shape)
		shape[axis] = s
		shapes = append(shapes, shape)
		sum += s
	}
	if sum != x.Shape[axis] {
		Fail("the axis %d of %v cannot be cut into %v", axis, x.Shape, sizes)
	}
	if len(sizes) == 1 {
		return []*Value{x}
	}
	if b.Folds(x) {
		var out []*Value
		at := 0
		for _, s := range sizes {
			out = append(out, b.Slice(x, axis, at, at+s, 1))
			at += s
		}
		return out
	}
	return b.addSeveral("split", x.Kind, shapes, in("x", x), in("split_sizes", b.Ints(sizes...)), in("axis", b.Int(axis)))
}

// Gather takes the given places of an axis; indices' shape takes the axis' place.
func (b *Builder) Gather(x, indices *Value, axis int) *Value {
	axis = Axis(axis, x.Rank())
	shape := slices.Concat(x.Shape[:axis], indices.Shape, x.Shape[axis+1:])
	n := x.Shape[axis]
	if b.Folds(indices) {
		at := slices.Clone(b.KnownInts(indices))
		for i := range at {
			at[i] = Axis(at[i], n)
		}
		if b.Folds(x) && product(shape) <= maxFold {
			return constant(gather(load(x), shape, at, axis))
		}
		if run, ok := b.asSlice(x, at, axis); ok {
			return b.Reshape(run, shape...)
		}
		ids := &array{Int, indices.Shape, make([]float64, len(at))}
		for i, v := range at {
			ids.data[i] = float64(v)
		}
		indices = constant(ids)
	}
	if len(shape) == 0 {
		return b.Squeeze(b.Gather(x, b.Reshape(indices, 1), axis)) // programs give no scalars
	}
	return b.add("gather", x.Kind, shape, in("x", x), in("indices", indices), in("axis", b.Int(axis)))
}

// asSlice tells whether the places follow one another.
func (b *Builder) asSlice(x *Value, at []int, axis int) (*Value, bool) {
	for i := 1; i < len(at); i++ {
		if at[i] != at[i-1]+1 {
			return nil, false
		}
	}
	if len(at) == 0 {
		return nil, false
	}
	return b.Slice(x, axis, at[0], at[len(at)-1]+1, 1), true
}

func gather(a *array, shape, at []int, axis int) *array {
	out := &array{a.kind, shape, make([]float64, 0, product(shape))}
	inner, n := product(a.shape[axis+1:]), a.shape[axis]
	for o := range product(a.shape[:axis]) {
		for _, i := range at {
			start := (o*n + i) * inner
			out.data = append(out.data, a.data[start:start+inner]...)
		}
	}
	return out
}

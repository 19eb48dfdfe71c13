package mil

import "slices"

// GatherAlong takes, for each element of indices, the element of x at that place of the axis and its own places of the others.
func (b *Builder) GatherAlong(x, indices *Value, axis int) *Value {
	axis = Axis(axis, x.Rank())
	if x.Rank() != indices.Rank() {
		Fail("places of shape %v for %v", indices.Shape, x.Shape)
	}
	for i, d := range indices.Shape {
		if i != axis && d < x.Shape[i] {
			x = b.Slice(x, i, 0, d, 1)
		}
	}
	n := x.Shape[axis]
	indices = b.Cast(indices, Int)
	indices = b.Where(b.Binary("less", indices, b.Int(0)), b.Add(indices, b.Int(n)), indices)
	return b.add("gather_along_axis", x.Kind, indices.Shape, in("x", x), in("indices", indices), in("axis", b.Int(axis)))
}

// TopK gives the k greatest elements along an axis, or the least, in order, and their places.
func (b *Builder) TopK(x *Value, k, axis int, least bool) (values, places *Value) {
	axis = Axis(axis, x.Rank())
	shape := slices.Clone(x.Shape)
	if k < 1 || k > shape[axis] {
		Fail("%d of %d elements", k, shape[axis])
	}
	shape[axis] = k
	out := b.addSeveral("topk", x.Kind, [][]int{shape, shape}, in("x", x), in("k", b.Int(k)), in("axis", b.Int(axis)), in("ascending", boolean(least)))
	out[1].Kind = Int
	return out[0], out[1]
}

// GridSample samples x (N,C,H,W) at places (N,h,w,2) of -1 to 1, as x and y. mode is bilinear or nearest, padding constant, border or reflection.
func (b *Builder) GridSample(x, grid *Value, mode, padding string, alignCorners bool) *Value {
	if x.Rank() != 4 || grid.Rank() != 4 || grid.Shape[3] != 2 || grid.Shape[0] != x.Shape[0] {
		Fail("a picture of %v sampled at %v", x.Shape, grid.Shape)
	}
	shape := []int{x.Shape[0], x.Shape[1], grid.Shape[1], grid.Shape[2]}
	return b.add("resample", Float, shape, in("x", x), in("coordinates", grid), in("sampling_mode", text(mode)), in("padding_mode", text(padding)),
		in("padding_value", b.Scalar(0)), in("coordinates_mode", text("normalized_minus_one_to_one")), in("align_corners", boolean(alignCorners)))
}

package portable

import (
	"slices"
)

func (a *args) reshape() {
	a.l.node("Reshape", a.out(), []string{a.value("x"), a.value("shape")})
}

func (a *args) transpose() {
	a.l.node("Transpose", a.out(), a.x(), attrInts("perm", a.positive(a.known("perm").Ints)))
}

// positive counts negative axes of x from the front.
func (a *args) positive(axes []int64) []int64 {
	out := slices.Clone(axes)
	for i := range out {
		if out[i] < 0 {
			out[i] += int64(a.rank("x"))
		}
	}
	return out
}

func (a *args) concat() {
	if a.flag("interleave") {
		a.fail("interleaved concatenation")
		return
	}
	a.l.node("Concat", a.out(), a.values("values"), attrInt("axis", a.int("axis", 0)))
}

func (a *args) stack() {
	axis := a.int("axis", 0)
	var parts []string
	for _, v := range a.values("values") {
		parts = append(parts, a.l.node("Unsqueeze", "", []string{v, a.l.list(axis)}))
	}
	a.l.node("Concat", a.out(), parts, attrInt("axis", axis))
}

func (a *args) split() {
	in, axis := a.x(), attrInt("axis", a.int("axis", 0))
	if sizes := a.ints("split_sizes", nil); len(sizes) > 0 {
		a.l.nodes("Split", a.outs(), append(in, a.l.list(sizes...)), axis)
		return
	}
	a.l.nodes("Split", a.outs(), in, axis, attrInt("num_outputs", int64(len(a.outs()))))
}

func (a *args) tile() { a.l.node("Tile", a.out(), []string{a.value("x"), a.value("reps")}) }

func (a *args) gather() {
	if a.int("batch_dims", 0) != 0 {
		a.fail("batch_dims")
		return
	}
	a.l.node("Gather", a.out(), []string{a.value("x"), a.value("indices")}, attrInt("axis", a.int("axis", 0)))
}

func (a *args) expandDims() {
	a.l.node("Unsqueeze", a.out(), []string{a.value("x"), a.l.list(a.known("axes").Ints...)})
}

func (a *args) squeeze() {
	in := a.x()
	if axes := a.ints("axes", nil); len(axes) > 0 {
		in = append(in, a.l.list(axes...))
	}
	a.l.node("Squeeze", a.out(), in)
}

func (a *args) sliceByIndex() {
	r := a.rank("x")
	begin, end := slices.Clone(a.known("begin").Ints), slices.Clone(a.known("end").Ints)
	steps := slices.Clone(a.ints("stride", repeat(r, 1)))
	beginMask, endMask, squeezeMask := a.ints("begin_mask", repeat(r, 0)), a.ints("end_mask", repeat(r, 0)), a.ints("squeeze_mask", repeat(r, 0))
	for _, v := range [][]int64{begin, end, steps, beginMask, endMask, squeezeMask} {
		if len(v) != r {
			a.fail("an argument has %d values for rank %d", len(v), r)
			return
		}
	}
	var squeezed []int64
	for i := range r {
		if beginMask[i] != 0 {
			begin[i] = 0
			if steps[i] < 0 && squeezeMask[i] == 0 {
				begin[i] = endOfAxis
			}
		}
		switch {
		case squeezeMask[i] != 0:
			squeezed = append(squeezed, int64(i))
			if end[i], steps[i] = begin[i]+1, 1; end[i] == 0 {
				end[i] = endOfAxis
			}
		case endMask[i] != 0:
			end[i] = endOfAxis
			if steps[i] < 0 {
				end[i] = -endOfAxis
			}
		}
	}
	in := []string{a.value("x"), a.l.list(begin...), a.l.list(end...), a.l.list(sequence(r)...), a.l.list(steps...)}
	if len(squeezed) == 0 {
		a.l.node("Slice", a.out(), in)
		return
	}
	a.l.node("Squeeze", a.out(), []string{a.l.node("Slice", "", in), a.l.list(squeezed...)})
}

func (a *args) sliceBySize() {
	begin, size := a.known("begin").Ints, a.known("size").Ints
	r := a.rank("x")
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

// scales are the factors of an upsampling of x (...,H,W).
func (a *args) scales() []string {
	r := a.rank("x")
	if r < 2 {
		a.fail("an upsampling of rank %d", r)
		return nil
	}
	factors := ones(r, 1)
	factors[r-2], factors[r-1] = a.float("scale_factor_height", 1), a.float("scale_factor_width", 1)
	return []string{a.value("x"), "", a.l.floats([]int64{int64(r)}, factors)}
}

func (a *args) upsampleNearest() {
	a.l.node("Resize", a.out(), a.scales(), attrString("mode", "nearest"),
		attrString("coordinate_transformation_mode", "asymmetric"), attrString("nearest_mode", "floor"))
}

func (a *args) upsampleBilinear() {
	coordinates := "half_pixel"
	if a.int("align_corners", 1) != 0 {
		coordinates = "align_corners"
	} else if a.int("half_pixel_centers", 1) == 0 {
		coordinates = "asymmetric"
	}
	a.l.node("Resize", a.out(), a.scales(), attrString("mode", "linear"), attrString("coordinate_transformation_mode", coordinates))
}

func (a *args) pixelShuffle() {
	a.l.node("DepthToSpace", a.out(), a.x(), attrInt("blocksize", a.int("upscale_factor", 1)), attrString("mode", "CRD"))
}

func (a *args) depthToSpace() {
	a.l.node("DepthToSpace", a.out(), a.x(), attrInt("blocksize", a.int("block_size", 1)), attrString("mode", "DCR"))
}

func (a *args) spaceToDepth() {
	a.l.node("SpaceToDepth", a.out(), a.x(), attrInt("blocksize", a.int("block_size", 1)))
}

// maxBlock bounds the factor of pixelUnshuffle.
const maxBlock = 64

// pixelUnshuffle is pixelShuffle undone: channel-major, where ONNX's SpaceToDepth is block-major.
func (a *args) pixelUnshuffle() {
	d, k := a.dims("x"), a.int("downscale_factor", 1)
	if len(d) != 4 || k < 1 || k > maxBlock || d[1] < 1 || d[1] > maxChannels/(k*k) {
		a.fail("x must be of rank 4 with known channels, and the factor at most %d", maxBlock)
		return
	}
	blocks := a.l.node("SpaceToDepth", "", a.x(), attrInt("blocksize", k))
	c := d[1]
	order := make([]int64, 0, c*k*k)
	for ch := range c {
		for b := range k * k {
			order = append(order, b*c+ch)
		}
	}
	a.l.node("Gather", a.out(), []string{blocks, a.l.list(order...)}, attrInt("axis", 1))
}

package portable

import (
	"slices"
)

func (a *args) reshape() {
	a.l.node("Reshape", a.out(), []string{a.value("x"), a.value("shape")})
}

func (a *args) transpose() {
	a.l.node("Transpose", a.out(), a.x(), attrInts("perm", a.positive(a.known("perm").Ints())))
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
	parts, axis := a.values("values"), a.int("axis", 0)
	for i := range parts {
		if d, ok := a.dimsAt("values", i); ok && len(d) == 0 { // a program may join scalars as if they were of one dimension
			parts[i] = a.l.node("Reshape", "", []string{parts[i], a.l.list(1)})
		}
	}
	if !a.flag("interleave") {
		a.l.node("Concat", a.out(), parts, attrInt("axis", axis))
		return
	}
	// Interleaved: x0[0], x1[0], x0[1], ... is a new axis behind that one, flattened into it.
	r := int64(a.rank("values"))
	if axis < 0 {
		axis += r
	}
	if axis < 0 || axis >= r {
		a.fail("the axis %d of rank %d", axis, r)
		return
	}
	var deep []string
	for _, v := range parts {
		deep = append(deep, a.l.node("Unsqueeze", "", []string{v, a.l.list(axis + 1)}))
	}
	shape := a.l.node("Shape", "", parts[:1])
	piece := func(from, to int64) string {
		return a.l.node("Slice", "", []string{shape, a.l.list(from), a.l.list(to), a.l.list(0)})
	}
	shape = a.l.node("Concat", "", []string{piece(0, axis), a.l.list(-1), piece(axis+1, endOfAxis)}, attrInt("axis", 0))
	a.l.node("Reshape", a.out(), []string{a.l.node("Concat", "", deep, attrInt("axis", axis+1)), shape})
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

func (a *args) tile() {
	if a.isKnown("reps") {
		if err := bounded(a.known("reps").Ints()); err != nil {
			a.fail("%w", err)
			return
		}
	}
	a.l.node("Tile", a.out(), []string{a.value("x"), a.value("reps")})
}

func (a *args) expandDims() {
	a.l.node("Unsqueeze", a.out(), []string{a.value("x"), a.l.list(a.known("axes").Ints()...)})
}

func (a *args) squeeze() {
	in := a.x()
	if axes := a.ints("axes", nil); len(axes) > 0 {
		in = append(in, a.l.list(axes...))
	}
	a.l.node("Squeeze", a.out(), in)
}

// scales are the factors of an upsampling of x (...,H,W).
func (a *args) scales() []string {
	r := a.rank("x")
	if r < 2 {
		a.fail("an upsampling of rank %d", r)
		return nil
	}
	factors := ones(r, 1)
	if h, w := a.float("scale_factor_height", 1), a.float("scale_factor_width", 1); !(h > 0 && w > 0 && h <= maxScale && w <= maxScale) {
		a.fail("the factors are %v and %v", h, w)
		return nil
	}
	factors[r-2], factors[r-1] = a.float("scale_factor_height", 1), a.float("scale_factor_width", 1)
	return []string{a.value("x"), "", a.l.floats([]int64{int64(r)}, factors)}
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

// reshapeLike gives x a shape made of parts of other tensors' shapes.
func (a *args) reshapeLike() {
	refs := a.values("ref_tensors")
	each := func(key string) (out []int64) {
		for i := range refs {
			c := a.constantAt(key, i)
			if c == nil || len(c.Ints()) != 1 {
				a.fail("the argument %q must be %d constants", key, len(refs))
				return repeat(len(refs), 0)
			}
			out = append(out, c.Ints()[0])
		}
		return out
	}
	begins, ends, masks := each("begins"), each("ends"), each("end_masks")
	var parts []string
	for i, ref := range refs {
		end := ends[i]
		if masks[i] != 0 {
			end = endOfAxis
		}
		parts = append(parts, a.l.node("Slice", "", []string{a.l.node("Shape", "", []string{ref}), a.l.list(begins[i]), a.l.list(end), a.l.list(0)}))
	}
	a.l.node("Reshape", a.out(), []string{a.value("x"), a.l.node("Concat", "", parts, attrInt("axis", 0))})
}

// blocks reads block_shape and another argument of (2,2) values, and the dimensions of x (N,C,H,W), which must be known.
func (a *args) blocks(key string) (block, edges, d []int64, ok bool) {
	block, edges, d = a.known("block_shape").Ints(), a.known(key).Ints(), a.dims("x")
	if len(block) != 2 || len(edges) != 4 || len(d) != 4 || slices.Min(d) < 1 || slices.Max(d) > maxChannels || min(block[0], block[1]) < 1 || max(block[0], block[1]) > maxBlock || slices.Min(edges) < 0 {
		a.fail("blocks of %v with %s %v of the shape %v", block, key, edges, d)
		return nil, nil, nil, false
	}
	return block, edges, d, true
}

func (a *args) spaceToBatch() {
	b, p, d, ok := a.blocks("paddings")
	if !ok {
		return
	}
	x := a.l.node("Pad", "", []string{a.value("x"), a.l.list(0, 0, p[0], p[2], 0, 0, p[1], p[3])})
	h, w := (d[2]+p[0]+p[1])/b[0], (d[3]+p[2]+p[3])/b[1]
	x = a.l.node("Reshape", "", []string{x, a.l.list(d[0], d[1], h, b[0], w, b[1])})
	a.l.node("Reshape", a.out(), []string{a.l.turned(x, 3, 5, 0, 1, 2, 4), a.l.list(d[0]*b[0]*b[1], d[1], h, w)})
}

func (a *args) batchToSpace() {
	b, p, d, ok := a.blocks("crops")
	if !ok {
		return
	}
	n, h, w := d[0]/(b[0]*b[1]), d[2]*b[0], d[3]*b[1]
	x := a.l.node("Reshape", "", []string{a.value("x"), a.l.list(b[0], b[1], n, d[1], d[2], d[3])})
	x = a.l.node("Reshape", "", []string{a.l.turned(x, 2, 3, 4, 0, 5, 1), a.l.list(n, d[1], h, w)})
	a.l.node("Slice", a.out(), []string{x, a.l.list(p[0], p[2]), a.l.list(h-p[1], w-p[3]), a.l.list(2, 3)})
}

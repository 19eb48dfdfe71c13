package portable

import "github.com/gesso-app/gesso/native/mlpackage"

// The operations constexpr_*: what they give are constants, which are decoded when the graph takes them.

// define makes c the operation's output.
func (a *args) define(i int, c *mlpackage.Const, err error) {
	if err != nil {
		a.fail("%w", err)
	}
	if a.err == nil && i < len(a.outs()) {
		a.l.consts[a.outs()[i]] = c
	}
}

func (a *args) affineWeights() {
	q, zero, scale := a.known("quantized_data"), a.known("zero_point"), a.known("scale")
	if a.err != nil {
		return
	}
	c, err := mlpackage.Affine(q, zero, scale, a.int("axis", 0))
	a.define(0, c, err)
}

func (a *args) paletteWeights() {
	indices, table := a.known("indices"), a.known("lut")
	if a.err != nil {
		return
	}
	if a.has("shape") || a.op.GetAttributes()["shape"] != nil {
		c, err := mlpackage.PackedPalette(indices, table, a.known("shape").Ints())
		a.define(0, c, err)
		return
	}
	c, err := mlpackage.Palette(indices, table, a.int("vector_axis", 0))
	a.define(0, c, err)
}

func (a *args) sparseWeights() {
	nonzero, mask := a.known("nonzero_data"), a.known("mask")
	if a.err != nil {
		return
	}
	if a.has("shape") || a.op.GetAttributes()["shape"] != nil {
		c, err := mlpackage.PackedSparse(nonzero, mask, a.known("shape").Ints())
		a.define(0, c, err)
		return
	}
	c, err := mlpackage.Sparse(nonzero, mask)
	a.define(0, c, err)
}

func (a *args) blockWeights() {
	data, scale, offset := a.known("data"), a.known("scale"), a.constant("offset")
	if a.err != nil {
		return
	}
	c, err := mlpackage.Blockwise(data, scale, offset)
	a.define(0, c, err)
}

func (a *args) castWeights() {
	source := a.known("source_val")
	if a.err != nil {
		return
	}
	if !source.IsFloat() {
		a.fail("a cast of %v", source.DType)
		return
	}
	a.define(0, source, nil)
}

func (a *args) sparsePaletteWeights() {
	nonzero, mask, table := a.known("indices_nonzero_data"), a.known("indices_mask"), a.known("lut")
	if a.err != nil {
		return
	}
	newMask, values, err := mlpackage.SparsePalette(nonzero, mask, table, a.int("vector_axis", 0))
	a.define(0, newMask, err)
	a.define(1, values, err)
}

func (a *args) sparseBlockWeights() {
	nonzero, mask, scale, offset := a.known("nonzero_data"), a.known("data_mask"), a.known("scale"), a.constant("offset")
	if a.err != nil {
		return
	}
	sameMask, values, err := mlpackage.SparseBlockwise(nonzero, mask, scale, offset)
	a.define(0, sameMask, err)
	a.define(1, values, err)
}

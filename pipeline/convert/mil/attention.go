package mil

// Attention is softmax(q kT scale + mask) v, of q (...,L,E), k (...,S,E) and v (...,S,F). mask is added, and may be nil.
func (b *Builder) Attention(q, k, v, mask *Value, scale float64) *Value {
	w := b.MatMul(b.Mul(q, b.Scalar(scale)), k, false, true)
	if mask != nil {
		w = b.Add(w, mask)
	}
	return b.MatMul(b.Softmax(w, -1), v, false, false)
}

// Einsum is the product "nchw,nwhu->nchu": for each n and h a product of matrices, in the layout of pictures.
func (b *Builder) Einsum(x, y *Value) *Value {
	if x.Rank() != 4 || y.Rank() != 4 || x.Shape[0] != y.Shape[0] || x.Shape[3] != y.Shape[1] || x.Shape[2] != y.Shape[2] {
		Fail("a product of %v and %v by the layout of pictures", x.Shape, y.Shape)
	}
	return b.add("einsum", Float, []int{x.Shape[0], x.Shape[1], x.Shape[2], y.Shape[3]}, in("values", x, y), in("equation", text("nchw,nwhu->nchu")))
}

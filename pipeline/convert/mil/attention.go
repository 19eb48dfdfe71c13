package mil

// Attention is softmax(q kT scale + mask) v, of q (...,L,E), k (...,S,E) and v (...,S,F). mask is added, and may be nil.
func (b *Builder) Attention(q, k, v, mask *Value, scale float64) *Value {
	w := b.MatMul(b.Mul(q, b.Scalar(scale)), k, false, true)
	if mask != nil {
		w = b.Add(w, mask)
	}
	return b.MatMul(b.Softmax(w, -1), v, false, false)
}

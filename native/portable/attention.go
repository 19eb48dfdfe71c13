package portable

import (
	"math"
	"strings"

	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// turned is v with its axes in another order.
func (g *graph) turned(v string, perm ...int64) string {
	return g.node("Transpose", "", []string{v}, attrInts("perm", perm))
}

// einsum multiplies (B,C,H,W) by (B,W,H,U), or the same without B, as matrices, which is what programs hold; any other equation is ONNX's.
func (a *args) einsum() {
	in, equation := a.values("values"), strings.ReplaceAll(a.string("equation", ""), " ", "")
	switch canonical(equation) {
	case "abcd,adce->abce":
		product := a.l.node("MatMul", "", []string{a.l.turned(in[0], 0, 2, 1, 3), a.l.turned(in[1], 0, 2, 1, 3)})
		a.l.node("Transpose", a.out(), []string{product}, attrInts("perm", []int64{0, 2, 1, 3}))
	case "abc,cbd->abd":
		product := a.l.node("MatMul", "", []string{a.l.turned(in[0], 1, 0, 2), a.l.turned(in[1], 1, 0, 2)})
		a.l.node("Transpose", a.out(), []string{product}, attrInts("perm", []int64{1, 0, 2}))
	default:
		a.l.node("Einsum", a.out(), in, attrString("equation", equation))
	}
}

// canonical names an equation's letters in the order of their first use.
func canonical(equation string) string {
	names := map[rune]rune{}
	return strings.Map(func(r rune) rune {
		if r < 'A' { // a comma or the arrow
			return r
		}
		if _, ok := names[r]; !ok {
			names[r] = 'a' + rune(len(names))
		}
		return names[r]
	}, equation)
}

// attention is softmax(q k^T / sqrt(E) + mask) v over the last two axes.
func (a *args) attention() {
	q, k, v := a.value("query"), a.value("key"), a.value("value")
	d := a.dims("query")
	r := len(d)
	if r < 2 {
		a.fail("a query of rank %d", r)
		return
	}
	perm := sequence(r)
	perm[r-1], perm[r-2] = perm[r-2], perm[r-1]
	if e := d[r-1]; e > 0 {
		q = a.l.node("Mul", "", []string{q, a.l.scalar(float32(1 / math.Sqrt(float64(e))))})
	} else {
		size := a.l.cast(a.l.node("Gather", "", []string{a.l.node("Shape", "", []string{q}), a.l.ints(nil, []int64{-1})}), onnxpb.TensorProto_FLOAT)
		q = a.l.node("Div", "", []string{q, a.l.node("Sqrt", "", []string{size})})
	}
	scores := a.l.node("MatMul", "", []string{q, a.l.turned(k, perm...)})
	if a.has("attn_mask") {
		mask := a.value("attn_mask")
		if a.dtype("attn_mask") == milpb.DataType_BOOL {
			mask = a.l.node("Where", "", []string{mask, a.l.scalar(0), a.l.scalar(float32(math.Inf(-1)))})
		}
		scores = a.l.node("Add", "", []string{scores, mask})
	}
	a.l.node("MatMul", a.out(), []string{a.l.node("Softmax", "", []string{scores}, attrInt("axis", -1)), v})
}

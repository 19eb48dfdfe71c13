package onnx

import (
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

func (c *call) reshape() {
	x := c.in(0)
	shape := c.ints("shape")
	if c.has(1) {
		shape = c.KnownInts(c.in(1))
	}
	for i, d := range shape {
		if d == 0 && c.int("allowzero", 0) == 0 {
			shape[i] = x.Shape[i]
		}
	}
	c.give(c.Reshape(x, shape...))
}

func (c *call) squeeze() {
	if axes := c.axes(1); len(axes) > 0 {
		c.give(c.Squeeze(c.in(0), axes...))
		return
	}
	c.give(c.Squeeze(c.in(0)))
}

func (c *call) transpose() {
	x, perm := c.in(0), c.ints("perm")
	if perm == nil {
		for i := range x.Rank() {
			perm = append(perm, x.Rank()-1-i)
		}
	}
	c.give(c.Transpose(x, perm...))
}

func (c *call) split() {
	x := c.in(0)
	axis := mil.Axis(c.int("axis", 0), x.Rank())
	sizes := c.ints("split")
	if c.has(1) {
		sizes = c.KnownInts(c.in(1))
	}
	if sizes == nil {
		n := len(c.n.Out)
		per := (x.Shape[axis] + n - 1) / n
		for i := range n {
			sizes = append(sizes, max(0, min(per, x.Shape[axis]-i*per)))
		}
	}
	c.give(c.Split(x, axis, sizes...)...)
}

func (c *call) slice() {
	x := c.in(0)
	begins, ends, axes := c.ints("starts"), c.ints("ends"), c.ints("axes")
	var steps []int
	if c.has(1) {
		begins, ends = c.KnownInts(c.in(1)), c.KnownInts(c.in(2))
		if v := c.maybe(3); v != nil {
			axes = c.KnownInts(v)
		}
		if v := c.maybe(4); v != nil {
			steps = c.KnownInts(v)
		}
	}
	for i := range begins {
		axis, step := i, 1
		if i < len(axes) {
			axis = axes[i]
		}
		if i < len(steps) {
			step = steps[i]
		}
		x = c.Slice(x, axis, begins[i], ends[i], step)
	}
	c.give(x)
}

func (c *call) expand() {
	x := c.in(0)
	c.give(c.Expand(x, mil.Broadcast(x.Shape, c.KnownInts(c.in(1)))))
}

func (c *call) shape() {
	s := c.in(0).Shape
	from, to := c.int("start", 0), c.int("end", len(s))
	if from < 0 {
		from += len(s)
	}
	if to < 0 {
		to += len(s)
	}
	from, to = min(max(from, 0), len(s)), min(max(to, 0), len(s))
	c.give(c.Ints(s[from:max(from, to)]...))
}

func (c *call) constant() {
	for name, a := range c.n.Attr {
		switch name {
		case "value":
			if a.T == nil {
				mil.Fail("a constant text")
			}
			c.give(c.Weight(a.T))
		case "value_float":
			c.give(c.Scalar(float64(a.F)))
		case "value_int":
			c.give(c.Int(int(a.I)))
		case "value_ints":
			c.give(c.Ints(c.ints(name)...))
		case "value_floats":
			v := make([]float64, len(a.Floats))
			for i, f := range a.Floats {
				v[i] = float64(f)
			}
			c.give(c.Floats([]int{len(v)}, v...))
		}
	}
	if len(c.out) == 0 {
		mil.Fail("a constant of a kind that is not supported")
	}
}

func (c *call) constantOfShape() {
	shape := c.KnownInts(c.in(0))
	fill := c.Scalar(0)
	if a := c.n.Attr["value"]; a != nil && a.T != nil {
		fill = c.Reshape(c.Weight(a.T))
	}
	c.give(c.Expand(fill, shape))
}

func (c *call) span() {
	from, to, step := c.in(0), c.in(1), c.in(2)
	v := mil.Range(c.Known(from)[0], c.Known(to)[0], c.Known(step)[0])
	c.give(c.Array(from.Kind, []int{len(v)}, v))
}

func (c *call) pad() {
	x, pads, value := c.in(0), c.ints("pads"), c.float("value", 0)
	if c.has(1) {
		pads = c.KnownInts(c.in(1))
		if v := c.maybe(2); v != nil && v.Len() > 0 {
			value = c.Known(v)[0]
		}
	}
	axes := make([]int, x.Rank())
	for i := range axes {
		axes[i] = i
	}
	if c.has(3) {
		axes = c.KnownInts(c.in(3))
	}
	full := make([]int, 2*x.Rank())
	if len(pads) != 2*len(axes) {
		mil.Fail("%d paddings for %d axes", len(pads), len(axes))
	}
	for i, a := range axes {
		a = mil.Axis(a, x.Rank())
		full[2*a], full[2*a+1] = pads[i], pads[i+len(axes)]
	}
	mode := c.text("mode", "constant")
	switch mode {
	case "edge":
		mode = "replicate"
	case "constant", "reflect":
	default:
		mil.Fail("padding by %q", mode)
	}
	c.give(c.Pad(x, full, mode, value))
}

func (c *call) branch() {
	cond := c.in(0)
	if !cond.IsConst() {
		mil.Fail("a branch that depends on the input's values")
	}
	name := "else_branch"
	if c.Known(cond)[0] != 0 {
		name = "then_branch"
	}
	a := c.n.Attr[name]
	if a == nil || a.G == nil {
		mil.Fail("it has no %s", name)
	}
	c.depth++
	c.graph(a.G)
	c.depth--
	for _, o := range a.G.Outputs {
		c.out = append(c.out, c.value(o.Name))
	}
}

func (c *call) trilu() {
	x := c.in(0)
	k, upper := 0, c.int("upper", 1) != 0
	if v := c.maybe(1); v != nil {
		k = c.KnownInts(v)[0]
	}
	rows, columns := x.Shape[x.Rank()-2], x.Shape[x.Rank()-1]
	mil.Bounded(rows, columns)
	mask := make([]float64, rows*columns)
	for i := range rows {
		for j := range columns {
			if (upper && j-i >= k) || (!upper && j-i <= k) {
				mask[i*columns+j] = 1
			}
		}
	}
	zero := c.Array(x.Kind, nil, []float64{0})
	c.give(c.Where(c.Array(mil.Bool, []int{rows, columns}, mask), x, zero))
}

func (c *call) eye() {
	s := c.in(0).Shape
	mil.Bounded(s[0], s[1])
	v := make([]float64, s[0]*s[1])
	for i := range s[0] {
		if j := i + c.int("k", 0); j >= 0 && j < s[1] {
			v[i*s[1]+j] = 1
		}
	}
	c.give(c.Array(mil.Float, s, v))
}

// einsum is a product of two arrays whose letters are batch, rows, columns or summed: a product of matrices between two transpositions.
func (c *call) einsum() {
	c.give(Einsum(c.Builder, strings.ReplaceAll(c.text("equation", ""), " ", ""), c.all()...))
}

// Einsum is a product of two arrays by Einstein's notation, such as "bhid,bhjd->bhij".
func Einsum(b *mil.Builder, equation string, args ...*mil.Value) *mil.Value {
	left, result, ok := strings.Cut(equation, "->")
	terms := strings.Split(left, ",")
	if !ok || len(terms) != 2 || len(args) != 2 || strings.Contains(equation, ".") {
		mil.Fail("the product %q is not supported", equation)
	}
	size := map[byte]int{}
	for i, t := range terms {
		for k := range len(t) {
			size[t[k]] = args[i].Shape[k]
		}
	}
	var batch, rows, columns, summed []byte
	for k := range len(terms[0]) {
		l := terms[0][k]
		inY, inZ := strings.IndexByte(terms[1], l) >= 0, strings.IndexByte(result, l) >= 0
		switch {
		case inY && inZ:
			batch = append(batch, l)
		case inY:
			summed = append(summed, l)
		case inZ:
			rows = append(rows, l)
		default:
			mil.Fail("the product %q sums one side alone, which is not supported", equation)
		}
	}
	for k := range len(terms[1]) {
		if l := terms[1][k]; strings.IndexByte(terms[0], l) < 0 {
			columns = append(columns, l)
		}
	}
	arrange := func(v *mil.Value, term string, groups ...[]byte) *mil.Value {
		var perm, shape []int
		for _, g := range groups {
			n := 1
			for _, l := range g {
				perm = append(perm, strings.IndexByte(term, l))
				n *= size[l]
			}
			shape = append(shape, n)
		}
		return b.Reshape(b.Transpose(v, perm...), shape...)
	}
	x := arrange(args[0], terms[0], batch, rows, summed)
	y := arrange(args[1], terms[1], batch, summed, columns)
	z := b.MatMul(x, y, false, false)
	order := slices.Concat(batch, rows, columns)
	var shape []int
	for _, l := range order {
		shape = append(shape, size[l])
	}
	perm := make([]int, len(result))
	for i := range perm {
		perm[i] = slices.Index(order, result[i])
	}
	return b.Transpose(b.Reshape(z, shape...), perm...)
}

func (c *call) spaceToDepth() {
	x, k := c.in(0), c.int("blocksize", 1)
	if c.text("mode", "DCR") == "DCR" {
		c.give(c.SpaceToDepth(x, k))
		return
	}
	c.give(c.Unshuffle(x, k))
}

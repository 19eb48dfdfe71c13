package aten

import (
	"math"
	"slices"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

func (c *call) view() {
	shape := c.list("size")
	if shape == nil {
		shape = c.list("shape")
	}
	c.give(c.Reshape(c.x(), shape...))
}

func (c *call) flatten() {
	x := c.x()
	if x.Rank() == 0 {
		c.give(c.Reshape(x, 1))
		return
	}
	from, to := mil.Axis(c.int("start_dim", 0), x.Rank()), mil.Axis(c.int("end_dim", -1), x.Rank())
	n := 1
	for _, d := range x.Shape[from : to+1] {
		n *= d
	}
	c.give(c.Reshape(x, slices.Concat(x.Shape[:from], []int{n}, x.Shape[to+1:])...))
}

func (c *call) unflatten() {
	x := c.x()
	d := mil.Axis(c.int("dim", 0), x.Rank())
	c.give(c.Reshape(x, slices.Concat(x.Shape[:d], c.list("sizes"), x.Shape[d+1:])...))
}

func (c *call) swap() {
	x := c.x()
	perm := make([]int, x.Rank())
	for i := range perm {
		perm[i] = i
	}
	a, b := mil.Axis(c.int("dim0", 0), len(perm)), mil.Axis(c.int("dim1", 0), len(perm))
	perm[a], perm[b] = perm[b], perm[a]
	c.give(c.Transpose(x, perm...))
}

func (c *call) turn() {
	x := c.x()
	perm := make([]int, x.Rank())
	for i := range perm {
		perm[i] = len(perm) - 1 - i
	}
	c.give(c.Transpose(x, perm...))
}

// squeeze leaves axes that are not 1.
func (c *call) squeeze() {
	x := c.x()
	if !c.has("dim") {
		c.give(c.Squeeze(x))
		return
	}
	var axes []int
	for _, a := range c.list("dim") {
		if a = mil.Axis(a, x.Rank()); x.Shape[a] == 1 {
			axes = append(axes, a)
		}
	}
	if len(axes) > 0 {
		x = c.Squeeze(x, axes...)
	}
	c.give(x)
}

func (c *call) expand() {
	x, shape := c.x(), slices.Clone(c.list("size"))
	for i, d := range shape {
		if d == -1 {
			shape[i] = x.Shape[i-(len(shape)-x.Rank())]
		}
	}
	c.give(c.Expand(x, shape))
}

func (c *call) interleave() {
	x, n := c.x(), c.int("repeats", 0)
	if n < 1 || !c.has("dim") {
		mil.Fail("numbers of repetitions that differ")
	}
	axis := mil.Axis(c.int("dim", 0), x.Rank())
	mil.Bounded(x.Shape[axis], n)
	var at []int
	for i := range x.Shape[axis] * n {
		at = append(at, i/n)
	}
	c.give(c.Gather(x, c.Ints(at...), axis))
}

func (c *call) slice() {
	c.give(c.Slice(c.x(), c.int("dim", 0), c.int("start", 0), c.int("end", math.MaxInt32), c.int("step", 1)))
}

func (c *call) pick() {
	x := c.x()
	d := mil.Axis(c.int("dim", 0), x.Rank())
	i := mil.Axis(c.int("index", 0), x.Shape[d])
	y := c.Slice(x, d, i, i+1, 1)
	c.give(c.Squeeze(y, d))
}

func (c *call) split() {
	x := c.x()
	d := mil.Axis(c.int("dim", 0), x.Rank())
	sizes := c.list("split_sizes")
	if sizes == nil {
		sizes = c.list("split_size")
	}
	if c.has("split_size") && len(sizes) == 1 {
		n := sizes[0]
		sizes = nil
		for left := x.Shape[d]; left > 0; left -= n {
			sizes = append(sizes, min(left, n))
		}
	}
	c.give(c.Split(x, d, sizes...)...)
}

func (c *call) chunk() {
	x := c.x()
	d := mil.Axis(c.int("dim", 0), x.Rank())
	n := c.int("chunks", 1)
	per := (x.Shape[d] + n - 1) / n
	var sizes []int
	for left := x.Shape[d]; left > 0; left -= per {
		sizes = append(sizes, min(left, per))
	}
	c.give(c.Split(x, d, sizes...)...)
}

func (c *call) unbind() {
	x := c.x()
	d := mil.Axis(c.int("dim", 0), x.Rank())
	for i := range x.Shape[d] {
		c.out = append(c.out, c.Squeeze(c.Slice(x, d, i, i+1, 1), d))
	}
}

// index takes places along several axes at once. Where each list of places goes along an axis of its own, they are taken one after the other;
// otherwise the axes become one.
func (c *call) index() {
	x := c.x()
	a := c.args["indices"]
	lists := a.Optionals
	if lists == nil {
		for i := range a.Tensors {
			lists = append(lists, argument{Tensor: &a.Tensors[i]})
		}
	}
	var axes []int
	var places []*mil.Value
	for i, l := range lists {
		if l.Tensor == nil {
			continue
		}
		v := c.value(l.Tensor.Name)
		if v.Kind == mil.Bool {
			mil.Fail("places that are chosen by truth values")
		}
		axes, places = append(axes, i), append(places, v)
	}
	if len(axes) == 0 {
		c.give(x)
		return
	}
	if len(axes) == 1 {
		c.give(c.Gather(x, places[0], axes[0]))
		return
	}
	for i := 1; i < len(axes); i++ {
		if axes[i] != axes[i-1]+1 {
			mil.Fail("places along axes that do not follow one another")
		}
	}
	if c.outer(places) {
		for i, v := range places {
			x = c.Gather(x, c.Reshape(v, v.Len()), axes[i])
		}
		c.give(x)
		return
	}
	shape := places[0].Shape
	for _, v := range places[1:] {
		shape = mil.Broadcast(shape, v.Shape)
	}
	flat := c.Array(mil.Int, nil, []float64{0})
	n := 1
	for i, v := range places {
		d := x.Shape[axes[i]]
		positive := c.Where(c.Binary("less", v, c.Int(0)), c.Add(v, c.Int(d)), v)
		flat = c.Add(c.Mul(flat, c.Int(d)), positive)
		n *= d
	}
	first, end := axes[0], axes[len(axes)-1]
	joined := c.Reshape(x, slices.Concat(x.Shape[:first], []int{n}, x.Shape[end+1:])...)
	c.give(c.Gather(joined, c.Expand(flat, shape), first))
}

// outer tells whether the lists' shapes are those of open grids: the i-th of n has size along the i-th of n dimensions alone.
func (c *call) outer(places []*mil.Value) bool {
	n := len(places)
	for i, v := range places {
		for k, d := range v.Shape {
			if at := n - v.Rank() + k; at != i && d != 1 || at < 0 {
				return false
			}
		}
		if v.Rank() < n-i {
			return false
		}
	}
	return true
}

func (c *call) embedding() { c.give(c.Gather(c.need("weight"), c.need("indices"), 0)) }

func (c *call) flip() {
	x := c.x()
	for _, d := range c.list("dims") {
		x = c.Slice(x, d, math.MaxInt32, math.MinInt32, -1)
	}
	c.give(x)
}

func (c *call) roll() {
	x, shifts, dims := c.x(), c.list("shifts"), c.list("dims")
	if len(dims) != len(shifts) {
		mil.Fail("a roll of all elements as one")
	}
	for i, d := range dims {
		d = mil.Axis(d, x.Rank())
		n := x.Shape[d]
		cut := ((-shifts[i])%n + n) % n
		if cut > 0 {
			x = c.Concat(d, c.Slice(x, d, cut, n, 1), c.Slice(x, d, 0, cut, 1))
		}
	}
	c.give(x)
}

func (c *call) arange() {
	number := func(name string, missing float64) float64 {
		if !c.has(name) {
			return missing
		}
		return c.Known(c.need(name))[0]
	}
	from, to, step := number("start", 0), number("end", 0), number("step", 1)
	kind := mil.Int
	for _, a := range c.order {
		if a.Float != nil {
			kind = mil.Float
		}
	}
	v := mil.Range(from, to, step)
	c.give(c.Array(c.kind(kind), []int{len(v)}, v))
}

func (c *call) linspace() {
	from, to, n := c.float("start", 0), c.float("end", 0), c.int("steps", 1)
	if n < 1 || n > mil.MaxSpan {
		mil.Fail("%d steps", n)
	}
	v := make([]float64, n)
	for i := range v {
		v[i] = from
		if n > 1 {
			v[i] += (to - from) * float64(i) / float64(n-1)
		}
	}
	c.give(c.Floats([]int{n}, v...))
}

// full fills a shape, its own or that of another tensor.
func (c *call) full() {
	var shape []int
	kind := mil.Float
	if a := c.order[0]; a.Tensor != nil {
		shape, kind = c.x().Shape, c.x().Kind
	} else if shape = c.list("size"); shape == nil {
		shape = []int{}
	}
	fill := c.fill
	if c.has("fill_value") {
		v := c.need("fill_value")
		if c.order[0].Tensor == nil {
			kind = v.Kind
		}
		fill = c.Known(v)[0]
	}
	c.give(c.Expand(c.Array(c.kind(kind), nil, []float64{fill}), shape))
}

func (c *call) triangle() {
	x, k := c.x(), c.int("diagonal", 0)
	rows, columns := x.Shape[x.Rank()-2], x.Shape[x.Rank()-1]
	mil.Bounded(rows, columns)
	mask := make([]float64, rows*columns)
	for i := range rows {
		for j := range columns {
			mask[i*columns+j] = truth(c.upper && j-i >= k || !c.upper && j-i <= k)
		}
	}
	c.give(c.Where(c.Array(mil.Bool, []int{rows, columns}, mask), x, c.Array(x.Kind, nil, []float64{0})))
}

func (c *call) where() {
	if len(c.order) != 3 {
		mil.Fail("the places of truth values")
	}
	c.give(c.Where(c.x(), c.of(c.order[1]), c.of(c.order[2])))
}

func (c *call) maskedFill() {
	x := c.x()
	c.give(c.Where(c.need("mask"), c.Cast(c.need("value"), x.Kind), x))
}

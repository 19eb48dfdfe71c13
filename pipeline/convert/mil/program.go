package mil

import (
	"fmt"
	"slices"
)

// Program is what Build makes: operations in order, each after those that it needs.
type Program struct {
	Inputs, Outputs []*Port

	nodes []*node
}

// Operations counts the operations by their names.
func (p *Program) Operations() map[string]int {
	out := map[string]int{}
	for _, n := range p.nodes {
		out[n.op]++
	}
	return out
}

// prune removes what no output needs.
func (p *Program) prune() {
	used := map[*node]bool{}
	mark := func(n *node) {
		for stack := []*node{n}; len(stack) > 0; {
			n := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if n == nil || used[n] {
				continue
			}
			used[n] = true
			for _, a := range n.args {
				for _, v := range a.values {
					stack = append(stack, v.node)
				}
			}
		}
	}
	for _, o := range p.Outputs {
		mark(o.Value.node)
	}
	p.nodes = slices.DeleteFunc(p.nodes, func(n *node) bool { return !used[n] })
}

// arg gives an argument's first value, or nil.
func (n *node) arg(key string) *Value {
	for _, a := range n.args {
		if a.key == key {
			return a.values[0]
		}
	}
	return nil
}

func (n *node) set(key string, v *Value) {
	for i, a := range n.args {
		if a.key == key {
			n.args[i].values = []*Value{v}
			return
		}
	}
	n.args = append(n.args, in(key, v))
}

// Vary makes p a program of several shapes: others are the same graph, built for the other shapes of its inputs. What differs between them may be
// the sizes of values alone. The first shape is the default.
func (p *Program) Vary(others ...*Program) error {
	for _, o := range others {
		if len(o.nodes) != len(p.nodes) || len(o.Inputs) != len(p.Inputs) {
			return fmt.Errorf("the graph has other operations for other sizes: give one size alone")
		}
		for i, n := range p.nodes {
			if err := n.vary(o.nodes[i]); err != nil {
				return err
			}
		}
	}
	for i, in := range p.Inputs {
		in.shapes = [][]int{in.Value.Shape}
		for _, o := range others {
			s := o.Inputs[i].Value.Shape
			if len(s) != in.Value.Rank() {
				return fmt.Errorf("the shapes of the input %q do not have the same number of dimensions", in.Name)
			}
			in.shapes = append(in.shapes, s)
			in.Value.differ(s)
		}
		if in.Value.vary == nil {
			in.shapes = nil
		}
	}
	return nil
}

// differ marks the dimensions in which another shape is another.
func (v *Value) differ(shape []int) {
	for i, d := range shape {
		if d != v.Shape[i] {
			if v.vary == nil {
				v.vary = make([]bool, len(shape))
			}
			v.vary[i] = true
		}
	}
}

func (n *node) vary(o *node) error {
	different := func(what string) error {
		return fmt.Errorf("the operation %s (%s) depends on the size by its %s: give one size alone", n.op, n.outs[0].name, what)
	}
	if n.op != o.op || len(n.args) != len(o.args) || len(n.outs) != len(o.outs) {
		return different("kind")
	}
	for i, v := range n.outs {
		if len(v.Shape) != len(o.outs[i].Shape) {
			return different("result")
		}
		v.differ(o.outs[i].Shape)
	}
	for i, a := range n.args {
		b := o.args[i]
		if a.key != b.key || len(a.values) != len(b.values) {
			return different(a.key)
		}
		for k, v := range a.values {
			if !v.IsConst() {
				continue
			}
			if n.op == "reshape" && a.key == "shape" {
				open, ok := openShape(v, b.values[k])
				if !ok {
					return different(a.key)
				}
				n.args[i].values = []*Value{open}
			} else if !sameConst(v, b.values[k]) {
				return different(a.key)
			}
		}
	}
	return nil
}

// openShape replaces the dimension in which two shapes of a reshaping differ by -1, which is what is left.
func openShape(v, w *Value) (*Value, bool) {
	x, y := load(v), load(w)
	if len(x.data) != len(y.data) {
		return nil, false
	}
	out := &array{Int, x.shape, slices.Clone(x.data)}
	open := -1
	for i := range x.data {
		if x.data[i] != y.data[i] {
			if open >= 0 {
				return nil, false
			}
			open, out.data[i] = i, -1
		}
	}
	if k := slices.Index(x.data, -1); k >= 0 && open >= 0 && k != open {
		return nil, false
	}
	return constant(out), true
}

func sameConst(v, w *Value) bool {
	if !w.IsConst() || v.Kind != w.Kind || v.text != w.text || !slices.Equal(v.Shape, w.Shape) {
		return false
	}
	if v.host != nil && w.host != nil {
		return slices.Equal(v.host.data, w.host.data)
	}
	return v.Kind == Text || v.name == w.name
}

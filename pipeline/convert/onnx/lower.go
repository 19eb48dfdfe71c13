package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// The opsets that are read.
const (
	minOpset = 7
	maxOpset = 28
)

// lowering builds a graph's operations in MIL.
type lowering struct {
	*mil.Builder
	opset  int
	values map[string]*mil.Value
	// quantized are the results of QuantizeLinear, before their zero point was added.
	quantized map[string]quantized
	depth     int
}

// UnsupportedError names the operations of a graph that cannot be converted.
type UnsupportedError struct{ Ops []string }

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("these operations of the graph are not supported: %s", strings.Join(e.Ops, ", "))
}

// Unsupported lists the operations that are not known; it is nil if all are.
func (m *File) Unsupported() *UnsupportedError {
	missing := map[string]bool{}
	var walk func(g *Graph)
	walk = func(g *Graph) {
		for _, n := range g.Nodes {
			name := n.Op
			if n.Domain != "" && n.Domain != "ai.onnx" {
				name = n.Domain + "." + n.Op
			}
			if operations[name] == nil {
				missing[name] = true
			}
			for _, a := range n.Attr {
				if a.G != nil {
					walk(a.G)
				}
			}
		}
	}
	walk(m.Graph)
	if len(missing) == 0 {
		return nil
	}
	return &UnsupportedError{slices.Sorted(maps.Keys(missing))}
}

// Inputs are the graph's inputs that are no weights.
func (m *File) Inputs() []Value {
	return slices.DeleteFunc(slices.Clone(m.Graph.Inputs), func(v Value) bool { return m.Graph.Tensors[v.Name] != nil })
}

// Build builds the program for inputs of the given shapes, one for each of Inputs.
func (m *File) Build(shapes [][]int, o mil.Options) (*mil.Program, error) {
	if m.Opset < minOpset || m.Opset > maxOpset {
		return nil, fmt.Errorf("its operations are of opset %d: %d to %d are read", m.Opset, minOpset, maxOpset)
	}
	if err := m.Unsupported(); err != nil {
		return nil, err
	}
	return mil.Build(o, func(b *mil.Builder) {
		l := &lowering{Builder: b, opset: m.Opset, values: map[string]*mil.Value{"": nil}, quantized: map[string]quantized{}}
		for i, in := range m.Inputs() {
			kind := mil.Float
			if d, ok := dtypes[in.Type]; ok && !d.IsFloat() {
				kind = mil.Int
			}
			v := b.Input(in.Name, kind, shapes[i]...)
			if dtypes[in.Type] == source.Bool {
				v = b.Cast(v, mil.Bool)
			}
			l.values[in.Name] = v
		}
		l.graph(m.Graph)
		for _, out := range m.Graph.Outputs {
			b.Output(out.Name, l.value(out.Name))
		}
	})
}

func (l *lowering) graph(g *Graph) {
	for name, t := range g.Tensors {
		if _, ok := l.values[name]; !ok || l.depth > 0 {
			l.values[name] = l.Weight(t)
		}
	}
	for _, n := range g.Nodes {
		l.node(n)
	}
}

func (l *lowering) value(name string) *mil.Value {
	v, ok := l.values[name]
	if !ok || v == nil {
		mil.Fail("the value %q is used before it is given", name)
	}
	return v
}

func (l *lowering) node(n *Node) {
	name := n.Op
	if n.Domain != "" && n.Domain != "ai.onnx" {
		name = n.Domain + "." + n.Op
	}
	scope := n.Name
	if scope == "" && len(n.Out) > 0 {
		scope = n.Out[0]
	}
	l.Scope(mil.Identifier(scope))
	c := &call{lowering: l, n: n}
	func() {
		defer mil.Within("operation %q (%s)", n.Op, scope)
		operations[name](c)
		for i, o := range n.Out {
			if o != "" && i < len(c.out) {
				l.values[o] = c.out[i]
			}
		}
	}()
}

// call is an operation with its inputs and attributes.
type call struct {
	*lowering
	n   *Node
	out []*mil.Value
}

func (c *call) give(vs ...*mil.Value) { c.out = vs }

// has tells whether the input i is there.
func (c *call) has(i int) bool { return i < len(c.n.In) && c.n.In[i] != "" }

func (c *call) in(i int) *mil.Value {
	if !c.has(i) {
		mil.Fail("its input %d is missing", i)
	}
	return c.value(c.n.In[i])
}

// maybe is an input that may be missing: nil then.
func (c *call) maybe(i int) *mil.Value {
	if !c.has(i) {
		return nil
	}
	return c.in(i)
}

func (c *call) all() []*mil.Value {
	var out []*mil.Value
	for i := range c.n.In {
		out = append(out, c.in(i))
	}
	return out
}

func (c *call) int(name string, missing int) int {
	if a := c.n.Attr[name]; a != nil {
		return int(a.I)
	}
	return missing
}

func (c *call) float(name string, missing float64) float64 {
	if a := c.n.Attr[name]; a != nil {
		return float64(a.F)
	}
	return missing
}

func (c *call) text(name, missing string) string {
	if a := c.n.Attr[name]; a != nil {
		return a.S
	}
	return missing
}

func (c *call) ints(name string) []int {
	a := c.n.Attr[name]
	if a == nil {
		return nil
	}
	out := make([]int, len(a.Ints))
	for i, v := range a.Ints {
		out[i] = int(min(max(v, -1<<31), 1<<31-1))
	}
	return out
}

// axes are given by an attribute in older opsets and by an input in newer ones.
func (c *call) axes(i int) []int {
	if c.has(i) {
		return c.KnownInts(c.in(i))
	}
	return c.ints("axes")
}

// Package mil builds programs in Core ML's Model Intermediate Language, operation by operation, and writes them as packages. Shapes are known at
// each step; what depends on constants alone is computed here and not in the program. Weights are read when they are written, one at a time.
//
// The operations and their arguments: coremltools' MIL documentation, opsets iOS15 to iOS18. It must not import an engine or ui.
package mil

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// Kind is what a value's elements are. Floats become float16 or float32 when the program is written.
type Kind int

// The kinds of elements.
const (
	Float Kind = iota
	Int        // int32
	Bool
	Text
)

func (k Kind) String() string { return [...]string{"float", "int", "bool", "text"}[k] }

// Value is what an operation takes and gives. Constants have a tensor.
type Value struct {
	Kind  Kind
	Shape []int

	name   string
	tensor *source.Tensor // of a constant
	text   string
	host   *array // a constant's elements, once they are needed
	node   *node  // that gives it; nil for inputs and constants
	single bool   // a constant that stays float32
	vary   []bool // dimensions that change with the input's, in a program of several shapes
}

// IsConst tells whether the value is known now.
func (v *Value) IsConst() bool { return v.tensor != nil || v.host != nil || v.Kind == Text }

// Rank is the number of dimensions.
func (v *Value) Rank() int { return len(v.Shape) }

// Len is the number of elements.
func (v *Value) Len() int { return product(v.Shape) }

// arg is an argument of an operation.
type arg struct {
	key    string
	values []*Value
}

// node is an operation.
type node struct {
	op   string
	args []arg
	outs []*Value
	full bool // its floats are float32 in a program of float16
}

// Builder makes a program. Its methods panic where the operations cannot be: Build turns that into an error, so that the readers of graphs need
// not check each step.
type Builder struct {
	images map[string]Image

	nodes   []*node
	inputs  []*Port
	outputs []*Port
	names   map[string]int
	prefix  string
	full    bool
}

// Full sets whether the operations that follow compute in float32 in a program of float16 as well.
func (b *Builder) Full(full bool) (before bool) {
	before, b.full = b.full, full
	return before
}

// Port is an input or output of a program.
type Port struct {
	Name  string
	Value *Value
	Image *Image

	shapes [][]int // of an input that has several
}

// failure is an error on its way to Build.
type failure struct{ err error }

// Fail ends the building with an error.
func Fail(format string, v ...any) { panic(failure{fmt.Errorf(format, v...)}) }

// Check ends the building if there is an error.
func Check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// Options is how a program is built.
type Options struct {
	// Images are the inputs and outputs that are pictures, by their names.
	Images map[string]Image
}

// Build makes the program that f builds.
func Build(o Options, f func(*Builder)) (p *Program, err error) {
	b := &Builder{images: o.Images, names: map[string]int{}}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case failure:
			err = e.err
		case runtime.Error: // a graph that contradicts itself, such as an axis out of range
			err = fmt.Errorf("the graph contradicts itself: %w", e)
		default:
			panic(e)
		}
	}()
	f(b)
	if len(b.outputs) == 0 {
		return nil, fmt.Errorf("the graph has no outputs")
	}
	for n := range o.Images {
		if !slices.ContainsFunc(append(slices.Clone(b.inputs), b.outputs...), func(p *Port) bool { return p.Name == n }) {
			return nil, fmt.Errorf("there is no input or output %q to be a picture: there are %s", n, strings.Join(b.portNames(), ", "))
		}
	}
	p = &Program{nodes: b.nodes, Inputs: b.inputs, Outputs: b.outputs}
	p.fuse()
	p.prune()
	return p, nil
}

func (b *Builder) portNames() (out []string) {
	for _, p := range append(slices.Clone(b.inputs), b.outputs...) {
		out = append(out, p.Name)
	}
	return out
}

// Identifier makes a name one that MIL permits: letters, digits and _, no digit first.
func Identifier(s string) string {
	out := []byte(s)
	for i, c := range out {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			out[i] = '_'
		}
	}
	if len(out) == 0 || (out[0] >= '0' && out[0] <= '9') {
		return "v_" + string(out)
	}
	return string(out)
}

// fresh makes a name unique.
func (b *Builder) fresh(name string) string {
	name = Identifier(name)
	n, taken := b.names[name]
	b.names[name] = n + 1
	if !taken {
		return name
	}
	for ; ; n++ {
		other := name + "_" + strconv.Itoa(n)
		if _, taken := b.names[other]; !taken {
			b.names[name], b.names[other] = n+1, 1
			return other
		}
	}
}

// Scope sets what the names of the operations that follow begin with, such as the name of a layer, and returns the scope before.
func (b *Builder) Scope(prefix string) (before string) {
	before, b.prefix = b.prefix, prefix
	return before
}

// Input adds an input of a static shape. The value is the input itself, or what a picture's pixels become.
func (b *Builder) Input(name string, k Kind, shape ...int) *Value {
	checkSize(name, shape)
	for _, d := range shape {
		if d < 1 {
			Fail("the input %q has the shape %v: every dimension must be known", name, shape)
		}
	}
	id := b.fresh(name)
	v := &Value{Kind: k, Shape: slices.Clone(shape), name: id}
	p := &Port{Name: id, Value: v}
	b.inputs = append(b.inputs, p)
	if im, ok := b.images[id]; ok {
		p.Image = &im
		return b.fromPixels(v, im)
	}
	return v
}

// Output makes a value an output.
func (b *Builder) Output(name string, v *Value) {
	id := Identifier(name)
	p := &Port{Name: id}
	if im, ok := b.images[id]; ok {
		p.Image = &im
		v = b.toPixels(v, im)
	}
	if v.Kind == Text {
		Fail("the output %q is a text", name)
	}
	if v.node == nil || slices.ContainsFunc(b.outputs, func(o *Port) bool { return o.Value == v }) {
		v = b.add("identity", v.Kind, v.Shape, in("x", v)) // an output must be some operation's, and one's alone
	}
	for _, in := range b.inputs {
		if in.Name == id {
			Fail("an input and an output are both named %q", id)
		}
	}
	if v.name != id {
		b.rename(v, id)
	}
	p.Value = v
	b.outputs = append(b.outputs, p)
}

// rename gives a value the name of an output; whoever has that name gets another.
func (b *Builder) rename(v *Value, id string) {
	for _, n := range b.nodes {
		for _, o := range n.outs {
			if o.name == id {
				o.name = b.fresh(id + "_inner")
			}
		}
	}
	b.names[id]++
	v.name = id
}

func in(key string, values ...*Value) arg { return arg{key, values} }

// add adds an operation with one output.
func (b *Builder) add(op string, k Kind, shape []int, args ...arg) *Value {
	return b.addSeveral(op, k, [][]int{shape}, args...)[0]
}

func (b *Builder) addSeveral(op string, k Kind, shapes [][]int, args ...arg) []*Value {
	n := &node{op: op, full: b.full}
	for _, a := range args {
		if len(a.values) > 0 && a.values[0] != nil {
			n.args = append(n.args, a)
		}
	}
	name := op
	if b.prefix != "" {
		name = b.prefix + "_" + op
	}
	for _, s := range shapes {
		for _, d := range s {
			if d < 1 {
				Fail("%s: its result would have the shape %v", name, s)
			}
		}
		checkSize(name, s)
		if len(s) > maxRank {
			Fail("%s: its result would have %d dimensions, and Core ML has %d at most", name, len(s), maxRank)
		}
		n.outs = append(n.outs, &Value{Kind: k, Shape: slices.Clone(s), name: b.fresh(name), node: n})
	}
	b.nodes = append(b.nodes, n)
	return n.outs
}

// maxElements bounds a value, so that numbers of elements are numbers.
const maxElements = 1 << 40

func checkSize(name string, shape []int) {
	n := 1
	for _, d := range shape {
		if d > 0 && n > maxElements/d {
			Fail("%s: its result would have the shape %v, which is too large", name, shape)
		}
		n *= d
	}
}

// Bounded ends the building where a table that is made here would have too many elements: as many as the product of the sizes.
func Bounded(sizes ...int) {
	n := 1
	for _, d := range sizes {
		if d < 0 || (d > 0 && n > maxFold/d) {
			Fail("a table of %v elements is too large to be made here", sizes)
		}
		n *= max(d, 1)
	}
}

// maxRank is the greatest rank of Core ML's arrays.
const maxRank = 6

// Weight makes a tensor a constant.
func (b *Builder) Weight(t *source.Tensor) *Value {
	k := Int
	switch {
	case t.DType.IsFloat():
		k = Float
	case t.DType == source.Bool:
		k = Bool
	}
	return &Value{Kind: k, Shape: slices.Clone(t.Shape), name: t.Name, tensor: t}
}

// Floats makes an array of numbers a constant.
func (b *Builder) Floats(shape []int, v ...float64) *Value {
	return constant(&array{Float, slices.Clone(shape), v})
}

// Scalar is a number without dimensions.
func (b *Builder) Scalar(v float64) *Value { return b.Floats(nil, v) }

// Ints is a list of integers.
func (b *Builder) Ints(v ...int) *Value {
	a := &array{Int, []int{len(v)}, make([]float64, len(v))}
	for i, n := range v {
		a.data[i] = float64(n)
	}
	return constant(a)
}

// Int is an integer without dimensions.
func (b *Builder) Int(v int) *Value { return constant(&array{Int, nil, []float64{float64(v)}}) }

// Array makes numbers of a kind a constant.
func (b *Builder) Array(k Kind, shape []int, v []float64) *Value {
	return constant(&array{k, slices.Clone(shape), v})
}

func boolean(v bool) *Value {
	if v {
		return constant(&array{Bool, nil, []float64{1}})
	}
	return constant(&array{Bool, nil, []float64{0}})
}

func text(s string) *Value { return &Value{Kind: Text, text: s} }

func constant(a *array) *Value {
	if len(a.data) != product(a.shape) {
		Fail("a constant of shape %v has %d elements", a.shape, len(a.data))
	}
	return &Value{Kind: a.kind, Shape: a.shape, host: a}
}

// Known gives a constant's elements.
func (b *Builder) Known(v *Value) []float64 { return load(v).data }

// KnownInts gives the elements of a constant of integers.
func (b *Builder) KnownInts(v *Value) []int {
	if !v.IsConst() {
		Fail("a shape or an index depends on the input's values, which is not supported")
	}
	out := make([]int, 0, v.Len())
	for _, f := range load(v).data {
		out = append(out, int(f))
	}
	return out
}

// Folds tells whether a value is a constant that is small enough to be computed with here.
func (b *Builder) Folds(v *Value) bool {
	return v == nil || (v.IsConst() && v.Kind != Text && v.Len() <= maxFold)
}

func (b *Builder) folds(vs ...*Value) bool {
	for _, v := range vs {
		if !b.Folds(v) {
			return false
		}
	}
	return true
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Within says, in deferred calls, where an error came from.
func Within(format string, v ...any) {
	switch e := recover().(type) {
	case nil:
	case failure:
		panic(failure{fmt.Errorf("%s: %w", fmt.Sprintf(format, v...), e.err)})
	case runtime.Error:
		panic(failure{fmt.Errorf("%s: the graph contradicts itself: %w", fmt.Sprintf(format, v...), e)})
	default:
		panic(e)
	}
}

// Source is the tensor that a constant came from, unchanged; nil where there is none.
func (v *Value) Source() *source.Tensor { return v.tensor }

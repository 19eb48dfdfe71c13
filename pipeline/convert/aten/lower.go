package aten

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

var inf = math.Inf(1)

// lowering builds a program's operations in MIL.
type lowering struct {
	*mil.Builder
	values map[string]*mil.Value
	ints   map[string]int // sizes that the program computes
}

// base is an operation's name without its library and its overload.
func base(target string) string {
	name := strings.TrimPrefix(target, "torch.ops.")
	if rest, ok := strings.CutPrefix(name, "aten."); ok {
		name, _, _ = strings.Cut(rest, ".")
	}
	return name
}

// UnsupportedError names the operations of a program that cannot be converted.
type UnsupportedError struct{ Ops []string }

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("these operations of the program are not supported: %s", strings.Join(e.Ops, ", "))
}

// Unsupported lists the operations that are not known; it is nil if all are.
func (m *File) Unsupported() *UnsupportedError {
	missing := map[string]bool{}
	for _, n := range m.program.Module.Graph.Nodes {
		if b := base(n.Target); operations[b] == nil && sizes[b] == nil && !skipped(b) {
			missing[b] = true
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &UnsupportedError{slices.Sorted(maps.Keys(missing))}
}

// skipped are operations that check something and give nothing.
func skipped(name string) bool {
	return strings.HasPrefix(name, "_assert") || strings.HasPrefix(name, "sym_constrain") || strings.HasPrefix(name, "_check")
}

// Build builds the program for inputs of the given shapes, one for each of Inputs.
func (m *File) Build(shapes [][]int, o mil.Options) (*mil.Program, error) {
	if err := m.Unsupported(); err != nil {
		return nil, err
	}
	return mil.Build(o, func(b *mil.Builder) {
		l := &lowering{b, map[string]*mil.Value{}, map[string]int{}}
		l.weights(m)
		k := 0
		for _, in := range m.program.Module.Signature.Inputs {
			if in.User == nil || in.User.Arg.Tensor == nil {
				continue
			}
			x := m.Inputs[k]
			kind := mil.Float
			if d, ok := dtypes[x.Kind]; ok && !d.IsFloat() {
				kind = mil.Int
			}
			l.values[x.Name] = b.Input(x.Name, kind, shapes[k]...)
			k++
		}
		for _, n := range m.program.Module.Graph.Nodes {
			l.node(n)
		}
		l.outputs(m)
	})
}

func (l *lowering) weights(m *File) {
	for _, in := range m.program.Module.Signature.Inputs {
		var arg, name string
		switch {
		case in.Parameter != nil:
			arg, name = in.Parameter.Arg.Name, in.Parameter.Name
		case in.Buffer != nil:
			arg, name = in.Buffer.Arg.Name, in.Buffer.Name
		case in.Constant != nil:
			arg, name = in.Constant.Arg.Name, in.Constant.Name
		default:
			continue
		}
		t := m.weights[name]
		if t == nil {
			mil.Fail("the weights %q are missing", name)
		}
		l.values[arg] = l.Weight(t)
	}
}

// outputs are those that the program's user gets; changes to buffers are none.
func (l *lowering) outputs(m *File) {
	n := 0
	for i, out := range m.program.Module.Graph.Outputs {
		specs := m.program.Module.Signature.Outputs
		if i < len(specs) && specs[i].User == nil || out.Tensor == nil {
			continue
		}
		n++
		name := out.Tensor.Name
		if slices.ContainsFunc(m.Inputs, func(in Input) bool { return in.Name == name }) {
			name = fmt.Sprintf("output_%d", n)
		}
		l.Output(name, l.value(out.Tensor.Name))
	}
}

func (l *lowering) value(name string) *mil.Value {
	v := l.values[name]
	if v == nil {
		mil.Fail("the value %q is used before it is given", name)
	}
	return v
}

func (l *lowering) node(n node) {
	name := base(n.Target)
	if skipped(name) {
		return
	}
	c := &call{lowering: l, args: map[string]argument{}, traits: traitsOf(name)}
	for _, in := range n.Inputs {
		c.args[in.Name] = in.Arg
		c.order = append(c.order, in.Arg)
	}
	var outs []string
	for _, o := range n.Outputs {
		if o.Tensor != nil {
			outs = append(outs, o.Tensor.Name)
		}
		for _, t := range o.Tensors {
			outs = append(outs, t.Name)
		}
		if o.SymInt != nil && o.SymInt.Name != nil {
			outs = append(outs, *o.SymInt.Name)
		}
	}
	if len(outs) == 0 {
		return
	}
	l.Scope(outs[0])
	defer mil.Within("operation %q (%s)", name, outs[0])
	if f := sizes[name]; f != nil {
		l.ints[outs[0]] = f(c)
		return
	}
	operations[name](c)
	for i, o := range outs {
		if i < len(c.out) {
			l.values[o] = c.out[i]
		}
	}
}

// call is an operation with its arguments.
type call struct {
	*lowering
	args  map[string]argument
	order []argument
	out   []*mil.Value
	traits
}

// traits tell apart operations that one function builds.
type traits struct {
	least      bool    // the least in place of the greatest
	root       bool    // the root of the variance
	upper      bool    // the upper triangle
	transposes bool    // a transposed convolution
	fill       float64 // of what is filled without a value
	padding    string  // its mode, where the name has it
	sampling   string  // nearest, nearest-exact, linear or cubic
}

func traitsOf(name string) traits {
	t := traits{least: name == "min" || name == "argmin", root: name == "std", upper: name == "triu", transposes: strings.HasPrefix(name, "conv_transpose")}
	if strings.HasPrefix(name, "ones") {
		t.fill = 1
	}
	switch {
	case strings.HasPrefix(name, "reflection_pad"):
		t.padding = "reflect"
	case strings.HasPrefix(name, "replication_pad"):
		t.padding = "replicate"
	case name == "constant_pad_nd":
		t.padding = "constant"
	}
	t.sampling = map[string]string{
		"upsample_nearest2d": "nearest", "_upsample_nearest_exact2d": "nearest-exact", "upsample_bilinear2d": "linear", "upsample_bicubic2d": "cubic",
	}[name]
	return t
}

func (c *call) give(vs ...*mil.Value) { c.out = vs }

// has tells whether an argument is there and not none.
func (c *call) has(name string) bool {
	a, ok := c.args[name]
	return ok && a.None == nil
}

// x is the first argument, a tensor.
func (c *call) x() *mil.Value { return c.of(c.order[0]) }

// of makes an argument a value: a tensor or a number.
func (c *call) of(a argument) *mil.Value {
	switch {
	case a.Tensor != nil:
		return c.value(a.Tensor.Name)
	case a.Optional != nil:
		return c.of(*a.Optional)
	case a.Int != nil:
		return c.Int(int(*a.Int))
	case a.Float != nil:
		return c.Scalar(float64(*a.Float))
	case a.Bool != nil:
		return c.Array(mil.Bool, nil, []float64{truth(*a.Bool)})
	case a.SymInt != nil:
		return c.Int(c.sym(*a.SymInt))
	}
	mil.Fail("an argument is no tensor and no number")
	return nil
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (c *call) sym(s symInt) int {
	if s.Int != nil {
		return *s.Int
	}
	if s.Name != nil {
		if n, ok := c.ints[*s.Name]; ok {
			return n
		}
	}
	mil.Fail("a size that is not known")
	return 0
}

// tensor is a named argument as a value; nil where it is missing or none.
func (c *call) tensor(name string) *mil.Value {
	if !c.has(name) {
		return nil
	}
	if a := c.args[name]; a.Optional != nil && a.Optional.None != nil {
		return nil
	}
	return c.of(c.args[name])
}

// need is a named argument that must be there.
func (c *call) need(name string) *mil.Value {
	v := c.tensor(name)
	if v == nil {
		mil.Fail("its argument %q is missing", name)
	}
	return v
}

func (c *call) tensors(name string) []*mil.Value {
	var out []*mil.Value
	for _, t := range c.args[name].Tensors {
		out = append(out, c.value(t.Name))
	}
	return out
}

func (c *call) int(name string, missing int) int {
	a, ok := c.args[name]
	switch {
	case !ok || a.None != nil:
		return missing
	case a.Int != nil:
		return int(min(max(*a.Int, math.MinInt32), math.MaxInt32))
	case a.SymInt != nil:
		return c.sym(*a.SymInt)
	case a.Bool != nil:
		return int(truth(*a.Bool))
	}
	return missing
}

func (c *call) float(name string, missing float64) float64 {
	a, ok := c.args[name]
	switch {
	case !ok || a.None != nil:
		return missing
	case a.Float != nil:
		return float64(*a.Float)
	case a.Int != nil:
		return float64(*a.Int)
	}
	return missing
}

func (c *call) flag(name string, missing bool) bool {
	if a := c.args[name]; a.Bool != nil {
		return *a.Bool
	}
	return missing
}

func (c *call) text(name, missing string) string {
	if a := c.args[name]; a.String != nil {
		return *a.String
	}
	return missing
}

func (c *call) list(name string) []int {
	a, ok := c.args[name]
	if !ok || a.None != nil {
		return nil
	}
	var out []int
	for _, v := range a.Ints {
		out = append(out, int(min(max(v, math.MinInt32), math.MaxInt32)))
	}
	for _, s := range a.SymInts {
		out = append(out, c.sym(s))
	}
	if a.Int != nil {
		out = append(out, int(*a.Int))
	}
	return out
}

// kind is what the argument dtype makes of elements.
func (c *call) kind(missing mil.Kind) mil.Kind {
	a := c.args["dtype"]
	if a.ScalarType == nil {
		return missing
	}
	switch d, ok := dtypes[*a.ScalarType]; {
	case *a.ScalarType == 12:
		return mil.Bool
	case ok && d.IsFloat():
		return mil.Float
	}
	return mil.Int
}

// sizes are operations on sizes alone.
var sizes = map[string]func(*call) int{
	"sym_size":           func(c *call) int { return c.x().Shape[mil.Axis(c.int("dim", 0), c.x().Rank())] },
	"sym_numel":          func(c *call) int { return c.x().Len() },
	"_operator.mul":      pair(func(a, b int) int { return a * b }),
	"_operator.add":      pair(func(a, b int) int { return a + b }),
	"_operator.sub":      pair(func(a, b int) int { return a - b }),
	"_operator.floordiv": pair(func(a, b int) int { return int(math.Floor(float64(a) / float64(b))) }),
	"_operator.mod":      pair(func(a, b int) int { return a - b*int(math.Floor(float64(a)/float64(b))) }),
	"_operator.neg":      func(c *call) int { return -c.integer(0) },
}

func pair(f func(a, b int) int) func(*call) int {
	return func(c *call) int { return f(c.integer(0), c.integer(1)) }
}

func (c *call) integer(i int) int {
	if i >= len(c.order) {
		mil.Fail("its argument %d is missing", i)
	}
	return c.KnownInts(c.of(c.order[i]))[0]
}

package portable

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// lowering turns a function of a program into a graph, operation by operation.
type lowering struct {
	*graph
	pkg     *mlpackage.Package
	consts  map[string]*mlpackage.Const
	emitted map[string]string // constants that are already in the graph
	types   map[string]*milpb.TensorType
	ops     map[string]func(*args)
	depth   int    // of blocks inside of blocks
	classes string // the value that is a classifier's probabilities
	fixed   bool   // no input changes its shape: the program's shapes hold
}

// lowered is a model as ONNX.
type lowered struct {
	model   *onnxpb.ModelProto
	weights *spill // that the graph points to
	in, out []*port
}

// UnsupportedError names an operation, or a layer, that this engine cannot run.
type UnsupportedError struct {
	Op, Output, Why string
}

func (e *UnsupportedError) Error() string {
	s := fmt.Sprintf("the operation %q (output %q) is not supported by the portable engine", e.Op, e.Output)
	if e.Why != "" {
		s += ": " + e.Why
	}
	return s
}

// interfaces are a model's inputs, outputs and states as its description has them.
type interfaces struct {
	function           string
	in, out, states    []*coremlpb.FeatureDescription
	predicted, classes string // names of a classifier's outputs
}

// describedBy finds the description of a function; an empty name is the default function.
func describedBy(d *coremlpb.ModelDescription, function string) (*interfaces, error) {
	functions := d.GetFunctions()
	if len(functions) == 0 {
		if function != "" && function != "main" {
			return nil, fmt.Errorf("the model has no function %q: it has one, main", function)
		}
		return &interfaces{"main", d.GetInput(), d.GetOutput(), d.GetState(), d.GetPredictedFeatureName(), d.GetPredictedProbabilitiesName()}, nil
	}
	if function == "" {
		function = d.GetDefaultFunctionName()
	}
	var names []string
	for _, f := range functions {
		if f.GetName() == function {
			return &interfaces{function, f.GetInput(), f.GetOutput(), f.GetState(), f.GetPredictedFeatureName(), f.GetPredictedProbabilitiesName()}, nil
		}
		names = append(names, f.GetName())
	}
	return nil, fmt.Errorf("the model has no function %q: it has %s", function, strings.Join(names, ", "))
}

// lower turns a model into ONNX. On an error nothing is left open.
func lower(p *mlpackage.Package, spec *coremlpb.Model, function string, dry bool) (_ *lowered, err error) {
	about, err := describedBy(spec.GetDescription(), function)
	if err != nil {
		return nil, err
	}
	if len(about.states) > 0 {
		return nil, fmt.Errorf("the model keeps a state between predictions (%q), which the portable engine does not: use a version of the model without states", about.states[0].GetName())
	}
	res := &lowered{}
	if res.in, err = describeAll(about.in, "input"); err != nil {
		return nil, err
	}
	l := &lowering{
		graph: newGraph(), pkg: p, consts: map[string]*mlpackage.Const{}, emitted: map[string]string{}, types: map[string]*milpb.TensorType{}, ops: operations,
	}
	l.spill.dry, l.fixed = dry, res.fixed()
	defer func() {
		if err != nil {
			_ = l.spill.close() // the error that is returned says more
		}
	}()
	_, _, _, _, isNetwork := parts(spec)
	switch {
	case spec.GetMlProgram() != nil:
		err = l.program(res, spec.GetMlProgram(), about)
	case isNetwork:
		err = l.network(res, spec, about)
	default:
		return nil, fmt.Errorf("the portable engine runs ML programs and neural networks, and the model is a %s", cmp.Or(mlpackage.Kind(spec), "model of an unknown kind"))
	}
	if err != nil {
		return nil, err
	}
	res.model, res.weights = l.model(), l.spill
	return res, nil
}

// program lowers one function of a program.
func (l *lowering) program(res *lowered, program *milpb.Program, about *interfaces) error {
	fn := program.GetFunctions()[about.function]
	block := fn.GetBlockSpecializations()[fn.GetOpset()]
	if block == nil {
		return fmt.Errorf("the program has no %s function", about.function)
	}
	if len(fn.GetInputs()) != len(res.in) {
		return fmt.Errorf("the description has %d inputs and the program %d", len(res.in), len(fn.GetInputs()))
	}
	if err := l.known(block, 0); err != nil {
		return err
	}
	for _, in := range fn.GetInputs() {
		if err := l.input(res, in); err != nil {
			return err
		}
	}
	if err := l.block(block); err != nil {
		return err
	}
	wanted, err := l.wanted(about)
	if err != nil {
		return err
	}
	if len(about.out) == 0 {
		for _, name := range block.GetOutputs() {
			p := &port{}
			p.Name = name
			wanted = append(wanted, p)
		}
	}
	if len(wanted) == 0 {
		return fmt.Errorf("the program gives nothing")
	}
	for _, p := range wanted {
		if !slices.Contains(block.GetOutputs(), p.Name) && l.classes == "" {
			return fmt.Errorf("the program gives no output %q", p.Name)
		}
		if err := l.output(p); err != nil {
			return err
		}
		res.out = append(res.out, p)
	}
	return nil
}

// wanted are the outputs that the description names. Of a classifier's, the dictionary becomes an array of the probabilities, in the order of
// the classes, and the name of the likeliest class is not made here.
func (l *lowering) wanted(about *interfaces) (out []*port, err error) {
	var plain []*coremlpb.FeatureDescription
	for _, d := range about.out {
		switch d.GetType().GetType().(type) {
		case *coremlpb.FeatureType_StringType, *coremlpb.FeatureType_Int64Type, *coremlpb.FeatureType_DictionaryType:
			if l.classes == "" {
				plain = append(plain, d) // which is an error
			} else if d.GetType().GetDictionaryType() != nil {
				p := &port{}
				p.Name = d.GetName()
				l.types[p.Name] = l.types[l.classes]
				l.node("Identity", p.Name, []string{l.classes})
				out = append(out, p)
			}
		default:
			plain = append(plain, d)
		}
	}
	arrays, err := describeAll(plain, "output")
	return append(out, arrays...), err
}

func (l *lowering) input(res *lowered, in *milpb.NamedValueType) error {
	t := in.GetType().GetTensorType()
	if t == nil {
		return fmt.Errorf("the input %q is not a tensor", in.GetName())
	}
	k := slices.IndexFunc(res.in, func(p *port) bool { return p.Name == in.GetName() })
	if k < 0 {
		return fmt.Errorf("the description has no input %q", in.GetName())
	}
	p, dims := res.in[k], mlpackage.Dims(t)
	agree := len(dims) == len(p.Shape)
	if p.Image != "" {
		agree = len(dims) >= 3 && len(dims) <= maxRank && mlpackage.IsFloat(t.GetDataType())
		for _, d := range dims[:max(len(dims)-3, 0)] {
			agree = agree && (d == 1 || d < 0)
		}
		if agree {
			channels := int64(1)
			if p.Image == engine.BGRA {
				channels = 3
			}
			agree = dims[len(dims)-3] == channels || dims[len(dims)-3] < 0
		}
	} else if mlpackage.IsFloat(t.GetDataType()) != (p.DType == engine.Float32) {
		agree = false
	}
	for i, n := range p.dims() {
		if p.Image == "" && agree && len(dims) > 0 {
			agree = dims[i] < 0 || n < 0 || n == dims[i]
		}
	}
	if !agree || p.graph != "" {
		return fmt.Errorf("the program and the description disagree on the input %q", p.Name)
	}
	l.types[p.Name] = t
	l.accept(p, p.Name, elemType(t.GetDataType()), len(dims))
	return nil
}

func (l *lowering) block(b *milpb.Block) error {
	for _, op := range b.GetOperations() {
		if err := l.operation(op); err != nil {
			return err
		}
	}
	return nil
}

// known looks for operations that this engine does not have before any is lowered, which may take a while.
func (l *lowering) known(b *milpb.Block, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("blocks inside of blocks, more than %d deep", maxDepth)
	}
	for _, op := range b.GetOperations() {
		if kind := kindOf(op); l.ops[kind] == nil && kind != classify {
			output := ""
			if len(op.GetOutputs()) > 0 {
				output = op.GetOutputs()[0].GetName()
			}
			return &UnsupportedError{kind, output, ""}
		}
		for _, inner := range op.GetBlocks() {
			if err := l.known(inner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// classify is the operation that gives a class's name and a dictionary: see wanted.
const classify = "classify"

// kindOf is an operation's type without the version that compiled models put before it, as in ios17.conv.
func kindOf(op *milpb.Operation) string {
	kind := op.GetType()
	if before, after, ok := strings.Cut(kind, "."); ok && strings.HasPrefix(before, "ios") {
		return after
	}
	return kind
}

func (l *lowering) operation(op *milpb.Operation) error {
	kind := kindOf(op)
	if kind == classify { // its outputs are no tensors
		if b := op.GetInputs()["probabilities"].GetArguments(); len(b) == 1 && l.types[b[0].GetName()] != nil {
			l.classes = b[0].GetName()
			return nil
		}
	}
	if len(op.GetOutputs()) == 0 {
		return &UnsupportedError{kind, "", "it has no output"}
	}
	for _, o := range op.GetOutputs() {
		t := o.GetType().GetTensorType()
		if t == nil {
			return &UnsupportedError{kind, o.GetName(), "its output is not a tensor"}
		}
		if strings.HasPrefix(o.GetName(), "#") || o.GetName() == "" || l.types[o.GetName()] != nil {
			return fmt.Errorf("operation %q (output %q): the name is not valid, or is there twice", kind, o.GetName())
		}
		if err := bounded(mlpackage.Dims(t)); err != nil {
			return fmt.Errorf("operation %q (output %q): %w", kind, o.GetName(), err)
		}
		l.types[o.GetName()] = t
	}
	a := &args{l: l, op: op, kind: kind}
	f := l.ops[kind]
	if f == nil {
		return &UnsupportedError{kind, a.out(), ""}
	}
	f(a)
	if a.err != nil {
		return fmt.Errorf("operation %q (output %q): %w", kind, a.out(), a.err)
	}
	if err := l.claim(op); err != nil {
		return fmt.Errorf("operation %q (output %q): %w", kind, a.out(), err)
	}
	return nil
}

// claim has ONNX Runtime hold what an operation gives to the shapes that the program states. Constants are compared here.
func (l *lowering) claim(op *milpb.Operation) error {
	for _, o := range op.GetOutputs() {
		t := l.types[o.GetName()]
		dims := mlpackage.Dims(t)
		if c := l.consts[o.GetName()]; c != nil {
			if !slices.Equal(c.Shape, dims) {
				return fmt.Errorf("its constant has the shape %v, and the program says %v", c.Shape, dims)
			}
			continue
		}
		if l.fixed && !slices.Contains(dims, -1) {
			l.onnx.ValueInfo = append(l.onnx.ValueInfo, declare(o.GetName(), elemType(t.GetDataType()), dims))
		}
	}
	return nil
}

// maxTensor bounds the elements of a tensor inside of a model.
const maxTensor = 1 << 31

// bounded refuses shapes of more than maxTensor elements, and ranks that ONNX Runtime has no room for.
func bounded(dims []int64) error {
	n := int64(1)
	for _, d := range dims {
		if d > 0 && n > maxTensor/d {
			return fmt.Errorf("a tensor of shape %v is too large", dims)
		}
		n *= max(d, 1)
	}
	if len(dims) > maxRank {
		return fmt.Errorf("a tensor of %d dimensions", len(dims))
	}
	return nil
}

func (l *lowering) output(p *port) error {
	t := l.types[p.Name]
	if t == nil {
		return fmt.Errorf("the program gives no output %q", p.Name)
	}
	value := p.Name
	if l.consts[p.Name] != nil {
		v, err := l.constName(p.Name)
		if err != nil {
			return err
		}
		value = l.node("Identity", p.Name, []string{v})
	}
	dims := mlpackage.Dims(t)
	if p.Image != "" {
		n := len(dims)
		if n < 3 || !mlpackage.IsFloat(t.GetDataType()) {
			return fmt.Errorf("the output %q is a picture, and the program gives a tensor of shape %v", p.Name, dims)
		}
		p.Shape = []int{int(max(dims[n-2], 0)), int(max(dims[n-1], 0))}
		if p.Image == engine.BGRA {
			p.Shape = append(p.Shape, 4)
		}
	} else {
		if !p.hasType && !mlpackage.IsFloat(t.GetDataType()) {
			p.DType = engine.Int32
		}
		p.Shape = make([]int, len(dims))
		for i, d := range dims {
			p.Shape[i] = int(max(d, 0))
		}
	}
	p.Shapes, p.Ranges = nil, nil
	l.offer(p, value, elemType(t.GetDataType()), dims)
	if info := l.onnx.Output[len(l.onnx.Output)-1]; l.fixed && p.graph == p.Name && !slices.Contains(dims, -1) {
		info.Type = declare(p.graph, wire(p.DType), dims).Type
	}
	return nil
}

// constName is a constant's name in the graph.
func (l *lowering) constName(name string) (string, error) {
	if n, ok := l.emitted[name]; ok {
		return n, nil
	}
	n, err := l.constant(l.consts[name])
	l.emitted[name] = n
	return n, err
}

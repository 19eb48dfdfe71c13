package portable

import (
	"fmt"
	"slices"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// lowering turns the main function of a program into a graph, operation by operation.
type lowering struct {
	*graph
	pkg     *mlpackage.Package
	consts  map[string]*mlpackage.Const
	emitted map[string]string // constants that are already in the graph
	types   map[string]*milpb.TensorType
}

// value is an input or output of the lowered program.
type value struct {
	name  string
	port  string // its name as the graph's input or output
	dtype milpb.DataType
	dims  []int64 // -1: follows from the inputs
}

// lowered is a program as ONNX.
type lowered struct {
	model           *onnxpb.ModelProto
	folder          string // of the weights that the graph points to; empty if none
	inputs, outputs []value
}

// UnsupportedError names an operation that this engine cannot run.
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

// symbolic are, for inputs with several permitted shapes, the dimensions that change.
func lower(p *mlpackage.Package, symbolic map[string][]bool) (*lowered, error) {
	program := p.Spec.GetMlProgram()
	if program == nil {
		return nil, fmt.Errorf("this engine runs ML programs, and the model is a %T", p.Spec.GetType())
	}
	fn := program.GetFunctions()["main"]
	block := fn.GetBlockSpecializations()[fn.GetOpset()]
	if block == nil {
		return nil, fmt.Errorf("the program has no main function")
	}
	l := &lowering{newGraph(), p, map[string]*mlpackage.Const{}, map[string]string{}, map[string]*milpb.TensorType{}}
	res := &lowered{}
	for _, in := range fn.GetInputs() {
		t := in.GetType().GetTensorType()
		if t == nil {
			return nil, fmt.Errorf("the input %q is not a tensor", in.GetName())
		}
		v := value{in.GetName(), portName(in.GetName(), t.GetDataType()), t.GetDataType(), mlpackage.Dims(t)}
		for i, change := range symbolic[v.name] {
			if change && i < len(v.dims) {
				v.dims[i] = -1
			}
		}
		l.types[v.name] = t
		l.onnx.Input = append(l.onnx.Input, valueInfo(v.port, portType(v.dtype), v.dims))
		if v.port != v.name {
			l.node("Cast", v.name, []string{v.port}, attrInt("to", int64(elemType(v.dtype))))
		}
		res.inputs = append(res.inputs, v)
	}
	for _, op := range block.GetOperations() {
		if err := l.operation(op); err != nil {
			return nil, err
		}
	}
	dynamic := slices.ContainsFunc(res.inputs, func(v value) bool { return slices.Contains(v.dims, -1) })
	for _, name := range block.GetOutputs() {
		v, err := l.output(name, dynamic)
		if err != nil {
			return nil, err
		}
		res.outputs = append(res.outputs, v)
	}
	res.model, res.folder = l.model(), l.folder
	return res, nil
}

func (l *lowering) operation(op *milpb.Operation) error {
	if len(op.GetOutputs()) == 0 {
		return &UnsupportedError{op.GetType(), "", "it has no output"}
	}
	for _, o := range op.GetOutputs() {
		t := o.GetType().GetTensorType()
		if t == nil {
			return &UnsupportedError{op.GetType(), o.GetName(), "its output is not a tensor"}
		}
		l.types[o.GetName()] = t
	}
	a := &args{l: l, op: op}
	f := operations[op.GetType()]
	if f == nil {
		return &UnsupportedError{op.GetType(), a.out(), ""}
	}
	f(a)
	if a.err != nil {
		return fmt.Errorf("operation %q (output %q): %w", op.GetType(), a.out(), a.err)
	}
	return nil
}

func (l *lowering) output(name string, dynamic bool) (value, error) {
	t := l.types[name]
	if t == nil {
		return value{}, fmt.Errorf("the program gives no output %q", name)
	}
	if c := l.consts[name]; c != nil {
		v, err := l.constName(name)
		if err != nil {
			return value{}, err
		}
		l.node("Identity", name, []string{v})
	}
	v := value{name, portName(name, t.GetDataType()), t.GetDataType(), mlpackage.Dims(t)}
	declared := v.dims
	if dynamic { // ONNX Runtime finds them; the program states the default's
		declared = make([]int64, len(v.dims))
		for i := range declared {
			declared[i] = -1
		}
	}
	if v.port != name {
		l.node("Cast", v.port, []string{name}, attrInt("to", int64(portType(v.dtype))))
	}
	l.onnx.Output = append(l.onnx.Output, valueInfo(v.port, portType(v.dtype), declared))
	return v, nil
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

package mil

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// Target is the oldest system that a package is for, by the year's operations.
type Target int

// The targets. macOS is three less: 12 to 15.
const (
	IOS15 Target = 15 + iota
	IOS16
	IOS17
	IOS18
)

// Format is how a program is written.
type Format struct {
	Half   bool   // compute in float16; inputs and outputs stay float32
	Target Target // the oldest system; 0 is iOS 16, macOS 13. Operations that need a newer one raise it.

	Description, Author, License, Version string
	// Meta gives metadata of any keys. It is called when the weights have been written, and may be nil.
	Meta func() (map[string]string, error)

	// Compress may give another form to the weights of an operation. It may be nil.
	Compress Compressor
	// Progress is told how many bytes of weights of how many have been read. It may be nil.
	Progress func(done, of int64)
}

// Compressor gives weights another form. name is that of the constant; nil leaves the weights as they are.
type Compressor interface {
	Encode(ctx context.Context, name string, t *source.Tensor, half bool) (*Encoding, error)
}

// Report says what was written.
type Report struct {
	Target     Target
	Full       []string // operations whose weights are out of float16's range, which compute in float32
	Weights    int64    // bytes of weights written
	Operations int
}

// writer makes a program's specification.
type writer struct {
	ctx     context.Context
	format  Format
	weights *mlpackage.Weights
	report  *Report
	block   *milpb.Block
	names   map[string]bool
	consts  map[constKey]string // constants that are in the program, by value and type
	casts   map[constKey]string // values in another precision
	types   map[*Value]milpb.DataType
	done    int64
	total   int64
}

type constKey struct {
	tensor *source.Tensor
	value  *Value
	text   string
	dtype  milpb.DataType
}

// Write makes the package dir, whole or not at all. When ctx ends, nothing is left.
func (p *Program) Write(ctx context.Context, dir string, f Format) (*Report, error) {
	r := &Report{Target: max(f.Target, IOS15), Operations: len(p.nodes)}
	if f.Target == 0 {
		r.Target = IOS16
	}
	err := mlpackage.Write(dir, func(w *mlpackage.Weights) (*coremlpb.Model, error) {
		spec, err := p.spec(ctx, w, f, r)
		r.Weights = w.Size()
		return spec, err
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return r, nil
}

func (p *Program) spec(ctx context.Context, weights *mlpackage.Weights, f Format, r *Report) (*coremlpb.Model, error) {
	w := &writer{
		ctx: ctx, format: f, weights: weights, report: r, block: &milpb.Block{}, names: map[string]bool{},
		consts: map[constKey]string{}, casts: map[constKey]string{}, types: map[*Value]milpb.DataType{},
	}
	fn := &milpb.Function{}
	for _, in := range p.Inputs {
		w.names[in.Name] = true
		w.types[in.Value] = w.portType(in)
		fn.Inputs = append(fn.Inputs, &milpb.NamedValueType{Name: in.Name, Type: valueType(w.types[in.Value], in.Value.dims()...)})
	}
	for _, n := range p.nodes {
		for _, o := range n.outs {
			w.names[o.name] = true
		}
		for _, a := range n.args {
			for _, v := range a.values {
				if v.tensor != nil {
					w.total += v.tensor.Size()
				}
			}
		}
	}
	for _, n := range p.nodes {
		if err := w.node(n); err != nil {
			return nil, fmt.Errorf("%s (%s): %w", n.outs[0].name, n.op, err)
		}
	}
	for _, o := range p.Outputs {
		name, err := w.output(o)
		if err != nil {
			return nil, err
		}
		w.block.Outputs = append(w.block.Outputs, name)
	}
	description, err := p.describe(f)
	if err != nil {
		return nil, err
	}
	opset := map[Target]string{IOS15: "CoreML5", IOS16: "CoreML6", IOS17: "CoreML7", IOS18: "CoreML8"}[r.Target]
	fn.Opset, fn.BlockSpecializations = opset, map[string]*milpb.Block{opset: w.block}
	return &coremlpb.Model{
		SpecificationVersion: int32(r.Target) - 9,
		Description:          description,
		Type:                 &coremlpb.Model_MlProgram{MlProgram: &milpb.Program{Version: 1, Functions: map[string]*milpb.Function{"main": fn}}},
	}, nil
}

// portType is the type of an input or output in the program: pictures and arrays cross as float32.
func (w *writer) portType(p *Port) milpb.DataType {
	if p.Value.Kind == Float {
		return milpb.DataType_FLOAT32
	}
	return milpb.DataType_INT32
}

// node writes an operation and the constants that it takes. Where weights are out of float16's range, it is written in float32.
func (w *writer) node(n *node) error {
	err := w.inPrecision(n, w.format.Half && !n.full)
	if errors.Is(err, errRange) {
		w.report.Full = append(w.report.Full, n.outs[0].name)
		n.full = true
		return w.inPrecision(n, false)
	}
	return err
}

func (w *writer) inPrecision(n *node, half bool) error {
	op := &milpb.Operation{Type: n.op, Inputs: map[string]*milpb.Argument{}, Attributes: map[string]*milpb.Value{"name": textValue(n.outs[0].name)}}
	float := milpb.DataType_FLOAT32
	if half {
		float = milpb.DataType_FLOAT16
	}
	for _, a := range n.args {
		arg := &milpb.Argument{}
		for _, v := range a.values {
			name, err := w.use(n, a.key, v, float)
			if err != nil {
				return err
			}
			arg.Arguments = append(arg.Arguments, &milpb.Argument_Binding{Binding: &milpb.Argument_Binding_Name{Name: name}})
		}
		op.Inputs[a.key] = arg
	}
	for _, o := range n.outs {
		t := dtypeOf(o.Kind, float)
		w.types[o] = t
		op.Outputs = append(op.Outputs, &milpb.NamedValueType{Name: o.name, Type: valueType(t, o.dims()...)})
	}
	w.block.Operations = append(w.block.Operations, op)
	return nil
}

func dtypeOf(k Kind, float milpb.DataType) milpb.DataType {
	switch k {
	case Int:
		return milpb.DataType_INT32
	case Bool:
		return milpb.DataType_BOOL
	case Text:
		return milpb.DataType_STRING
	}
	return float
}

// use gives the name of a value for an operation that computes in the type float.
func (w *writer) use(n *node, key string, v *Value, float milpb.DataType) (string, error) {
	t := dtypeOf(v.Kind, float)
	switch {
	case v.Kind == Text && n.op == "cast":
		if s := v.text; s == "fp32" && float == milpb.DataType_FLOAT16 {
			return w.constant(n.outs[0].name+"_"+key, text("fp16"), t)
		}
		return w.constant(n.outs[0].name+"_"+key, v, t)
	case v.IsConst() && v.single:
		return w.constant(n.outs[0].name+"_"+key, v, milpb.DataType_FLOAT32)
	case v.IsConst():
		return w.constant(n.outs[0].name+"_"+key, v, t)
	case v.Kind == Float && w.types[v] != t:
		return w.cast(v, t), nil
	}
	return v.name, nil
}

// cast gives a value in another precision.
func (w *writer) cast(v *Value, to milpb.DataType) string {
	key := constKey{value: v, dtype: to}
	if name, ok := w.casts[key]; ok {
		return name
	}
	word := map[milpb.DataType]string{milpb.DataType_FLOAT16: "fp16", milpb.DataType_FLOAT32: "fp32", milpb.DataType_INT32: "int32"}[to]
	name := w.fresh(v.name + "_to_" + word)
	w.castTo(name, v, word, to)
	w.casts[key] = name
	return name
}

func (w *writer) castTo(name string, v *Value, word string, to milpb.DataType) {
	dtype, _ := w.constant(name+"_dtype", text(word), milpb.DataType_STRING) // a text is not streamed, and cannot fail
	w.block.Operations = append(w.block.Operations, &milpb.Operation{
		Type: "cast",
		Inputs: map[string]*milpb.Argument{
			"x":     {Arguments: []*milpb.Argument_Binding{{Binding: &milpb.Argument_Binding_Name{Name: v.name}}}},
			"dtype": {Arguments: []*milpb.Argument_Binding{{Binding: &milpb.Argument_Binding_Name{Name: dtype}}}},
		},
		Attributes: map[string]*milpb.Value{"name": textValue(name)},
		Outputs:    []*milpb.NamedValueType{{Name: name, Type: valueType(to, v.dims()...)}},
	})
}

// output gives an output the type that it has outside.
func (w *writer) output(o *Port) (string, error) {
	v, to := o.Value, w.portType(o)
	if w.types[v] == to {
		return v.name, nil
	}
	inner := w.fresh(o.Name + "_inner")
	for _, op := range w.block.Operations { // the output keeps its name: what gave it gets another
		for _, out := range op.Outputs {
			if out.Name == v.name {
				out.Name = inner
			}
		}
		for _, a := range op.Inputs {
			for _, b := range a.Arguments {
				if b.GetName() == v.name {
					b.Binding = &milpb.Argument_Binding_Name{Name: inner}
				}
			}
		}
	}
	word := map[milpb.DataType]string{milpb.DataType_FLOAT32: "fp32", milpb.DataType_INT32: "int32"}[to]
	renamed := *v
	renamed.name = inner
	w.castTo(o.Name, &renamed, word, to)
	return o.Name, nil
}

func (w *writer) fresh(name string) string {
	name = Identifier(name)
	for i, base := 0, name; w.names[name]; i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	w.names[name] = true
	return name
}

// blobFrom is the number of elements from which floats lie in the weights' file, as coremltools has it.
const blobFrom = 10

// constant gives the name of a constant in the program, which it adds if it is new.
func (w *writer) constant(name string, v *Value, t milpb.DataType) (string, error) {
	key := constKey{tensor: v.tensor, text: v.text, dtype: t}
	if v.tensor == nil && v.Kind != Text {
		key.value = v
	}
	if n, ok := w.consts[key]; ok {
		return n, nil
	}
	if v.tensor != nil && v.tensor.Name != "" {
		name = v.tensor.Name
	}
	if v.Kind == Float && v.Len() >= blobFrom {
		stored, err := w.stored(name, v, t)
		if err == nil {
			w.consts[key] = stored
		}
		return stored, err
	}
	value, err := w.immediate(v, t)
	if err != nil {
		return "", err
	}
	name = w.fresh(name)
	w.addConst(name, value)
	w.consts[key] = name
	return name, nil
}

func (w *writer) addConst(name string, value *milpb.Value) {
	w.block.Operations = append(w.block.Operations, &milpb.Operation{
		Type:       "const",
		Outputs:    []*milpb.NamedValueType{{Name: name, Type: value.Type}},
		Attributes: map[string]*milpb.Value{"name": textValue(name), "val": value},
	})
}

// stored writes a constant to the weights' file.
func (w *writer) stored(name string, v *Value, t milpb.DataType) (string, error) {
	tensor, half := tensorOf(v), t == milpb.DataType_FLOAT16
	if w.format.Compress != nil {
		e, err := w.format.Compress.Encode(w.ctx, name, tensor, half)
		if err != nil {
			return "", err
		}
		if e != nil {
			w.progress(tensor.Size())
			return w.encoded(name, v, t, e)
		}
	}
	kind, size := mlpackage.BlobFloat32, int64(4)
	if half {
		kind, size = mlpackage.BlobFloat16, 2
	}
	offset, err := w.weights.Stream(kind, size*int64(v.Len()), 0, func(to io.Writer) error { return stream(w.ctx, tensor, half, to) })
	if err != nil {
		return "", err
	}
	w.progress(tensor.Size())
	name = w.fresh(name)
	w.addConst(name, blobValue(valueType(t, v.Shape...), offset))
	return name, nil
}

func (w *writer) progress(n int64) {
	w.done += n
	if w.format.Progress != nil {
		w.format.Progress(min(w.done, w.total), max(w.total, 1))
	}
}

// immediate is a constant that the specification itself holds.
func (w *writer) immediate(v *Value, t milpb.DataType) (*milpb.Value, error) {
	if v.Kind == Text {
		return textValue(v.text), nil
	}
	a := load(v)
	switch t {
	case milpb.DataType_FLOAT16:
		raw := make([]byte, 0, 2*len(a.data))
		for _, f := range a.data {
			if f != 0 && math.Abs(f) < tinyHalf { // an epsilon must not become 0
				f = math.Copysign(tinyHalf, f)
			}
			h, fits := Half(float32(f))
			if !fits {
				return nil, errRange
			}
			raw = append(raw, byte(h), byte(h>>8))
		}
		return immediate(valueType(t, v.Shape...), &milpb.TensorValue{Value: &milpb.TensorValue_Bytes{Bytes: &milpb.TensorValue_RepeatedBytes{Values: raw}}}), nil
	case milpb.DataType_FLOAT32:
		f := make([]float32, len(a.data))
		for i, x := range a.data {
			f[i] = float32(x)
		}
		return immediate(valueType(t, v.Shape...), &milpb.TensorValue{Value: &milpb.TensorValue_Floats{Floats: &milpb.TensorValue_RepeatedFloats{Values: f}}}), nil
	case milpb.DataType_BOOL:
		f := make([]bool, len(a.data))
		for i, x := range a.data {
			f[i] = x != 0
		}
		return immediate(valueType(t, v.Shape...), &milpb.TensorValue{Value: &milpb.TensorValue_Bools{Bools: &milpb.TensorValue_RepeatedBools{Values: f}}}), nil
	}
	n := make([]int32, len(a.data))
	for i, x := range a.data {
		n[i] = int32(x)
	}
	return immediate(valueType(t, v.Shape...), &milpb.TensorValue{Value: &milpb.TensorValue_Ints{Ints: &milpb.TensorValue_RepeatedInts{Values: n}}}), nil
}

func immediate(t *milpb.ValueType, v *milpb.TensorValue) *milpb.Value {
	return &milpb.Value{Type: t, Value: &milpb.Value_ImmediateValue_{ImmediateValue: &milpb.Value_ImmediateValue{
		Value: &milpb.Value_ImmediateValue_Tensor{Tensor: v},
	}}}
}

func textValue(s string) *milpb.Value {
	v := &milpb.TensorValue{Value: &milpb.TensorValue_Strings{Strings: &milpb.TensorValue_RepeatedStrings{Values: []string{s}}}}
	return immediate(valueType(milpb.DataType_STRING), v)
}

func blobValue(t *milpb.ValueType, offset uint64) *milpb.Value {
	return &milpb.Value{Type: t, Value: &milpb.Value_BlobFileValue_{BlobFileValue: &milpb.Value_BlobFileValue{FileName: mlpackage.WeightsFile, Offset: offset}}}
}

// dims are a value's dimensions for a program: -1 where they change.
func (v *Value) dims() []int {
	out := slices.Clone(v.Shape)
	for i, changes := range v.vary {
		if changes {
			out[i] = -1
		}
	}
	return out
}

func valueType(d milpb.DataType, shape ...int) *milpb.ValueType {
	t := &milpb.TensorType{DataType: d, Rank: int64(len(shape))}
	for _, n := range shape {
		dim := &milpb.Dimension{Dimension: &milpb.Dimension_Constant{Constant: &milpb.Dimension_ConstantDimension{Size: uint64(max(n, 0))}}}
		if n < 0 {
			dim.Dimension = &milpb.Dimension_Unknown{Unknown: &milpb.Dimension_UnknownDimension{}}
		}
		t.Dimensions = append(t.Dimensions, dim)
	}
	return &milpb.ValueType{Type: &milpb.ValueType_TensorType{TensorType: t}}
}

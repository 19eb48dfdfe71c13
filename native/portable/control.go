package portable

import (
	"maps"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// maxDepth bounds blocks inside of blocks.
const maxDepth = 16

// inline lowers a block among the operations of the one around it, its inputs being the values named in, and returns its outputs' names. All
// that the block defines gets a new name, as a block may be lowered more than once.
func (l *lowering) inline(b *milpb.Block, in []string) ([]string, error) {
	l.n++
	names := map[string]string{}
	for i, v := range b.GetInputs() {
		if i < len(in) {
			names[v.GetName()] = in[i]
			l.types[in[i]] = v.GetType().GetTensorType()
		}
	}
	b = renamed(b, "#"+strconv.Itoa(l.n), names)
	if err := l.block(b); err != nil {
		return nil, err
	}
	out := make([]string, len(b.GetOutputs()))
	for i, name := range b.GetOutputs() {
		if out[i] = name; l.consts[name] != nil {
			n, err := l.constName(name)
			if err != nil {
				return nil, err
			}
			out[i] = n
			l.types[n] = l.types[name]
		}
	}
	return out, nil
}

// renamed is a copy of a block in which what it defines has a suffix; names are the new names of its inputs.
func renamed(b *milpb.Block, suffix string, names map[string]string) *milpb.Block {
	b, ok := proto.Clone(b).(*milpb.Block)
	if !ok {
		return &milpb.Block{}
	}
	rename(b, suffix, maps.Clone(names))
	return b
}

func rename(b *milpb.Block, suffix string, names map[string]string) {
	for _, op := range b.GetOperations() {
		for _, arg := range op.GetInputs() {
			for _, binding := range arg.GetArguments() {
				if n, ok := names[binding.GetName()]; ok && binding.GetValue() == nil {
					binding.Binding = &milpb.Argument_Binding_Name{Name: n}
				}
			}
		}
		for _, inner := range op.GetBlocks() {
			own := maps.Clone(names)
			for _, v := range inner.GetInputs() {
				own[v.GetName()] = v.GetName() + suffix
				v.Name += suffix
			}
			rename(inner, suffix, own)
		}
		for _, o := range op.GetOutputs() {
			names[o.GetName()] = o.GetName() + suffix
			o.Name += suffix
		}
	}
	for i, o := range b.GetOutputs() {
		if n, ok := names[o]; ok {
			b.Outputs[i] = n
		}
	}
}

// within runs f on an empty graph, which it returns; constants stay in the whole graph, where an inner one sees them.
func (l *lowering) within(f func() error) (*onnxpb.GraphProto, error) {
	outer, emitted := l.onnx, l.emitted
	l.onnx = &onnxpb.GraphProto{Name: proto.String(l.fresh("block"))}
	l.emitted = maps.Clone(emitted) // a constant that is widened here is not seen outside
	err := f()
	inner := l.onnx
	outer.Initializer = append(outer.Initializer, inner.Initializer...)
	inner.Initializer = nil
	l.onnx, l.emitted = outer, emitted
	return inner, err
}

// give makes v an output of the graph that is being built, by a name of its own.
func (l *lowering) give(v string, d milpb.DataType) {
	out := l.node("Identity", "", []string{v})
	tensor := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(elemType(d)))}
	l.onnx.Output = append(l.onnx.Output, &onnxpb.ValueInfoProto{Name: &out, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: tensor}}})
}

func attrGraph(name string, g *onnxpb.GraphProto) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_GRAPH.Enum(), G: g}
}

// nested checks an operation's blocks and counts their depth; leave it by the function that is returned.
func (a *args) nested() (leave func(), ok bool) {
	if len(a.op.GetBlocks()) != 2 || a.l.depth >= maxDepth {
		a.fail("it has %d blocks, %d deep", len(a.op.GetBlocks()), a.l.depth)
		return nil, false
	}
	a.l.depth++
	return func() { a.l.depth-- }, true
}

// cond is one of two blocks: only that one is lowered where the choice is a constant.
func (a *args) cond() {
	leave, ok := a.nested()
	if !ok {
		return
	}
	defer leave()
	if a.isKnown("pred") {
		chosen := a.op.GetBlocks()[0]
		if !a.flag("pred") {
			chosen = a.op.GetBlocks()[1]
		}
		out, err := a.l.inline(chosen, nil)
		if err != nil || len(out) != len(a.outs()) {
			a.blockFailed(err, len(out))
			return
		}
		for i, name := range a.outs() {
			a.l.node("Identity", name, out[i:i+1])
		}
		return
	}
	var branches []*onnxpb.GraphProto
	for _, b := range a.op.GetBlocks() {
		g, err := a.l.within(func() error {
			out, err := a.l.inline(b, nil)
			if err != nil || len(out) != len(a.outs()) {
				a.blockFailed(err, len(out))
				return err
			}
			for i, o := range a.op.GetOutputs() {
				a.l.give(out[i], o.GetType().GetTensorType().GetDataType())
			}
			return nil
		})
		if err != nil {
			return
		}
		branches = append(branches, g)
	}
	pred := a.l.node("Reshape", "", []string{a.value("pred"), a.l.list()})
	a.l.nodes("If", a.outs(), []string{pred}, attrGraph("then_branch", branches[0]), attrGraph("else_branch", branches[1]))
}

// blockFailed says why a block is refused: its own error, or the number of its outputs.
func (a *args) blockFailed(err error, n int) {
	if err != nil {
		a.fail("%w", err)
		return
	}
	a.fail("a block gives %d values, and the operation has %d outputs", n, len(a.outs()))
}

// whileLoop lowers the condition twice: before the loop, and at the end of its body.
func (a *args) whileLoop() {
	leave, ok := a.nested()
	if !ok {
		return
	}
	defer leave()
	test, body := a.op.GetBlocks()[0], a.op.GetBlocks()[1]
	vars, outs := a.values("loop_vars"), a.op.GetOutputs()
	if len(vars) != len(outs) {
		a.fail("it has %d variables and %d outputs", len(vars), len(outs))
		return
	}
	check := func(in []string) (string, error) {
		c, err := a.l.inline(test, in)
		if err != nil || len(c) != 1 {
			a.blockFailed(err, len(c))
			return "", a.err
		}
		return a.l.node("Reshape", "", []string{c[0], a.l.list()}), nil
	}
	first, err := check(vars)
	if err != nil {
		return
	}
	g, err := a.l.within(func() error {
		count, on := a.l.fresh("count"), a.l.fresh("on")
		a.l.onnx.Input = append(a.l.onnx.Input, declare(count, onnxpb.TensorProto_INT64, nil), declare(on, onnxpb.TensorProto_BOOL, nil))
		in := make([]string, len(vars))
		for i, o := range outs {
			in[i] = a.l.fresh("var")
			a.l.onnx.Input = append(a.l.onnx.Input, untyped(in[i], elemType(o.GetType().GetTensorType().GetDataType())))
		}
		next, err := a.l.inline(body, in)
		if err != nil || len(next) != len(outs) {
			a.blockFailed(err, len(next))
			return a.err
		}
		again, err := check(next)
		if err != nil {
			return err
		}
		a.l.give(again, milpb.DataType_BOOL)
		for i, o := range outs {
			a.l.give(next[i], o.GetType().GetTensorType().GetDataType())
		}
		return nil
	})
	if err != nil || a.err != nil {
		return
	}
	a.l.nodes("Loop", a.outs(), append([]string{"", first}, vars...), attrGraph("body", g))
}

// untyped declares a value of any shape.
func untyped(name string, d onnxpb.TensorProto_DataType) *onnxpb.ValueInfoProto {
	tensor := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(d))}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: tensor}}}
}

package portable

import (
	"math"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// onnxOpset is the version of the ONNX operators that are written.
const onnxOpset = 20

// graph builds an ONNX graph. Floats become float32, integers int64.
type graph struct {
	onnx  *onnxpb.GraphProto
	spill *spill
	n     int
}

func newGraph() *graph {
	return &graph{onnx: &onnxpb.GraphProto{Name: proto.String("main")}, spill: &spill{}}
}

func (g *graph) model() *onnxpb.ModelProto {
	return &onnxpb.ModelProto{
		IrVersion:    proto.Int64(10),
		ProducerName: proto.String("gesso"),
		Graph:        g.onnx,
		OpsetImport:  []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(onnxOpset)}},
	}
}

func (g *graph) fresh(prefix string) string {
	g.n++
	return "#" + prefix + "_" + strconv.Itoa(g.n) // no name of a program has a #
}

// node adds an operation whose first output is named out; an empty out gets a name of its own. It returns that name.
func (g *graph) node(op, out string, in []string, attrs ...*onnxpb.AttributeProto) string {
	if out == "" {
		out = g.fresh(op)
	}
	g.nodes(op, []string{out}, in, attrs...)
	return out
}

func (g *graph) nodes(op string, outs, in []string, attrs ...*onnxpb.AttributeProto) {
	g.n++
	name := op + "_" + strconv.Itoa(g.n)
	g.onnx.Node = append(g.onnx.Node, &onnxpb.NodeProto{OpType: &op, Name: &name, Input: in, Output: outs, Attribute: attrs})
}

func attrInt(name string, v int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: &v}
}

func attrFloat(name string, v float32) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_FLOAT.Enum(), F: &v}
}

func attrInts(name string, v []int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INTS.Enum(), Ints: v}
}

func attrString(name, v string) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_STRING.Enum(), S: []byte(v)}
}

func (g *graph) initializer(prefix string, t *onnxpb.TensorProto, d onnxpb.TensorProto_DataType, shape []int64) string {
	name := g.fresh(prefix)
	t.Name, t.DataType, t.Dims = &name, proto.Int32(int32(d)), shape
	g.onnx.Initializer = append(g.onnx.Initializer, t)
	return name
}

func (g *graph) floats(shape []int64, v []float32) string {
	return g.initializer("f", &onnxpb.TensorProto{RawData: bytesOf(v)}, onnxpb.TensorProto_FLOAT, shape)
}

func (g *graph) ints(shape, v []int64) string {
	return g.initializer("i", &onnxpb.TensorProto{Int64Data: v}, onnxpb.TensorProto_INT64, shape)
}

// bools is a rank-1 tensor of truths.
func (g *graph) bools(v []int64) string {
	raw := make([]byte, len(v))
	for i, b := range v {
		raw[i] = byte(min(b, 1))
	}
	return g.initializer("b", &onnxpb.TensorProto{RawData: raw}, onnxpb.TensorProto_BOOL, []int64{int64(len(v))})
}

// scalar is a rank-0 float.
func (g *graph) scalar(v float32) string { return g.floats(nil, []float32{v}) }

// list is a rank-1 integer tensor.
func (g *graph) list(v ...int64) string { return g.ints([]int64{int64(len(v))}, v) }

// elemType is the ONNX type of a program's values of type d.
func elemType(d milpb.DataType) onnxpb.TensorProto_DataType {
	switch {
	case mlpackage.IsFloat(d):
		return onnxpb.TensorProto_FLOAT
	case d == milpb.DataType_BOOL:
		return onnxpb.TensorProto_BOOL
	}
	return onnxpb.TensorProto_INT64
}

// ones returns n times v.
func ones(n int, v float32) []float32 {
	f := make([]float32, n)
	for i := range f {
		f[i] = v
	}
	return f
}

// endOfAxis is a slice's end past every axis.
const endOfAxis = math.MaxInt64

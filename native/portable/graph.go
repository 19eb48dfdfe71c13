package portable

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"unsafe"

	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// onnxOpset is the version of the ONNX operators that are written.
const onnxOpset = 20

// externalFrom is the size in bytes from which float16 weights stay in their file.
const externalFrom = 1024

// graph builds an ONNX graph. Floats become float32, integers int64.
type graph struct {
	onnx   *onnxpb.GraphProto
	folder string // of external weights; one folder a model
	n      int
}

func newGraph() *graph { return &graph{onnx: &onnxpb.GraphProto{Name: proto.String("main")}} }

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
	t := &onnxpb.TensorProto{}
	if len(v) > 0 {
		t.RawData = unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v)) // ONNX wants little-endian, as all our machines are
	}
	return g.initializer("f", t, onnxpb.TensorProto_FLOAT, shape)
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

// constant makes a constant an ONNX value; large float16 weights stay in their file and are widened when the model is loaded.
func (g *graph) constant(c *mlpackage.Const) (string, error) {
	switch {
	case c.IsFloat():
		file, offset, ok := c.HalfOnDisk()
		if ok && 2*c.Len() >= externalFrom && (g.folder == "" || g.folder == filepath.Dir(file)) {
			g.folder = filepath.Dir(file)
			return g.external(c, filepath.Base(file), offset), nil
		}
		return g.floats(c.Shape, c.Float32s()), nil
	case c.DType == milpb.DataType_BOOL:
		raw := make([]byte, len(c.Ints))
		for i, v := range c.Ints {
			raw[i] = byte(v)
		}
		return g.initializer("b", &onnxpb.TensorProto{RawData: raw}, onnxpb.TensorProto_BOOL, c.Shape), nil
	case c.DType == milpb.DataType_STRING:
		return "", fmt.Errorf("a string is used as a tensor")
	}
	return g.ints(c.Shape, c.Ints), nil
}

func (g *graph) external(c *mlpackage.Const, location string, offset int64) string {
	t := &onnxpb.TensorProto{DataLocation: onnxpb.TensorProto_EXTERNAL.Enum()}
	for _, kv := range [][2]string{{"location", location}, {"offset", strconv.FormatInt(offset, 10)}, {"length", strconv.FormatInt(2*c.Len(), 10)}} {
		t.ExternalData = append(t.ExternalData, &onnxpb.StringStringEntryProto{Key: &kv[0], Value: &kv[1]})
	}
	half := g.initializer("w", t, onnxpb.TensorProto_FLOAT16, c.Shape)
	return g.node("Cast", "", []string{half}, attrInt("to", int64(onnxpb.TensorProto_FLOAT)))
}

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

// portType is the type of the tensors that are handed over for values of type d: integers and booleans cross as int32.
func portType(d milpb.DataType) onnxpb.TensorProto_DataType {
	if mlpackage.IsFloat(d) {
		return onnxpb.TensorProto_FLOAT
	}
	return onnxpb.TensorProto_INT32
}

// portName is the name of a graph input or output: another than the value's where it is cast on its way.
func portName(name string, d milpb.DataType) string {
	if portType(d) == elemType(d) {
		return name
	}
	return "#port_" + name
}

// valueInfo declares a graph input or output; dimensions that are not fixed become symbols.
func valueInfo(name string, d onnxpb.TensorProto_DataType, dims []int64) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for i, n := range dims {
		dim := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: n}}
		if n < 0 {
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: name + "_" + strconv.Itoa(i)}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	tensor := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(d)), Shape: shape}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: tensor}}}
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

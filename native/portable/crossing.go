package portable

import (
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// How inputs and outputs cross between a caller's tensors and the graph's values, which are float32, int64 or bool.

// wire is the ONNX type of a tensor of type d.
func wire(d engine.DType) onnxpb.TensorProto_DataType {
	switch d {
	case engine.Int32:
		return onnxpb.TensorProto_INT32
	case engine.Uint8:
		return onnxpb.TensorProto_UINT8
	case engine.Float16:
		return onnxpb.TensorProto_FLOAT16
	default:
		return onnxpb.TensorProto_FLOAT
	}
}

// declare describes a graph input or output; dimensions that are not fixed become symbols.
func declare(name string, d onnxpb.TensorProto_DataType, dims []int64) *onnxpb.ValueInfoProto {
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

// accept declares the graph's input for p and gives it to the program as name, a value of type to and rank.
func (g *graph) accept(p *port, name string, to onnxpb.TensorProto_DataType, rank int) {
	from := wire(p.DType)
	if p.Image == "" && from == to && len(p.Shape) > 0 {
		p.graph = name
		g.onnx.Input = append(g.onnx.Input, declare(name, from, p.dims()))
		return
	}
	p.graph = "#in_" + name
	g.onnx.Input = append(g.onnx.Input, declare(p.graph, from, p.dims()))
	v := p.graph
	if from != to {
		v = g.cast(v, to)
	}
	switch {
	case p.Image == engine.BGRA: // (H,W,BGRA) to (C,H,W)
		order := []int64{0, 1, 2}
		if p.color == coremlpb.ImageFeatureType_RGB {
			order = []int64{2, 1, 0}
		}
		v = g.turned(g.node("Gather", "", []string{v, g.list(order...)}, attrInt("axis", 2)), 2, 0, 1)
		g.node("Unsqueeze", name, []string{v, g.list(sequence(rank - 3)...)})
	case p.Image != "": // (H,W)
		g.node("Unsqueeze", name, []string{v, g.list(sequence(rank - 2)...)})
	case len(p.Shape) == 0:
		g.node("Reshape", name, []string{v, g.list()})
	default:
		g.node("Identity", name, []string{v})
	}
}

// give declares the graph's output for p, which is the program's value name of type from. dims are that value's dimensions where they are known,
// nil where not even their number is.
func (g *graph) offer(p *port, name string, from onnxpb.TensorProto_DataType, dims []int64) {
	v := name
	p.graph = "#out_" + p.Name
	switch {
	case p.Image != "":
		v = g.pixels(p, v)
	case dims != nil && len(dims) == 0:
		p.scalar = true
		v = g.node("Reshape", "", []string{v, g.list(1)})
	}
	if p.Image == "" && from == onnxpb.TensorProto_FLOAT && p.DType == engine.Int32 {
		v = g.node("Round", "", []string{v})
	}
	to := wire(p.DType)
	if to == onnxpb.TensorProto_FLOAT16 { // it is rounded when it leaves
		to = onnxpb.TensorProto_FLOAT
	}
	if from != to {
		v = g.cast(v, to)
	}
	if v == name && !g.isInput(name) {
		p.graph = name
	} else {
		g.node("Identity", p.graph, []string{v})
	}
	info := declare(p.graph, to, nil)
	info.Type.GetTensorType().Shape = nil // ONNX Runtime finds it
	g.onnx.Output = append(g.onnx.Output, info)
}

func (g *graph) isInput(name string) bool {
	return slices.ContainsFunc(g.onnx.Input, func(i *onnxpb.ValueInfoProto) bool { return i.GetName() == name })
}

// pixels makes a picture of (...,C,H,W): values are rounded and held to 0..255 where a pixel is of 8 bits.
func (g *graph) pixels(p *port, v string) string {
	if p.Image == engine.BGRA {
		last := g.node("Slice", "", []string{g.node("Shape", "", []string{v}), g.list(-3), g.list(endOfAxis), g.list(0)})
		v = g.turned(g.node("Reshape", "", []string{v, last}), 1, 2, 0)
		if p.color == coremlpb.ImageFeatureType_RGB {
			v = g.node("Gather", "", []string{v, g.list(2, 1, 0)}, attrInt("axis", 2))
		}
		v = g.node("Pad", "", []string{v, g.list(0, 0, 0, 0, 0, 1), g.scalar(255)})
	} else {
		last := g.node("Slice", "", []string{g.node("Shape", "", []string{v}), g.list(-2), g.list(endOfAxis), g.list(0)})
		v = g.node("Reshape", "", []string{v, last})
	}
	if p.DType == engine.Uint8 {
		v = g.node("Clip", "", []string{g.node("Round", "", []string{v}), g.scalar(0), g.scalar(255)})
	}
	return v
}

package mlpackage

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
)

// Layers are those of a neural network, whatever it is used as; nil for other models.
func Layers(m *coremlpb.Model) []*coremlpb.NeuralNetworkLayer {
	switch t := m.GetType().(type) {
	case *coremlpb.Model_NeuralNetwork:
		return t.NeuralNetwork.GetLayers()
	case *coremlpb.Model_NeuralNetworkClassifier:
		return t.NeuralNetworkClassifier.GetLayers()
	case *coremlpb.Model_NeuralNetworkRegressor:
		return t.NeuralNetworkRegressor.GetLayers()
	}
	return nil
}

// LayerKind is a layer's name in the format, such as convolution; empty where it is not known.
func LayerKind(l *coremlpb.NeuralNetworkLayer) string {
	m := l.ProtoReflect()
	if f := m.WhichOneof(m.Descriptor().Oneofs().Get(0)); f != nil {
		return string(f.Name())
	}
	return ""
}

// Submodels are the models of a pipeline, in their order; nil for other models.
func Submodels(m *coremlpb.Model) []*coremlpb.Model {
	switch t := m.GetType().(type) {
	case *coremlpb.Model_Pipeline:
		return t.Pipeline.GetModels()
	case *coremlpb.Model_PipelineClassifier:
		return t.PipelineClassifier.GetPipeline().GetModels()
	case *coremlpb.Model_PipelineRegressor:
		return t.PipelineRegressor.GetPipeline().GetModels()
	}
	return nil
}

// countLayer counts the weights of a layer.
func countLayer(m protoreflect.Message, w weightCount) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil || f.IsMap():
		case f.IsList():
			for i := range v.List().Len() {
				countLayer(v.List().Get(i).Message(), w)
			}
		default:
			if p, ok := v.Message().Interface().(*coremlpb.WeightParams); ok {
				countParams(p, w)
			} else {
				countLayer(v.Message(), w)
			}
		}
		return true
	})
}

func countParams(p *coremlpb.WeightParams, w weightCount) {
	n, half, raw := int64(len(p.GetFloatValue())), int64(len(p.GetFloat16Value())), int64(len(p.GetRawValue())+len(p.GetInt8RawValue()))
	switch {
	case n > 0:
		w.add("float32", "none", n, 4*n)
	case half > 0:
		w.add("float16", "none", half/2, half)
	case raw > 0:
		bits := int64(max(min(p.GetQuantization().GetNumberOfBits(), 8), 1))
		compression := "linear"
		if p.GetQuantization().GetLookupTableQuantization() != nil {
			compression = "palette"
		}
		w.add(fmt.Sprintf("uint%d", bits), compression, raw*8/bits, raw)
	}
}

package neural

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// program takes x (1,8,16,16) and runs two operations on it, of these types of elements.
func program(first, second string, d milpb.DataType, last ...uint64) *coremlpb.Model {
	tensor := func(dims ...uint64) *milpb.ValueType {
		t := &milpb.TensorType{DataType: d, Rank: int64(len(dims))}
		for _, n := range dims {
			t.Dimensions = append(t.Dimensions, &milpb.Dimension{Dimension: &milpb.Dimension_Constant{Constant: &milpb.Dimension_ConstantDimension{Size: n}}})
		}
		return &milpb.ValueType{Type: &milpb.ValueType_TensorType{TensorType: t}}
	}
	x := func(name string) map[string]*milpb.Argument {
		return map[string]*milpb.Argument{"x": {Arguments: []*milpb.Argument_Binding{{Binding: &milpb.Argument_Binding_Name{Name: name}}}}}
	}
	block := &milpb.Block{Outputs: []string{"y"}, Operations: []*milpb.Operation{
		{Type: first, Inputs: x("x"), Outputs: []*milpb.NamedValueType{{Name: "h", Type: tensor(1, 8, 16, 16)}}},
		{Type: second, Inputs: x("h"), Outputs: []*milpb.NamedValueType{{Name: "y", Type: tensor(last...)}}},
	}}
	fn := &milpb.Function{
		Inputs: []*milpb.NamedValueType{{Name: "x", Type: tensor(1, 8, 16, 16)}}, Opset: "CoreML6", BlockSpecializations: map[string]*milpb.Block{"CoreML6": block},
	}
	array := &coremlpb.ArrayFeatureType{Shape: []int64{1, 8, 16, 16}, DataType: coremlpb.ArrayFeatureType_FLOAT16}
	in := &coremlpb.FeatureDescription{Name: "x", Type: &coremlpb.FeatureType{Type: &coremlpb.FeatureType_MultiArrayType{MultiArrayType: array}}}
	return &coremlpb.Model{
		Description: &coremlpb.ModelDescription{Input: []*coremlpb.FeatureDescription{in}},
		Type:        &coremlpb.Model_MlProgram{MlProgram: &milpb.Program{Functions: map[string]*milpb.Function{"main": fn}}},
	}
}

func estimate(t *testing.T, m *coremlpb.Model) (Estimate, error) {
	t.Helper()
	b, err := proto.Marshal(m)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "any.mlmodel")
	require.NoError(t, os.WriteFile(file, b, 0o644))
	p, err := mlpackage.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	return Of(p, "main")
}

func TestEstimate(t *testing.T) {
	half := milpb.DataType_FLOAT16
	for name, c := range map[string]struct {
		model  *coremlpb.Model
		share  float64
		reason string // of the first refusal
	}{
		"all":      {program("relu", "sigmoid", half, 1, 8, 16, 16), 1, ""},
		"half":     {program("relu", "cumsum", half, 1, 8, 16, 16), 0.5, "running sums are not supported"},
		"float32":  {program("relu", "relu", milpb.DataType_FLOAT32, 1, 8, 16, 16), 0, "it computes in float32"},
		"integers": {program("add", "add", milpb.DataType_INT32, 1, 8, 16, 16), 0, "it computes with integers"},
		"wide":     {program("relu", "reshape", half, 1, 20480), 2048.0 / (2048 + 20480), "a dimension of 20480"},
		"deep":     {program("relu", "reshape", half, 1, 2, 4, 1, 16, 16), 0.5, "tensors of 6 dimensions"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := estimate(t, c.model)
			require.NoError(t, err)
			require.InDelta(t, c.share, e.Share, 1e-9)
			require.Empty(t, e.Reason)
			if c.reason == "" {
				require.Empty(t, e.Refused)
				return
			}
			require.NotEmpty(t, e.Refused)
			require.Contains(t, e.Refused[0].Reason, c.reason)
		})
	}
}

func TestRangesAreRefused(t *testing.T) {
	m := program("relu", "relu", milpb.DataType_FLOAT16, 1, 8, 16, 16)
	m.Description.Input[0].Type.GetMultiArrayType().ShapeFlexibility = &coremlpb.ArrayFeatureType_ShapeRange_{
		ShapeRange: &coremlpb.ArrayFeatureType_ShapeRange{SizeRanges: []*coremlpb.SizeRange{{LowerBound: 1, UpperBound: -1}}},
	}
	e, err := estimate(t, m)
	require.NoError(t, err)
	require.Zero(t, e.Share)
	require.Contains(t, e.Reason, `the input "x" has ranges of sizes`)
}

func TestLayers(t *testing.T) {
	layer := func(kind *coremlpb.NeuralNetworkLayer) *coremlpb.NeuralNetworkLayer {
		kind.Output = []string{"y"}
		return kind
	}
	m := &coremlpb.Model{Type: &coremlpb.Model_NeuralNetwork{NeuralNetwork: &coremlpb.NeuralNetwork{Layers: []*coremlpb.NeuralNetworkLayer{
		layer(&coremlpb.NeuralNetworkLayer{Layer: &coremlpb.NeuralNetworkLayer_Convolution{Convolution: &coremlpb.ConvolutionLayerParams{}}}),
		layer(&coremlpb.NeuralNetworkLayer{Layer: &coremlpb.NeuralNetworkLayer_Pooling{Pooling: &coremlpb.PoolingLayerParams{KernelSize: []uint64{14, 14}}}}),
	}}}}
	e, err := estimate(t, m)
	require.NoError(t, err)
	require.InDelta(t, 0.5, e.Share, 1e-9)
	require.Equal(t, []Refusal{{"pooling", "y", "pools of more than 13 are not supported", 1}}, e.Refused)

	_, err = estimate(t, &coremlpb.Model{Type: &coremlpb.Model_TreeEnsembleClassifier{}})
	require.ErrorContains(t, err, `the kind "treeEnsembleClassifier"`)
}

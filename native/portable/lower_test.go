package portable

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// The programs of these tests take x of shape (1,3,4,4), run one operation of type op and give y.

func typeOf(d milpb.DataType, shape ...uint64) *milpb.ValueType {
	t := &milpb.TensorType{DataType: d, Rank: int64(len(shape))}
	for _, n := range shape {
		t.Dimensions = append(t.Dimensions, &milpb.Dimension{Dimension: &milpb.Dimension_Constant{Constant: &milpb.Dimension_ConstantDimension{Size: n}}})
	}
	return &milpb.ValueType{Type: &milpb.ValueType_TensorType{TensorType: t}}
}

func named(name string) *milpb.Argument {
	return &milpb.Argument{Arguments: []*milpb.Argument_Binding{{Binding: &milpb.Argument_Binding_Name{Name: name}}}}
}

func given(t *milpb.ValueType, v *milpb.TensorValue) *milpb.Argument {
	im := &milpb.Value_ImmediateValue{Value: &milpb.Value_ImmediateValue_Tensor{Tensor: v}}
	value := &milpb.Value{Type: t, Value: &milpb.Value_ImmediateValue_{ImmediateValue: im}}
	return &milpb.Argument{Arguments: []*milpb.Argument_Binding{{Binding: &milpb.Argument_Binding_Value{Value: value}}}}
}

func ints(v ...int32) *milpb.Argument {
	t := &milpb.TensorValue{Value: &milpb.TensorValue_Ints{Ints: &milpb.TensorValue_RepeatedInts{Values: v}}}
	return given(typeOf(milpb.DataType_INT32, uint64(len(v))), t)
}

func text(s string) *milpb.Argument {
	t := &milpb.TensorValue{Value: &milpb.TensorValue_Strings{Strings: &milpb.TensorValue_RepeatedStrings{Values: []string{s}}}}
	return given(typeOf(milpb.DataType_STRING), t)
}

type arguments = map[string]*milpb.Argument

func program(op string, in arguments, y *milpb.ValueType) *coremlpb.Model {
	x := typeOf(milpb.DataType_FLOAT32, 1, 3, 4, 4)
	block := &milpb.Block{Outputs: []string{"y"}, Operations: []*milpb.Operation{
		{Type: op, Inputs: in, Outputs: []*milpb.NamedValueType{{Name: "y", Type: y}}},
	}}
	fn := &milpb.Function{
		Inputs: []*milpb.NamedValueType{{Name: "x", Type: x}}, Opset: "CoreML6", BlockSpecializations: map[string]*milpb.Block{"CoreML6": block},
	}
	array := &coremlpb.ArrayFeatureType{Shape: []int64{1, 3, 4, 4}, DataType: coremlpb.ArrayFeatureType_FLOAT32}
	kind := &coremlpb.FeatureType{Type: &coremlpb.FeatureType_MultiArrayType{MultiArrayType: array}}
	return &coremlpb.Model{
		SpecificationVersion: 7,
		Description:          &coremlpb.ModelDescription{Input: []*coremlpb.FeatureDescription{{Name: "x", Type: kind}}},
		Type:                 &coremlpb.Model_MlProgram{MlProgram: &milpb.Program{Version: 1, Functions: map[string]*milpb.Function{"main": fn}}},
	}
}

func openSpec(t *testing.T, spec *coremlpb.Model) (engine.Model, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "built.mlpackage")
	require.NoError(t, mlpackage.Write(dir, func(*mlpackage.Weights) (*coremlpb.Model, error) { return spec, nil }))
	m, err := Open(dir, engine.Options{Threads: 1})
	if err == nil {
		t.Cleanup(func() { require.NoError(t, m.Close()) })
	}
	return m, err
}

// TestDefaults are the arguments that coremltools always writes, left out.
func TestDefaults(t *testing.T) {
	for name, c := range map[string]struct {
		in    arguments
		y     []int
		first float32
	}{
		"max_pool":    {arguments{"x": named("x"), "kernel_sizes": ints(2, 2)}, []int{1, 3, 3, 3}, 5},
		"avg_pool":    {arguments{"x": named("x"), "kernel_sizes": ints(2, 2), "pad_type": text("VALID")}, []int{1, 3, 3, 3}, 2.5},
		"reduce_mean": {arguments{"x": named("x"), "axes": ints(-1)}, []int{1, 3, 4}, 1.5},
		"cast":        {arguments{"x": named("x"), "dtype": text("fp16")}, []int{1, 3, 4, 4}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			shape := make([]uint64, len(c.y))
			for i, n := range c.y {
				shape[i] = uint64(n)
			}
			m, err := openSpec(t, program(name, c.in, typeOf(milpb.DataType_FLOAT32, shape...)))
			require.NoError(t, err)
			x, y := tensor(t, engine.Float32, []int{1, 3, 4, 4}), tensor(t, engine.Float32, c.y)
			for i := range x.Float32s() {
				x.Float32s()[i] = float32(i)
			}
			require.NoError(t, m.Predict(t.Context(), map[string]*engine.Tensor{"x": x}, map[string]*engine.Tensor{"y": y}))
			require.Equal(t, c.first, y.Float32s()[0])
		})
	}
}

func TestUnsupported(t *testing.T) {
	_, err := openSpec(t, program("make_list", arguments{"x": named("x")}, typeOf(milpb.DataType_FLOAT32, 1)))
	var u *UnsupportedError
	require.ErrorAs(t, err, &u)
	require.Equal(t, UnsupportedError{Op: "make_list", Output: "y"}, *u)
	require.ErrorContains(t, err, `built.mlpackage: the operation "make_list" (output "y") is not supported by the portable engine`)

	for name, op := range map[string]*milpb.Operation{
		"no output": {Type: "relu"},
		"no type":   {Type: "relu", Outputs: []*milpb.NamedValueType{{Name: "y"}}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := program("relu", arguments{"x": named("x")}, typeOf(milpb.DataType_FLOAT32, 1))
			spec.GetMlProgram().Functions["main"].BlockSpecializations["CoreML6"].Operations[0] = op
			_, err := openSpec(t, spec)
			require.ErrorAs(t, err, &u)
		})
	}
}

func TestBadArguments(t *testing.T) {
	y := typeOf(milpb.DataType_FLOAT32, 1, 3, 4, 4)
	for name, c := range map[string]struct {
		op   string
		in   arguments
		want string
	}{
		"no x":             {"conv", nil, `"x" is missing`},
		"no arguments":     {"relu", nil, `"x" is missing`},
		"unknown padding":  {"max_pool", arguments{"x": named("x"), "kernel_sizes": ints(2, 2), "pad_type": text("mirror")}, `the padding "mirror" is not known`},
		"computed sizes":   {"split", arguments{"x": named("x"), "split_sizes": named("x")}, `"split_sizes" must be a constant`},
		"computed axes":    {"reduce_mean", arguments{"x": named("x"), "axes": named("x")}, `"axes" must be a constant`},
		"computed shape":   {"max_pool", arguments{"x": named("x"), "kernel_sizes": named("x")}, `"kernel_sizes" must be a constant`},
		"unknown type":     {"cast", arguments{"x": named("x"), "dtype": text("fp8")}, `a cast to "fp8"`},
		"too many pads":    {"pad", arguments{"x": named("x"), "pad": ints(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)}, "10 paddings for rank 4"},
		"slice of rank 2":  {"slice_by_index", arguments{"x": named("x"), "begin": ints(0, 0), "end": ints(1, 1)}, "2 values for rank 4"},
		"axis":             {"layer_norm", arguments{"x": named("x"), "axes": ints(9)}, "the axis 9 of rank 4"},
		"negative axis":    {"layer_norm", arguments{"x": named("x"), "axes": ints(-9)}, "the axis -5 of rank 4"},
		"huge factor":      {"pixel_unshuffle", arguments{"x": named("x"), "downscale_factor": ints(math.MaxInt32)}, "at most 64"},
		"negative factor":  {"pixel_unshuffle", arguments{"x": named("x"), "downscale_factor": ints(-1)}, "at most 64"},
		"interleaved":      {"concat", arguments{"values": named("x"), "axis": ints(7), "interleave": ints(1)}, "the axis 7 of rank 4"},
		"string as tensor": {"relu", arguments{"x": text("x")}, "a string is used as a tensor"},
		"const of nothing": {"const", nil, "it has no value"},
		"unknown value":    {"relu", arguments{"x": named("z")}, "z"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openSpec(t, program(c.op, c.in, y))
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestBadDescriptions(t *testing.T) {
	array := func(m *coremlpb.Model) *coremlpb.ArrayFeatureType {
		return m.Description.Input[0].Type.GetMultiArrayType()
	}
	main := func(m *coremlpb.Model) *milpb.Function { return m.GetMlProgram().Functions["main"] }
	for name, c := range map[string]struct {
		spoil func(m *coremlpb.Model)
		want  string
	}{
		"no program":      {func(m *coremlpb.Model) { m.Type = nil }, "runs ML programs"},
		"a pipeline":      {func(m *coremlpb.Model) { m.Type = &coremlpb.Model_TreeEnsembleClassifier{} }, "the model is a treeEnsembleClassifier"},
		"no main":         {func(m *coremlpb.Model) { m.GetMlProgram().Functions = nil }, "no main function"},
		"no opset":        {func(m *coremlpb.Model) { main(m).Opset = "CoreML9" }, "no main function"},
		"no description":  {func(m *coremlpb.Model) { m.Description = nil }, "0 inputs and the program 1"},
		"another name":    {func(m *coremlpb.Model) { m.Description.Input[0].Name = "image" }, `no input "x"`},
		"another rank":    {func(m *coremlpb.Model) { array(m).Shape = []int64{1, 3} }, `disagree on the input "x"`},
		"another type":    {func(m *coremlpb.Model) { array(m).DataType = coremlpb.ArrayFeatureType_INT32 }, `disagree on the input "x"`},
		"a picture":       {func(m *coremlpb.Model) { m.Description.Input[0].Type = &coremlpb.FeatureType{} }, "its type is missing"},
		"zero dimension":  {func(m *coremlpb.Model) { array(m).Shape[0] = 0 }, "its shape is"},
		"input not dense": {func(m *coremlpb.Model) { main(m).Inputs[0].Type = nil }, "is not a tensor"},
		"no such output":  {func(m *coremlpb.Model) { main(m).BlockSpecializations["CoreML6"].Outputs[0] = "z" }, `no output "z"`},
		"short ranges": {func(m *coremlpb.Model) {
			array(m).ShapeFlexibility = &coremlpb.ArrayFeatureType_ShapeRange_{ShapeRange: &coremlpb.ArrayFeatureType_ShapeRange{SizeRanges: make([]*coremlpb.SizeRange, 2)}}
		}, "ranges of 2 dimensions"},
		"a state": {func(m *coremlpb.Model) { m.Description.State = []*coremlpb.FeatureDescription{{Name: "memory"}} }, `keeps a state between predictions ("memory")`},
	} {
		t.Run(name, func(t *testing.T) {
			spec := program("relu", arguments{"x": named("x")}, typeOf(milpb.DataType_FLOAT32, 1, 3, 4, 4))
			c.spoil(spec)
			_, err := openSpec(t, spec)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// FuzzLower lowers programs of any bytes: it may fail but not panic.
// Run it with -fuzz FuzzLower -fuzzminimizetime 1x: by default minimising its large inputs takes all of the time.
func FuzzLower(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "built.mlpackage")
	var specs []*coremlpb.Model
	y := typeOf(milpb.DataType_FLOAT32, 1, 3, 4, 4)
	for _, in := range []arguments{
		{"x": named("x"), "kernel_sizes": ints(2, 2), "axes": ints(1), "pad": ints(0, 1), "begin": ints(0, 0, 0, 0), "end": ints(1, 1, 1, 1)},
		{"x": named("x"), "weight": named("x"), "output_shape": ints(1, 3, 8, 8), "downscale_factor": ints(2), "perm": ints(0, 1, 3, 2), "values": named("x")},
	} {
		for op := range operations {
			specs = append(specs, program(op, in, y))
		}
	}
	require.NoError(f, mlpackage.Write(dir, func(*mlpackage.Weights) (*coremlpb.Model, error) { return specs[0], nil }))
	for _, s := range specs {
		b, err := proto.Marshal(s)
		require.NoError(f, err)
		f.Add(b)
	}
	file := filepath.Join(dir, "Data", "com.apple.CoreML", "model.mlmodel")
	f.Fuzz(func(t *testing.T, spec []byte) {
		require.NoError(t, os.WriteFile(file, spec, 0o644))
		p, err := mlpackage.Open(dir)
		if err != nil {
			return
		}
		defer p.Close()
		if low, err := lower(p, p.Spec, "", true); err == nil {
			require.NoError(t, low.weights.close())
		}
	})
}

//go:build fakecoreml && linux

package fake

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/native/portable"
)

// model is a loaded package. The portable engine runs rewritten copies of it, which have arrays for pictures, inputs and outputs for states, and
// the one function that was chosen.
type model struct {
	path        string // of the package
	spec        *coremlpb.Model
	description *coremlpb.FunctionDescription
	temporary   string // folder of the copies

	mu       sync.Mutex
	sessions map[string]engine.Model // by the shapes of the inputs that have ranges
}

// next is what the output with a state's new value is called.
func next(state string) string { return state + "__next" }

// description picks a function's description; an empty name means the default.
func description(spec *coremlpb.Model, function string) (*coremlpb.FunctionDescription, error) {
	d := spec.GetDescription()
	if len(d.GetFunctions()) == 0 {
		if function != "" && function != "main" {
			return nil, fmt.Errorf("the model has no function %s", function)
		}
		return &coremlpb.FunctionDescription{Name: "main", Input: d.GetInput(), Output: d.GetOutput(), State: d.GetState()}, nil
	}
	if function == "" {
		function = d.GetDefaultFunctionName()
	}
	i := slices.IndexFunc(d.GetFunctions(), func(f *coremlpb.FunctionDescription) bool { return f.GetName() == function })
	if i < 0 {
		return nil, fmt.Errorf("the model has no function %s", function)
	}
	return d.GetFunctions()[i], nil
}

// readSpec reads a package's specification.
func readSpec(path string) (_ *coremlpb.Model, err error) {
	p, err := mlpackage.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if p.Spec.GetMlProgram() == nil {
		return nil, fmt.Errorf("the fake runs ML programs, and the model is a %T", p.Spec.GetType())
	}
	return p.Spec, nil
}

func openModel(path, function string) (*model, error) {
	spec, err := readSpec(path)
	if err != nil {
		return nil, err
	}
	d, err := description(spec, function)
	if err != nil {
		return nil, err
	}
	temporary, err := os.MkdirTemp("", "fakecoreml-*")
	if err != nil {
		return nil, err
	}
	return &model{path: path, spec: spec, description: d, temporary: temporary, sessions: map[string]engine.Model{}}, nil
}

func (m *model) close() error {
	errs := []error{os.RemoveAll(m.temporary)}
	for _, s := range m.sessions {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// run predicts. The outputs are new tensors.
func (m *model) run(in map[string]*engine.Tensor) (map[string]*engine.Tensor, error) {
	m.mu.Lock() // a session runs one call at a time
	defer m.mu.Unlock()
	s, err := m.session(in)
	if err != nil {
		return nil, err
	}
	shapes := map[string][]int{}
	for _, f := range s.Outputs() {
		shapes[f.Name] = slices.Clone(f.Shape)
		for i, n := range f.Shape {
			shapes[f.Name][i] = max(n, 1)
		}
	}
	for range len(shapes) + 1 {
		out := map[string]*engine.Tensor{}
		for _, f := range s.Outputs() {
			if out[f.Name], err = engine.NewTensor(f.DType, shapes[f.Name]...); err != nil {
				return nil, err
			}
		}
		if err = s.Predict(background, in, out); err == nil {
			return out, nil
		}
		for _, t := range out {
			err = errors.Join(err, t.Close())
		}
		if !learn(shapes, err) {
			break
		}
	}
	return nil, err
}

// wanted is how ONNX Runtime refuses an output's shape: only it knows the shapes that follow from the inputs.
var wanted = regexp.MustCompile(`[Ss]hape:\s*\{([0-9,]*)\}[^{]*[Ss]hape:\s*\{([0-9,]*)\}`)

// Its other way, where it knows the shape before it runs the model.
var (
	invalid = regexp.MustCompile(`invalid dimensions for output: (\S+) for`)
	indices = regexp.MustCompile(`index: (\d+) Got: \d+ Expected: (\d+)`)
)

// learn puts the shape that the error asks for in the place of the one that it refuses.
func learn(shapes map[string][]int, err error) bool {
	if output := invalid.FindStringSubmatch(err.Error()); output != nil {
		shape, known := shapes[output[1]], false
		for _, found := range indices.FindAllStringSubmatch(err.Error(), -1) {
			i, _ := strconv.Atoi(found[1]) // digits, by the expression above
			n, _ := strconv.Atoi(found[2])
			if i < len(shape) && shape[i] != n {
				shape[i], known = n, true
			}
		}
		return known
	}
	parts := wanted.FindStringSubmatch(err.Error())
	if parts == nil {
		return false
	}
	read := func(s string) (shape []int) {
		for _, n := range strings.Split(s, ",") {
			v, _ := strconv.Atoi(n) // digits, by the expression above
			shape = append(shape, v)
		}
		return shape
	}
	one, other := read(parts[1]), read(parts[2])
	for name, s := range shapes {
		if slices.Equal(s, one) {
			shapes[name] = other
			return true
		}
		if slices.Equal(s, other) {
			shapes[name] = one
			return true
		}
	}
	return false
}

// session is the portable engine's model for these inputs.
func (m *model) session(in map[string]*engine.Tensor) (engine.Model, error) {
	key := ""
	for _, f := range m.description.GetInput() {
		if f.GetType().GetMultiArrayType().GetShapeRange() != nil {
			key += fmt.Sprint(in[f.GetName()].Shape())
		}
	}
	if s := m.sessions[key]; s != nil {
		return s, nil
	}
	dir := filepath.Join(m.temporary, fmt.Sprintf("%d.mlpackage", len(m.sessions)))
	if err := os.CopyFS(dir, os.DirFS(m.path)); err != nil {
		return nil, err
	}
	b, err := proto.Marshal(m.rewritten(in))
	if err != nil {
		return nil, err
	}
	file, err := specFile(dir)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		return nil, err
	}
	s, err := portable.Open(dir, engine.Options{Threads: 1})
	if err == nil {
		m.sessions[key] = s
	}
	return s, err
}

// specFile is where a package keeps its specification.
func specFile(dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, "Manifest.json"))
	if err != nil {
		return "", err
	}
	var manifest struct {
		RootModelIdentifier string
		ItemInfoEntries     map[string]struct{ Path string }
	}
	if err := json.Unmarshal(b, &manifest); err != nil {
		return "", err
	}
	return filepath.Join(dir, "Data", filepath.FromSlash(manifest.ItemInfoEntries[manifest.RootModelIdentifier].Path)), nil
}

// rewritten is the specification as the portable engine can run it.
func (m *model) rewritten(in map[string]*engine.Tensor) *coremlpb.Model {
	spec := proto.Clone(m.spec).(*coremlpb.Model)
	d := &coremlpb.ModelDescription{Metadata: spec.GetDescription().GetMetadata()}
	for _, f := range m.description.GetInput() {
		array, _ := proto.Clone(f.GetType().GetMultiArrayType()).(*coremlpb.ArrayFeatureType)
		if f.GetType().GetImageType() != nil {
			array = &coremlpb.ArrayFeatureType{Shape: shape64(in[f.GetName()].Shape()), DataType: coremlpb.ArrayFeatureType_FLOAT32}
		}
		if array.GetShapeRange() != nil {
			array.ShapeFlexibility = &coremlpb.ArrayFeatureType_EnumeratedShapes_{EnumeratedShapes: &coremlpb.ArrayFeatureType_EnumeratedShapes{
				Shapes: []*coremlpb.ArrayFeatureType_Shape{{Shape: array.GetShape()}, {Shape: shape64(in[f.GetName()].Shape())}},
			}}
		}
		d.Input = append(d.Input, described(f.GetName(), array))
	}
	function := spec.GetMlProgram().GetFunctions()[m.description.GetName()]
	spec.GetMlProgram().Functions = map[string]*milpb.Function{"main": function}
	for _, s := range m.description.GetState() {
		d.Input = append(d.Input, described(s.GetName(), s.GetType().GetStateType().GetArrayType()))
		stateless(function, s.GetName())
	}
	spec.Description = d
	return spec
}

func described(name string, array *coremlpb.ArrayFeatureType) *coremlpb.FeatureDescription {
	return &coremlpb.FeatureDescription{Name: name, Type: &coremlpb.FeatureType{Type: &coremlpb.FeatureType_MultiArrayType{MultiArrayType: array}}}
}

func shape64(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, n := range shape {
		out[i] = int64(n)
	}
	return out
}

// stateless makes an input and an output of a state: reading it takes the input, or what was written before; what is written is the output.
func stateless(f *milpb.Function, state string) {
	for _, in := range f.GetInputs() {
		if in.GetName() == state {
			in.Type = in.GetType().GetStateType().GetWrappedType()
		}
	}
	block := f.GetBlockSpecializations()[f.GetOpset()]
	types := map[string]*milpb.ValueType{}
	now := state
	for _, op := range block.GetOperations() {
		list := op.GetInputs()["input"].GetArguments()
		if len(list) == 1 && list[0].GetName() == state {
			switch op.GetType() {
			case "read_state":
				op.Type = "identity"
				op.Inputs = map[string]*milpb.Argument{"x": {Arguments: []*milpb.Argument_Binding{{Binding: &milpb.Argument_Binding_Name{Name: now}}}}}
			case "write_state":
				now = next(state)
				op.Type = "identity"
				value := op.GetInputs()["data"]
				op.Inputs = map[string]*milpb.Argument{"x": value}
				op.Outputs = []*milpb.NamedValueType{{Name: now, Type: types[value.GetArguments()[0].GetName()]}}
				block.Outputs = append(block.Outputs, now)
			}
		}
		for _, o := range op.GetOutputs() {
			types[o.GetName()] = o.GetType()
		}
	}
}

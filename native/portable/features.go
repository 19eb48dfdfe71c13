package portable

import (
	"fmt"
	"slices"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
)

// maxShapes bounds the enumerated shapes of an input, as Core ML does.
const maxShapes = 128

// inputs reads the model's description of its inputs. Floating-point inputs are handed over as float32 whatever the package says.
func inputs(d *coremlpb.ModelDescription) ([]engine.Feature, error) {
	var out []engine.Feature
	for _, f := range d.GetInput() {
		array := f.GetType().GetMultiArrayType()
		if array == nil {
			return nil, fmt.Errorf("the input %q is not a multi-array", f.GetName())
		}
		shape, err := dimensions(array.GetShape())
		if err != nil {
			return nil, fmt.Errorf("the input %q: %w", f.GetName(), err)
		}
		feature := engine.Feature{Name: f.GetName(), DType: engine.Float32, Shape: shape}
		if array.GetDataType() == coremlpb.ArrayFeatureType_INT32 {
			feature.DType = engine.Int32
		}
		if array.GetShapeRange() != nil {
			return nil, fmt.Errorf("the input %q has ranges of shapes: fixed and enumerated shapes are supported", f.GetName())
		}
		shapes := array.GetEnumeratedShapes().GetShapes()
		if len(shapes) > maxShapes {
			return nil, fmt.Errorf("the input %q permits %d shapes, more than %d", f.GetName(), len(shapes), maxShapes)
		}
		for _, s := range shapes {
			one, err := dimensions(s.GetShape())
			if err != nil {
				return nil, fmt.Errorf("the input %q: %w", f.GetName(), err)
			}
			if len(one) != len(shape) {
				return nil, fmt.Errorf("the input %q permits shapes of several ranks", f.GetName())
			}
			feature.Shapes = append(feature.Shapes, one)
		}
		out = append(out, feature)
	}
	return out, nil
}

func dimensions(shape []int64) ([]int, error) {
	out := make([]int, len(shape))
	for i, d := range shape {
		if d < 1 || d > 1<<31-1 {
			return nil, fmt.Errorf("its shape is %v", shape)
		}
		out[i] = int(d)
	}
	return out, nil
}

// changing tells, for each input with several shapes, which dimensions differ between them.
func changing(features []engine.Feature) map[string][]bool {
	out := map[string][]bool{}
	for _, f := range features {
		change := make([]bool, len(f.Shape))
		for _, s := range f.Shapes {
			for i := range s {
				change[i] = change[i] || s[i] != f.Shape[i]
			}
		}
		if slices.Contains(change, true) {
			out[f.Name] = change
		}
	}
	return out
}

// ports are the graph's names of the described inputs, which are those of the program.
func ports(features []engine.Feature, values []value) ([]string, error) {
	if len(features) != len(values) {
		return nil, fmt.Errorf("the description has %d inputs and the program %d", len(features), len(values))
	}
	out := make([]string, len(features))
	for i, f := range features {
		k := slices.IndexFunc(values, func(v value) bool { return v.name == f.Name })
		if k < 0 {
			return nil, fmt.Errorf("the program has no input %q", f.Name)
		}
		v := values[k]
		if len(v.dims) != len(f.Shape) || mlpackage.IsFloat(v.dtype) != (f.DType == engine.Float32) {
			return nil, fmt.Errorf("the program and the description disagree on the input %q", f.Name)
		}
		out[i] = v.port
	}
	return out, nil
}

// outputs are the lowered program's outputs; dimensions that follow from the inputs are 0.
func outputs(values []value) (out []engine.Feature, ports []string) {
	for _, v := range values {
		f := engine.Feature{Name: v.name, DType: engine.Float32}
		if !mlpackage.IsFloat(v.dtype) {
			f.DType = engine.Int32
		}
		for _, d := range v.dims {
			f.Shape = append(f.Shape, int(max(d, 0)))
		}
		out, ports = append(out, f), append(ports, v.port)
	}
	return out, ports
}

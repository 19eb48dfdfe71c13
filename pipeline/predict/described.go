package predict

import (
	"math"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
)

// Described are a model's inputs and outputs as its description has them, for a model that the engine does not run: less than an open model tells.
func Described(spec *coremlpb.Model, function string) (in, out []native.Feature) {
	d := spec.GetDescription()
	inputs, outputs := d.GetInput(), d.GetOutput()
	for _, f := range d.GetFunctions() {
		if f.GetName() == function || function == "" && f.GetName() == d.GetDefaultFunctionName() {
			inputs, outputs = f.GetInput(), f.GetOutput()
		}
	}
	for _, f := range inputs {
		in = append(in, described(f))
	}
	for _, f := range outputs {
		out = append(out, described(f))
	}
	return in, out
}

func described(d *coremlpb.FeatureDescription) native.Feature {
	f := native.Feature{Name: d.GetName(), Optional: d.GetType().GetIsOptional()}
	if a := d.GetType().GetMultiArrayType(); a != nil {
		switch a.GetDataType() {
		case coremlpb.ArrayFeatureType_INT32:
			f.DType = native.Int32
		case coremlpb.ArrayFeatureType_FLOAT16:
			f.Half = true
		}
		for _, n := range a.GetShape() {
			f.Shape = append(f.Shape, int(min(max(n, 0), math.MaxInt32)))
		}
	}
	if p := d.GetType().GetImageType(); p != nil {
		f.DType, f.Image = native.Uint8, "gray"
		f.Shape = []int{int(min(max(p.GetHeight(), 0), math.MaxInt32)), int(min(max(p.GetWidth(), 0), math.MaxInt32))}
		if c := p.GetColorSpace(); c == coremlpb.ImageFeatureType_RGB || c == coremlpb.ImageFeatureType_BGR {
			f.Image, f.Shape = "BGRA", append(f.Shape, 4)
		}
	}
	return f
}

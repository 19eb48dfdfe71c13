package mil

import (
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
)

// describe is what a model's users are told of its inputs and outputs.
func (p *Program) describe(f Format) (*coremlpb.ModelDescription, error) {
	var meta map[string]string
	if f.Meta != nil {
		var err error
		if meta, err = f.Meta(); err != nil {
			return nil, err
		}
	}
	d := &coremlpb.ModelDescription{Metadata: &coremlpb.Metadata{
		ShortDescription: f.Description, Author: f.Author, License: f.License, VersionString: f.Version, UserDefined: meta,
	}}
	for _, in := range p.Inputs {
		d.Input = append(d.Input, &coremlpb.FeatureDescription{Name: in.Name, Type: in.featureType(true)})
	}
	for _, out := range p.Outputs {
		d.Output = append(d.Output, &coremlpb.FeatureDescription{Name: out.Name, Type: out.featureType(false)})
	}
	return d, nil
}

func (p *Port) featureType(input bool) *coremlpb.FeatureType {
	if p.Image != nil {
		return p.imageType(input)
	}
	array := &coremlpb.ArrayFeatureType{DataType: coremlpb.ArrayFeatureType_FLOAT32}
	if p.Value.Kind != Float {
		array.DataType = coremlpb.ArrayFeatureType_INT32
	}
	if p.Value.vary == nil || input {
		array.Shape = int64s(p.Value.Shape)
	}
	if len(p.shapes) > 0 {
		e := &coremlpb.ArrayFeatureType_EnumeratedShapes{}
		for _, s := range p.shapes {
			e.Shapes = append(e.Shapes, &coremlpb.ArrayFeatureType_Shape{Shape: int64s(s)})
		}
		array.ShapeFlexibility = &coremlpb.ArrayFeatureType_EnumeratedShapes_{EnumeratedShapes: e}
	}
	return &coremlpb.FeatureType{Type: &coremlpb.FeatureType_MultiArrayType{MultiArrayType: array}}
}

func (p *Port) imageType(input bool) *coremlpb.FeatureType {
	spaces := map[Color]coremlpb.ImageFeatureType_ColorSpace{
		RGB: coremlpb.ImageFeatureType_RGB, BGR: coremlpb.ImageFeatureType_BGR, Gray: coremlpb.ImageFeatureType_GRAYSCALE,
	}
	s := p.Value.Shape
	im := &coremlpb.ImageFeatureType{ColorSpace: spaces[p.Image.Color], Height: int64(s[2]), Width: int64(s[3])}
	if len(p.shapes) > 0 && input {
		e := &coremlpb.ImageFeatureType_EnumeratedImageSizes{}
		for _, s := range p.shapes {
			e.Sizes = append(e.Sizes, &coremlpb.ImageFeatureType_ImageSize{Height: uint64(s[2]), Width: uint64(s[3])})
		}
		im.SizeFlexibility = &coremlpb.ImageFeatureType_EnumeratedSizes{EnumeratedSizes: e}
	}
	return &coremlpb.FeatureType{Type: &coremlpb.FeatureType_ImageType{ImageType: im}}
}

func int64s(v []int) []int64 {
	out := make([]int64, len(v))
	for i, n := range v {
		out[i] = int64(n)
	}
	return out
}

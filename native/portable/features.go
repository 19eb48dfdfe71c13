package portable

import (
	"fmt"
	"math"
	"slices"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
)

// maxShapes bounds the enumerated shapes of an input, as Core ML does.
const maxShapes = 128

// maxRank bounds the dimensions of an input or output.
const maxRank = 16

// port is an input or output of a model, and how it crosses to the graph.
type port struct {
	engine.Feature
	color   coremlpb.ImageFeatureType_ColorSpace // of a picture
	absent  float32                              // every element of an optional input that is left out
	graph   string                               // its name in the graph
	scalar  bool                                 // an output of no dimensions
	hasType bool                                 // whether the description says what it is; all else of an output follows from the program
}

// describe reads what the model's description says of an input or output.
func describe(d *coremlpb.FeatureDescription, kind string) (*port, error) {
	p := &port{Feature: engine.Feature{Name: d.GetName(), Optional: kind == "input" && d.GetType().GetIsOptional()}}
	var err error
	switch t := d.GetType().GetType().(type) {
	case *coremlpb.FeatureType_MultiArrayType:
		err = p.array(t.MultiArrayType)
	case *coremlpb.FeatureType_ImageType:
		err = p.picture(t.ImageType)
	case *coremlpb.FeatureType_StateType:
		err = fmt.Errorf("it is a state, which the portable engine does not keep")
	case nil:
		err = fmt.Errorf("its type is missing")
	default:
		err = fmt.Errorf("it is neither an array of numbers nor a picture, but a %s", kindOfFeature(t))
	}
	if err != nil {
		return nil, fmt.Errorf("the %s %q: %w", kind, d.GetName(), err)
	}
	return p, nil
}

// kindOfFeature names the types of features that only Core ML has.
func kindOfFeature(t any) string {
	switch t.(type) {
	case *coremlpb.FeatureType_Int64Type:
		return "whole number"
	case *coremlpb.FeatureType_DoubleType:
		return "number"
	case *coremlpb.FeatureType_StringType:
		return "text"
	case *coremlpb.FeatureType_DictionaryType:
		return "dictionary"
	case *coremlpb.FeatureType_SequenceType:
		return "sequence"
	}
	return "value of an unknown kind"
}

func (p *port) array(t *coremlpb.ArrayFeatureType) (err error) {
	p.hasType = true
	switch t.GetDataType() {
	case coremlpb.ArrayFeatureType_INT32:
		p.DType = engine.Int32
	case coremlpb.ArrayFeatureType_FLOAT16:
		p.Half = true
	case coremlpb.ArrayFeatureType_FLOAT32, coremlpb.ArrayFeatureType_DOUBLE, coremlpb.ArrayFeatureType_INVALID_ARRAY_DATA_TYPE:
	default:
		return fmt.Errorf("its elements are of the type %v", t.GetDataType())
	}
	switch v := t.GetDefaultOptionalValue().(type) {
	case *coremlpb.ArrayFeatureType_IntDefaultValue:
		p.absent = float32(v.IntDefaultValue)
	case *coremlpb.ArrayFeatureType_FloatDefaultValue:
		p.absent = v.FloatDefaultValue
	case *coremlpb.ArrayFeatureType_DoubleDefaultValue:
		p.absent = float32(v.DoubleDefaultValue)
	}
	shape := t.GetShape()
	shapes, ranges := t.GetEnumeratedShapes().GetShapes(), t.GetShapeRange().GetSizeRanges()
	if len(shape) == 0 && len(shapes) > 0 {
		shape = shapes[0].GetShape()
	}
	if len(shape) == 0 {
		for _, r := range ranges {
			shape = append(shape, int64(min(max(r.GetLowerBound(), 1), math.MaxInt32)))
		}
	}
	if p.Shape, err = dimensions(shape); err != nil {
		return err
	}
	for _, s := range shapes {
		one, err := dimensions(s.GetShape())
		if err != nil {
			return err
		}
		if err := p.permit(one); err != nil {
			return err
		}
	}
	return p.within(ranges)
}

// permit adds a shape to those that are permitted.
func (p *port) permit(shape []int) error {
	if len(p.Shapes) == maxShapes {
		return fmt.Errorf("it permits more than %d shapes", maxShapes)
	}
	if len(shape) != len(p.Shape) {
		return fmt.Errorf("it permits shapes of several ranks")
	}
	p.Shapes = append(p.Shapes, shape)
	return nil
}

// within takes the ranges of all dimensions.
func (p *port) within(ranges []*coremlpb.SizeRange) error {
	if len(ranges) == 0 {
		return nil
	}
	if len(ranges) != len(p.Shape) {
		return fmt.Errorf("it has ranges of %d dimensions and the shape %v", len(ranges), p.Shape)
	}
	for _, r := range ranges {
		low, high := min(r.GetLowerBound(), math.MaxInt32), r.GetUpperBound()
		if high >= 0 && uint64(high) < low || high == 0 {
			return fmt.Errorf("a dimension ranges from %d to %d", r.GetLowerBound(), high)
		}
		one := engine.Range{Min: max(int(low), 1)}
		if high > 0 && high < math.MaxInt32 {
			one.Max = int(high)
		}
		p.Ranges = append(p.Ranges, one)
	}
	return nil
}

// picture describes a picture as Core ML's pixel buffers have it.
func (p *port) picture(t *coremlpb.ImageFeatureType) error {
	p.hasType, p.color, p.DType = true, t.GetColorSpace(), engine.Uint8
	switch p.color {
	case coremlpb.ImageFeatureType_RGB, coremlpb.ImageFeatureType_BGR:
		p.Image = engine.BGRA
	case coremlpb.ImageFeatureType_GRAYSCALE:
		p.Image = engine.Gray
	case coremlpb.ImageFeatureType_GRAYSCALE_FLOAT16:
		p.Image, p.DType = engine.GrayHalf, engine.Float16
	default:
		return fmt.Errorf("it is a picture of the colour space %v", p.color)
	}
	h, w := t.GetHeight(), t.GetWidth()
	sizes, span := t.GetEnumeratedSizes().GetSizes(), t.GetImageSizeRange()
	if h == 0 && w == 0 && len(sizes) > 0 {
		h, w = int64(min(sizes[0].GetHeight(), math.MaxInt32)), int64(min(sizes[0].GetWidth(), math.MaxInt32))
	}
	if h == 0 && w == 0 && span != nil {
		h, w = int64(min(max(span.GetHeightRange().GetLowerBound(), 1), math.MaxInt32)), int64(min(max(span.GetWidthRange().GetLowerBound(), 1), math.MaxInt32))
	}
	var err error
	if p.Shape, err = p.pixels(h, w); err != nil {
		return err
	}
	for _, s := range sizes {
		one, err := p.pixels(int64(min(s.GetHeight(), math.MaxInt32+1)), int64(min(s.GetWidth(), math.MaxInt32+1)))
		if err != nil {
			return err
		}
		if err := p.permit(one); err != nil {
			return err
		}
	}
	if span == nil {
		return nil
	}
	ranges := []*coremlpb.SizeRange{span.GetHeightRange(), span.GetWidthRange()}
	if p.Image == engine.BGRA {
		ranges = append(ranges, &coremlpb.SizeRange{LowerBound: 4, UpperBound: 4})
	}
	return p.within(ranges)
}

// pixels is the shape of a picture's tensor.
func (p *port) pixels(h, w int64) ([]int, error) {
	shape, err := dimensions([]int64{h, w})
	if err == nil && p.Image == engine.BGRA {
		shape = append(shape, 4)
	}
	return shape, err
}

func dimensions(shape []int64) ([]int, error) {
	if len(shape) > maxRank {
		return nil, fmt.Errorf("it has %d dimensions", len(shape))
	}
	out := make([]int, len(shape))
	for i, d := range shape {
		if d < 1 || d > math.MaxInt32 {
			return nil, fmt.Errorf("its shape is %v", shape)
		}
		out[i] = int(d)
	}
	return out, nil
}

// changes tells which dimensions of an input are not the same in all permitted shapes.
func (p *port) changes() []bool {
	change := make([]bool, len(p.Shape))
	for _, s := range p.Shapes {
		for i := range s {
			change[i] = change[i] || s[i] != p.Shape[i]
		}
	}
	for i, r := range p.Ranges {
		change[i] = r.Min != r.Max
	}
	return change
}

// dims are the dimensions of the port in the graph: -1 where they change. A scalar crosses as one element.
func (p *port) dims() []int64 {
	out := make([]int64, len(p.Shape))
	for i, change := range p.changes() {
		if out[i] = int64(p.Shape[i]); change {
			out[i] = -1
		}
	}
	if len(out) == 0 {
		return []int64{1}
	}
	return out
}

// describeAll reads all inputs or outputs.
func describeAll(list []*coremlpb.FeatureDescription, kind string) (out []*port, err error) {
	for _, d := range list {
		p, err := describe(d, kind)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o *port) bool { return o.Name == p.Name }) {
			return nil, fmt.Errorf("there are two %ss %q", kind, p.Name)
		}
		out = append(out, p)
	}
	return out, nil
}

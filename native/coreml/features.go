//go:build darwin || fakecoreml

package coreml

// #include "bridge.h"
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/gesso-app/gesso/native/engine"
)

var formats = map[uint32]engine.PixelFormat{
	0x42475241: engine.BGRA,
	0x00000020: engine.ARGB,
	0x4c303038: engine.Gray,
	0x4c303068: engine.GrayHalf,
}

// features describes a loaded model.
func features(handle unsafe.Pointer) (in, out, states []engine.Feature, err error) {
	var list *C.gesso_feature
	var n C.int64_t
	if err := try(func(e *C.gesso_error) { C.gesso_describe(handle, &list, &n, e) }); err != nil {
		return nil, nil, nil, err
	}
	defer C.gesso_features_free(list, n)
	for i := range unsafe.Slice(list, n) {
		c := &unsafe.Slice(list, n)[i]
		f, err := feature(c)
		if err != nil {
			return nil, nil, nil, err
		}
		switch c.role {
		case C.GESSO_INPUT:
			in = append(in, f)
		case C.GESSO_OUTPUT:
			out = append(out, f)
		default:
			states = append(states, f)
		}
	}
	return in, out, states, nil
}

func feature(c *C.gesso_feature) (engine.Feature, error) {
	f := engine.Feature{Name: C.GoString(c.name), Optional: c.optional != 0}
	if c.kind == C.GESSO_OTHER {
		return f, fmt.Errorf("%q is neither an array of numbers nor a picture of a known format", f.Name)
	}
	switch c.dtype {
	case C.GESSO_INT32:
		f.DType = engine.Int32
	case C.GESSO_UINT8:
		f.DType = engine.Uint8
	case C.GESSO_FLOAT16:
		f.Half = true
	}
	if c.kind == C.GESSO_PICTURE {
		f.Image = formats[uint32(c.format)]
		if f.Half {
			f.DType, f.Half = engine.Float16, false // pixels are not converted
		}
	}
	rank := int(c.rank)
	f.Shape = ints(c.shape[:rank])
	for s := range int(c.shapes) {
		f.Shapes = append(f.Shapes, ints(unsafe.Slice(c.enumerated, int(c.shapes)*rank)[s*rank:(s+1)*rank]))
	}
	if c.ranged != 0 {
		for i := range rank {
			f.Ranges = append(f.Ranges, engine.Range{Min: int(c.low[i]), Max: max(int(c.high[i]), 0)})
		}
	}
	if c.role == C.GESSO_OUTPUT {
		follow(&f)
	}
	return f, nil
}

// follow makes 0 of the dimensions of an output that change.
func follow(f *engine.Feature) {
	for i := range f.Shape {
		for _, s := range f.Shapes {
			if s[i] != f.Shape[i] {
				f.Shape[i] = 0
				break
			}
		}
		if f.Ranges != nil && f.Ranges[i].Min != f.Ranges[i].Max {
			f.Shape[i] = 0
		}
	}
	f.Shapes, f.Ranges = nil, nil
}

func ints(v []C.int64_t) []int {
	out := make([]int, len(v))
	for i, n := range v {
		out[i] = int(n)
	}
	return out
}

// takes tells whether a tensor of that type can be given for f.
func takes(f engine.Feature, d engine.DType) bool {
	return d == f.DType || f.Half && d == engine.Float16
}

// fits tells whether an output may have that shape, as far as the model says.
func fits(f engine.Feature, shape []int) bool {
	if len(f.Shape) == 0 {
		return true
	}
	if len(f.Shape) != len(shape) {
		return false
	}
	for i, n := range f.Shape {
		if n != 0 && n != shape[i] {
			return false
		}
	}
	return true
}

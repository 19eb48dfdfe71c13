package onnx

import (
	"math"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// Resample makes a picture x (N,C,H,W) of another size as PyTorch's interpolate does: mode is nearest, nearest-exact, linear or cubic. scales are
// the factors that were asked for, or 0 where only the size was.
func Resample(b *mil.Builder, x *mil.Value, size []int, scales []float64, mode string, alignCorners bool) *mil.Value {
	if x.Rank() != 4 || len(size) != 2 || min(size[0], size[1]) < 1 || max(size[0], size[1]) > mil.MaxSpan {
		mil.Fail("the shape %v is resized to %v", x.Shape, size)
	}
	each := make([]resizing, 4)
	for i := range each {
		each[i] = resizing{from: x.Shape[i], to: x.Shape[i], scale: 1, coordinates: "half_pixel", nearest: "round_prefer_ceil", cubic: -0.75}
		if alignCorners {
			each[i].coordinates = "align_corners"
		}
		if mode == "nearest" {
			each[i].coordinates, each[i].nearest = "asymmetric", "floor"
		}
	}
	for i, n := range size {
		r := &each[2+i]
		r.to = n
		if r.scale = float64(n) / float64(r.from); i < len(scales) && scales[i] > 0 && !math.IsInf(scales[i], 0) && !alignCorners {
			r.scale = scales[i]
		}
	}
	if mode == "nearest-exact" {
		mode = "nearest"
	}
	c := &call{lowering: &lowering{Builder: b}, n: &Node{}}
	return c.resized(x, each, mode)
}

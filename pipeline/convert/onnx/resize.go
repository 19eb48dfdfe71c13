package onnx

import (
	"math"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// resizing is how one axis is sampled anew.
type resizing struct {
	from, to    int
	scale       float64
	coordinates string
	nearest     string
	exclude     bool    // of a cubic: what lies outside
	cubic       float64 // the kernel's parameter
}

// at is where the element i comes from, unrounded.
func (r resizing) at(i int) float64 {
	x := float64(i)
	switch r.coordinates {
	case "align_corners":
		if r.to == 1 {
			return 0
		}
		return x * float64(r.from-1) / (r.scale*float64(r.from) - 1) // the length before it was rounded
	case "asymmetric":
		return x / r.scale
	case "pytorch_half_pixel":
		if r.to == 1 {
			return 0
		}
		return (x+0.5)/r.scale - 0.5
	case "half_pixel":
		return (x+0.5)/r.scale - 0.5
	case "half_pixel_symmetric":
		adjust := float64(r.to) / (r.scale * float64(r.from))
		return float64(r.from)/2*(1-adjust) + (x+0.5)/r.scale - 0.5
	}
	mil.Fail("coordinates by %q", r.coordinates)
	return 0
}

// place is the element that stands for i.
func (r resizing) place(i int) int {
	x := r.at(i)
	switch r.nearest {
	case "floor":
		x = math.Floor(x)
	case "ceil":
		x = math.Ceil(x)
	case "round_prefer_ceil":
		x = math.Floor(x + 0.5)
	default:
		x = math.Ceil(x - 0.5)
	}
	return min(max(int(x), 0), r.from-1)
}

// matrix are the shares (to,from) of the old elements in the new ones.
func (r resizing) matrix(cubic bool) []float64 {
	mil.Bounded(r.to, r.from)
	m := make([]float64, r.to*r.from)
	for i := range r.to {
		x, row := r.at(i), m[i*r.from:(i+1)*r.from]
		if !cubic {
			x = min(max(x, 0), float64(r.from-1))
			lo := int(x)
			row[lo] += 1 - (x - float64(lo))
			row[min(lo+1, r.from-1)] += x - float64(lo)
			continue
		}
		base := int(math.Floor(x))
		sum := 0.0
		for k := base - 1; k <= base+2; k++ {
			w := kernel(math.Abs(x-float64(k)), r.cubic)
			if r.exclude && (k < 0 || k >= r.from) {
				continue
			}
			sum += w
			row[min(max(k, 0), r.from-1)] += w
		}
		if r.exclude {
			for k := range row {
				row[k] /= sum
			}
		}
	}
	return m
}

// kernel is Keys' cubic kernel.
func kernel(d, a float64) float64 {
	switch {
	case d <= 1:
		return (a+2)*d*d*d - (a+3)*d*d + 1
	case d < 2:
		return a*d*d*d - 5*a*d*d + 8*a*d - 4*a
	}
	return 0
}

func (c *call) resize() {
	x := c.in(0)
	var scales, sizes []float64
	switch {
	case c.n.Op == "Upsample" && !c.has(1):
		for _, f := range c.n.Attr["scales"].Floats {
			scales = append(scales, float64(f))
		}
	case c.n.Op == "Upsample" || c.opset < 11:
		scales = c.Known(c.in(1))
	default:
		if v := c.maybe(2); v != nil {
			scales = c.Known(v)
		}
		if v := c.maybe(3); v != nil {
			sizes = c.Known(v)
		}
	}
	coordinates := c.text("coordinate_transformation_mode", "half_pixel")
	if c.opset < 11 {
		coordinates = "asymmetric"
	}
	nearest := c.text("nearest_mode", "round_prefer_floor")
	if c.opset < 11 {
		nearest = "floor"
	}
	axes := c.ints("axes")
	each := make([]resizing, x.Rank())
	for i := range each {
		each[i] = resizing{
			from: x.Shape[i], to: x.Shape[i], scale: 1, coordinates: coordinates, nearest: nearest,
			exclude: c.int("exclude_outside", 0) != 0, cubic: c.float("cubic_coeff_a", -0.75),
		}
	}
	if axes == nil {
		for i := range each {
			axes = append(axes, i)
		}
	}
	for i, a := range axes {
		r := &each[mil.Axis(a, x.Rank())]
		if len(sizes) > 0 {
			r.to = int(sizes[i])
			r.scale = float64(r.to) / float64(r.from)
		} else {
			r.scale = scales[i]
			r.to = int(math.Floor(float64(r.from) * r.scale))
		}
		if r.to < 1 || r.to > mil.MaxSpan {
			mil.Fail("an axis of %d becomes %d", r.from, r.to)
		}
	}
	if policy := c.text("keep_aspect_ratio_policy", "stretch"); policy != "stretch" && len(sizes) > 0 {
		keepRatio(each, axes, policy == "not_larger")
	}
	if c.int("antialias", 0) != 0 {
		mil.Fail("an antialiased resizing")
	}
	c.give(c.resized(x, each, c.text("mode", "nearest")))
}

// resized samples the last two axes of a picture, or any axis by the nearest element.
func (c *call) resized(x *mil.Value, each []resizing, mode string) *mil.Value {
	n := x.Rank()
	for i, r := range each {
		if i < n-2 && r.to != r.from {
			return c.eachAxis(x, each, mode)
		}
	}
	if n != 4 {
		return c.eachAxis(x, each, mode)
	}
	h, w := each[2], each[3]
	if mode == "nearest" {
		return c.Pick(x, places(h), places(w))
	}
	sampling, known := map[string]mil.Sampling{
		"half_pixel": mil.HalfPixel, "pytorch_half_pixel": mil.HalfPixel, "align_corners": mil.AlignCorners, "asymmetric": mil.Asymmetric,
	}[h.coordinates]
	whole := h.to%h.from == 0 && w.to%w.from == 0 && h.scale == math.Trunc(h.scale) && w.scale == math.Trunc(w.scale)
	if mode == "linear" && known && whole && h.to > 1 && w.to > 1 {
		return c.Resize(x, h.to, w.to, true, sampling)
	}
	return c.Mix(x, h.to, w.to, h.matrix(mode == "cubic"), w.matrix(mode == "cubic"))
}

func places(r resizing) []int {
	at := make([]int, r.to)
	for i := range at {
		at[i] = r.place(i)
	}
	return at
}

// eachAxis samples axis by axis, by gathering or by a product of matrices with the axis at the end.
func (c *call) eachAxis(x *mil.Value, each []resizing, mode string) *mil.Value {
	for axis, r := range each {
		if r.to == r.from && r.scale == 1 {
			continue
		}
		if mode == "nearest" {
			x = c.Gather(x, c.Ints(places(r)...), axis)
			continue
		}
		perm := make([]int, x.Rank())
		for i := range perm {
			perm[i] = i
		}
		end := len(perm) - 1
		perm[axis], perm[end] = perm[end], perm[axis]
		m := c.Floats([]int{r.to, r.from}, r.matrix(mode == "cubic")...)
		x = c.Transpose(c.MatMul(c.Transpose(x, perm...), m, false, true), perm...)
	}
	return x
}

// keepRatio gives all axes one scale, the least or the greatest that their sizes ask for.
func keepRatio(each []resizing, axes []int, least bool) {
	scale := math.Inf(-1)
	if least {
		scale = math.Inf(1)
	}
	for _, a := range axes {
		r := each[mil.Axis(a, len(each))]
		if least {
			scale = min(scale, r.scale)
		} else {
			scale = max(scale, r.scale)
		}
	}
	for _, a := range axes {
		r := &each[mil.Axis(a, len(each))]
		r.scale, r.to = scale, int(math.Floor(scale*float64(r.from)+0.5))
	}
}

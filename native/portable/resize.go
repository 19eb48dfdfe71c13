package portable

import (
	"slices"

	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// coordinates are ONNX's names for MIL's sampling modes; OFFSET_CORNERS has none and is a crop.
var coordinates = map[string]string{
	"STRICT_ALIGN_CORNERS": "align_corners",
	"ALIGN_CORNERS":        "align_corners",
	"DEFAULT":              "asymmetric",
	"UNALIGN_CORNERS":      "half_pixel",
}

// tail is the shape of x (...,H,W) with other last dimensions, as an ONNX value.
func (a *args) tail(sizes string, n int) string {
	head := a.l.node("Slice", "", []string{a.l.node("Shape", "", a.x()), a.l.list(0), a.l.list(int64(a.rank("x") - n)), a.l.list(0)})
	return a.l.node("Concat", "", []string{head, sizes}, attrInt("axis", 0))
}

// upsampled are the sizes of x (...,H,W) times the factors, rounded down. ONNX's own factors would sample at them and not at the sizes' ratio.
func (a *args) upsampled(h, w float32) string {
	last := a.l.node("Slice", "", []string{a.l.node("Shape", "", a.x()), a.l.list(-2), a.l.list(endOfAxis), a.l.list(0)})
	scaled := a.l.node("Mul", "", []string{a.l.cast(last, onnxpb.TensorProto_FLOAT), a.l.floats([]int64{2}, []float32{h, w})})
	return a.tail(a.l.cast(a.l.node("Floor", "", []string{scaled}), onnxpb.TensorProto_INT64), 2)
}

// maxScale bounds the factors of upsamplings, and maxSide the sizes of resizings.
const (
	maxScale = 1 << 10
	maxSide  = 1 << 20
)

func (a *args) upsampleNearest() {
	a.l.node("Resize", a.out(), a.scales(), nearest()...)
}

func nearest() []*onnxpb.AttributeProto {
	return []*onnxpb.AttributeProto{attrString("mode", "nearest"), attrString("coordinate_transformation_mode", "asymmetric"), attrString("nearest_mode", "floor")}
}

func (a *args) upsampleBilinear() {
	kind := "half_pixel"
	if a.int("align_corners", 1) != 0 {
		kind = "align_corners"
	} else if a.int("half_pixel_centers", 1) == 0 {
		kind = "asymmetric"
	}
	in := a.scales()
	if h, w := a.float("scale_factor_height", 1), a.float("scale_factor_width", 1); len(in) > 0 && (h != float32(int(h)) || w != float32(int(w))) {
		in = []string{in[0], "", "", a.upsampled(h, w)}
	}
	a.l.node("Resize", a.out(), in, attrString("mode", "linear"), attrString("coordinate_transformation_mode", kind))
}

func (a *args) resizeNearest() {
	h, w := a.int("target_size_height", 1), a.int("target_size_width", 1)
	if min(h, w) < 1 || max(h, w) > maxSide {
		a.fail("a target of %d by %d", h, w)
		return
	}
	sizes := a.tail(a.l.list(h, w), 2)
	a.l.node("Resize", a.out(), []string{a.value("x"), "", "", sizes}, nearest()...)
}

func (a *args) resizeBilinear() {
	h, w := a.int("target_size_height", 1), a.int("target_size_width", 1)
	if min(h, w) < 1 || max(h, w) > maxSide {
		a.fail("a target of %d by %d", h, w)
		return
	}
	a.interpolate(a.tail(a.l.list(h, w), 2), []int64{h, w})
}

// interpolate resizes x to sizes by sampling_mode. last are the sizes of the last dimensions where they are known.
func (a *args) interpolate(sizes string, last []int64) {
	mode, x := a.string("sampling_mode", "DEFAULT"), a.value("x")
	r := a.rank("x")
	if mode == "OFFSET_CORNERS" {
		// Sample i lies at (i+0.5)(n-1)/m, which is a crop from 0.5/m to 1-0.5/m.
		n := int64(len(last))
		half := a.l.node("Div", "", []string{a.l.scalar(0.5), a.l.cast(a.l.node("Slice", "", []string{sizes, a.l.list(-n), a.l.list(endOfAxis), a.l.list(0)}), onnxpb.TensorProto_FLOAT)})
		zero, one := a.l.floats([]int64{int64(r) - n}, ones(r-int(n), 0)), a.l.floats([]int64{int64(r) - n}, ones(r-int(n), 1))
		roi := a.l.node("Concat", "", []string{zero, half, one, a.l.node("Sub", "", []string{a.l.scalar(1), half})}, attrInt("axis", 0))
		a.l.node("Resize", a.out(), []string{x, roi, "", sizes}, attrString("mode", "linear"), attrString("coordinate_transformation_mode", "tf_crop_and_resize"))
		return
	}
	kind, ok := coordinates[mode]
	if !ok {
		a.fail("the sampling mode %q is not known", mode)
		return
	}
	out := a.out()
	if mode == "ALIGN_CORNERS" && slices.Contains(last, 1) && !slices.Equal(last, repeat(len(last), 1)) {
		// A single sample lies in the middle, as with half pixels, the other axes' at the corners: one after the other.
		single := a.l.node("Shape", "", []string{x})
		pick := make([]int64, r)
		for i, n := range last {
			if n == 1 {
				pick[r-len(last)+i] = 1
			}
		}
		first := a.l.node("Where", "", []string{a.l.bools(pick), sizes, single})
		x = a.l.node("Resize", "", []string{x, "", "", first}, attrString("mode", "linear"), attrString("coordinate_transformation_mode", "half_pixel"))
	} else if mode == "ALIGN_CORNERS" && slices.Contains(last, 1) {
		kind = "half_pixel"
	}
	a.l.node("Resize", out, []string{x, "", "", sizes}, attrString("mode", "linear"), attrString("coordinate_transformation_mode", kind))
}

// resize is that of iOS17: the last resized_dims dimensions become those of shape, 0 keeps one.
func (a *args) resize() {
	n, r := a.int("resized_dims", 0), int64(a.rank("x"))
	if n < 1 || n > r {
		a.fail("%d resized dimensions of rank %d", n, r)
		return
	}
	var last []int64
	wanted := a.l.node("Slice", "", []string{a.value("shape"), a.l.list(-n), a.l.list(endOfAxis), a.l.list(0)})
	if a.isKnown("shape") {
		s := a.known("shape").Ints()
		if int64(len(s)) < n {
			a.fail("shape has %d dimensions, and %d are resized", len(s), n)
			return
		}
		last = s[int64(len(s))-n:]
	} else {
		last = repeat(int(n), 0)
	}
	own := a.l.node("Slice", "", []string{a.l.node("Shape", "", a.x()), a.l.list(-n), a.l.list(endOfAxis), a.l.list(0)})
	keep := a.l.node("Equal", "", []string{wanted, a.l.list(0)})
	sizes := a.tail(a.l.node("Where", "", []string{keep, own, wanted}), int(n))
	if a.string("interpolation_mode", "LINEAR") == "LINEAR" {
		a.interpolate(sizes, last)
		return
	}
	in := []string{a.value("x"), "", "", sizes}
	kind, ok := coordinates[a.string("sampling_mode", "DEFAULT")]
	switch {
	case !ok:
		a.fail("nearest samples with the sampling mode %q", a.string("sampling_mode", ""))
	case kind == "asymmetric":
		a.l.node("Resize", a.out(), in, nearest()...)
	default:
		a.l.node("Resize", a.out(), in, attrString("mode", "nearest"), attrString("coordinate_transformation_mode", kind))
	}
}

// paddings are ONNX's names for MIL's padding modes of sampling; symmetric is reflection where corners are not aligned.
var paddings = map[string]string{"constant": "zeros", "border": "border", "reflection": "reflection", "symmetric": "reflection"}

// sample reads x at coordinates (N,H,W,2), which lie between -1 and 1.
func (a *args) sample(x, at string, align int64) {
	mode, ok := map[string]string{"bilinear": "linear", "nearest": "nearest"}[a.string("sampling_mode", "bilinear")]
	padding, known := paddings[a.string("padding_mode", "constant")]
	if !ok || !known {
		a.fail("sampling %q with padding %q", a.string("sampling_mode", ""), a.string("padding_mode", ""))
		return
	}
	if a.float("padding_value", 0) != 0 && padding == "zeros" {
		a.fail("a padding by another value than 0")
		return
	}
	a.l.node("GridSample", a.out(), []string{x, at}, attrString("mode", mode), attrString("padding_mode", padding), attrInt("align_corners", align))
}

func (a *args) resample() {
	x, at := a.value("x"), a.value("coordinates")
	align := a.int("align_corners", 1)
	if !a.isFloat("coordinates") {
		at = a.l.cast(at, onnxpb.TensorProto_FLOAT)
	}
	switch mode := a.string("coordinates_mode", "normalized_minus_one_to_one"); mode {
	case "normalized_minus_one_to_one":
	case "normalized_zero_to_one":
		at = a.l.node("Sub", "", []string{a.l.node("Mul", "", []string{at, a.l.scalar(2)}), a.l.scalar(1)})
	case "unnormalized":
		at = a.l.normalized(at, a.l.extents(x, align != 0))
		if align == 0 { // pixel p lies at (2p+1)/n - 1
			n := a.l.extents(x, false)
			at = a.l.node("Add", "", []string{at, a.l.node("Div", "", []string{a.l.scalar(1), n})})
		}
	default:
		a.fail("the coordinates' mode %q is not known", mode)
	}
	a.sample(x, at, align)
}

// extents are (W,H) of x (N,C,H,W) as floats, less 1 where corners are aligned and never 0.
func (g *graph) extents(x string, corners bool) string {
	n := g.cast(g.node("Gather", "", []string{g.node("Shape", "", []string{x}), g.list(3, 2)}), onnxpb.TensorProto_FLOAT)
	if !corners {
		return n
	}
	return g.node("Max", "", []string{g.node("Sub", "", []string{n, g.scalar(1)}), g.scalar(1)})
}

// normalized are pixels as coordinates between -1 and 1.
func (g *graph) normalized(pixels, extents string) string {
	return g.node("Sub", "", []string{g.node("Div", "", []string{g.node("Mul", "", []string{pixels, g.scalar(2)}), extents}), g.scalar(1)})
}

func (a *args) affine() {
	x, m := a.value("x"), a.value("transform_matrix")
	if a.string("coordinates_mode", "normalized_minus_one_to_one") != "normalized_minus_one_to_one" {
		a.fail("the coordinates' mode %q", a.string("coordinates_mode", ""))
		return
	}
	align := a.int("align_corners", 1)
	theta := a.l.node("Reshape", "", []string{m, a.l.list(-1, 2, 3)})
	size := a.l.node("Slice", "", []string{a.l.node("Shape", "", []string{x}), a.l.list(0), a.l.list(2), a.l.list(0)})
	size = a.l.node("Concat", "", []string{size, a.l.list(a.int("output_height", 1), a.int("output_width", 1))}, attrInt("axis", 0))
	a.sample(x, a.l.node("AffineGrid", "", []string{theta, size}, attrInt("align_corners", align)), align)
}

// cropResize cuts boxes out of x and resizes them: by a grid of coordinates for each box.
func (a *args) cropResize() {
	x := a.value("x")
	old := a.has("roi")
	boxes, batch := "", ""
	n := int64(4)
	if old {
		d := a.dims("roi")
		if len(d) != 5 || (d[2] != 4 && d[2] != 5) {
			a.fail("boxes of shape %v", d)
			return
		}
		n = d[2]
		boxes = a.l.node("Reshape", "", []string{a.value("roi"), a.l.list(-1, n)})
		if n == 5 {
			batch = a.l.cast(a.l.node("Gather", "", []string{boxes, a.l.ints(nil, []int64{0})}, attrInt("axis", 1)), onnxpb.TensorProto_INT64)
			boxes = a.l.node("Slice", "", []string{boxes, a.l.list(1), a.l.list(endOfAxis), a.l.list(1)})
		}
	} else {
		boxes = a.value("boxes")
		if !a.isFloat("boxes") {
			boxes = a.l.cast(boxes, onnxpb.TensorProto_FLOAT)
		}
		if a.has("box_indices") {
			batch = a.value("box_indices")
		}
	}
	column := func(i int64) string {
		return a.l.node("Gather", "", []string{boxes, a.l.list(i)}, attrInt("axis", 1))
	}
	order := map[string][4]int64{
		"CORNERS_HEIGHT_FIRST": {0, 2, 1, 3}, "CENTER_SIZE_HEIGHT_FIRST": {0, 2, 1, 3}, "CORNERS_WIDTH_FIRST": {1, 3, 0, 2}, "CENTER_SIZE_WIDTH_FIRST": {1, 3, 0, 2},
	}
	mode := a.string("box_coordinate_mode", "CORNERS_HEIGHT_FIRST")
	at, ok := order[mode]
	if !ok {
		a.fail("the boxes' mode %q is not known", mode)
		return
	}
	centred := mode == "CENTER_SIZE_HEIGHT_FIRST" || mode == "CENTER_SIZE_WIDTH_FIRST"
	extents := a.l.extents(x, true)
	inside := a.l.cast(a.l.node("Gather", "", []string{a.l.node("Shape", "", []string{x}), a.l.list(3, 2)}), onnxpb.TensorProto_FLOAT)
	inside = a.l.node("Sub", "", []string{inside, a.l.scalar(1)}) // W-1, H-1
	axis := func(from, to, of int64, count int64) string {
		s, e := column(from), column(to)
		if centred {
			half := a.l.node("Mul", "", []string{e, a.l.scalar(0.5)})
			s, e = a.l.node("Sub", "", []string{s, half}), a.l.node("Add", "", []string{s, half})
		}
		scale := a.l.scalar(a.float("spatial_scale", 1))
		if a.flag("normalized_coordinates") {
			scale = a.l.node("Mul", "", []string{scale, a.l.node("Gather", "", []string{inside, a.l.list(of)})})
		}
		return a.along(a.l.node("Mul", "", []string{s, scale}), a.l.node("Mul", "", []string{e, scale}), count)
	}
	h, w := a.int("target_height", 1), a.int("target_width", 1)
	if h < 1 || w < 1 || h > maxChannels || w > maxChannels/h {
		a.fail("a target of %d by %d", h, w)
		return
	}
	ys, xs := axis(at[0], at[1], 1, h), axis(at[2], at[3], 0, w) // (N,h), (N,w)
	shape := a.l.node("Concat", "", []string{a.l.node("Slice", "", []string{a.l.node("Shape", "", []string{ys}), a.l.list(0), a.l.list(1)}), a.l.list(h, w)}, attrInt("axis", 0))
	spread := func(v string, axis int64) string {
		v = a.l.node("Expand", "", []string{a.l.node("Unsqueeze", "", []string{v, a.l.list(axis)}), shape})
		return a.l.node("Unsqueeze", "", []string{v, a.l.list(3)})
	}
	pixels := a.l.node("Concat", "", []string{spread(xs, 1), spread(ys, 2)}, attrInt("axis", 3)) // (N,h,w,2)
	grid := a.l.normalized(pixels, extents)
	attrs := []*onnxpb.AttributeProto{attrString("mode", "linear"), attrString("padding_mode", "border"), attrInt("align_corners", 1)}
	outside := a.l.node("Or", "", []string{
		a.l.node("Less", "", []string{pixels, a.l.scalar(-1e-4)}), a.l.node("Greater", "", []string{pixels, a.l.node("Add", "", []string{inside, a.l.scalar(1e-4)})}),
	})
	padded := func(v string, out string) { // v (N,C,h,w)
		any := a.l.node("ReduceMax", "", []string{a.l.cast(outside, onnxpb.TensorProto_FLOAT), a.l.list(3)}, attrInt("keepdims", 0))
		any = a.l.cast(a.l.node("Unsqueeze", "", []string{any, a.l.list(1)}), onnxpb.TensorProto_BOOL)
		a.l.node("Where", out, []string{any, a.l.scalar(a.float("pad_value", 0)), v})
	}
	switch {
	case !old || n == 5:
		picked := x
		if batch != "" {
			picked = a.l.node("Gather", "", []string{x, batch}, attrInt("axis", 0))
		}
		crops := a.l.node("GridSample", "", []string{picked, grid}, attrs...)
		if !old {
			padded(crops, a.out())
			return
		}
		v := a.l.fresh("crops")
		padded(crops, v)
		a.l.node("Unsqueeze", a.out(), []string{v, a.l.list(1)})
	default: // each box of each picture: (N,B,C,h,w)
		d := a.dims("x")
		if len(d) != 4 || d[0] < 1 || d[0] > 64 {
			a.fail("x has the shape %v: its first dimension must be known, and at most 64", d)
			return
		}
		var parts []string
		for i := range d[0] {
			one := a.l.node("Slice", "", []string{x, a.l.list(i), a.l.list(i + 1), a.l.list(0)})
			full := a.l.node("Concat", "", []string{a.l.node("Slice", "", []string{shape, a.l.list(0), a.l.list(1)}), a.l.list(1, 1, 1)}, attrInt("axis", 0))
			v := a.l.fresh("crops")
			padded(a.l.node("GridSample", "", []string{a.l.node("Expand", "", []string{one, full}), grid}, attrs...), v)
			parts = append(parts, a.l.node("Unsqueeze", "", []string{v, a.l.list(1)}))
		}
		a.l.node("Concat", a.out(), parts, attrInt("axis", 1))
	}
}

// along are count samples (N,count) between start and end (N,1) by the sampling mode, as for resizing end-start+1 pixels.
func (a *args) along(start, end string, count int64) string {
	base, slope := make([]float32, count), make([]float32, count) // sample i is start + base + slope (end-start)
	m := float32(count)
	for i := range base {
		k := float32(i)
		switch mode := a.string("sampling_mode", "DEFAULT"); mode {
		case "STRICT_ALIGN_CORNERS", "ALIGN_CORNERS":
			switch {
			case count > 1:
				slope[i] = k / (m - 1)
			case mode == "ALIGN_CORNERS":
				slope[i] = 0.5
			}
		case "DEFAULT": // i n/m
			base[i], slope[i] = k/m, k/m
		case "OFFSET_CORNERS": // (i+0.5)(n-1)/m
			slope[i] = (k + 0.5) / m
		case "UNALIGN_CORNERS": // (i+0.5)n/m - 0.5
			base[i], slope[i] = (k+0.5)/m-0.5, (k+0.5)/m
		default:
			a.fail("the sampling mode %q is not known", mode)
			return ""
		}
	}
	span := a.l.node("Sub", "", []string{end, start})
	v := a.l.node("Add", "", []string{start, a.l.floats([]int64{1, count}, base)})
	v = a.l.node("Add", "", []string{v, a.l.node("Mul", "", []string{span, a.l.floats([]int64{1, count}, slope)})})
	// Samples stay in the box, as they do in a picture.
	low, high := a.l.node("Min", "", []string{start, end}), a.l.node("Max", "", []string{start, end})
	return a.l.node("Min", "", []string{a.l.node("Max", "", []string{v, low}), high})
}

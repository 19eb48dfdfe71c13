package portable

import (
	"math"
	"slices"

	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// The layers that cut, join, resize and reorder, and those that work element by element.

func (y *layer) crop() {
	p, g := y.p.GetCrop(), y.g()
	if len(y.p.GetInput()) > 1 { // to the size of the second input
		offset := g.list(y.pair(p.GetOffset(), 0)...)
		size := g.node("Slice", "", []string{g.node("Shape", "", []string{y.in(1).name}), g.list(-2), g.list(endOfAxis), g.list(0)})
		y.pooled(g.node("Slice", "", []string{y.x(), offset, g.node("Add", "", []string{offset, size}), g.list(-2, -1)}))
		return
	}
	b := y.borders(p.GetCropAmounts())
	y.same("crop", map[string]any{"crop_height": b[:2], "crop_width": b[2:]})
}

func (y *layer) padding() {
	p := y.p.GetPadding()
	arguments := map[string]any{"pad": y.borders(p.GetPaddingAmounts())}
	switch t := p.GetPaddingType().(type) {
	case *coremlpb.PaddingLayerParams_Reflection:
		arguments["mode"] = word("reflect")
	case *coremlpb.PaddingLayerParams_Replication:
		arguments["mode"] = word("replicate")
	case *coremlpb.PaddingLayerParams_Constant:
		arguments["mode"], arguments["constant_val"] = word("constant"), t.Constant.GetValue()
	default:
		arguments["mode"] = word("constant")
	}
	arguments["x"] = y.x()
	y.pooled(y.mil("pad", arguments))
}

func (y *layer) upsample() {
	p := y.p.GetUpsample()
	factors := []float32{1, 1}
	for i, n := range y.pair(p.GetScalingFactor(), 1) {
		factors[i] = float32(n)
	}
	if f := p.GetFractionalScalingFactor(); len(f) == 2 {
		factors = f
	}
	arguments := map[string]any{"x": y.x(), "scale_factor_height": factors[0], "scale_factor_width": factors[1]}
	kind := "upsample_nearest_neighbor"
	if p.GetMode() == coremlpb.UpsampleLayerParams_BILINEAR {
		kind = "upsample_bilinear"
		arguments["align_corners"] = p.GetLinearUpsampleMode() == coremlpb.UpsampleLayerParams_ALIGN_CORNERS_TRUE
		arguments["half_pixel_centers"] = p.GetLinearUpsampleMode() == coremlpb.UpsampleLayerParams_ALIGN_CORNERS_FALSE
	}
	y.pooled(y.mil(kind, arguments))
}

// samplings are MIL's names of the sampling modes.
var samplings = map[coremlpb.SamplingMode_Method]word{
	coremlpb.SamplingMode_STRICT_ALIGN_ENDPOINTS_MODE: "STRICT_ALIGN_CORNERS", coremlpb.SamplingMode_ALIGN_ENDPOINTS_MODE: "ALIGN_CORNERS",
	coremlpb.SamplingMode_UPSAMPLE_MODE: "DEFAULT", coremlpb.SamplingMode_ROI_ALIGN_MODE: "OFFSET_CORNERS",
}

func (y *layer) resizeBilinear() {
	p := y.p.GetResizeBilinear()
	size := y.pair(p.GetTargetSize(), 1)
	y.pooled(y.mil("resize_bilinear", map[string]any{
		"x": y.x(), "target_size_height": size[0], "target_size_width": size[1], "sampling_mode": samplings[p.GetMode().GetSamplingMethod()],
	}))
}

func (y *layer) cropResize() {
	p, g := y.p.GetCropResize(), y.g()
	size := y.pair(p.GetTargetSize(), 1)
	x, boxes := y.in(0), y.in(1)
	if y.n.legacy { // boxes (1,N,4 or 5,1,1) have four dimensions here, (N,4 or 5,1,1)
		n := boxes.dims[1]
		boxes.dims = []int64{-1, 1, n, 1, 1}
		boxes.name = g.node("Unsqueeze", "", []string{boxes.name, g.list(1)})
	}
	if len(x.dims) == 5 {
		x.dims = x.dims[1:]
		x.name = g.node("Squeeze", "", []string{x.name, g.list(0)})
	}
	y.n.l.types[boxes.name], y.n.l.types[x.name] = floatType(boxes.dims), floatType(x.dims)
	v := y.mil("crop_resize", map[string]any{
		"x": x.name, "roi": boxes.name, "target_height": size[0], "target_width": size[1], "normalized_coordinates": p.GetNormalizedCoordinates(),
		"spatial_scale": or(p.GetSpatialScale(), 1), "sampling_mode": samplings[p.GetMode().GetSamplingMethod()],
		"box_coordinate_mode": word(p.GetBoxIndicesMode().GetBoxMode().String()),
	})
	if y.n.legacy {
		y.give(0, g.node("Squeeze", "", []string{v, g.list(1)}), 4)
		return
	}
	y.give(0, v, 5)
}

func (y *layer) unary() {
	p, g := y.p.GetUnary(), y.g()
	x := y.x()
	if s := or(p.GetScale(), 1); s != 1 {
		x = g.node("Mul", "", []string{x, g.scalar(s)})
	}
	if p.GetShift() != 0 {
		x = g.node("Add", "", []string{x, g.scalar(p.GetShift())})
	}
	shifted := func() string { return g.node("Add", "", []string{x, g.scalar(or(p.GetEpsilon(), 1e-6))}) }
	switch p.GetType() {
	case coremlpb.UnaryFunctionLayerParams_SQRT:
		y.node("Sqrt", []string{x})
	case coremlpb.UnaryFunctionLayerParams_RSQRT:
		y.node("Reciprocal", []string{g.node("Sqrt", "", []string{shifted()})})
	case coremlpb.UnaryFunctionLayerParams_INVERSE:
		y.node("Reciprocal", []string{shifted()})
	case coremlpb.UnaryFunctionLayerParams_POWER:
		y.node("Pow", []string{x, g.scalar(p.GetAlpha())})
	case coremlpb.UnaryFunctionLayerParams_EXP:
		y.node("Exp", []string{x})
	case coremlpb.UnaryFunctionLayerParams_LOG:
		y.node("Log", []string{x})
	case coremlpb.UnaryFunctionLayerParams_ABS:
		y.node("Abs", []string{x})
	case coremlpb.UnaryFunctionLayerParams_THRESHOLD:
		y.node("Max", []string{x, g.scalar(p.GetAlpha())})
	default:
		y.fail("a function of type %v", p.GetType())
	}
}

// all are the names of the inputs.
func (y *layer) all() (names []string) {
	for i := range y.p.GetInput() {
		names = append(names, y.in(i).name)
	}
	return names
}

// widest is the greatest rank of the inputs.
func (y *layer) widest() int {
	r := 0
	for i := range y.p.GetInput() {
		r = max(r, len(y.in(i).dims))
	}
	return r
}

// several joins the inputs, or the one with a number.
func (y *layer) several(op string, alpha float32) {
	in, g := y.all(), y.g()
	if len(in) == 1 {
		y.pooled(g.node(op, "", []string{in[0], g.scalar(alpha)}))
		return
	}
	v := y.x()
	for _, other := range in[1:] {
		v = g.node(op, "", []string{v, other})
	}
	y.give(0, v, y.widest())
}

func (y *layer) dot() {
	g, a, b := y.g(), y.in(0).name, y.in(1).name
	axes := g.list(-3)
	if y.p.GetDot().GetCosineSimilarity() {
		unit := func(v string) string {
			return g.node("Div", "", []string{v, g.node("ReduceL2", "", []string{v, axes}, attrInt("keepdims", 1))})
		}
		a, b = unit(a), unit(b)
	}
	y.node("ReduceSum", []string{g.node("Mul", "", []string{a, b}), axes}, attrInt("keepdims", 1))
}

// spread are weights of shape [1], [C], [1,H,W] or [C,H,W], to be broadcast over (...,C,H,W).
func (y *layer) spread(w *coremlpb.WeightParams, shape []uint64) string {
	dims := make([]int64, 0, 4)
	for _, d := range shape {
		dims = append(dims, int64(min(d, math.MaxInt32)))
	}
	if len(dims) == 1 {
		dims = append(dims, 1, 1)
	}
	return y.constant(y.weights(w, dims...))
}

func (y *layer) scale() {
	p := y.p.GetScale()
	v := y.g().node("Mul", "", []string{y.x(), y.spread(p.GetScale(), p.GetShapeScale())})
	if p.GetHasBias() {
		v = y.g().node("Add", "", []string{v, y.spread(p.GetBias(), p.GetShapeBias())})
	}
	y.pooled(v)
}

func (y *layer) reduce() {
	p, g := y.p.GetReduce(), y.g()
	axes := map[coremlpb.ReduceLayerParams_ReduceAxis][]int64{
		coremlpb.ReduceLayerParams_CHW: {-3, -2, -1}, coremlpb.ReduceLayerParams_HW: {-2, -1}, coremlpb.ReduceLayerParams_C: {-3},
		coremlpb.ReduceLayerParams_H: {-2}, coremlpb.ReduceLayerParams_W: {-1},
	}[p.GetAxis()]
	kind := map[coremlpb.ReduceLayerParams_ReduceOperation]string{
		coremlpb.ReduceLayerParams_SUM: "ReduceSum", coremlpb.ReduceLayerParams_AVG: "ReduceMean", coremlpb.ReduceLayerParams_PROD: "ReduceProd",
		coremlpb.ReduceLayerParams_LOGSUM: "ReduceSum", coremlpb.ReduceLayerParams_SUMSQUARE: "ReduceSumSquare", coremlpb.ReduceLayerParams_L1: "ReduceL1",
		coremlpb.ReduceLayerParams_L2: "ReduceL2", coremlpb.ReduceLayerParams_MAX: "ReduceMax", coremlpb.ReduceLayerParams_MIN: "ReduceMin",
		coremlpb.ReduceLayerParams_ARGMAX: "ArgMax",
	}[p.GetMode()]
	x := y.x()
	switch {
	case kind == "" || axes == nil:
		y.fail("a reduction of type %v over %v", p.GetMode(), p.GetAxis())
	case kind == "ArgMax":
		if len(axes) != 1 {
			y.fail("an argument's maximum over several axes")
			return
		}
		at := g.node("ArgMax", "", []string{x}, attrInt("axis", axes[0]), attrInt("keepdims", 1))
		y.node("Cast", []string{at}, attrInt("to", int64(onnxpb.TensorProto_FLOAT)))
	default:
		if p.GetMode() == coremlpb.ReduceLayerParams_LOGSUM {
			x = g.node("Log", "", []string{g.node("Add", "", []string{x, g.scalar(or(p.GetEpsilon(), 1e-6))})})
		}
		y.node(kind, []string{x, g.list(axes...)}, attrInt("keepdims", 1))
	}
}

func (y *layer) loadConstant() {
	p := y.p.GetLoadConstant()
	dims := []int64{1}
	if !y.n.legacy {
		dims = []int64{1, 1}
	}
	if len(p.GetShape()) != 3 {
		y.fail("a constant of %d dimensions and not 3", len(p.GetShape()))
		return
	}
	for _, d := range p.GetShape() {
		dims = append(dims, int64(min(d, math.MaxInt32)))
	}
	v := y.constant(y.weights(p.GetData(), dims...))
	y.shaped(0, v, dims)
}

// channelsLast brings C behind H and W, and channelsFirst back.
func (y *layer) channelsLast(v string) string {
	return y.g().turned(v, lastThree(y.rank(), 1, 2, 0)...)
}

func lastThree(r int, order ...int64) []int64 {
	perm := sequence(r)
	for i, k := range order {
		perm[r-3+i] = int64(r-3) + k
	}
	return perm
}

func (y *layer) reshape() {
	p, g := y.p.GetReshape(), y.g()
	target := slices.Clone(p.GetTargetShape())
	if len(target) != 3 && len(target) != 4 {
		y.fail("a shape of %d dimensions", len(target))
		return
	}
	if y.rank() < 3 {
		y.fail("its input has %d dimensions", y.rank())
		return
	}
	lead := make([]int64, 0, 8)
	if len(target) == 3 && y.n.legacy {
		lead = append(lead, 0) // the sequence stays
	}
	for !y.n.legacy && len(lead)+len(target) < 5 {
		lead = append(lead, 1)
	}
	x := y.x()
	if p.GetMode() == coremlpb.ReshapeLayerParams_CHANNEL_LAST {
		n := len(target)
		order := slices.Concat(lead, target[:n-3], target[n-2:], target[n-3:n-2]) // H, W, C
		v := g.node("Reshape", "", []string{y.channelsLast(x), g.list(order...)})
		y.give(0, g.turned(v, lastThree(len(order), 2, 0, 1)...), len(order))
		return
	}
	shape := append(lead, target...)
	y.give(0, g.node("Reshape", "", []string{x, g.list(shape...)}), len(shape))
}

func (y *layer) flatten() {
	g, x, r := y.g(), y.x(), y.rank()
	if r < 3 {
		y.fail("its input has %d dimensions", r)
		return
	}
	if y.p.GetFlatten().GetMode() == coremlpb.FlattenLayerParams_CHANNEL_LAST {
		x = y.channelsLast(x)
	}
	shape := append(repeat(r-3, 0), -1, 1, 1)
	y.node("Reshape", []string{x, g.list(shape...)})
}

// permute orders (sequence, C, H, W): the batch stays where it is.
func (y *layer) permute() {
	axes := make([]int64, 0, 5)
	for _, a := range y.p.GetPermute().GetAxis() {
		axes = append(axes, int64(min(a, 4)))
	}
	if len(axes) == 0 {
		axes = sequence(4)
	}
	sorted := slices.Clone(axes)
	slices.Sort(sorted)
	if !slices.Equal(sorted, sequence(4)) || y.rank() != 4 && y.rank() != 5 {
		y.fail("the axes %v of an input of %d dimensions", axes, y.rank())
		return
	}
	if y.rank() == 5 {
		for i, a := range axes {
			if a > 0 {
				axes[i]++
			}
		}
		axes = slices.Insert(axes, 1, 1)
	}
	y.give(0, y.g().turned(y.x(), axes...), y.rank())
}

func (y *layer) concat() {
	axis := int64(-3)
	if y.p.GetConcat().GetSequenceConcat() {
		axis = 0
	}
	dims := repeat(y.rank(), -1)
	if r := y.rank(); r >= 3 && axis == -3 {
		dims[r-3] = 0
		for i := range y.p.GetInput() {
			d := y.in(i).dims
			if len(d) != r || d[r-3] < 1 || dims[r-3] < 0 {
				dims[r-3] = -1
				break
			}
			dims[r-3] += d[r-3]
		}
	}
	y.shaped(0, y.g().node("Concat", "", y.all(), attrInt("axis", axis)), dims)
}

// split divides the channels evenly.
func (y *layer) split() {
	n := len(y.p.GetOutput())
	names := make([]string, n)
	for i := range names {
		names[i] = y.g().fresh("split")
		y.give(i, names[i], y.rank())
	}
	in := y.x()
	y.g().nodes("Split", names, []string{in}, attrInt("axis", -3), attrInt("num_outputs", int64(n)))
}

func (y *layer) sequenceRepeat() {
	n := y.p.GetSequenceRepeat().GetNRepetitions()
	if n > maxChannels {
		y.fail("%d repetitions", n)
		return
	}
	reps := repeat(y.rank(), 1)
	if len(reps) > 0 {
		reps[0] = int64(n)
	}
	y.node("Tile", []string{y.x(), y.g().list(reps...)})
}

func (y *layer) reorganize() {
	p := y.p.GetReorganizeData()
	x, back := y.picture()
	size := int64(min(p.GetBlockSize(), maxBlock+1))
	if size < 1 || size > maxBlock {
		y.fail("blocks of %d", p.GetBlockSize())
	}
	if y.err != nil {
		return
	}
	var v string
	switch p.GetMode() {
	case coremlpb.ReorganizeDataLayerParams_SPACE_TO_DEPTH:
		v = y.g().node("SpaceToDepth", "", []string{x.name}, attrInt("blocksize", size))
	case coremlpb.ReorganizeDataLayerParams_DEPTH_TO_SPACE:
		v = y.g().node("DepthToSpace", "", []string{x.name}, attrInt("blocksize", size), attrString("mode", "DCR"))
	default:
		v = y.g().node("DepthToSpace", "", []string{x.name}, attrInt("blocksize", size), attrString("mode", "CRD"))
	}
	y.give(0, back(v), y.rank())
}

func (y *layer) slice() {
	p, g := y.p.GetSlice(), y.g()
	axis := map[coremlpb.SliceLayerParams_SliceAxis]int64{
		coremlpb.SliceLayerParams_CHANNEL_AXIS: -3, coremlpb.SliceLayerParams_HEIGHT_AXIS: -2, coremlpb.SliceLayerParams_WIDTH_AXIS: -1,
	}[p.GetAxis()]
	step := int64(max(min(p.GetStride(), math.MaxInt32), 1))
	y.node("Slice", []string{y.x(), g.list(p.GetStartIndex()), g.list(p.GetEndIndex()), g.list(axis), g.list(step)})
}

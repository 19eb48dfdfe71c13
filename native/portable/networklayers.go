package portable

import (
	"maps"
	"math"
	"slices"

	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// layers lowers the layers of neural networks, by their names in NeuralNetwork.proto, whose comments define them.
var layers = allLayers()

func allLayers() map[string]func(*layer) {
	t := exactLayers()
	maps.Copy(t, classicLayers)
	return t
}

// classicLayers are those that all specifications have.
var classicLayers = map[string]func(*layer){
	"convolution":  (*layer).convolution,
	"pooling":      (*layer).pooling,
	"activation":   (*layer).activation,
	"innerProduct": (*layer).innerProduct,
	"embedding":    (*layer).embedding,
	"batchnorm":    (*layer).batchnorm,
	"mvn":          (*layer).meanVariance,
	"l2normalize": func(y *layer) {
		y.same("l2_norm", map[string]any{"epsilon": or(y.p.GetL2Normalize().GetEpsilon(), 1e-6)})
	},
	"softmax":        func(y *layer) { y.node("Softmax", []string{y.x()}, attrInt("axis", -3)) },
	"lrn":            (*layer).lrn,
	"crop":           (*layer).crop,
	"padding":        (*layer).padding,
	"upsample":       (*layer).upsample,
	"resizeBilinear": (*layer).resizeBilinear,
	"cropResize":     (*layer).cropResize,
	"unary":          (*layer).unary,
	"add":            func(y *layer) { y.several("Add", y.p.GetAdd().GetAlpha()) },
	"multiply":       func(y *layer) { y.several("Mul", y.p.GetMultiply().GetAlpha()) },
	"average":        func(y *layer) { y.node("Mean", y.all()) },
	"max":            func(y *layer) { y.node("Max", y.all()) },
	"min":            func(y *layer) { y.node("Min", y.all()) },
	"dot":            (*layer).dot,
	"scale":          (*layer).scale,
	"bias": func(y *layer) {
		y.node("Add", []string{y.x(), y.spread(y.p.GetBias().GetBias(), y.p.GetBias().GetShape())})
	},
	"reduce":         (*layer).reduce,
	"loadConstant":   (*layer).loadConstant,
	"reshape":        (*layer).reshape,
	"flatten":        (*layer).flatten,
	"permute":        (*layer).permute,
	"concat":         (*layer).concat,
	"split":          (*layer).split,
	"sequenceRepeat": (*layer).sequenceRepeat,
	"reorganizeData": (*layer).reorganize,
	"slice":          (*layer).slice,
}

// or is v, or what it means where it is not set.
func or(v, missing float32) float32 {
	if v == 0 {
		return missing
	}
	return v
}

// same is a MIL operation on the first input, of its rank.
func (y *layer) same(kind string, arguments map[string]any) {
	arguments["x"] = y.x()
	y.give(0, y.mil(kind, arguments), y.rank())
}

// pair is two sizes, for H and W, which are missing or valid.
func (y *layer) pair(v []uint64, missing int64) []int64 {
	out := []int64{missing, missing}
	if len(v) == 0 {
		return out
	}
	if len(v) != 2 {
		y.fail("it has %d sizes and not 2", len(v))
		return out
	}
	for i, n := range v {
		if n > maxChannels {
			y.fail("a size is %d", n)
			return out
		}
		out[i] = int64(n)
	}
	return out
}

// borders are the sizes at top, bottom, left and right.
func (y *layer) borders(b *coremlpb.BorderAmounts) []int64 {
	out := repeat(4, 0)
	amounts := b.GetBorderAmounts()
	if len(amounts) != 0 && len(amounts) != 2 {
		y.fail("it has %d borders and not 2", len(amounts))
		return out
	}
	for i, a := range amounts {
		if a.GetStartEdgeSize() > maxChannels || a.GetEndEdgeSize() > maxChannels {
			y.fail("a border is %d", max(a.GetStartEdgeSize(), a.GetEndEdgeSize()))
			return out
		}
		out[2*i], out[2*i+1] = int64(a.GetStartEdgeSize()), int64(a.GetEndEdgeSize())
	}
	return out
}

// padded adds a convolution's or a pool's padding to MIL arguments.
func (y *layer) padded(arguments map[string]any, valid *coremlpb.ValidPadding, same *coremlpb.SamePadding) {
	switch {
	case same == nil:
		arguments["pad_type"], arguments["pad"] = word("custom"), y.borders(valid.GetPaddingAmounts())
	case same.GetAsymmetryMode() == coremlpb.SamePadding_TOP_LEFT_HEAVY:
		arguments["pad_type"] = word("same_lower")
	default:
		arguments["pad_type"] = word("same")
	}
}

// picture is the first input as (N,C,H,W), and a function that gives a result its leading dimensions back.
func (y *layer) picture() (x blob, back func(string) string) {
	x = y.in(0)
	if len(x.dims) == 4 || y.err != nil {
		return x, func(v string) string { return v }
	}
	if len(x.dims) < 3 {
		y.fail("its input has %d dimensions", len(x.dims))
		return x, nil
	}
	g := y.g()
	piece := func(v string, from, to int64) string {
		return g.node("Slice", "", []string{g.node("Shape", "", []string{v}), g.list(from), g.list(to), g.list(0)})
	}
	lead := piece(x.name, 0, int64(len(x.dims))-3)
	flat := g.node("Reshape", "", []string{x.name, g.node("Concat", "", []string{g.list(-1), piece(x.name, -3, endOfAxis)}, attrInt("axis", 0))})
	dims := append([]int64{-1}, x.dims[len(x.dims)-3:]...)
	y.n.l.types[flat] = floatType(dims)
	return blob{flat, dims}, func(v string) string {
		return g.node("Reshape", "", []string{v, g.node("Concat", "", []string{lead, piece(v, -3, endOfAxis)}, attrInt("axis", 0))})
	}
}

func (y *layer) convolution() {
	p := y.p.GetConvolution()
	x, back := y.picture()
	if y.err != nil {
		return
	}
	kernel, stride, dilation := y.pair(p.GetKernelSize(), 3), y.pair(p.GetStride(), 1), y.pair(p.GetDilationFactor(), 1)
	groups := int64(max(min(p.GetNGroups(), maxChannels), 1))
	out, in := int64(min(p.GetOutputChannels(), maxChannels)), int64(min(p.GetKernelChannels(), maxChannels))
	arguments := map[string]any{"x": x.name, "strides": stride, "groups": int(groups)}
	y.padded(arguments, p.GetValid(), p.GetSame())
	kind := "conv"
	switch {
	case p.GetIsDeconvolution():
		kind = "conv_transpose"
		arguments["weight"] = y.weightsAlong(p.GetWeights(), 1, in, out/groups, kernel[0], kernel[1])
		if shape := p.GetOutputShape(); len(shape) > 0 {
			arguments["output_shape"] = append([]int64{1, out}, y.pair(shape, 1)...)
		}
	case len(y.p.GetInput()) > 1:
		arguments["weight"], arguments["dilations"] = y.in(1).name, dilation
	default:
		arguments["weight"], arguments["dilations"] = y.weights(p.GetWeights(), out, in, kernel[0], kernel[1]), dilation
	}
	if p.GetHasBias() {
		arguments["bias"] = y.weights(p.GetBias(), out)
	}
	v := y.mil(kind, arguments)
	dims := repeat(y.rank(), -1)
	dims[y.rank()-3] = out
	y.shaped(0, back(v), dims)
}

func (y *layer) pooling() {
	p := y.p.GetPooling()
	x, back := y.picture()
	if y.err != nil {
		return
	}
	if p.GetGlobalPooling() {
		kind := map[coremlpb.PoolingLayerParams_PoolingType]string{
			coremlpb.PoolingLayerParams_MAX: "ReduceMax", coremlpb.PoolingLayerParams_AVERAGE: "ReduceMean", coremlpb.PoolingLayerParams_L2: "ReduceL2",
		}[p.GetType()]
		if kind == "" {
			y.fail("a pool of type %v", p.GetType())
			return
		}
		y.pooled(y.g().node(kind, "", []string{y.x(), y.g().list(-2, -1)}, attrInt("keepdims", 1)))
		return
	}
	kind := map[coremlpb.PoolingLayerParams_PoolingType]string{
		coremlpb.PoolingLayerParams_MAX: "max_pool", coremlpb.PoolingLayerParams_AVERAGE: "avg_pool", coremlpb.PoolingLayerParams_L2: "l2_pool",
	}[p.GetType()]
	if kind == "" {
		y.fail("a pool of type %v", p.GetType())
		return
	}
	arguments := map[string]any{"x": x.name, "kernel_sizes": y.pair(p.GetKernelSize(), 3), "strides": y.pair(p.GetStride(), 1)}
	if kind == "avg_pool" {
		arguments["exclude_padding_from_average"] = p.GetAvgPoolExcludePadding()
	}
	if last := p.GetIncludeLastPixel(); last != nil {
		pad := y.pair(last.GetPaddingAmounts(), 0)
		arguments["pad_type"], arguments["pad"], arguments["ceil_mode"] = word("custom"), []int64{pad[0], pad[0], pad[1], pad[1]}, true
	} else {
		y.padded(arguments, p.GetValid(), p.GetSame())
	}
	y.pooled(back(y.mil(kind, arguments)))
}

// pooled gives a result with the channels of the first input.
func (y *layer) pooled(v string) {
	dims := repeat(y.rank(), -1)
	if r := y.rank(); r >= 3 {
		dims[r-3] = y.in(0).dims[r-3]
	}
	y.shaped(0, v, dims)
}

// perChannel are weights of one element, or of one for each channel, to be broadcast over (...,C,H,W).
func (y *layer) perChannel(w *coremlpb.WeightParams) string {
	n := int64(len(w.GetFloatValue()))
	if n == 0 {
		n = int64(len(w.GetFloat16Value()) / 2)
	}
	if n == 0 {
		y.fail("the values of each channel are missing")
		return ""
	}
	return y.constant(y.weights(w, n, 1, 1))
}

func (y *layer) activation() {
	g, x := y.g(), y.x()
	one := []string{x}
	affine := func(a, b float32) string {
		return g.node("Add", "", []string{g.node("Mul", "", []string{x, g.scalar(a)}), g.scalar(b)})
	}
	switch p := y.p.GetActivation().GetNonlinearityType().(type) {
	case *coremlpb.ActivationParams_Linear:
		y.give(0, affine(p.Linear.GetAlpha(), p.Linear.GetBeta()), y.rank())
	case *coremlpb.ActivationParams_ReLU:
		y.node("Relu", one)
	case *coremlpb.ActivationParams_LeakyReLU:
		y.node("LeakyRelu", one, attrFloat("alpha", p.LeakyReLU.GetAlpha()))
	case *coremlpb.ActivationParams_ThresholdedReLU:
		y.same("thresholded_relu", map[string]any{"alpha": p.ThresholdedReLU.GetAlpha()})
	case *coremlpb.ActivationParams_PReLU:
		y.node("PRelu", []string{x, y.perChannel(p.PReLU.GetAlpha())})
	case *coremlpb.ActivationParams_Tanh:
		y.node("Tanh", one)
	case *coremlpb.ActivationParams_ScaledTanh:
		y.same("scaled_tanh", map[string]any{"alpha": p.ScaledTanh.GetAlpha(), "beta": p.ScaledTanh.GetBeta()})
	case *coremlpb.ActivationParams_Sigmoid:
		y.node("Sigmoid", one)
	case *coremlpb.ActivationParams_SigmoidHard:
		y.node("HardSigmoid", one, attrFloat("alpha", p.SigmoidHard.GetAlpha()), attrFloat("beta", p.SigmoidHard.GetBeta()))
	case *coremlpb.ActivationParams_ELU:
		y.node("Elu", one, attrFloat("alpha", p.ELU.GetAlpha()))
	case *coremlpb.ActivationParams_Softsign:
		y.node("Softsign", one)
	case *coremlpb.ActivationParams_Softplus:
		y.node("Softplus", one)
	case *coremlpb.ActivationParams_ParametricSoftplus:
		inner := g.node("Softplus", "", []string{g.node("Mul", "", []string{x, y.perChannel(p.ParametricSoftplus.GetBeta())})})
		y.node("Mul", []string{inner, y.perChannel(p.ParametricSoftplus.GetAlpha())})
	default:
		y.fail("an activation of type %T", p)
	}
}

// innerProduct multiplies the last dimension, or the last three where there are more than three.
func (y *layer) innerProduct() {
	p, g := y.p.GetInnerProduct(), y.g()
	in, out := int64(min(p.GetInputChannels(), math.MaxInt32)), int64(min(p.GetOutputChannels(), math.MaxInt32))
	weight := y.constant(y.weights(p.GetWeights(), out, in))
	x, r := y.x(), y.rank()
	if y.err != nil {
		return
	}
	deep := r > 3
	if deep { // to (rows, C)
		x = g.node("Reshape", "", []string{x, g.list(-1, in)})
	}
	v := ""
	if deep || r == 2 {
		v = g.node("Gemm", "", []string{x, weight}, attrInt("transB", 1))
	} else {
		v = g.node("MatMul", "", []string{x, g.turned(weight, 1, 0)})
	}
	if p.GetHasBias() {
		v = g.node("Add", "", []string{v, y.constant(y.weights(p.GetBias(), out))})
	}
	if deep {
		lead := g.node("Slice", "", []string{g.node("Shape", "", []string{y.x()}), g.list(0), g.list(int64(r) - 3), g.list(0)})
		v = g.node("Reshape", "", []string{v, g.node("Concat", "", []string{lead, g.list(out, 1, 1)}, attrInt("axis", 0))})
	}
	y.give(0, v, r)
}

// embedding picks columns of the weights (C,inputs): x (N,1,1,1) to (N,C,1,1).
func (y *layer) embedding() {
	p, g := y.p.GetEmbedding(), y.g()
	in, out := int64(min(p.GetInputDim(), math.MaxInt32)), int64(min(p.GetOutputChannels(), math.MaxInt32))
	weight := y.constant(y.weights(p.GetWeights(), out, in))
	index := g.cast(g.node("Reshape", "", []string{y.x(), g.list(-1)}), onnxpb.TensorProto_INT64)
	v := g.node("Gather", "", []string{g.turned(weight, 1, 0), index}, attrInt("axis", 0))
	if p.GetHasBias() {
		v = g.node("Add", "", []string{v, y.constant(y.weights(p.GetBias(), out))})
	}
	y.give(0, g.node("Reshape", "", []string{v, g.list(-1, out, 1, 1)}), 4)
}

func (y *layer) batchnorm() {
	p := y.p.GetBatchnorm()
	c := int64(min(p.GetChannels(), maxChannels))
	x, back := y.picture()
	gamma, beta := y.weights(p.GetGamma(), c), y.weights(p.GetBeta(), c)
	if y.err != nil {
		return
	}
	epsilon := or(p.GetEpsilon(), 1e-5)
	arguments := map[string]any{"x": x.name, "gamma": gamma, "beta": beta, "epsilon": epsilon}
	switch {
	case !p.GetComputeMeanVar():
		arguments["mean"], arguments["variance"] = y.weights(p.GetMean(), c), y.weights(p.GetVariance(), c)
		y.pooled(back(y.mil("batch_norm", arguments)))
	case p.GetInstanceNormalization():
		y.n.l.types[x.name] = floatType([]int64{-1, c, -1, -1})
		y.pooled(back(y.mil("instance_norm", arguments)))
	default: // over the whole batch
		wide := func(v []float32) string { return y.g().floats([]int64{c, 1, 1}, v) }
		v := y.g().node("Mul", "", []string{y.normalised(x.name, true, epsilon, 0, 2, 3), wide(gamma.Float32s())})
		y.pooled(back(y.g().node("Add", "", []string{v, wide(beta.Float32s())})))
	}
}

// normalised has the mean 0 over the axes, and the variance 1 if that is wanted.
func (y *layer) normalised(x string, variance bool, epsilon float32, axes ...int64) string {
	g := y.g()
	list := g.list(axes...)
	mean := func(v string) string { return g.node("ReduceMean", "", []string{v, list}, attrInt("keepdims", 1)) }
	centred := g.node("Sub", "", []string{x, mean(x)})
	if !variance {
		return centred
	}
	root := g.node("Sqrt", "", []string{g.node("Add", "", []string{mean(g.node("Mul", "", []string{centred, centred})), g.scalar(epsilon)})})
	return g.node("Div", "", []string{centred, root})
}

func (y *layer) meanVariance() {
	p := y.p.GetMvn()
	axes := []int64{-2, -1}
	if p.GetAcrossChannels() {
		axes = []int64{-3, -2, -1}
	}
	y.pooled(y.normalised(y.x(), p.GetNormalizeVariance(), or(p.GetEpsilon(), 1e-6), axes...))
}

func (y *layer) lrn() {
	p := y.p.GetLrn()
	x, back := y.picture()
	if y.err != nil {
		return
	}
	size := int64(max(min(p.GetLocalSize(), maxChannels), 1))
	attrs := []*onnxpb.AttributeProto{attrFloat("alpha", p.GetAlpha()), attrFloat("beta", p.GetBeta()), attrFloat("bias", or(p.GetK(), 1)), attrInt("size", size)}
	y.pooled(back(y.g().node("LRN", "", []string{x.name}, attrs...)))
}

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

package portable

import (
	"maps"
	"math"

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

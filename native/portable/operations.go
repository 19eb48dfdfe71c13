package portable

import (
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// operations lowers each MIL operation. The meaning of arguments: coremltools' MIL documentation, opsets iOS15 to iOS18.
var operations = table()

func table() map[string]func(*args) {
	t := map[string]func(*args){
		"const":                     (*args).constOp,
		"cast":                      (*args).cast,
		"conv":                      (*args).conv,
		"conv_transpose":            (*args).conv,
		"linear":                    (*args).linear,
		"matmul":                    (*args).matmul,
		"pad":                       (*args).pad,
		"max_pool":                  (*args).pool,
		"avg_pool":                  (*args).pool,
		"instance_norm":             (*args).instanceNorm,
		"batch_norm":                (*args).batchNorm,
		"layer_norm":                (*args).layerNorm,
		"softmax":                   (*args).softmax,
		"shape":                     func(a *args) { a.l.node("Shape", a.out(), a.x()) },
		"reshape":                   (*args).reshape,
		"transpose":                 (*args).transpose,
		"concat":                    (*args).concat,
		"stack":                     (*args).stack,
		"split":                     (*args).split,
		"tile":                      (*args).tile,
		"gather":                    (*args).gather,
		"expand_dims":               (*args).expandDims,
		"squeeze":                   (*args).squeeze,
		"slice_by_index":            (*args).sliceByIndex,
		"slice_by_size":             (*args).sliceBySize,
		"upsample_nearest_neighbor": (*args).upsampleNearest,
		"upsample_bilinear":         (*args).upsampleBilinear,
		"pixel_shuffle":             (*args).pixelShuffle,
		"depth_to_space":            (*args).depthToSpace,
		"space_to_depth":            (*args).spaceToDepth,
		"pixel_unshuffle":           (*args).pixelUnshuffle,
		"leaky_relu":                (*args).leakyRelu,
		"clip":                      (*args).clip,
		"silu":                      (*args).silu,
		"square":                    (*args).square,
		"rsqrt":                     (*args).rsqrt,
		"inverse":                   (*args).inverse,
		"log":                       (*args).log,
		"select":                    func(a *args) { a.l.node("Where", a.out(), []string{a.value("cond"), a.value("a"), a.value("b")}) },

		"gelu":                (*args).gelu,
		"clamped_relu":        (*args).clampedRelu,
		"elu":                 func(a *args) { a.l.node("Elu", a.out(), a.x(), attrFloat("alpha", a.float("alpha", 1))) },
		"linear_activation":   (*args).linearActivation,
		"prelu":               (*args).prelu,
		"relu6":               func(a *args) { a.l.node("Clip", a.out(), []string{a.value("x"), a.l.scalar(0), a.l.scalar(6)}) },
		"scaled_tanh":         (*args).scaledTanh,
		"sigmoid_hard":        (*args).sigmoidHard,
		"softplus_parametric": (*args).softplusParametric,
		"thresholded_relu":    (*args).thresholdedRelu,
		"threshold":           func(a *args) { a.l.node("Max", a.out(), []string{a.value("x"), a.l.scalar(a.float("alpha", 0))}) },
		"exp2":                func(a *args) { a.l.node("Pow", a.out(), []string{a.l.scalar(2), a.value("x")}) },
		"not_equal":           (*args).notEqual,
		"floor_div":           (*args).floorDiv,
		"mod":                 func(a *args) { a.l.node("Identity", a.out(), []string{a.modulo()}) },

		"reduce_argmax": func(a *args) { a.argument("ArgMax") },
		"reduce_argmin": func(a *args) { a.argument("ArgMin") },
		"cumsum":        (*args).cumsum,
		"topk":          (*args).topk,
		"argsort":       (*args).argsort,
		"non_zero":      func(a *args) { a.l.node("Transpose", a.out(), []string{a.l.node("NonZero", "", a.x())}) },

		"l2_pool":                      (*args).pool,
		"l2_norm":                      (*args).l2Norm,
		"local_response_norm":          (*args).localResponseNorm,
		"einsum":                       (*args).einsum,
		"scaled_dot_product_attention": (*args).attention,
		"quantize":                     (*args).quantize,
		"dequantize":                   (*args).dequantize,

		"reshape_like":     (*args).reshapeLike,
		"flatten2d":        func(a *args) { a.l.node("Flatten", a.out(), a.x(), attrInt("axis", a.int("axis", 1))) },
		"reverse":          (*args).reverse,
		"reverse_sequence": (*args).reverseSequence,
		"slice_update":     (*args).sliceUpdate,
		"sliding_windows":  (*args).slidingWindows,
		"crop":             (*args).crop,
		"band_part":        (*args).bandPart,
		"fill":             (*args).fill,
		"fill_like":        (*args).fillLike,
		"range_1d":         (*args).range1d,
		"one_hot":          (*args).oneHot,
		"space_to_batch":   (*args).spaceToBatch,
		"batch_to_space":   (*args).batchToSpace,

		"gather_along_axis":  (*args).gatherAlongAxis,
		"gather_nd":          (*args).gatherND,
		"scatter":            (*args).scatter,
		"scatter_along_axis": (*args).scatterAlongAxis,
		"scatter_nd":         (*args).scatterND,

		"resize":                  (*args).resize,
		"resize_bilinear":         (*args).resizeBilinear,
		"resize_nearest_neighbor": (*args).resizeNearest,
		"crop_resize":             (*args).cropResize,
		"resample":                (*args).resample,
		"affine":                  (*args).affine,

		"constexpr_affine_dequantize":            (*args).affineWeights,
		"constexpr_lut_to_dense":                 (*args).paletteWeights,
		"constexpr_sparse_to_dense":              (*args).sparseWeights,
		"constexpr_blockwise_shift_scale":        (*args).blockWeights,
		"constexpr_cast":                         (*args).castWeights,
		"constexpr_lut_to_sparse":                (*args).sparsePaletteWeights,
		"constexpr_sparse_blockwise_shift_scale": (*args).sparseBlockWeights,

		"lstm": (*args).lstm,
		"gru":  (*args).gru,
		"rnn":  (*args).rnn,

		"random_bernoulli":        (*args).randomBernoulli,
		"random_categorical":      (*args).randomCategorical,
		"random_normal":           (*args).randomNormal,
		"random_uniform":          (*args).randomUniform,
		"non_maximum_suppression": (*args).suppression,

		"cond":       (*args).cond,
		"while_loop": (*args).whileLoop,
	}
	for mil, onnx := range map[string]string{
		"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "sqrt": "Sqrt", "exp": "Exp", "abs": "Abs", "erf": "Erf", "sin": "Sin", "cos": "Cos",
		"floor": "Floor", "ceil": "Ceil", "round": "Round", "sign": "Sign", "identity": "Identity", "softplus": "Softplus", "logical_not": "Not",
		"acos": "Acos", "asin": "Asin", "atan": "Atan", "atanh": "Atanh", "cosh": "Cosh", "sinh": "Sinh", "tan": "Tan", "softsign": "Softsign",
	} {
		t[mil] = func(a *args) { a.l.node(onnx, a.out(), a.x()) }
	}
	for mil, onnx := range map[string]string{
		"add": "Add", "sub": "Sub", "mul": "Mul", "real_div": "Div", "maximum": "Max", "minimum": "Min", "pow": "Pow", "equal": "Equal",
		"greater": "Greater", "less": "Less", "greater_equal": "GreaterOrEqual", "less_equal": "LessOrEqual", "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor",
	} {
		t[mil] = func(a *args) { a.l.node(onnx, a.out(), []string{a.value("x"), a.value("y")}) }
	}
	for mil, onnx := range map[string]string{
		"reduce_mean": "ReduceMean", "reduce_sum": "ReduceSum", "reduce_max": "ReduceMax", "reduce_min": "ReduceMin", "reduce_prod": "ReduceProd",
		"reduce_sum_square": "ReduceSumSquare", "reduce_l2_norm": "ReduceL2", "reduce_l1_norm": "ReduceL1", "reduce_log_sum": "ReduceLogSum", "reduce_log_sum_exp": "ReduceLogSumExp",
	} {
		t[mil] = func(a *args) { a.reduce(onnx) }
	}
	return t
}

func (a *args) constOp() {
	v := a.op.GetAttributes()["val"]
	if v == nil {
		a.fail("it has no value")
		return
	}
	a.l.consts[a.out()] = a.read(v)
}

func (a *args) cast() {
	to := onnxpb.TensorProto_INT64
	switch d := a.string("dtype", ""); d {
	case "fp16", "fp32":
		to = onnxpb.TensorProto_FLOAT
	case "bool":
		to = onnxpb.TensorProto_BOOL
	case "int32", "int16", "uint16", "int8", "uint8":
	default:
		a.fail("a cast to %q", d)
	}
	a.l.node("Cast", a.out(), a.x(), attrInt("to", int64(to)))
}

func (a *args) reduce(onnx string) {
	in := a.x()
	if axes := a.ints("axes", nil); len(axes) > 0 {
		in = append(in, a.l.list(axes...))
	}
	keep := attrInt("keepdims", a.int("keep_dims", 0))
	if a.isFloat("x") || onnx == "ReduceSum" || onnx == "ReduceMax" || onnx == "ReduceMin" || onnx == "ReduceProd" {
		a.l.node(onnx, a.out(), in, keep)
		return
	}
	in[0] = a.l.cast(in[0], onnxpb.TensorProto_DOUBLE) // ONNX Runtime has these for few integer types
	a.l.node("Cast", a.out(), []string{a.l.node(onnx, "", in, keep)}, attrInt("to", int64(onnxpb.TensorProto_INT64)))
}

func (a *args) softmax() {
	a.l.node("Softmax", a.out(), a.x(), attrInt("axis", a.int("axis", -1)))
}

func (a *args) leakyRelu() {
	a.l.node("LeakyRelu", a.out(), a.x(), attrFloat("alpha", a.float("alpha", 0.01)))
}

func (a *args) clip() {
	a.l.node("Clip", a.out(), []string{a.value("x"), a.l.scalar(a.float("alpha", 0)), a.l.scalar(a.float("beta", 1))})
}

func (a *args) silu() {
	x := a.value("x")
	a.l.node("Mul", a.out(), []string{x, a.l.node("Sigmoid", "", []string{x})})
}

func (a *args) square() {
	x := a.value("x")
	a.l.node("Mul", a.out(), []string{x, x})
}

// shifted is x plus the operation's epsilon.
func (a *args) shifted(epsilon float32) []string {
	return []string{a.l.node("Add", "", []string{a.value("x"), a.l.scalar(a.float("epsilon", epsilon))})}
}

func (a *args) rsqrt() {
	a.l.node("Reciprocal", a.out(), []string{a.l.node("Sqrt", "", a.shifted(1e-12))})
}

func (a *args) inverse() { a.l.node("Reciprocal", a.out(), a.shifted(1e-4)) }

func (a *args) log() { a.l.node("Log", a.out(), a.shifted(1e-45)) }

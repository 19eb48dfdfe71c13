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
	}
	for mil, onnx := range map[string]string{
		"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "sqrt": "Sqrt", "exp": "Exp", "abs": "Abs", "erf": "Erf", "sin": "Sin", "cos": "Cos",
		"floor": "Floor", "ceil": "Ceil", "round": "Round", "sign": "Sign", "identity": "Identity", "softplus": "Softplus", "logical_not": "Not",
	} {
		t[mil] = func(a *args) { a.l.node(onnx, a.out(), a.x()) }
	}
	for mil, onnx := range map[string]string{
		"add": "Add", "sub": "Sub", "mul": "Mul", "real_div": "Div", "maximum": "Max", "minimum": "Min", "pow": "Pow", "equal": "Equal",
		"greater": "Greater", "less": "Less", "greater_equal": "GreaterOrEqual", "less_equal": "LessOrEqual", "logical_and": "And", "logical_or": "Or",
	} {
		t[mil] = func(a *args) { a.l.node(onnx, a.out(), []string{a.value("x"), a.value("y")}) }
	}
	for mil, onnx := range map[string]string{
		"reduce_mean": "ReduceMean", "reduce_sum": "ReduceSum", "reduce_max": "ReduceMax", "reduce_min": "ReduceMin", "reduce_prod": "ReduceProd",
		"reduce_sum_square": "ReduceSumSquare", "reduce_l2_norm": "ReduceL2", "reduce_l1_norm": "ReduceL1",
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
	a.l.node(onnx, a.out(), in, attrInt("keepdims", a.int("keep_dims", 0)))
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

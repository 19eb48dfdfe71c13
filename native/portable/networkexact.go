package portable

import (
	"math"

	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// exactLayers are the layers of specification 4 and later, which take tensors of any rank. Comparisons give 0 and 1, and indices are numbers too.
func exactLayers() map[string]func(*layer) {
	t := map[string]func(*layer){
		"copy": func(y *layer) { y.node("Identity", []string{y.x()}) },
		"clip": func(y *layer) {
			y.node("Clip", []string{y.x(), y.g().scalar(y.p.GetClip().GetMinVal()), y.g().scalar(y.p.GetClip().GetMaxVal())})
		},
		"clampedReLU": (*layer).clamped,
		"gelu":        func(y *layer) { y.same("gelu", map[string]any{"mode": word(y.p.GetGelu().GetMode().String())}) },
		"exp2":        func(y *layer) { y.same("exp2", map[string]any{}) },
		"softmaxND": func(y *layer) {
			y.node("Softmax", []string{y.x()}, attrInt("axis", y.axis(y.p.GetSoftmaxND().GetAxis())))
		},
		"logicalNot":   func(y *layer) { y.truth(y.g().node("Not", "", []string{y.bool(0)})) },
		"equal":        func(y *layer) { y.compare("Equal", y.p.GetEqual().GetAlpha()) },
		"notEqual":     func(y *layer) { y.compareNot(y.p.GetNotEqual().GetAlpha()) },
		"lessThan":     func(y *layer) { y.compare("Less", y.p.GetLessThan().GetAlpha()) },
		"lessEqual":    func(y *layer) { y.compare("LessOrEqual", y.p.GetLessEqual().GetAlpha()) },
		"greaterThan":  func(y *layer) { y.compare("Greater", y.p.GetGreaterThan().GetAlpha()) },
		"greaterEqual": func(y *layer) { y.compare("GreaterOrEqual", y.p.GetGreaterEqual().GetAlpha()) },

		"whereBroadcastable": func(y *layer) { y.wide("Where", y.bool(0), y.in(1).name, y.in(2).name) },
		"modBroadcastable":   func(y *layer) { y.give(0, y.mil("mod", y.two()), y.widest()) },
		"floorDivBroadcastable": func(y *layer) {
			y.give(0, y.mil("floor_div", y.two()), y.widest())
		},

		"transpose": (*layer).transpose,
		"concatND":  (*layer).concatND,
		"splitND":   (*layer).splitND,
		"stack": func(y *layer) {
			y.give(0, y.mil("stack", map[string]any{"values": y.all(), "axis": y.p.GetStack().GetAxis()}), y.rank()+1)
		},
		"tile":       (*layer).tile,
		"expandDims": (*layer).expandDims,
		"squeeze":    (*layer).squeeze,
		"flattenTo2D": func(y *layer) {
			y.give(0, y.g().node("Flatten", "", []string{y.x()}, attrInt("axis", y.axis(y.p.GetFlattenTo2D().GetAxis()))), 2)
		},
		"reshapeStatic":         func(y *layer) { y.reshaped(y.p.GetReshapeStatic().GetTargetShape()) },
		"rankPreservingReshape": func(y *layer) { y.reshaped(y.p.GetRankPreservingReshape().GetTargetShape()) },
		"reshapeLike":           func(y *layer) { y.likeSecond("Reshape") },
		"broadcastToLike":       func(y *layer) { y.likeSecond("Expand") },
		"reshapeDynamic":        func(y *layer) { y.byShape("Reshape") },
		"broadcastToDynamic":    func(y *layer) { y.byShape("Expand") },
		"broadcastToStatic":     func(y *layer) { y.expanded(y.x(), y.p.GetBroadcastToStatic().GetTargetShape()) },
		"getShape":              (*layer).getShape,
		"fillStatic": func(y *layer) {
			y.expanded(y.g().scalar(y.p.GetFillStatic().GetValue()), y.p.GetFillStatic().GetTargetShape())
		},
		"fillLike":       (*layer).fillLike,
		"constantPad":    (*layer).constantPad,
		"sliceStatic":    (*layer).sliceStatic,
		"reverse":        (*layer).reverse,
		"loadConstantND": (*layer).loadConstantND,

		"gather": func(y *layer) {
			y.give(0, y.g().node("Gather", "", []string{y.x(), y.index(1)}, attrInt("axis", y.axis(y.p.GetGather().GetAxis()))), y.rank()+len(y.in(1).dims)-1)
		},
		"gatherND": func(y *layer) {
			y.give(0, y.mil("gather_nd", map[string]any{"x": y.x(), "indices": y.index(1)}), y.widest())
		},
		"gatherAlongAxis": func(y *layer) {
			y.node("GatherElements", []string{y.x(), y.index(1)}, attrInt("axis", y.axis(y.p.GetGatherAlongAxis().GetAxis())))
		},
		"topK":   (*layer).topK,
		"argMax": func(y *layer) { y.argument("ArgMax", y.p.GetArgMax().GetAxis(), y.p.GetArgMax().GetRemoveDim()) },
		"argMin": func(y *layer) { y.argument("ArgMin", y.p.GetArgMin().GetAxis(), y.p.GetArgMin().GetRemoveDim()) },
		"cumSum": (*layer).cumSum,
		"oneHot": (*layer).oneHot,

		"batchedMatmul":      (*layer).batchedMatmul,
		"embeddingND":        (*layer).embeddingND,
		"layerNormalization": (*layer).layerNormalization,
	}
	for kind, op := range map[string]string{
		"ceil": "Ceil", "floor": "Floor", "sign": "Sign", "round": "Round", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan",
		"sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "erf": "Erf",
	} {
		t[kind] = func(y *layer) { y.node(op, []string{y.x()}) }
	}
	for kind, op := range map[string]string{
		"addBroadcastable": "Add", "subtractBroadcastable": "Sub", "multiplyBroadcastable": "Mul", "divideBroadcastable": "Div", "powBroadcastable": "Pow",
		"maxBroadcastable": "Max", "minBroadcastable": "Min",
	} {
		t[kind] = func(y *layer) { y.wide(op, y.all()...) }
	}
	for kind, op := range map[string]string{"logicalAnd": "And", "logicalOr": "Or", "logicalXor": "Xor"} {
		t[kind] = func(y *layer) { y.truth(y.g().node(op, "", []string{y.bool(0), y.bool(1)})) }
	}
	for kind, op := range map[string]string{
		"reduceL1": "ReduceL1", "reduceL2": "ReduceL2", "reduceMax": "ReduceMax", "reduceMin": "ReduceMin", "reduceSum": "ReduceSum", "reduceProd": "ReduceProd",
		"reduceMean": "ReduceMean", "reduceLogSum": "ReduceLogSum", "reduceSumSquare": "ReduceSumSquare", "reduceLogSumExp": "ReduceLogSumExp",
	} {
		t[kind] = func(y *layer) { y.reduced(op) }
	}
	return t
}

// axis is an axis of the layer's tensors as the graph has them: those of a legacy network have one less in front.
func (y *layer) axis(a int64) int64 {
	if y.n.legacy && a > 0 {
		return a - 1
	}
	return a
}

func (y *layer) two() map[string]any { return map[string]any{"x": y.x(), "y": y.in(1).name} }

// wide gives an operation's result, of the greatest rank of the inputs.
func (y *layer) wide(op string, in ...string) { y.give(0, y.g().node(op, "", in), y.widest()) }

// truth gives a boolean as 0 or 1.
func (y *layer) truth(v string) { y.give(0, y.g().cast(v, onnxpb.TensorProto_FLOAT), y.widest()) }

// bool is the i-th input as a boolean, and index as whole numbers.
func (y *layer) bool(i int) string { return y.g().cast(y.in(i).name, onnxpb.TensorProto_BOOL) }

func (y *layer) index(i int) string { return y.g().cast(y.in(i).name, onnxpb.TensorProto_INT64) }

// compare takes the second input, or alpha where there is none.
func (y *layer) compare(op string, alpha float32) { y.truth(y.compared(op, alpha)) }

func (y *layer) compareNot(alpha float32) {
	y.truth(y.g().node("Not", "", []string{y.compared("Equal", alpha)}))
}

func (y *layer) compared(op string, alpha float32) string {
	other := ""
	if len(y.p.GetInput()) > 1 {
		other = y.in(1).name
	} else {
		other = y.g().scalar(alpha)
	}
	return y.g().node(op, "", []string{y.x(), other})
}

func (y *layer) clamped() {
	p := y.p.GetClampedReLU()
	y.same("clamped_relu", map[string]any{"alpha": p.GetAlpha(), "beta": p.GetBeta()})
}

func (y *layer) transpose() {
	axes := make([]int64, 0, 5)
	for _, a := range y.p.GetTranspose().GetAxes() {
		axes = append(axes, int64(min(a, maxRank)))
	}
	if len(axes) != y.rank() {
		y.fail("%d axes of an input of %d dimensions", len(axes), y.rank())
		return
	}
	y.node("Transpose", []string{y.x()}, attrInts("perm", axes))
}

func (y *layer) concatND() {
	p := y.p.GetConcatND()
	y.give(0, y.mil("concat", map[string]any{"values": y.all(), "axis": y.axis(p.GetAxis()), "interleave": p.GetInterleave()}), y.rank())
}

func (y *layer) splitND() {
	p, n := y.p.GetSplitND(), len(y.p.GetOutput())
	names := make([]string, n)
	for i := range names {
		names[i] = y.g().fresh("split")
	}
	in, attrs := []string{y.x()}, []*onnxpb.AttributeProto{attrInt("axis", y.axis(p.GetAxis()))}
	if len(p.GetSplitSizes()) > 0 {
		in = append(in, y.g().list(signed(p.GetSplitSizes())...))
	} else {
		attrs = append(attrs, attrInt("num_outputs", int64(n)))
	}
	y.g().nodes("Split", names, in, attrs...)
	r := y.rank()
	for i, name := range names {
		y.give(i, name, r)
	}
}

// signed are sizes as ONNX has them.
func signed(v []uint64) []int64 {
	out := make([]int64, len(v))
	for i, n := range v {
		out[i] = int64(min(n, math.MaxInt32))
	}
	return out
}

func (y *layer) tile() {
	var reps string
	if len(y.p.GetInput()) > 1 {
		reps = y.index(1)
	} else {
		v := signed(y.p.GetTile().GetReps())
		if len(v) > y.rank() {
			y.fail("%d repetitions of an input of %d dimensions", len(v), y.rank())
			return
		}
		reps = y.g().list(append(repeat(y.rank()-len(v), 1), v...)...)
	}
	y.node("Tile", []string{y.x(), reps})
}

func (y *layer) expandDims() {
	axes := y.p.GetExpandDims().GetAxes()
	y.give(0, y.g().node("Unsqueeze", "", []string{y.x(), y.g().list(axes...)}), y.rank()+len(axes))
}

func (y *layer) squeeze() {
	p := y.p.GetSqueeze()
	if p.GetSqueezeAll() {
		y.fail("all dimensions of one element are dropped, which leaves an unknown number")
		return
	}
	axes := p.GetAxes()
	y.give(0, y.g().node("Squeeze", "", []string{y.x(), y.g().list(axes...)}), y.rank()-len(axes))
}

func (y *layer) reshaped(shape []int64) {
	y.give(0, y.g().node("Reshape", "", []string{y.x(), y.g().list(shape...)}), len(shape))
}

// likeSecond gives the first input the shape of the second.
func (y *layer) likeSecond(op string) {
	y.give(0, y.g().node(op, "", []string{y.x(), y.g().node("Shape", "", []string{y.in(1).name})}), len(y.in(1).dims))
}

// byShape takes the shape from the second input, whose length is the rank.
func (y *layer) byShape(op string) {
	r := -1
	if d := y.in(1).dims; len(d) == 1 {
		r = int(d[0])
	}
	if t := y.p.GetOutputTensor(); r < 0 && len(t) > 0 && t[0].GetRank() > 0 {
		r = int(min(t[0].GetRank(), maxRank))
	}
	if r < 0 {
		y.fail("the number of dimensions of its output is not known")
		return
	}
	y.give(0, y.g().node(op, "", []string{y.x(), y.index(1)}), r)
}

func (y *layer) getShape() {
	v := y.g().cast(y.g().node("Shape", "", []string{y.x()}), onnxpb.TensorProto_FLOAT)
	y.shaped(0, v, []int64{int64(y.rank())})
}

func (y *layer) expanded(v string, shape []uint64) {
	dims := signed(shape)
	if err := bounded(dims); err != nil {
		y.fail("%w", err)
		return
	}
	y.give(0, y.g().node("Expand", "", []string{v, y.g().list(dims...)}), len(dims))
}

func (y *layer) fillLike() {
	shape := y.g().node("Shape", "", []string{y.x()})
	y.node("Expand", []string{y.g().scalar(y.p.GetFillLike().GetValue()), shape})
}

func (y *layer) constantPad() {
	p, g := y.p.GetConstantPad(), y.g()
	amounts := signed(p.GetPadAmounts())
	if len(y.p.GetInput()) > 1 || len(amounts) != 2*y.rank() {
		y.fail("%d amounts of padding for %d dimensions", len(amounts), y.rank())
		return
	}
	edges := pads(amounts)
	list := g.list(edges...)
	if p.GetPadToGivenOutputSizeMode() { // amounts are sizes: what is missing to them is added
		n := len(edges) / 2
		shape := g.node("Shape", "", []string{y.x()})
		missing := g.node("Sub", "", []string{list, g.node("Concat", "", []string{shape, shape}, attrInt("axis", 0))})
		list = g.node("Max", "", []string{missing, g.list(repeat(2*n, 0)...)})
	}
	y.node("Pad", []string{y.x(), list, g.scalar(p.GetValue())})
}

func (y *layer) sliceStatic() {
	p := y.p.GetSliceStatic()
	dropped := 0
	truths := func(v []bool) []int64 {
		out := make([]int64, len(v))
		for i, b := range v {
			if b {
				out[i] = 1
			}
		}
		return out
	}
	squeezed := truths(p.GetSqueezeMasks())
	for _, s := range squeezed {
		dropped += int(s)
	}
	arguments := map[string]any{
		"x": y.x(), "begin": p.GetBeginIds(), "end": p.GetEndIds(), "stride": p.GetStrides(), "begin_mask": truths(p.GetBeginMasks()), "end_mask": truths(p.GetEndMasks()),
	}
	if len(squeezed) > 0 {
		arguments["squeeze_mask"] = squeezed
	}
	y.give(0, y.mil("slice_by_index", arguments), y.rank()-dropped)
}

func (y *layer) reverse() {
	var axes []int64
	for i, r := range y.p.GetReverse().GetReverseDim() {
		if r {
			axes = append(axes, int64(i))
		}
	}
	y.same("reverse", map[string]any{"axes": axes})
}

func (y *layer) loadConstantND() {
	p := y.p.GetLoadConstantND()
	dims := signed(p.GetShape())
	v := y.constant(y.weights(p.GetData(), dims...))
	y.shaped(0, v, dims)
}

func (y *layer) topK() {
	p, g := y.p.GetTopK(), y.g()
	k := g.list(int64(min(p.GetK(), math.MaxInt32)))
	if len(y.p.GetInput()) > 1 {
		k = g.node("Reshape", "", []string{y.index(1), g.list(1)})
	}
	largest := int64(1)
	if p.GetUseBottomK() {
		largest = 0
	}
	values, indices, r := g.fresh("values"), g.fresh("indices"), y.rank()
	g.nodes("TopK", []string{values, indices}, []string{y.x(), k}, attrInt("axis", y.axis(p.GetAxis())), attrInt("largest", largest))
	y.give(0, values, r)
	if len(y.p.GetOutput()) > 1 {
		y.give(1, g.cast(indices, onnxpb.TensorProto_FLOAT), r)
	}
}

func (y *layer) argument(op string, axis int64, remove bool) {
	r, keep := y.rank(), int64(1)
	if remove {
		r, keep = r-1, 0
	}
	at := y.g().node(op, "", []string{y.x()}, attrInt("axis", y.axis(axis)), attrInt("keepdims", keep))
	y.give(0, y.g().cast(at, onnxpb.TensorProto_FLOAT), max(r, 0))
}

func (y *layer) cumSum() {
	p := y.p.GetCumSum()
	flag := map[bool]int64{true: 1}
	axis := y.g().ints(nil, []int64{y.axis(p.GetAxis())})
	y.node("CumSum", []string{y.x(), axis}, attrInt("exclusive", flag[p.GetExcludeFinalSum()]), attrInt("reverse", flag[p.GetReverse()]))
}

func (y *layer) oneHot() {
	p, g := y.p.GetOneHot(), y.g()
	values := g.floats([]int64{2}, []float32{p.GetOffValue(), p.GetOnValue()})
	size := g.list(int64(min(p.GetOneHotVectorSize(), maxChannels)))
	y.give(0, g.node("OneHot", "", []string{y.index(0), size, values}, attrInt("axis", p.GetAxis())), y.rank()+1)
}

// reduced reads a reduction's parameters, which are the same in all of them.
func (y *layer) reduced(op string) {
	p, ok := y.parameters().(interface {
		GetAxes() []int64
		GetKeepDims() bool
		GetReduceAll() bool
	})
	if !ok {
		y.fail("its parameters are missing")
		return
	}
	in, keep := []string{y.x()}, int64(0)
	r := y.rank()
	var axes []int64
	for _, a := range p.GetAxes() {
		axes = append(axes, y.axis(a))
	}
	if len(axes) > 0 && !p.GetReduceAll() {
		in = append(in, y.g().list(axes...))
		r -= len(axes)
	} else {
		r = 0
	}
	if p.GetKeepDims() {
		r, keep = y.rank(), 1
	}
	y.give(0, y.g().node(op, "", in, attrInt("keepdims", keep)), r)
}

// parameters is the message of the layer's kind.
func (y *layer) parameters() any {
	m := y.p.ProtoReflect()
	if f := m.WhichOneof(m.Descriptor().Oneofs().Get(0)); f != nil {
		return m.Get(f).Message().Interface()
	}
	return nil
}

func (y *layer) batchedMatmul() {
	p, g := y.p.GetBatchedMatmul(), y.g()
	arguments := map[string]any{"x": y.x(), "transpose_x": p.GetTransposeA()}
	if len(y.p.GetInput()) > 1 {
		arguments["y"], arguments["transpose_y"] = y.in(1).name, p.GetTransposeB()
	} else {
		n := signed([]uint64{p.GetWeightMatrixFirstDimension(), p.GetWeightMatrixSecondDimension()})
		arguments["y"], arguments["transpose_y"] = y.weights(p.GetWeights(), n[1], n[0]), true // they are stored by columns
	}
	v := y.mil("matmul", arguments)
	if p.GetHasBias() {
		v = g.node("Add", "", []string{v, y.constant(y.weights(p.GetBias(), signed([]uint64{p.GetWeightMatrixSecondDimension()})...))})
	}
	y.give(0, v, y.widest())
}

// embeddingND picks columns of the weights (C,vocabulary): x (...,1) to (...,C).
func (y *layer) embeddingND() {
	p, g := y.p.GetEmbeddingND(), y.g()
	n := signed([]uint64{p.GetEmbeddingSize(), p.GetVocabSize()})
	weight := y.constant(y.weights(p.GetWeights(), n...))
	index := g.node("Squeeze", "", []string{y.index(0), g.list(-1)})
	v := g.node("Gather", "", []string{g.turned(weight, 1, 0), index}, attrInt("axis", 0))
	if p.GetHasBias() {
		v = g.node("Add", "", []string{v, y.constant(y.weights(p.GetBias(), n[0]))})
	}
	y.give(0, v, y.rank())
}

func (y *layer) layerNormalization() {
	p, g := y.p.GetLayerNormalization(), y.g()
	shape := p.GetNormalizedShape()
	if len(shape) == 0 || len(shape) > y.rank() {
		y.fail("a normalisation over %d of %d dimensions", len(shape), y.rank())
		return
	}
	var axes []int64
	for i := range shape {
		axes = append(axes, int64(i-len(shape)))
	}
	v := y.normalised(y.x(), true, p.GetEps(), axes...)
	join := func(op string, w *coremlpb.WeightParams) {
		if w != nil {
			v = g.node(op, "", []string{v, y.constant(y.weights(w, shape...))})
		}
	}
	join("Mul", p.GetGamma())
	join("Add", p.GetBeta())
	y.give(0, v, y.rank())
}

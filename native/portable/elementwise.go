package portable

import (
	"math"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// isFloat tells whether an argument is of a floating-point type.
func (a *args) isFloat(key string) bool { return mlpackage.IsFloat(a.dtype(key)) }

// cast is v as type to.
func (g *graph) cast(v string, to onnxpb.TensorProto_DataType) string {
	return g.node("Cast", "", []string{v}, attrInt("to", int64(to)))
}

func (a *args) gelu() {
	x := a.value("x")
	switch mode := a.string("mode", "EXACT"); mode {
	case "EXACT":
		a.l.node("Gelu", a.out(), []string{x})
	case "TANH_APPROXIMATION":
		a.l.node("Gelu", a.out(), []string{x}, attrString("approximate", "tanh"))
	case "SIGMOID_APPROXIMATION":
		a.l.node("Mul", a.out(), []string{x, a.l.node("Sigmoid", "", []string{a.l.node("Mul", "", []string{x, a.l.scalar(1.702)})})})
	default:
		a.fail("the mode %q is not known", mode)
	}
}

func (a *args) clampedRelu() {
	leaky := a.l.node("LeakyRelu", "", a.x(), attrFloat("alpha", a.float("alpha", 0)))
	a.l.node("Min", a.out(), []string{leaky, a.l.scalar(a.float("beta", math.MaxFloat32))})
}

func (a *args) linearActivation() {
	scaled := a.l.node("Mul", "", []string{a.value("x"), a.l.scalar(a.float("alpha", 1))})
	a.l.node("Add", a.out(), []string{scaled, a.l.scalar(a.float("beta", 0))})
}

// channels is a constant of shape (C), to be broadcast over x (N,C,...).
func (a *args) channels(key string) string {
	c := a.known(key)
	if len(c.Shape) != 1 || a.rank("x") < 2 {
		a.fail("the argument %q has the shape %v for rank %d", key, c.Shape, a.rank("x"))
		return ""
	}
	return a.l.floats(append(c.Shape[:1:1], repeat(a.rank("x")-2, 1)...), c.Float32s())
}

func (a *args) prelu() { a.l.node("PRelu", a.out(), []string{a.value("x"), a.channels("alpha")}) }

func (a *args) scaledTanh() {
	inner := a.l.node("Tanh", "", []string{a.l.node("Mul", "", []string{a.value("x"), a.l.scalar(a.float("beta", 1))})})
	a.l.node("Mul", a.out(), []string{inner, a.l.scalar(a.float("alpha", 1))})
}

func (a *args) sigmoidHard() {
	a.l.node("HardSigmoid", a.out(), a.x(), attrFloat("alpha", a.float("alpha", 0.2)), attrFloat("beta", a.float("beta", 0.5)))
}

func (a *args) softplusParametric() {
	inner := a.l.node("Softplus", "", []string{a.l.node("Mul", "", []string{a.value("x"), a.channels("beta")})})
	a.l.node("Mul", a.out(), []string{inner, a.channels("alpha")})
}

// thresholdedRelu keeps x where it is alpha, which ONNX's does not.
func (a *args) thresholdedRelu() {
	x := a.value("x")
	a.l.node("Where", a.out(), []string{a.l.node("GreaterOrEqual", "", []string{x, a.l.scalar(a.float("alpha", 1))}), x, a.l.scalar(0)})
}

func (a *args) notEqual() {
	a.l.node("Not", a.out(), []string{a.l.node("Equal", "", []string{a.value("x"), a.value("y")})})
}

// modulo is x mod y with the sign of y.
func (a *args) modulo() string {
	x, y := a.value("x"), a.value("y")
	if !a.isFloat("x") {
		return a.l.node("Mod", "", []string{x, y})
	}
	quotient := a.l.node("Floor", "", []string{a.l.node("Div", "", []string{x, y})})
	return a.l.node("Sub", "", []string{x, a.l.node("Mul", "", []string{quotient, y})})
}

func (a *args) floorDiv() {
	x, y := a.value("x"), a.value("y")
	if a.isFloat("x") {
		a.l.node("Floor", a.out(), []string{a.l.node("Div", "", []string{x, y})})
		return
	}
	a.l.node("Div", a.out(), []string{a.l.node("Sub", "", []string{x, a.modulo()}), y}) // ONNX divides integers towards 0
}

func (a *args) argument(onnx string) {
	a.l.node(onnx, a.out(), a.x(), attrInt("axis", a.int("axis", -1)), attrInt("keepdims", a.int("keep_dims", 0)))
}

func (a *args) cumsum() {
	axis := a.l.ints(nil, []int64{a.int("axis", 0)})
	a.l.node("CumSum", a.out(), []string{a.value("x"), axis}, attrInt("exclusive", a.int("exclusive", 0)), attrInt("reverse", a.int("reverse", 0)))
}

func (a *args) topk() {
	k := a.l.list(1)
	if a.has("k") {
		k = a.l.node("Reshape", "", []string{a.value("k"), a.l.list(1)})
	}
	outs := a.outs()
	if len(outs) == 1 {
		outs = append(outs, a.l.fresh("indices"))
	}
	a.l.nodes("TopK", outs, []string{a.value("x"), k}, attrInt("axis", a.int("axis", -1)), attrInt("largest", 1-a.int("ascending", 0)), attrInt("sorted", a.int("sort", 1)))
}

func (a *args) argsort() {
	axis := a.positive([]int64{a.int("axis", -1)})[0]
	all := a.l.node("Slice", "", []string{a.l.node("Shape", "", a.x()), a.l.list(axis), a.l.list(axis + 1), a.l.list(0)})
	values := a.l.fresh("values")
	a.l.nodes("TopK", []string{values, a.out()}, []string{a.value("x"), all}, attrInt("axis", axis), attrInt("largest", 1-a.int("ascending", 0)))
}

// limits are the least and greatest values of quantized types.
var limits = map[string][2]float32{"int8": {-128, 127}, "uint8": {0, 255}}

// alongAxis is a constant scalar or vector, shaped to be broadcast along an axis of the argument "input".
func (a *args) alongAxis(key string) string {
	c := a.known(key)
	shape := c.Shape
	if len(shape) == 1 {
		r, axis := a.rank("input"), a.int("axis", 0)
		if axis < 0 {
			axis += int64(r)
		}
		if axis < 0 || axis >= int64(r) {
			a.fail("the axis %d of rank %d", axis, r)
			return ""
		}
		shape = repeat(r, 1)
		shape[axis] = c.Shape[0]
	}
	return a.l.floats(shape, c.Float32s())
}

func (a *args) quantize() {
	kind := a.string("output_dtype", "")
	limit, ok := limits[kind]
	if !ok {
		a.fail("a quantization to %q", kind)
		return
	}
	v := a.l.node("Round", "", []string{a.l.node("Div", "", []string{a.value("input"), a.alongAxis("scale")})})
	if a.has("zero_point") {
		v = a.l.node("Add", "", []string{v, a.alongAxis("zero_point")})
	}
	v = a.l.node("Clip", "", []string{v, a.l.scalar(limit[0]), a.l.scalar(limit[1])})
	a.l.node("Cast", a.out(), []string{v}, attrInt("to", int64(onnxpb.TensorProto_INT64)))
}

func (a *args) dequantize() {
	v := a.l.cast(a.value("input"), onnxpb.TensorProto_FLOAT)
	if a.has("zero_point") {
		v = a.l.node("Sub", "", []string{v, a.alongAxis("zero_point")})
	}
	a.l.node("Mul", a.out(), []string{v, a.alongAxis("scale")})
}

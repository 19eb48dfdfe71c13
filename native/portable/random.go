package portable

import (
	"math"

	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// Random numbers are ONNX Runtime's, not Core ML's: of the same distribution, and with a seed the same sequence each time that a model is opened.

// seeded are the attributes of a seed, none where it is -1, which stands for another one each time.
func (a *args) seeded() []*onnxpb.AttributeProto {
	if s := a.int("seed", -1); s >= 0 {
		return []*onnxpb.AttributeProto{attrFloat("seed", float32(s))}
	}
	return nil
}

// drawn is a tensor of the shape that the argument "shape" says, of random numbers.
func (a *args) drawn(op string, attrs ...*onnxpb.AttributeProto) string {
	if a.isKnown("shape") {
		if err := bounded(a.known("shape").Ints()); err != nil {
			a.fail("%w", err)
			return ""
		}
	}
	like := a.l.node("Expand", "", []string{a.l.scalar(0), a.value("shape")})
	return a.l.node(op, "", []string{like}, append(attrs, a.seeded()...)...)
}

func (a *args) randomUniform() {
	v := a.drawn("RandomUniformLike", attrFloat("low", a.float("low", 0)), attrFloat("high", a.float("high", 1)))
	a.l.node("Identity", a.out(), []string{v})
}

func (a *args) randomNormal() {
	v := a.drawn("RandomNormalLike", attrFloat("mean", a.float("mean", 0)), attrFloat("scale", a.float("stddev", 1)))
	a.l.node("Identity", a.out(), []string{v})
}

func (a *args) randomBernoulli() {
	p := a.float("prob", 0.5)
	if !(p >= 0 && p <= 1) {
		a.fail("a probability of %v", p)
		return
	}
	hit := a.l.node("Less", "", []string{a.drawn("RandomUniformLike"), a.l.scalar(p)})
	a.l.node("Cast", a.out(), []string{hit}, attrInt("to", int64(elemType(a.op.GetOutputs()[0].GetType().GetTensorType().GetDataType()))))
}

// randomCategorical draws numbers of classes from logits, or probabilities, (..., classes).
func (a *args) randomCategorical() {
	x, n := a.value("x"), a.int("size", 1)
	if a.rank("x") < 1 || n < 1 || n > maxChannels {
		a.fail("%d numbers from a tensor of rank %d", n, a.rank("x"))
		return
	}
	switch mode := a.string("mode", "logits"); mode {
	case "logits":
	case "probs":
		x = a.l.node("Log", "", []string{a.l.node("Max", "", []string{x, a.l.scalar(math.SmallestNonzeroFloat32)})})
	default:
		a.fail("the mode %q is not known", mode)
		return
	}
	shape := a.l.node("Shape", "", []string{x})
	classes := a.l.node("Slice", "", []string{shape, a.l.list(-1), a.l.list(endOfAxis), a.l.list(0)})
	lead := a.l.node("Slice", "", []string{shape, a.l.list(0), a.l.list(-1), a.l.list(0)})
	rows := a.l.node("Reshape", "", []string{x, a.l.node("Concat", "", []string{a.l.list(-1), classes}, attrInt("axis", 0))})
	got := a.l.node("Multinomial", "", []string{rows}, append(a.seeded(), attrInt("sample_size", n), attrInt("dtype", int64(onnxpb.TensorProto_INT64)))...)
	got = a.l.cast(got, elemType(a.op.GetOutputs()[0].GetType().GetTensorType().GetDataType()))
	a.l.node("Reshape", a.out(), []string{got, a.l.node("Concat", "", []string{lead, a.l.list(n)}, attrInt("axis", 0))})
}

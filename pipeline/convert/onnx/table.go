package onnx

import (
	"maps"
	"math"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// operations builds each operation of ONNX.
var operations map[string]func(*call)

func init() { operations = table() } // a table whose functions look into it cannot be a plain initialisation

func table() map[string]func(*call) {
	t := map[string]func(*call){
		"Identity": (*call).same, "Dropout": (*call).dropout, "Cast": (*call).cast, "CastLike": func(c *call) { c.give(c.Cast(c.in(0), c.in(1).Kind)) },
		"Neg": func(c *call) { c.give(c.negative(c.in(0))) }, "Reciprocal": func(c *call) { c.give(c.Inverse(c.in(0))) },
		"Log": func(c *call) { c.give(c.Log(c.in(0))) },
		"Div": (*call).div, "Mod": (*call).mod, "Pow": (*call).pow, "Where": func(c *call) { c.give(c.Where(c.in(0), c.in(1), c.in(2))) },
		"Clip": (*call).clip, "LeakyRelu": func(c *call) { c.give(c.LeakyReLU(c.in(0), c.float("alpha", 0.01))) },
		"Elu": func(c *call) { c.give(c.ELU(c.in(0), c.float("alpha", 1))) }, "Selu": (*call).selu, "Celu": (*call).celu,
		"PRelu": func(c *call) { c.give(c.PReLU(c.in(0), c.in(1))) }, "Gelu": func(c *call) { c.give(c.GELU(c.in(0), c.text("approximate", "none") == "tanh")) },
		"HardSigmoid": func(c *call) { c.give(c.HardSigmoid(c.in(0), c.float("alpha", 0.2), c.float("beta", 0.5))) },
		"HardSwish":   func(c *call) { c.give(c.Mul(c.in(0), c.HardSigmoid(c.in(0), 1.0/6, 0.5))) },
		"Mish":        func(c *call) { c.give(c.Mul(c.in(0), c.Unary("tanh", c.Unary("softplus", c.in(0))))) },
		"ThresholdedRelu": func(c *call) {
			c.give(c.Mul(c.in(0), c.Cast(c.Binary("greater", c.in(0), c.Scalar(c.float("alpha", 1))), mil.Float)))
		},
		"Conv": (*call).conv, "ConvTranspose": (*call).convTranspose, "MaxPool": (*call).pool, "AveragePool": (*call).pool,
		"GlobalAveragePool": func(c *call) { c.give(c.globalPool("mean")) }, "GlobalMaxPool": func(c *call) { c.give(c.globalPool("max")) },
		"BatchNormalization": (*call).batchNorm, "InstanceNormalization": (*call).instanceNorm, "LayerNormalization": (*call).layerNorm,
		"GroupNormalization": (*call).groupNorm, "LpNormalization": (*call).lpNorm, "RMSNormalization": (*call).rmsNorm,
		"MeanVarianceNormalization": (*call).meanVariance,
		"Gemm":                      (*call).gemm, "MatMul": func(c *call) { c.give(c.MatMul(c.in(0), c.in(1), false, false)) },
		"Softmax": (*call).softmax, "LogSoftmax": (*call).softmax,
		"Reshape": (*call).reshape, "Flatten": func(c *call) { c.give(c.Flatten(c.in(0), c.int("axis", 1))) }, "Squeeze": (*call).squeeze,
		"Unsqueeze": func(c *call) { c.give(c.Unsqueeze(c.in(0), c.axes(1)...)) }, "Transpose": (*call).transpose,
		"Concat": func(c *call) { c.give(c.Concat(c.int("axis", 0), c.all()...)) }, "Split": (*call).split, "Slice": (*call).slice,
		"Gather": func(c *call) { c.give(c.Gather(c.in(0), c.in(1), c.int("axis", 0))) },
		"Expand": (*call).expand, "Tile": func(c *call) { c.give(c.Tile(c.in(0), c.KnownInts(c.in(1))...)) },
		"Shape": (*call).shape, "Size": func(c *call) { c.give(c.Int(c.in(0).Len())) }, "Constant": (*call).constant,
		"ConstantOfShape": (*call).constantOfShape, "Range": (*call).span, "Pad": (*call).pad, "Resize": (*call).resize, "Upsample": (*call).resize,
		"DepthToSpace": func(c *call) { c.give(c.DepthToSpace(c.in(0), c.int("blocksize", 1), c.text("mode", "DCR") == "CRD")) },
		"SpaceToDepth": (*call).spaceToDepth,
		"ArgMax":       func(c *call) { c.argument("argmax") },
		"ArgMin":       func(c *call) { c.argument("argmin") },
		"CumSum": func(c *call) {
			c.give(c.CumSum(c.in(0), c.KnownInts(c.in(1))[0], c.int("exclusive", 0) != 0, c.int("reverse", 0) != 0))
		},
		"QuantizeLinear": (*call).quantize, "DequantizeLinear": (*call).dequantize, "QLinearConv": (*call).quantizedConv,
		"QLinearMatMul": (*call).quantizedMatMul, "ConvInteger": (*call).convInteger, "MatMulInteger": (*call).matMulInteger,
		"DynamicQuantizeLinear": (*call).dynamicQuantize,
		"If":                    (*call).branch, "Einsum": (*call).einsum, "Trilu": (*call).trilu, "EyeLike": (*call).eye, "ReduceLogSumExp": (*call).logSumExp,
		"ReduceLogSum":       func(c *call) { c.give(c.Log(c.reduced("sum", c.in(0)))) },
		"Softsign":           func(c *call) { c.give(c.unary("softsign")) },
		"IsNaN":              func(c *call) { c.give(c.Binary("not_equal", c.in(0), c.in(0))) },
		"com.microsoft.Gelu": func(c *call) { c.give(c.GELU(c.in(0), false)) },
	}
	for onnx, op := range map[string]string{
		"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Sqrt": "sqrt", "Exp": "exp", "Abs": "abs", "Erf": "erf", "Sin": "sin", "Cos": "cos",
		"Tan": "tan", "Floor": "floor", "Ceil": "ceil", "Round": "round", "Sign": "sign", "Softplus": "softplus", "Sinh": "sinh", "Cosh": "cosh",
		"Asin": "asin", "Acos": "acos", "Atan": "atan", "Atanh": "atanh",
	} {
		t[onnx] = func(c *call) { c.give(c.unary(op)) }
	}
	t["Not"] = func(c *call) { c.give(c.Unary("logical_not", c.Cast(c.in(0), mil.Bool))) }
	for onnx, op := range map[string]string{
		"Add": "add", "Sub": "sub", "Mul": "mul", "Equal": "equal", "Greater": "greater", "Less": "less", "GreaterOrEqual": "greater_equal",
		"LessOrEqual": "less_equal", "And": "logical_and", "Or": "logical_or", "Xor": "logical_xor",
	} {
		t[onnx] = func(c *call) { c.give(c.Binary(op, c.in(0), c.in(1))) }
	}
	for onnx, op := range map[string]string{"Sum": "add", "Max": "maximum", "Min": "minimum", "Mean": "add"} {
		t[onnx] = func(c *call) { c.variadic(op, onnx == "Mean") }
	}
	for onnx, op := range map[string]string{
		"ReduceMean": "mean", "ReduceSum": "sum", "ReduceMax": "max", "ReduceMin": "min", "ReduceProd": "prod", "ReduceSumSquare": "sum_square",
		"ReduceL1": "l1_norm", "ReduceL2": "l2_norm",
	} {
		t[onnx] = func(c *call) { c.give(c.reduced(op, c.in(0))) }
	}
	maps.Copy(t, more())
	return t
}

func (c *call) same() { c.give(c.in(0)) }

func (c *call) unary(op string) *mil.Value {
	x := c.in(0)
	if x.Kind == mil.Bool {
		x = c.Cast(x, mil.Float)
	}
	return c.Unary(op, x)
}

func (c *call) negative(x *mil.Value) *mil.Value {
	if x.Kind == mil.Int {
		return c.Mul(x, c.Int(-1))
	}
	return c.Mul(x, c.Scalar(-1))
}

func (c *call) variadic(op string, mean bool) {
	x := c.in(0)
	for i := 1; i < len(c.n.In); i++ {
		x = c.Binary(op, x, c.in(i))
	}
	if mean {
		x = c.Mul(x, c.Scalar(1/float64(len(c.n.In))))
	}
	c.give(x)
}

func (c *call) cast() {
	kind := mil.Int
	d, ok := dtypes[c.int("to", 1)]
	switch {
	case !ok:
		mil.Fail("a cast to the type %d", c.int("to", 1))
	case d.IsFloat():
		kind = mil.Float
	case c.int("to", 1) == 9:
		kind = mil.Bool
	}
	c.give(c.Cast(c.in(0), kind))
}

func (c *call) div() {
	x, y := c.in(0), c.in(1)
	if x.Kind != mil.Int || y.Kind != mil.Int {
		c.give(c.Binary("real_div", x, y))
		return
	}
	if c.Folds(x) && c.Folds(y) {
		c.give(c.Cast(c.Binary("real_div", x, y), mil.Int)) // cut towards zero
		return
	}
	q := c.Binary("real_div", x, y)
	c.give(c.Cast(c.Mul(c.Unary("sign", q), c.Unary("floor", c.Unary("abs", q))), mil.Int))
}

func (c *call) dropout() {
	if v := c.maybe(2); v != nil && (!v.IsConst() || c.Known(v)[0] != 0) {
		mil.Fail("a dropout that is still in training: export the model after eval()")
	}
	x := c.in(0)
	c.give(x, c.Expand(c.Array(mil.Bool, nil, []float64{1}), x.Shape))
}

// argument is ArgMax or ArgMin, the first place or the last of several.
func (c *call) argument(op string) {
	x := c.in(0)
	axis := mil.Axis(c.int("axis", 0), x.Rank())
	if c.int("select_last_index", 0) == 0 {
		c.give(c.ArgMax(op, x, axis, c.int("keepdims", 1) != 0))
		return
	}
	n := x.Shape[axis]
	turned := c.Slice(x, axis, n-1, -n-1, -1)
	c.give(c.Binary("sub", c.Int(n-1), c.ArgMax(op, turned, axis, c.int("keepdims", 1) != 0)))
}

func (c *call) mod() {
	x, y := c.in(0), c.in(1)
	if c.int("fmod", 0) == 0 {
		c.give(c.Binary("mod", x, y))
		return
	}
	q := c.Binary("real_div", x, y)
	whole := c.Mul(c.Unary("sign", q), c.Unary("floor", c.Unary("abs", q)))
	c.give(c.Binary("sub", x, c.Mul(whole, y)))
}

func (c *call) pow() {
	x, y := c.in(0), c.in(1)
	if x.Kind == mil.Float && c.Folds(y) && y.Len() == 1 {
		switch c.Known(y)[0] {
		case 2:
			c.give(c.Expand(c.Unary("square", x), mil.Broadcast(x.Shape, y.Shape)))
			return
		case 0.5:
			c.give(c.Reshape(c.Unary("sqrt", x), mil.Broadcast(x.Shape, y.Shape)...))
			return
		}
	}
	kind := x.Kind
	c.give(c.Cast(c.Binary("pow", c.Cast(x, mil.Float), c.Cast(y, mil.Float)), kind))
}

func (c *call) clip() {
	bound := func(name string, i int, missing float64) float64 {
		if v := c.maybe(i); v != nil {
			return c.Known(v)[0]
		}
		return c.float(name, missing)
	}
	c.give(c.Clip(c.in(0), bound("min", 1, math.Inf(-1)), bound("max", 2, math.Inf(1))))
}

func (c *call) selu() {
	alpha, gamma := c.float("alpha", 1.6732632423543772), c.float("gamma", 1.0507009873554805)
	c.give(c.Mul(c.ELU(c.in(0), alpha), c.Scalar(gamma)))
}

func (c *call) celu() {
	alpha := c.float("alpha", 1)
	x := c.in(0)
	c.give(c.Add(c.Unary("relu", x), c.Mul(c.Binary("minimum", c.Binary("sub", c.Unary("exp", c.Mul(x, c.Scalar(1/alpha))), c.Scalar(1)), c.Scalar(0)), c.Scalar(alpha))))
}

package aten

import (
	"maps"
	"math"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// operations builds each operation of ATen.
var operations map[string]func(*call)

func init() { operations = table() } // a table whose functions look into it cannot be a plain initialisation

func table() map[string]func(*call) {
	t := map[string]func(*call){
		"conv1d": (*call).conv, "conv2d": (*call).conv, "conv3d": (*call).conv, "convolution": (*call).conv, "conv_transpose2d": (*call).conv,
		"conv_transpose1d": (*call).conv, "linear": (*call).linear, "matmul": (*call).matmul, "mm": (*call).matmul, "bmm": (*call).matmul,
		"addmm": (*call).addmm, "baddbmm": (*call).addmm, "einsum": (*call).einsum, "scaled_dot_product_attention": (*call).attention,
		"max_pool2d": (*call).pool, "max_pool2d_with_indices": (*call).pool, "avg_pool2d": (*call).averagePool, "adaptive_avg_pool2d": (*call).adaptive,
		"_adaptive_avg_pool2d": (*call).adaptive, "instance_norm": (*call).instanceNorm, "batch_norm": (*call).batchNorm,
		"_native_batch_norm_legit_no_training": (*call).batchNorm, "_native_batch_norm_legit": (*call).batchNorm, "layer_norm": (*call).layerNorm,
		"native_layer_norm": (*call).layerNorm, "group_norm": (*call).groupNorm, "native_group_norm": (*call).groupNorm, "rms_norm": (*call).rmsNorm,
		"_fused_rms_norm": (*call).rmsNorm,
		"softmax":         (*call).softmax, "_softmax": (*call).softmax, "log_softmax": (*call).logSoftmax, "_log_softmax": (*call).logSoftmax,
		"upsample_nearest2d": (*call).upsample, "_upsample_nearest_exact2d": (*call).upsample, "upsample_bilinear2d": (*call).upsample, "upsample_bicubic2d": (*call).upsample,
		"pad": (*call).pad, "constant_pad_nd": (*call).pad, "reflection_pad1d": (*call).pad, "reflection_pad2d": (*call).pad, "replication_pad1d": (*call).pad,
		"replication_pad2d": (*call).pad,
		"pixel_shuffle":     func(c *call) { c.give(c.DepthToSpace(c.x(), c.int("upscale_factor", 1), true)) }, "pixel_unshuffle": func(c *call) { c.give(c.Unshuffle(c.x(), c.int("downscale_factor", 1))) },
		"view": (*call).view, "reshape": (*call).view, "_unsafe_view": (*call).view, "flatten": (*call).flatten, "unflatten": (*call).unflatten,
		"permute": func(c *call) { c.give(c.Transpose(c.x(), c.list("dims")...)) }, "transpose": (*call).swap, "t": (*call).turn, "numpy_T": (*call).turn,
		"unsqueeze": func(c *call) { c.give(c.Unsqueeze(c.x(), c.int("dim", 0))) }, "squeeze": (*call).squeeze, "expand": (*call).expand,
		"expand_as": func(c *call) { c.give(c.Expand(c.x(), c.tensor("other").Shape)) }, "view_as": func(c *call) { c.give(c.Reshape(c.x(), c.tensor("other").Shape...)) },
		"repeat": func(c *call) { c.give(c.Tile(c.x(), c.list("repeats")...)) }, "repeat_interleave": (*call).interleave,
		"cat": func(c *call) { c.give(c.Concat(c.int("dim", 0), c.tensors("tensors")...)) }, "stack": func(c *call) { c.give(c.Stack(c.int("dim", 0), c.tensors("tensors")...)) },
		"slice": (*call).slice, "select": (*call).pick, "split": (*call).split, "split_with_sizes": (*call).split, "chunk": (*call).chunk, "unbind": (*call).unbind,
		"narrow": func(c *call) {
			c.give(c.Slice(c.x(), c.int("dim", 0), c.int("start", 0), c.int("start", 0)+c.int("length", 0), 1))
		},
		"index": (*call).index, "index_select": func(c *call) { c.give(c.Gather(c.x(), c.need("index"), c.int("dim", 0))) }, "embedding": (*call).embedding,
		"flip": (*call).flip, "roll": (*call).roll, "arange": (*call).arange, "full": (*call).full, "zeros": (*call).full, "ones": (*call).full, "empty": (*call).full,
		"full_like": (*call).full, "zeros_like": (*call).full, "ones_like": (*call).full, "empty_like": (*call).full, "scalar_tensor": func(c *call) { c.give(c.Cast(c.x(), c.kind(mil.Float))) },
		"linspace": (*call).linspace, "tril": (*call).triangle, "triu": (*call).triangle, "where": (*call).where, "masked_fill": (*call).maskedFill,
		"clamp": (*call).clamp, "clip": (*call).clamp, "clamp_min": (*call).clamp, "clamp_max": (*call).clamp, "hardtanh": (*call).hardtanh,
		"relu6":      func(c *call) { c.give(c.Clip(c.x(), 0, 6)) },
		"leaky_relu": func(c *call) { c.give(c.LeakyReLU(c.x(), c.float("negative_slope", 0.01))) }, "elu": (*call).elu,
		"gelu":        func(c *call) { c.give(c.GELU(c.x(), c.text("approximate", "none") == "tanh")) },
		"mish":        func(c *call) { c.give(c.Mul(c.x(), c.Unary("tanh", c.Unary("softplus", c.x())))) },
		"hardswish":   func(c *call) { c.give(c.Mul(c.x(), c.HardSigmoid(c.x(), 1.0/6, 0.5))) },
		"hardsigmoid": func(c *call) { c.give(c.HardSigmoid(c.x(), 1.0/6, 0.5)) }, "softplus": (*call).softplus,
		"prelu": func(c *call) { c.give(c.PReLU(c.x(), c.need("weight"))) }, "_prelu_kernel": func(c *call) { c.give(c.PReLU(c.x(), c.need("weight"))) },
		"pow": (*call).pow, "rsqrt": func(c *call) { c.give(c.Rsqrt(c.floatX(), 0)) }, "reciprocal": func(c *call) { c.give(c.Inverse(c.x())) },
		"neg": func(c *call) { c.give(c.Mul(c.x(), c.Int(-1))) }, "log": func(c *call) { c.give(c.Log(c.floatX())) },
		"mean": (*call).mean, "sum": reduceBy("sum"), "amax": reduceBy("max"), "amin": reduceBy("min"), "max": (*call).extreme, "min": (*call).extreme,
		"prod": reduceBy("prod"), "var": (*call).variance, "std": (*call).variance, "var_mean": (*call).variance, "linalg_vector_norm": (*call).norm, "norm": (*call).norm,
		"argmax": (*call).argmax, "argmin": (*call).argmax, "cumsum": func(c *call) { c.give(c.CumSum(c.x(), c.int("dim", 0), false, false)) },
		"div": (*call).div, "true_divide": (*call).div, "floor_divide": func(c *call) { c.give(c.Binary("floor_div", c.x(), c.other())) },
		"add": func(c *call) { c.give(c.Add(c.x(), c.scaled())) }, "sub": func(c *call) { c.give(c.Binary("sub", c.x(), c.scaled())) },
		"rsub": func(c *call) { c.give(c.Binary("sub", c.other(), c.x())) }, "remainder": func(c *call) { c.give(c.Binary("mod", c.x(), c.other())) },
		"bitwise_and": logical("logical_and"), "bitwise_or": logical("logical_or"), "bitwise_not": func(c *call) { c.give(c.Unary("logical_not", c.x())) },
		"logical_not": func(c *call) { c.give(c.Unary("logical_not", c.Cast(c.x(), mil.Bool))) },
		"addcmul": func(c *call) {
			c.give(c.Add(c.x(), c.Mul(c.Mul(c.need("tensor1"), c.need("tensor2")), c.Scalar(c.float("value", 1)))))
		},
		"lerp":     func(c *call) { c.give(c.Add(c.x(), c.Mul(c.Binary("sub", c.need("end"), c.x()), c.need("weight")))) },
		"_to_copy": func(c *call) { c.give(c.Cast(c.x(), c.kind(c.x().Kind))) }, "to": func(c *call) { c.give(c.Cast(c.x(), c.kind(c.x().Kind))) },
		"type_as": func(c *call) { c.give(c.Cast(c.x(), c.other().Kind)) }, "trunc": func(c *call) { c.give(c.Mul(c.Unary("sign", c.x()), c.Unary("floor", c.Unary("abs", c.x())))) },
		"logit":                              func(c *call) { c.give(c.Log(c.Binary("real_div", c.x(), c.Binary("sub", c.Scalar(1), c.x())))) },
		"_operator.getitem":                  func(c *call) { c.give(c.x()) },
		"convert_element_type":               func(c *call) { c.give(c.Cast(c.x(), c.kind(c.x().Kind))) },
		"prims.convert_element_type.default": func(c *call) { c.give(c.Cast(c.x(), c.kind(c.x().Kind))) },
	}
	for _, n := range []string{
		"clone", "contiguous", "detach", "detach_", "alias", "lift_fresh_copy", "dropout", "native_dropout", "copy", "_conj", "view_as_real_copy", "alias_copy", "feature_dropout", "dropout_",
	} {
		t[n] = func(c *call) { c.give(c.x()) }
	}
	for _, n := range []string{
		"relu", "sigmoid", "tanh", "sqrt", "exp", "abs", "erf", "sin", "cos", "tan", "floor", "ceil", "round", "sign", "silu", "softsign", "sinh", "cosh", "asin", "acos", "atan", "atanh", "square", "exp2",
	} {
		t[n] = func(c *call) { c.give(c.Unary(n, c.x())) }
		t[n+"_"] = t[n]
	}
	for aten, op := range map[string]string{
		"mul": "mul", "maximum": "maximum", "minimum": "minimum", "eq": "equal", "ne": "not_equal", "gt": "greater", "lt": "less", "ge": "greater_equal",
		"le": "less_equal", "logical_and": "logical_and", "logical_or": "logical_or", "logical_xor": "logical_xor",
	} {
		t[aten] = func(c *call) { c.give(c.Binary(op, c.x(), c.other())) }
	}
	for _, n := range []string{"add", "mul", "sub", "div", "clamp", "leaky_relu", "hardtanh", "hardswish", "elu", "masked_fill"} {
		t[n+"_"] = t[n]
	}
	maps.Copy(t, more())
	return t
}

func (c *call) other() *mil.Value {
	if len(c.order) < 2 {
		mil.Fail("it has one argument")
	}
	return c.of(c.order[1])
}

// scaled is the second argument times alpha.
func (c *call) scaled() *mil.Value {
	y := c.other()
	if a := c.float("alpha", 1); a != 1 {
		y = c.Mul(y, c.Scalar(a))
	}
	return y
}

func (c *call) floatX() *mil.Value { return c.Cast(c.x(), mil.Float) }

func logical(op string) func(*call) {
	return func(c *call) {
		if c.x().Kind != mil.Bool {
			mil.Fail("whole numbers bit by bit are not supported")
		}
		c.give(c.Binary(op, c.x(), c.other()))
	}
}

func (c *call) div() {
	x, y := c.x(), c.other()
	switch c.text("rounding_mode", "") {
	case "floor":
		c.give(c.Binary("floor_div", x, y))
	case "trunc":
		q := c.Binary("real_div", x, y)
		r := c.Mul(c.Unary("sign", q), c.Unary("floor", c.Unary("abs", q)))
		if x.Kind == mil.Int && y.Kind == mil.Int {
			r = c.Cast(r, mil.Int)
		}
		c.give(r)
	default:
		c.give(c.Binary("real_div", x, y))
	}
}

func (c *call) pow() {
	x, y := c.x(), c.other()
	if c.Folds(y) && y.Len() == 1 && y.Rank() == 0 && x.Kind == mil.Float {
		switch c.Known(y)[0] {
		case 2:
			c.give(c.Unary("square", x))
			return
		case 0.5:
			c.give(c.Unary("sqrt", x))
			return
		case -0.5:
			c.give(c.Rsqrt(x, 0))
			return
		}
	}
	kind := mil.Float
	if x.Kind == mil.Int && y.Kind == mil.Int {
		kind = mil.Int
	}
	c.give(c.Cast(c.Binary("pow", c.Cast(x, mil.Float), c.Cast(y, mil.Float)), kind))
}

func (c *call) clamp() {
	x := c.x()
	for name, op := range map[string]string{"min": "maximum", "max": "minimum"} { // bounds that are tensors
		if a := c.args[name]; a.Tensor != nil {
			c.give(c.Binary(op, x, c.of(a)))
			return
		}
	}
	c.give(c.Clip(x, c.float("min", math.Inf(-1)), c.float("max", math.Inf(1))))
}

func (c *call) hardtanh() { c.give(c.Clip(c.x(), c.float("min_val", -1), c.float("max_val", 1))) }

func (c *call) elu() {
	if c.float("input_scale", 1) != 1 {
		mil.Fail("a scale of the input")
	}
	y := c.ELU(c.x(), c.float("alpha", 1))
	if s := c.float("scale", 1); s != 1 {
		y = c.Mul(y, c.Scalar(s))
	}
	c.give(y)
}

func (c *call) softplus() {
	x, beta := c.x(), c.float("beta", 1)
	if beta == 1 {
		c.give(c.Unary("softplus", x))
		return
	}
	c.give(c.Mul(c.Unary("softplus", c.Mul(x, c.Scalar(beta))), c.Scalar(1/beta)))
}

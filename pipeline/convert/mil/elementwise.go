package mil

import (
	"math"
	"slices"
)

// unary are the operations on one array, with what they do to a constant's element.
var unary = map[string]func(float64) float64{
	"abs": math.Abs, "ceil": math.Ceil, "floor": math.Floor, "sqrt": math.Sqrt, "exp": math.Exp, "sin": math.Sin, "cos": math.Cos, "tan": math.Tan,
	"tanh": math.Tanh, "erf": math.Erf, "round": math.RoundToEven, "sinh": math.Sinh, "cosh": math.Cosh, "asin": math.Asin, "acos": math.Acos,
	"atan": math.Atan, "atanh": math.Atanh, "exp2": math.Exp2,
	"identity": func(x float64) float64 { return x },
	"relu":     func(x float64) float64 { return max(x, 0) },
	"sigmoid":  func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	"silu":     func(x float64) float64 { return x / (1 + math.Exp(-x)) },
	"square":   func(x float64) float64 { return x * x },
	"softplus": func(x float64) float64 { return math.Log1p(math.Exp(x)) },
	"softsign": func(x float64) float64 { return x / (1 + math.Abs(x)) },
	"sign": func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x
	},
	"logical_not": func(x float64) float64 { return flag(x == 0) },
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Unary applies an operation of one argument to each element.
func (b *Builder) Unary(op string, x *Value) *Value {
	f := unary[op]
	if f == nil {
		Fail("there is no operation %q of one argument", op)
	}
	if b.Folds(x) {
		return b.apply(x, f)
	}
	if x.Kind == Int && !slices.Contains([]string{"abs", "sign", "square", "identity"}, op) {
		if op == "ceil" || op == "floor" || op == "round" {
			return x
		}
		x = b.Cast(x, Float)
	}
	return b.add(op, x.Kind, x.Shape, in("x", x))
}

func (b *Builder) apply(x *Value, f func(float64) float64) *Value {
	a := load(x)
	out := &array{a.kind, a.shape, make([]float64, len(a.data))}
	for i, v := range a.data {
		out.data[i] = f(v)
	}
	return constant(out)
}

// pairwise are the operations on two arrays; the first give the kind of their arguments, those of comparisons truth.
var pairwise = map[string]func(x, y float64) float64{
	"add": func(x, y float64) float64 { return x + y }, "sub": func(x, y float64) float64 { return x - y },
	"mul": func(x, y float64) float64 { return x * y }, "real_div": func(x, y float64) float64 { return x / y },
	"maximum": math.Max, "minimum": math.Min, "pow": math.Pow,
	"floor_div": func(x, y float64) float64 { return math.Floor(x / y) },
	"mod":       func(x, y float64) float64 { return x - y*math.Floor(x/y) },
	"equal":     func(x, y float64) float64 { return flag(x == y) }, "not_equal": func(x, y float64) float64 { return flag(x != y) },
	"greater": func(x, y float64) float64 { return flag(x > y) }, "less": func(x, y float64) float64 { return flag(x < y) },
	"greater_equal": func(x, y float64) float64 { return flag(x >= y) }, "less_equal": func(x, y float64) float64 { return flag(x <= y) },
	"logical_and": func(x, y float64) float64 { return flag(x != 0 && y != 0) }, "logical_or": func(x, y float64) float64 { return flag(x != 0 || y != 0) },
	"logical_xor": func(x, y float64) float64 { return flag((x != 0) != (y != 0)) },
}

var comparisons = []string{"equal", "not_equal", "greater", "less", "greater_equal", "less_equal", "logical_and", "logical_or", "logical_xor"}

// Binary applies an operation to pairs of elements; shapes are broadcast, and an integer beside a float becomes one.
func (b *Builder) Binary(op string, x, y *Value) *Value {
	f := pairwise[op]
	if f == nil {
		Fail("there is no operation %q of two arguments", op)
	}
	x, y = b.alike(op, x, y)
	shape, kind := Broadcast(x.Shape, y.Shape), x.Kind
	compares := slices.Contains(comparisons, op)
	if compares {
		kind = Bool
	}
	if b.folds(x, y) && product(shape) <= maxFold {
		xs, ys := load(x).broadcast(shape), load(y).broadcast(shape)
		out := &array{kind, shape, make([]float64, len(xs.data))}
		for i := range out.data {
			out.data[i] = f(xs.data[i], ys.data[i])
			if kind == Int {
				out.data[i] = math.Trunc(out.data[i])
			}
		}
		return constant(out)
	}
	if r := b.neutral(op, x, y, shape); r != nil {
		return r
	}
	return b.add(op, kind, shape, in("x", x), in("y", y))
}

// alike gives both arguments one kind.
func (b *Builder) alike(op string, x, y *Value) (*Value, *Value) {
	logical := op == "logical_and" || op == "logical_or" || op == "logical_xor"
	kind := x.Kind
	switch {
	case logical:
		kind = Bool
	case x.Kind == Float || y.Kind == Float || op == "real_div":
		kind = Float
	case x.Kind == Int || y.Kind == Int || (op != "equal" && op != "not_equal"):
		kind = Int
	}
	return b.Cast(x, kind), b.Cast(y, kind)
}

// neutral leaves out operations that change nothing, such as a product with 1.
func (b *Builder) neutral(op string, x, y *Value, shape []int) *Value {
	is := func(v *Value, n float64) bool {
		return v.IsConst() && v.Len() == 1 && load(v).data[0] == n
	}
	switch {
	case (op == "add" || op == "sub") && is(y, 0), (op == "mul" || op == "real_div" || op == "pow") && is(y, 1):
		if slices.Equal(x.Shape, shape) {
			return x
		}
	case op == "add" && is(x, 0), op == "mul" && is(x, 1):
		if slices.Equal(y.Shape, shape) {
			return y
		}
	}
	return nil
}

// Add is Binary's add.
func (b *Builder) Add(x, y *Value) *Value { return b.Binary("add", x, y) }

// Mul is Binary's mul.
func (b *Builder) Mul(x, y *Value) *Value { return b.Binary("mul", x, y) }

// Cast makes a value one of another kind; floats are cut towards zero.
func (b *Builder) Cast(x *Value, k Kind) *Value {
	if x.Kind == k {
		return x
	}
	if b.Folds(x) {
		a := load(x)
		out := &array{k, a.shape, make([]float64, len(a.data))}
		for i, v := range a.data {
			switch k {
			case Int:
				v = math.Trunc(min(max(v, math.MinInt32), math.MaxInt32))
			case Bool:
				v = flag(v != 0)
			}
			out.data[i] = v
		}
		return constant(out)
	}
	to := map[Kind]string{Float: "fp32", Int: "int32", Bool: "bool"}[k]
	return b.add("cast", k, x.Shape, in("x", x), in("dtype", text(to)))
}

// Where takes elements of x where cond holds, and of y elsewhere.
func (b *Builder) Where(cond, x, y *Value) *Value {
	cond = b.Cast(cond, Bool)
	x, y = b.alike("select", x, y)
	shape := Broadcast(Broadcast(cond.Shape, x.Shape), y.Shape)
	if b.folds(cond, x, y) && product(shape) <= maxFold {
		c, xs, ys := load(cond).broadcast(shape), load(x).broadcast(shape), load(y).broadcast(shape)
		out := &array{x.Kind, shape, make([]float64, len(c.data))}
		for i := range out.data {
			out.data[i] = ys.data[i]
			if c.data[i] != 0 {
				out.data[i] = xs.data[i]
			}
		}
		return constant(out)
	}
	kind := x.Kind
	if kind == Bool {
		x, y = b.Cast(x, Int), b.Cast(y, Int)
	}
	// select broadcasts scalars alone in older versions: all get the full shape
	cond, x, y = b.Expand(cond, shape), b.Expand(x, shape), b.Expand(y, shape)
	return b.Cast(b.add("select", x.Kind, shape, in("cond", cond), in("a", x), in("b", y)), kind)
}

// Clip bounds each element; infinities bound nothing.
func (b *Builder) Clip(x *Value, lo, hi float64) *Value {
	if b.Folds(x) {
		return b.apply(x, func(v float64) float64 { return min(max(v, lo), hi) })
	}
	kind := x.Kind
	switch {
	case math.IsInf(lo, -1) && math.IsInf(hi, 1):
		return x
	case lo == 0 && (math.IsInf(hi, 1) || hi > 1e30) && kind == Float:
		return b.Unary("relu", x)
	case math.IsInf(hi, 1) && kind == Float:
		return b.Binary("maximum", x, b.Scalar(lo))
	case math.IsInf(lo, -1) && kind == Float:
		return b.Binary("minimum", x, b.Scalar(hi))
	}
	return b.Cast(b.add("clip", Float, x.Shape, in("x", b.Cast(x, Float)), in("alpha", b.Scalar(lo)), in("beta", b.Scalar(hi))), kind)
}

// LeakyReLU is x above 0 and slope times x below.
func (b *Builder) LeakyReLU(x *Value, slope float64) *Value {
	return b.add("leaky_relu", Float, x.Shape, in("x", x), in("alpha", b.Scalar(slope)))
}

// ELU is x above 0 and alpha (exp(x) - 1) below.
func (b *Builder) ELU(x *Value, alpha float64) *Value {
	return b.add("elu", Float, x.Shape, in("x", x), in("alpha", b.Scalar(alpha)))
}

// PReLU is a leaky ReLU with a slope for each channel of x (N,C,...).
func (b *Builder) PReLU(x, slope *Value) *Value {
	if n := slope.Len(); x.Rank() >= 3 && (n == 1 || n == x.Shape[1]) && b.Folds(slope) {
		s := load(slope)
		all := make([]float64, x.Shape[1])
		for i := range all {
			all[i] = s.data[i%n]
		}
		return b.add("prelu", Float, x.Shape, in("x", x), in("alpha", b.Floats([]int{len(all)}, all...)))
	}
	return b.Add(b.Unary("relu", x), b.Mul(slope, b.Binary("minimum", x, b.Scalar(0))))
}

// GELU is Gaussian error linear unit: exact by erf, or its approximation by tanh.
func (b *Builder) GELU(x *Value, approximate bool) *Value {
	mode := "EXACT"
	if approximate {
		mode = "TANH_APPROXIMATION"
	}
	return b.add("gelu", Float, x.Shape, in("x", x), in("mode", text(mode)))
}

// HardSigmoid is alpha x + beta, within 0 and 1.
func (b *Builder) HardSigmoid(x *Value, alpha, beta float64) *Value {
	return b.Clip(b.Add(b.Mul(x, b.Scalar(alpha)), b.Scalar(beta)), 0, 1)
}

// Rsqrt is 1/sqrt(x + epsilon).
func (b *Builder) Rsqrt(x *Value, epsilon float64) *Value {
	if b.Folds(x) {
		return b.apply(x, func(v float64) float64 { return 1 / math.Sqrt(v+epsilon) })
	}
	if epsilon == 0 {
		return b.Binary("real_div", b.Scalar(1), b.Unary("sqrt", x))
	}
	return b.add("rsqrt", Float, x.Shape, in("x", x), in("epsilon", b.Scalar(epsilon)))
}

// Inverse is 1/x.
func (b *Builder) Inverse(x *Value) *Value { return b.Binary("real_div", b.Scalar(1), x) }

// Log is the natural logarithm.
func (b *Builder) Log(x *Value) *Value {
	if b.Folds(x) {
		return b.apply(x, math.Log)
	}
	return b.add("log", Float, x.Shape, in("x", x), in("epsilon", b.Scalar(0)))
}

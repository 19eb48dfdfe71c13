package mil

import (
	"math"
	"slices"

	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// maxFold is the largest number of elements that is computed here rather than in the program.
const maxFold = 1 << 22

// array is a constant's elements. Integers to 32 bits and float32 are exact as float64.
type array struct {
	kind  Kind
	shape []int
	data  []float64
}

// load reads a constant's elements.
func load(v *Value) *array {
	if v.host != nil {
		return v.host
	}
	if v.tensor == nil || v.Len() > maxFold {
		Fail("a value must be a constant of at most %d elements here", maxFold)
	}
	a := &array{v.Kind, v.Shape, make([]float64, v.Len())}
	if v.Kind == Float {
		f, err := v.tensor.Floats()
		Check(err)
		for i, x := range f {
			a.data[i] = float64(x)
		}
	} else {
		raw, err := v.tensor.Bytes()
		Check(err)
		for i := range a.data {
			a.data[i] = float64(min(max(v.tensor.DType.Int(raw, i), math.MinInt32), math.MaxInt32))
		}
	}
	v.host = a
	return a
}

// tensorOf is a constant as a tensor to be written.
func tensorOf(v *Value) *source.Tensor {
	if v.tensor != nil {
		return v.tensor
	}
	a := v.host
	switch a.kind {
	case Float:
		f := make([]float32, len(a.data))
		for i, x := range a.data {
			f[i] = float32(x)
		}
		return source.Floats("", a.shape, f)
	case Bool:
		t := make([]bool, len(a.data))
		for i, x := range a.data {
			t[i] = x != 0
		}
		return source.Bools("", a.shape, t)
	}
	n := make([]int64, len(a.data))
	for i, x := range a.data {
		n[i] = int64(x)
	}
	return source.Ints("", a.shape, n)
}

// strides are the distances of an array's neighbours along each axis.
func strides(shape []int) []int {
	out, n := make([]int, len(shape)), 1
	for i, d := range slices.Backward(shape) {
		out[i] = n
		n *= d
	}
	return out
}

// visit calls f with the places of all elements of an array of that shape whose neighbours lie step apart along each axis.
func visit(shape, step []int, start int, f func(at int)) {
	if product(shape) == 0 {
		return
	}
	at, pos := make([]int, len(shape)), start
	for {
		f(pos)
		i := len(shape) - 1
		for ; i >= 0; i-- {
			pos += step[i]
			if at[i]++; at[i] < shape[i] {
				break
			}
			pos -= at[i] * step[i]
			at[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

// pick makes an array of the elements that visit goes to.
func (a *array) pick(shape, step []int, start int) *array {
	out := &array{a.kind, slices.Clone(shape), make([]float64, 0, product(shape))}
	visit(shape, step, start, func(at int) { out.data = append(out.data, a.data[at]) })
	return out
}

// broadcast repeats an array to a shape.
func (a *array) broadcast(shape []int) *array {
	if slices.Equal(a.shape, shape) {
		return a
	}
	own, step := strides(a.shape), make([]int, len(shape))
	for i := range a.shape {
		if k := len(shape) - len(a.shape) + i; a.shape[i] != 1 {
			step[k] = own[i]
		}
	}
	return a.pick(shape, step, 0)
}

// Broadcast is the shape of an operation's result on arrays of two shapes, by NumPy's rules.
func Broadcast(x, y []int) []int {
	out := make([]int, max(len(x), len(y)))
	for i := range out {
		a, b := 1, 1
		if k := i - (len(out) - len(x)); k >= 0 {
			a = x[k]
		}
		if k := i - (len(out) - len(y)); k >= 0 {
			b = y[k]
		}
		switch {
		case a == b, b == 1:
			out[i] = a
		case a == 1:
			out[i] = b
		default:
			Fail("the shapes %v and %v do not go together", x, y)
		}
	}
	return out
}

// Axis counts an axis of that rank from the front.
func Axis(axis, rank int) int {
	at := axis
	if at < 0 {
		at += rank
	}
	if at < 0 || at >= rank {
		Fail("there is no axis %d of %d", axis, rank)
	}
	return at
}

// Axes counts axes from the front, and sorts them.
func Axes(axes []int, rank int) []int {
	out := make([]int, len(axes))
	for i, a := range axes {
		out[i] = Axis(a, rank)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

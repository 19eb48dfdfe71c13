package mil

import "math"

// MaxSpan bounds lengths that a program states itself, such as a range's or a resized picture's side.
const MaxSpan = 1 << 22

// Range returns from, from+step, ... up to and without to.
func Range(from, to, step float64) []float64 {
	n := math.Ceil((to - from) / step)
	if step == 0 || n > MaxSpan {
		Fail("a range of %v to %v by %v", from, to, step)
	}
	v := make([]float64, max(0, int(n)))
	for i := range v {
		v[i] = from + float64(i)*step
	}
	return v
}

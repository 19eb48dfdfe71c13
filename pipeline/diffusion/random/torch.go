package random

import "math"

// Torch is torch.randn on an x86 CPU with AVX2, in float32. Fewer than 16 numbers are drawn one by one in float64; more in blocks of 16, by
// Box-Muller with the polynomials of Cephes (aten/src/ATen/native/cpu/DistributionTemplates.h and avx_mathfun.h).
type Torch struct {
	engine *mt
	kept   float64
	has    bool
}

const block = 16

// Normal draws n numbers.
func (s *Torch) Normal(n int) []float32 {
	out := make([]float32, n)
	if n < block {
		for i := range out {
			out[i] = float32(s.one())
		}
		return out
	}
	for i := range out {
		out[i] = s.uniform()
	}
	for i := 0; i+block <= n; i += block {
		boxMuller(out[i : i+block])
	}
	if n%block != 0 { // the last block is drawn again, as a whole
		last := out[n-block:]
		for i := range last {
			last[i] = s.uniform()
		}
		boxMuller(last)
	}
	return out
}

// one draws in float64, and keeps the second number of a pair for the next call.
func (s *Torch) one() float64 {
	if s.has {
		s.has = false
		return s.kept
	}
	u1, u2 := s.double(), s.double()
	r := math.Sqrt(-2 * math.Log1p(-u2))
	theta := 2 * math.Pi * u1
	s.kept, s.has = r*math.Sin(theta), true
	return r * math.Cos(theta)
}

func (s *Torch) double() float64 {
	hi := uint64(s.engine.uint32())
	return float64((hi<<32|uint64(s.engine.uint32()))&(1<<53-1)) / (1 << 53)
}

func (s *Torch) uniform() float32 { return float32(s.engine.uint32()&(1<<24-1)) / (1 << 24) }

func boxMuller(b []float32) {
	for j := range block / 2 {
		radius := float32(math.Sqrt(float64(-2 * log(1-b[j]))))
		sin, cos := sincos(float32(2*math.Pi) * b[j+block/2])
		b[j], b[j+block/2] = radius*cos, radius*sin
	}
}

// fma is x*y+z rounded once to float32: the sum in float64 is rounded to odd, so that the second rounding does no harm.
func fma(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	t := s - p
	if e := (p - (s - t)) + (c - t); e != 0 {
		if b := math.Float64bits(s); b&1 == 0 {
			if (e > 0) == (s > 0) {
				b++
			} else {
				b--
			}
			s = math.Float64frombits(b)
		}
	}
	return float32(s)
}

// log is log256_ps, whose products and sums the compiler fuses.
func log(x float32) float32 {
	bits := math.Float32bits(max(x, math.Float32frombits(0x00800000)))
	e := float32(int(bits>>23)-0x7f) + 1
	x = math.Float32frombits(bits&^0x7f800000 | 0x3f000000)
	if x < 0.707106781186547524 {
		e--
		x = x - 1 + x
	} else {
		x--
	}
	z := x * x
	y := float32(7.0376836292e-2)
	for _, p := range [...]float32{
		-1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
	} {
		y = fma(y, x, p)
	}
	y *= x
	y = fma(y, z, float32(e*-2.12194440e-4))
	y = fma(-z, 0.5, y)
	return fma(e, 0.693359375, x+y)
}

// sincos is sincos256_ps for x of 0 and more.
func sincos(x float32) (sin, cos float32) {
	j := (int32(x*float32(1.27323954473516)) + 1) &^ 1
	y := float32(j)
	x = fma(y, -0.78515625, x)
	x = fma(y, -2.4187564849853515625e-4, x)
	x = fma(y, -3.77489497744594108e-8, x)
	z := x * x
	c := float32(2.443315711809948e-5)
	c = fma(c, z, -1.388731625493765e-3)
	c = fma(c, z, 4.166664568298827e-2)
	c *= z
	c = fma(c, z, -float32(z*0.5)) + 1
	s := float32(-1.9515295891e-4)
	s = fma(s, z, 8.3321608736e-3)
	s = fma(s, z, -1.6666654611e-1)
	s *= z
	s = fma(s, x, x)
	if j&2 != 0 {
		s, c = c, s
	}
	if j&4 != 0 {
		s = -s
	}
	if (j-2)&4 == 0 {
		c = -c
	}
	return s, c
}

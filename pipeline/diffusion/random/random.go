// Package random draws the normal random numbers of other programs, number for number: NumPy's RandomState, PyTorch's on CPUs and PyTorch's on
// NVIDIA's. It imports no engine.
package random

import (
	"fmt"
	"math"
)

// Source draws numbers of mean 0 and variance 1. Its order of drawing is its program's: a tensor is drawn by one call.
type Source interface {
	Normal(n int) []float32
}

// Names are the programs' names.
var Names = []string{"torch", "numpy", "nvidia"}

// New seeds the generator of a program: torch (also empty), numpy or nvidia. NumPy takes seeds to 2^32-1.
func New(name string, seed uint64) (Source, error) {
	switch name {
	case "torch", "":
		return &Torch{engine: newMT(uint32(seed))}, nil
	case "numpy":
		if seed > math.MaxUint32 {
			return nil, fmt.Errorf("seed is %d: numpy takes 0 to %d", seed, uint32(math.MaxUint32))
		}
		return &NumPy{engine: newMT(uint32(seed))}, nil
	case "nvidia":
		return &NVIDIA{seed: seed}, nil
	}
	return nil, fmt.Errorf("rng is %q: it is torch, numpy or nvidia", name)
}

// mt is the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998).
type mt struct {
	state [624]uint32
	next  int
}

func newMT(seed uint32) *mt {
	m := &mt{next: 624}
	m.state[0] = seed
	for i := 1; i < 624; i++ {
		m.state[i] = 1812433253*(m.state[i-1]^m.state[i-1]>>30) + uint32(i)
	}
	return m
}

func (m *mt) uint32() uint32 {
	if m.next == 624 {
		for i := range 624 {
			y := m.state[i]&0x80000000 | m.state[(i+1)%624]&0x7fffffff
			v := m.state[(i+397)%624] ^ y>>1
			if y&1 != 0 {
				v ^= 0x9908b0df
			}
			m.state[i] = v
		}
		m.next = 0
	}
	y := m.state[m.next]
	m.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// NumPy is numpy.random.RandomState(seed).standard_normal, in float32: Marsaglia's polar method, of which each pair's second number is kept.
type NumPy struct {
	engine *mt
	kept   float64
	has    bool
}

// Normal draws n numbers.
func (s *NumPy) Normal(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(s.one())
	}
	return out
}

func (s *NumPy) uniform() float64 {
	a, b := s.engine.uint32()>>5, s.engine.uint32()>>6
	return (float64(a)*67108864 + float64(b)) / 9007199254740992
}

func (s *NumPy) one() float64 {
	if s.has {
		s.has = false
		return s.kept
	}
	for {
		x, y := 2*s.uniform()-1, 2*s.uniform()-1
		r := float64(x*x) + float64(y*y) // not fused, on any processor
		if r >= 1 || r == 0 {
			continue
		}
		f := math.Sqrt(-2 * math.Log(r) / r)
		s.kept, s.has = f*x, true
		return f * y
	}
}

// NVIDIA is torch.randn on a CUDA device: Philox 4x32-10 (Salmon et al., 2011), one counter for each number, and Box-Muller. It holds for tensors of
// no more numbers than the device runs threads of one call, as latents are.
type NVIDIA struct {
	seed   uint64
	offset uint32
}

// Normal draws n numbers.
func (s *NVIDIA) Normal(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		c := philox([4]uint32{s.offset, 0, uint32(i), uint32(uint64(i) >> 32)}, [2]uint32{uint32(s.seed), uint32(s.seed >> 32)})
		out[i] = cudaNormal(c[0], c[1])
	}
	s.offset++
	return out
}

func philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		a, b := uint64(c[0])*0xD2511F53, uint64(c[2])*0xCD9E8D57
		c = [4]uint32{uint32(b>>32) ^ c[1] ^ k[0], uint32(b), uint32(a>>32) ^ c[3] ^ k[1], uint32(a)}
		k[0] += 0x9E3779B9
		k[1] += 0xBB67AE85
	}
	return c
}

// cudaNormal is curand's Box-Muller, its sine.
func cudaNormal(x, y uint32) float32 {
	const unit = float32(2.3283064e-10) // 2^-32
	const turn = float32(2.3283064e-10 * 6.2831855)
	u := fma(float32(x), unit, unit/2)
	v := fma(float32(y), turn, turn/2)
	s := float32(math.Sqrt(float64(float32(-2 * float32(math.Log(float64(u)))))))
	return s * float32(math.Sin(float64(v)))
}

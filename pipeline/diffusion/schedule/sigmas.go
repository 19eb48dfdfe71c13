package schedule

import (
	"math"
	"slices"
)

// noises are the sigmas of all times of training.
func (s *Schedule) noises() []float64 {
	if s.config.ZeroSNR {
		s.alphas[len(s.alphas)-1] = 1.0 / (1 << 24) // nearly 0, so that no sigma is infinite
	}
	out := make([]float64, len(s.alphas))
	for i, a := range s.alphas {
		out[i] = float64(float32(math.Sqrt((1 - a) / a)))
	}
	return out
}

// interpolate reads a table between its places, as NumPy's interp.
func interpolate(table []float64, at float64) float64 {
	at = min(max(at, 0), float64(len(table)-1))
	i := min(int(at), len(table)-2)
	return table[i] + (at-float64(i))*(table[i+1]-table[i])
}

// karras spaces n sigmas (Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", equation 5).
func (c Config) karras(low, high float64, n int) []float64 {
	if c.SigmaMin != nil {
		low = *c.SigmaMin
	}
	if c.SigmaMax != nil {
		high = *c.SigmaMax
	}
	const rho = 7.0
	a, b := math.Pow(low, 1/rho), math.Pow(high, 1/rho)
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Pow(b+linspace(0, 1, n, i)*(a-b), rho)
	}
	return out
}

// timeOf is the time of a sigma, between those of training.
func timeOf(sigma float64, table []float64) float64 {
	l := math.Log(max(sigma, 1e-10))
	low := 0
	for i, v := range table {
		if l-math.Log(v) >= 0 {
			low = i
		}
	}
	low = min(low, len(table)-2)
	a, b := math.Log(table[low]), math.Log(table[low+1])
	w := min(max((a-l)/(a-b), 0), 1)
	return (1-w)*float64(low) + w*float64(low+1)
}

// finish adds the last sigma.
func (s *Schedule) finish(sigmas []float64, last float64) {
	if s.config.FinalSigmas == "zero" {
		last = 0
	}
	s.sigmas = append(sigmas, last)
	for i, v := range s.sigmas {
		s.sigmas[i] = float64(float32(v))
	}
	if len(s.Timesteps) > 1 { // a time that is there twice is entered at its second place
		if s.Timesteps[0] == s.Timesteps[1] {
			s.index = 1
		}
	}
}

func (s *Schedule) euler() {
	table := s.noises()
	n, train := s.steps, s.config.Train
	switch s.config.Spacing {
	case "linspace":
		for i := range n {
			s.Timesteps = append(s.Timesteps, float64(float32(linspace(0, float64(train-1), n, n-1-i))))
		}
	default:
		s.Timesteps = s.spaced()
	}
	var sigmas []float64
	for _, t := range s.Timesteps {
		sigmas = append(sigmas, interpolate(table, t))
	}
	ancestral := s.name == "euler-ancestral"
	if s.config.Karras && !ancestral {
		sigmas = s.config.karras(sigmas[len(sigmas)-1], sigmas[0], n)
		s.Timesteps = s.Timesteps[:0]
		for _, v := range sigmas {
			s.Timesteps = append(s.Timesteps, float64(float32(timeOf(v, table))))
		}
	}
	last := table[0]
	if ancestral {
		last = 0
	}
	s.finish(sigmas, last)
	s.index = 0
	s.InitNoise = slices.Max(s.sigmas)
	if s.config.Spacing == "leading" {
		s.InitNoise = math.Sqrt(s.InitNoise*s.InitNoise + 1)
	}
	s.solve = func(out, x []float64) []float64 {
		now, next := s.sigmas[s.index], s.sigmas[s.index+1]
		first := s.original(out, x)
		down, up := next, 0.0
		if ancestral {
			up = math.Sqrt(next * next * (now*now - next*next) / (now * now))
			down = math.Sqrt(max(next*next-up*up, 0))
		}
		slope := (down - now) / now
		y := combine(1+slope, x, -slope, first)
		if ancestral { // the last step's numbers are drawn too
			y = combine(1, y, up, s.draw())
		}
		return y
	}
}

// multi makes the times and sigmas of the multistep solvers, which leave out the time 0.
func (s *Schedule) multi() {
	table := s.noises()
	n, train := s.steps, s.config.Train
	var times []float64
	switch s.config.Spacing {
	case "linspace":
		for i := range n {
			times = append(times, math.RoundToEven(linspace(0, float64(train-1), n+1, n-i)))
		}
	case "leading":
		for i := range n {
			times = append(times, float64((n-i)*(train/(n+1))+s.config.Offset))
		}
	case "trailing":
		times = s.spaced()
	}
	var sigmas []float64
	for _, t := range times {
		sigmas = append(sigmas, interpolate(table, t))
	}
	last := table[0]
	if s.config.Karras {
		sigmas = s.config.karras(table[0], table[len(table)-1], n)
		times = times[:0]
		for _, v := range sigmas {
			times = append(times, math.RoundToEven(timeOf(v, table)))
		}
		if s.name == "unipc" {
			last = sigmas[n-1]
		}
	}
	s.Timesteps = times
	s.finish(sigmas, last)
}

// dpm is DPM-Solver++ (Lu et al., 2022), multistep.
func (s *Schedule) dpm() {
	s.multi()
	s.solve = func(out, x []float64) []float64 {
		n := len(s.Timesteps)
		s.remember(s.original(out, x), s.config.Order)
		final := s.index == n-1 && (s.config.EulerFinal || *s.config.LowerFinal && n < 15 || s.config.FinalSigmas == "zero")
		second := s.index == n-2 && *s.config.LowerFinal && n < 15
		order := min(s.config.Order, s.lower+1)
		if final {
			order = 1
		} else if second {
			order = min(order, 2)
		}
		s.lower = min(s.lower+1, s.config.Order)
		return s.plusPlus(order, x)
	}
}

func (s *Schedule) plusPlus(order int, x []float64) []float64 {
	a, sigma := alphaSigma(s.sigmas[s.index+1])
	_, sigma0 := alphaSigma(s.sigmas[s.index])
	l, l0 := lambda(s.sigmas[s.index+1]), lambda(s.sigmas[s.index])
	h := l - l0
	e := math.Exp(-h) - 1
	k := len(s.ancient)
	m0 := s.ancient[k-1]
	y := combine(sigma/sigma0, x, -a*e, m0)
	if order == 1 {
		return y
	}
	h0 := l0 - lambda(s.sigmas[s.index-1])
	r0 := h0 / h
	d := combine(1/r0, m0, -1/r0, s.ancient[k-2])
	if order == 2 {
		if s.config.Solver == "heun" {
			return combine(1, y, a*(e/h+1), d)
		}
		return combine(1, y, -0.5*a*e, d)
	}
	r1 := (lambda(s.sigmas[s.index-1]) - lambda(s.sigmas[s.index-2])) / h
	d1 := combine(1/r1, s.ancient[k-2], -1/r1, s.ancient[k-3])
	diff := combine(1, d, -1, d1)
	first := combine(1, d, r0/(r0+r1), diff)
	return combine(1, combine(1, y, a*(e/h+1), first), -a*((e+h)/(h*h)-0.5), combine(1/(r0+r1), diff, 0, diff))
}

package schedule

import (
	"fmt"
	"math"
	"slices"
)

// leading, trailing and linspace are diffusers' three ways to space n steps, the largest first, for schedulers that count from 0.
func (s *Schedule) spaced() []float64 {
	n, train := s.steps, s.config.Train
	out := make([]float64, 0, n)
	switch s.config.Spacing {
	case "linspace":
		for i := range n {
			out = append(out, math.RoundToEven(linspace(0, float64(train-1), n, i)))
		}
		slices.Reverse(out)
	case "leading":
		ratio := train / n
		for i := range n {
			out = append(out, float64((n-1-i)*ratio+s.config.Offset))
		}
	case "trailing":
		for _, v := range arange(float64(train), float64(train)/float64(n)) {
			out = append(out, math.RoundToEven(v)-1)
		}
	}
	for i := range out { // an offset may lead beyond the last
		out[i] = min(max(out[i], 0), float64(train-1))
	}
	return out
}

// linspace is NumPy's, the number i of n.
func linspace(from, to float64, n, i int) float64 {
	if n == 1 {
		return from
	}
	if i == n-1 {
		return to
	}
	return float64(i)*((to-from)/float64(n-1)) + from
}

// arange is NumPy's, from a number down to above 0.
func arange(from, step float64) (out []float64) {
	delta := (from - step) - from
	for i := range int(math.Ceil(from / step)) {
		out = append(out, from+float64(i)*delta)
	}
	return out
}

// alpha is alphas_cumprod at a time, and what is beyond the first.
func (s *Schedule) alpha(t int) float64 {
	if t < 0 {
		return s.final
	}
	return s.alphas[min(t, len(s.alphas)-1)]
}

func (s *Schedule) ddim() {
	s.Timesteps = s.spaced()
	s.solve = func(out, x []float64) []float64 {
		t := int(s.Timesteps[s.index])
		now, before := s.alpha(t), s.alpha(t-s.config.Train/s.steps)
		a, b := math.Sqrt(now), math.Sqrt(1-now)
		first := s.original(out, x)
		epsilon := out
		if s.config.Prediction == "v_prediction" {
			epsilon = combine(a, out, b, x)
		}
		s.clip(first)
		return combine(math.Sqrt(before), first, math.Sqrt(1-before), epsilon)
	}
}

func (s *Schedule) clip(x []float64) {
	if !*s.config.Clip {
		return
	}
	for i, v := range x {
		x[i] = min(max(v, -s.config.ClipRange), s.config.ClipRange)
	}
}

// lcm is of latent consistency models (Luo et al., 2023).
func (s *Schedule) lcm() error {
	original := s.config.Original
	if s.steps > original {
		return fmt.Errorf("steps is %d: lcm takes up to %d", s.steps, original)
	}
	k := s.config.Train / original
	for i := range s.steps {
		at := int(math.Floor(float64(i) * (float64(original) / float64(s.steps))))
		s.Timesteps = append(s.Timesteps, float64((original-at)*k-1))
	}
	s.solve = func(out, x []float64) []float64 {
		t := s.Timesteps[s.index]
		first := s.original(out, x)
		s.clip(first)
		const data = 0.5
		scaled := t * s.config.Scaling
		skip, weight := data*data/(scaled*scaled+data*data), scaled/math.Sqrt(scaled*scaled+data*data)
		denoised := combine(weight, first, skip, x)
		if s.index == s.steps-1 {
			return denoised
		}
		before := s.alpha(int(s.Timesteps[s.index+1]))
		return combine(math.Sqrt(before), denoised, math.Sqrt(1-before), s.draw())
	}
	return nil
}

// pndm is of pseudo numerical methods (Liu et al., 2022): Runge-Kutta's first calls, unless the settings skip them, and then linear multistep.
func (s *Schedule) pndm() error {
	up := s.spaced()
	slices.Reverse(up)
	n := len(up)
	var times []float64
	if s.config.SkipPRK {
		times = slices.Clone(up[:n-1])
		if n > 1 {
			times = append(times, up[n-2])
		}
		times = append(times, up[n-1])
		slices.Reverse(times)
	} else {
		if n < 4 {
			return fmt.Errorf("steps is %d: pndm with these settings (skip_prk_steps is not set) takes 4 and more", n)
		}
		var pairs []float64
		for _, t := range up[n-4:] {
			pairs = append(pairs, t, t+float64(s.config.Train/s.steps/2))
		}
		var twice []float64
		for _, t := range pairs[:len(pairs)-1] {
			twice = append(twice, t, t)
		}
		twice = twice[1 : len(twice)-1]
		slices.Reverse(twice)
		s.prk = len(twice)
		rest := slices.Clone(up[:n-3])
		slices.Reverse(rest)
		times = slices.Concat(twice, rest)
	}
	s.Timesteps = times
	counter := 0
	s.solve = func(out, x []float64) []float64 {
		defer func() { counter++ }()
		if counter < s.prk {
			return s.rungeKutta(counter, out, x)
		}
		return s.multistep(counter, out, x)
	}
	return nil
}

func (s *Schedule) rungeKutta(counter int, out, x []float64) []float64 {
	t := int(s.Timesteps[s.index])
	before := t
	if counter%2 == 0 {
		before -= s.config.Train / s.steps / 2
	}
	t = int(s.Timesteps[counter/4*4])
	switch counter % 4 {
	case 0:
		s.sum = add(s.sum, 1.0/6, out)
		s.remember(out, 4)
		s.saved = x
	case 1, 2:
		s.sum = add(s.sum, 1.0/3, out)
	case 3:
		out, s.sum = add(s.sum, 1.0/6, out), nil
	}
	return s.transfer(s.saved, t, before, out)
}

// add is x + a y, where x may be nil for zeros.
func add(x []float64, a float64, y []float64) []float64 {
	if x == nil {
		x = make([]float64, len(y))
	}
	return combine(1, x, a, y)
}

func (s *Schedule) multistep(counter int, out, x []float64) []float64 {
	t := int(s.Timesteps[s.index])
	ratio := s.config.Train / s.steps
	before := t - ratio
	if counter != 1 {
		s.remember(out, 4)
	} else {
		before, t = t, t+ratio
	}
	e := s.ancient
	n := len(e)
	switch {
	case n == 1 && counter == 0:
		s.saved = x
	case n == 1 && counter == 1:
		out, x = combine(0.5, out, 0.5, e[0]), s.saved
	case n == 2:
		out = combine(1.5, e[1], -0.5, e[0])
	case n == 3:
		out = combine(1, combine(23.0/12, e[2], -16.0/12, e[1]), 5.0/12, e[0])
	default:
		out = combine(1, combine(55.0/24, e[3], -59.0/24, e[2]), 1, combine(37.0/24, e[1], -9.0/24, e[0]))
	}
	return s.transfer(x, t, before, out)
}

// transfer is the paper's formula (9).
func (s *Schedule) transfer(x []float64, t, before int, out []float64) []float64 {
	now, then := s.alpha(t), s.alpha(before)
	if s.config.Prediction == "v_prediction" {
		out = combine(math.Sqrt(now), out, math.Sqrt(1-now), x)
	}
	below := now*math.Sqrt(1-then) + math.Sqrt(now*(1-now)*then)
	return combine(math.Sqrt(then/now), x, -(then-now)/below, out)
}

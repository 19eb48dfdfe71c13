package schedule

import "math"

// unipc is UniPC (Zhao et al., 2023): a predictor, and a corrector that uses the next call's output.
func (s *Schedule) unipc() {
	s.multi()
	s.solve = func(out, x []float64) []float64 {
		first := s.original(out, x)
		if s.index > 0 && s.saved != nil {
			x = s.correct(first, s.saved)
		}
		s.remember(first, s.config.Order)
		order := s.config.Order
		if *s.config.LowerFinal {
			order = min(order, len(s.Timesteps)-s.index)
		}
		s.order = min(order, s.lower+1)
		s.saved = x
		s.lower = min(s.lower+1, s.config.Order)
		return s.predict(x)
	}
}

// bh are what both formulas share, for the step from sigma from to sigma to.
type bh struct {
	alpha, ratio, phi, b float64
	rks                  []float64
	diffs                [][]float64
	right                []float64
}

// terms computes them; back is how many sigmas before the step's first the earlier outputs begin.
func (s *Schedule) terms(from, to, order int) bh {
	a, sigma := alphaSigma(s.sigmas[to])
	_, sigma0 := alphaSigma(s.sigmas[from])
	l0 := lambda(s.sigmas[from])
	h := lambda(s.sigmas[to]) - l0
	hh := -h
	t := bh{alpha: a, ratio: sigma / sigma0, phi: math.Expm1(hh)}
	k := len(s.ancient)
	m0 := s.ancient[k-1]
	for i := 1; i < order; i++ {
		rk := (lambda(s.sigmas[from-i]) - l0) / h
		t.rks = append(t.rks, rk)
		t.diffs = append(t.diffs, combine(1/rk, s.ancient[k-1-i], -1/rk, m0))
	}
	t.rks = append(t.rks, 1)
	t.b = hh
	if s.config.Solver == "bh2" {
		t.b = t.phi
	}
	factorial, phik := 1.0, t.phi/hh-1
	for i := 1; i <= order; i++ {
		t.right = append(t.right, phik*factorial/t.b)
		factorial *= float64(i + 1)
		phik = phik/hh - 1/factorial
	}
	return t
}

func (s *Schedule) predict(x []float64) []float64 {
	t := s.terms(s.index, s.index+1, s.order)
	y := combine(t.ratio, x, -t.alpha*t.phi, s.ancient[len(s.ancient)-1])
	if s.order == 1 {
		return y
	}
	rhos := []float64{0.5}
	if s.order > 2 {
		rhos = vandermonde(t.rks[:s.order-1], t.right[:s.order-1])
	}
	for i, d := range t.diffs {
		y = combine(1, y, -t.alpha*t.b*rhos[i], d)
	}
	return y
}

func (s *Schedule) correct(now, last []float64) []float64 {
	t := s.terms(s.index-1, s.index, s.order)
	m0 := s.ancient[len(s.ancient)-1]
	y := combine(t.ratio, last, -t.alpha*t.phi, m0)
	rhos := []float64{0.5}
	if s.order > 1 {
		rhos = vandermonde(t.rks, t.right)
	}
	for i, d := range t.diffs {
		y = combine(1, y, -t.alpha*t.b*rhos[i], d)
	}
	return combine(1, y, -t.alpha*t.b*rhos[len(rhos)-1], combine(1, now, -1, m0))
}

// vandermonde solves sum over k of r[k]^i x[k] = b[i], by elimination.
func vandermonde(r, b []float64) []float64 {
	n := len(r)
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n+1)
		for k := range r {
			m[i][k] = math.Pow(r[k], float64(i))
		}
		m[i][n] = b[i]
	}
	for c := range n {
		p := c
		for i := c; i < n; i++ {
			if math.Abs(m[i][c]) > math.Abs(m[p][c]) {
				p = i
			}
		}
		m[c], m[p] = m[p], m[c]
		for i := range n {
			if i == c {
				continue
			}
			f := m[i][c] / m[c][c]
			for k := c; k <= n; k++ {
				m[i][k] -= f * m[c][k]
			}
		}
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = m[i][n] / m[i][i]
	}
	return x
}

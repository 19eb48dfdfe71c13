// Package schedule solves the equation of diffusion step by step, by the names and the numbers of Hugging Face's diffusers: PNDM, DDIM,
// DPM-Solver++ 2M, Euler, Euler ancestral, LCM and UniPC. It imports no engine.
package schedule

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Schedule is the steps of one picture. One goroutine at a time may use it.
type Schedule struct {
	// Timesteps are what the network is told, one for each time it is run.
	Timesteps []float64
	// InitNoise is what noise of variance 1 is multiplied by to start from.
	InitNoise float64

	name    string
	config  Config
	steps   int
	alphas  []float64 // alphas_cumprod
	sigmas  []float64 // one more than steps; nil for those that go by alphas
	final   float64   // alpha beyond the last step
	index   int
	begin   int
	ancient []([]float64) // earlier outputs, the newest last
	solve   func(out, x []float64) []float64
	draw    func() []float64

	prk        int // how many of PNDM's first calls are Runge-Kutta's
	sum, saved []float64
	order      int // of UniPC's last step
	lower      int
}

// names are the schedulers and diffusers' classes of them.
var names = map[string]string{
	"pndm": "PNDMScheduler", "ddim": "DDIMScheduler", "dpmpp-2m": "DPMSolverMultistepScheduler", "dpmpp-2m-karras": "DPMSolverMultistepScheduler",
	"euler": "EulerDiscreteScheduler", "euler-karras": "EulerDiscreteScheduler", "euler-ancestral": "EulerAncestralDiscreteScheduler",
	"lcm": "LCMScheduler", "unipc": "UniPCMultistepScheduler",
}

// Names are the schedulers, as commands name them.
var Names = []string{"pndm", "ddim", "dpmpp-2m", "dpmpp-2m-karras", "euler", "euler-karras", "euler-ancestral", "lcm", "unipc"}

// MaxSteps bounds the steps of a picture.
const MaxSteps = 1000

// New makes the steps of a scheduler; an empty name is the configuration's own.
func New(name string, c Config, steps int) (*Schedule, error) {
	if name == "" {
		name = c.name()
	}
	if names[name] == "" {
		return nil, fmt.Errorf("scheduler is %q: it is one of %s", name, strings.Join(Names, ", "))
	}
	c = c.complete(name)
	if err := c.check(); err != nil {
		return nil, err
	}
	if most := min(MaxSteps, c.Train); steps < 1 || steps > most {
		return nil, fmt.Errorf("steps is %d: it goes from 1 to %d", steps, most)
	}
	s := &Schedule{name: name, config: c, steps: steps, InitNoise: 1, begin: -1}
	s.alphas = c.alphas()
	s.final = s.alphas[0]
	if *c.AlphaToOne {
		s.final = 1
	}
	var err error
	switch {
	case name == "pndm":
		err = s.pndm()
	case name == "ddim":
		s.ddim()
	case name == "lcm":
		err = s.lcm()
	case strings.HasPrefix(name, "euler"):
		s.euler()
	case name == "unipc":
		s.unipc()
	default:
		s.dpm()
	}
	return s, err
}

// Name is the scheduler's, as commands name it.
func (s *Schedule) Name() string { return s.name }

// Start is where a picture is entered with a strength of 0..1, as diffusers enters it: of n steps the last int(n strength). It is an error where
// none is left.
func (s *Schedule) Start(strength float64) (first int, err error) {
	n := min(int(float64(s.steps)*strength), s.steps)
	if n < 1 {
		return 0, fmt.Errorf("strength %v of %d steps leaves no step to take: a strength of at least %.3g or %d steps do", strength, s.steps,
			math.Ceil(1000/float64(s.steps))/1000, int(math.Ceil(1/math.Max(strength, 1e-3))))
	}
	s.begin = s.steps - n
	s.index = s.begin
	return s.begin, nil
}

// AddNoise mixes noise into x as much as the step that Start found wants.
func (s *Schedule) AddNoise(x, noise []float32) []float32 {
	a, b := 1.0, 1.0
	switch {
	case s.sigmas == nil:
		alpha := s.alphas[int(s.Timesteps[s.begin])]
		a, b = math.Sqrt(alpha), math.Sqrt(1-alpha)
	case strings.HasPrefix(s.name, "euler"):
		b = s.sigmas[s.begin]
	default:
		a, b = alphaSigma(s.sigmas[s.begin])
	}
	out := make([]float32, len(x))
	for i := range x {
		out[i] = float32(a*float64(x[i]) + b*float64(noise[i]))
	}
	return out
}

// Scale writes to what the network is given for x at the step that comes.
func (s *Schedule) Scale(to, x []float32) {
	if !strings.HasPrefix(s.name, "euler") {
		copy(to, x)
		return
	}
	f := math.Sqrt(s.sigmas[s.index]*s.sigmas[s.index] + 1)
	for i, v := range x {
		to[i] = float32(float64(v) / f)
	}
}

// Step goes a step from x by the network's output, in place. noise draws numbers for the schedulers that add some.
func (s *Schedule) Step(out, x []float32, noise func(n int) []float32) {
	s.draw = func() []float64 { return wide(noise(len(x))) }
	for i, v := range s.solve(wide(out), wide(x)) {
		x[i] = float32(v)
	}
	s.index++
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// Original is the network's idea of the finished latents at the step that comes, for previews.
func (s *Schedule) Original(out, x []float32) []float32 {
	y := s.original(wide(out), wide(x))
	small := make([]float32, len(y))
	for i, v := range y {
		small[i] = float32(v)
	}
	return small
}

func (s *Schedule) original(out, x []float64) []float64 {
	v := s.config.Prediction == "v_prediction"
	if s.sigmas == nil {
		alpha := s.alphas[int(s.Timesteps[min(s.index, len(s.Timesteps)-1)])]
		a, b := math.Sqrt(alpha), math.Sqrt(1-alpha)
		if v {
			return combine(a, x, -b, out)
		}
		return combine(1/a, x, -b/a, out)
	}
	sigma := s.sigmas[s.index]
	if strings.HasPrefix(s.name, "euler") {
		if v {
			return combine(1/(sigma*sigma+1), x, -sigma/math.Sqrt(sigma*sigma+1), out)
		}
		return combine(1, x, -sigma, out)
	}
	a, b := alphaSigma(sigma)
	if v {
		return combine(a, x, -b, out)
	}
	return combine(1/a, x, -b/a, out)
}

// combine is a x + b y.
func combine(a float64, x []float64, b float64, y []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i] = a*x[i] + b*y[i]
	}
	return out
}

func alphaSigma(sigma float64) (a, s float64) {
	a = 1 / math.Sqrt(sigma*sigma+1)
	return a, sigma * a
}

func lambda(sigma float64) float64 {
	a, s := alphaSigma(sigma)
	return math.Log(a) - math.Log(s)
}

// remember keeps the last n outputs.
func (s *Schedule) remember(out []float64, n int) {
	s.ancient = append(s.ancient, out)
	if len(s.ancient) > n {
		s.ancient = slices.Delete(s.ancient, 0, len(s.ancient)-n)
	}
}

package diffusion

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"time"

	"github.com/gesso-app/gesso/pipeline/diffusion/random"
	"github.com/gesso-app/gesso/pipeline/diffusion/schedule"
)

// Request is a picture to make.
type Request struct {
	Prompt string
	// NegativePrompt is what to lead away from; nil: none was given, which XL tells from an empty one.
	NegativePrompt *string
	// Weights reads (word:1.3), (word) and [word] in the prompts as AUTOMATIC1111 does, and takes texts that are longer than the text encoder's row
	// where the U-Net's shape allows them; false: brackets are text, as in diffusers.
	Weights bool
	// Content is the picture to start from; nil: noise alone.
	Content image.Image
	// Strength is how much of Content is redone, 0..1.
	Strength  float64
	Scheduler string // a name of schedule.Names; empty: the model's
	Steps     int    // 1..1000
	// Guidance is how strongly the prompt leads; 1 and less: not against the negative prompt. -100..100.
	Guidance float64
	Rescale  float64 // of the guidance, 0..1
	Seed     uint64
	RNG      string    // torch, numpy or nvidia; empty: torch
	Noise    []float32 // in place of the drawn noise; nil: drawn
	Preview  int       // steps between previews; 0: none
}

// Validate names the first field that is out of range.
func (r Request) Validate() error {
	switch {
	case !(r.Guidance >= -100 && r.Guidance <= 100):
		return refuse("guidance_scale is %v: it goes from -100 to 100", r.Guidance)
	case !(r.Rescale >= 0 && r.Rescale <= 1):
		return refuse("guidance_rescale is %v: it goes from 0 to 1", r.Rescale)
	case r.Content != nil && !(r.Strength >= 0 && r.Strength <= 1):
		return refuse("strength is %v: it goes from 0 to 1", r.Strength)
	case r.Preview < 0:
		return refuse("the steps between previews are %d: 0 and more", r.Preview)
	}
	return nil
}

// Progress is how far a picture is: Step of Steps calls of the U-Net are made. Preview, where it is not nil, is a small rough picture.
type Progress struct {
	Phase   string // text, photo, steps, picture
	Step    int
	Steps   int
	Preview *image.NRGBA
}

// Picture is what was made.
type Picture struct {
	Image   *image.NRGBA
	Latents []float32 // (1,4,H,W) before the scaling is taken back
	Shape   []int
	// Scheduler, Steps: what was used, and how many calls of the U-Net were made.
	Scheduler   string
	Steps       int
	Notes       []string
	TextTime    time.Duration
	StepTimes   []time.Duration
	PictureTime time.Duration
}

// Generate makes a picture. progress may be nil. ctx is checked between steps; a running call of Core ML finishes.
func (m *Model) Generate(ctx context.Context, r Request, progress func(Progress)) (_ *Picture, err error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	s, err := schedule.New(r.Scheduler, m.scheduler, r.Steps)
	if err != nil {
		return nil, &InputError{err}
	}
	source, err := random.New(r.RNG, r.Seed)
	if err != nil {
		return nil, &InputError{err}
	}
	first := 0
	if r.Content != nil {
		if m.encoder == "" {
			return nil, refuse("the model %s has no VAEEncoder: it starts from no photo", m.Dir)
		}
		if first, err = s.Start(r.Strength); err != nil {
			return nil, &InputError{err}
		}
	}
	p := &Picture{Scheduler: s.Name()}
	start := time.Now()
	progress(Progress{Phase: "text"})
	prompts, err := m.prompts(ctx, r, p)
	if err != nil {
		return nil, err
	}
	p.TextTime = time.Since(start)
	u, err := m.openUnet()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, u.close()) }()
	if got, want := len(prompts[0].hidden), prompts[0].width*prompts[0].tokens; got != want {
		return nil, refuse("the text encoder of %s gives %d numbers for %d", m.Dir, got, want)
	}
	u.positive, u.negative, u.guided, u.guidance, u.rescale = prompts[0], prompts[len(prompts)-1], len(prompts) > 1, r.Guidance, r.Rescale
	x, err := m.begin(ctx, r, s, u, source, progress)
	if err != nil {
		return nil, err
	}
	if err := m.steps(ctx, r, s, u, source, x, first, p, progress); err != nil {
		return nil, err
	}
	p.Latents, p.Shape = x, []int{1, u.channels, u.height, u.width}
	if err := u.close(); err != nil {
		return nil, err
	}
	start = time.Now()
	progress(Progress{Phase: "picture", Step: p.Steps, Steps: p.Steps})
	p.Image, err = m.decode(ctx, x)
	p.PictureTime = time.Since(start)
	return p, err
}

// prompts are the prompt and, where it is guided, the negative one.
func (m *Model) prompts(ctx context.Context, r Request, p *Picture) ([]prompt, error) {
	texts := []string{r.Prompt}
	guided := r.Guidance > 1
	zeros := r.NegativePrompt == nil && m.zeros
	if guided && !zeros {
		negative := ""
		if r.NegativePrompt != nil {
			negative = *r.NegativePrompt
		}
		texts = append(texts, negative)
	}
	prompts, notes, err := m.encode(ctx, texts, r.Weights)
	if err != nil {
		return nil, err
	}
	p.Notes = notes
	if guided && zeros {
		prompts = append(prompts, prompts[0].zero())
	}
	return prompts, nil
}

// begin is what the first step starts from. Numbers are drawn in diffusers' order: the photo's latents, and then the noise.
func (m *Model) begin(ctx context.Context, r Request, s *schedule.Schedule, u *unet, source random.Source, progress func(Progress)) ([]float32, error) {
	n := u.channels * u.height * u.width
	if r.Noise != nil && len(r.Noise) != n {
		return nil, refuse("the noise has %d numbers, and the model takes %d (1,%d,%d,%d)", len(r.Noise), n, u.channels, u.height, u.width)
	}
	var latents []float32
	if r.Content != nil {
		progress(Progress{Phase: "photo"})
		var err error
		if latents, err = m.latents(ctx, r.Content, source, n); err != nil {
			return nil, err
		}
	}
	h, w := m.pixels(u)
	u.timeIDs = []float32{float32(h), float32(w), 0, 0, float32(h), float32(w)}
	noise := r.Noise
	if noise == nil {
		noise = source.Normal(n)
	}
	if r.Content != nil {
		return s.AddNoise(latents, noise), nil
	}
	x := make([]float32, n)
	for i, v := range noise {
		x[i] = v * float32(s.InitNoise)
	}
	return x, nil
}

func (m *Model) steps(ctx context.Context, r Request, s *schedule.Schedule, u *unet, source random.Source, x []float32, first int, p *Picture, progress func(Progress)) error {
	times := s.Timesteps[first:]
	scaled := make([]float32, len(x))
	for i, t := range times {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		s.Scale(scaled, x)
		out, err := u.noise(ctx, scaled, t)
		if err != nil {
			return fmt.Errorf("step %d of %d: %w", i+1, len(times), err)
		}
		told := Progress{Phase: "steps", Step: i + 1, Steps: len(times)}
		if r.Preview > 0 && (i+1)%r.Preview == 0 {
			told.Preview = m.preview(s.Original(out, x), u)
		}
		s.Step(out, x, source.Normal)
		p.StepTimes = append(p.StepTimes, time.Since(start))
		p.Steps++
		progress(told)
	}
	for _, v := range x {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return refuse("the latents left the range of numbers: fewer steps, less guidance or a float32 package may help")
		}
	}
	return nil
}

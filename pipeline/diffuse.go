package pipeline

import (
	"context"
	"fmt"
	"image"
	"path/filepath"
	"strings"

	"github.com/gesso-app/gesso/pipeline/adjust"
	"github.com/gesso-app/gesso/pipeline/convert"
	"github.com/gesso-app/gesso/pipeline/diffusion"
	"github.com/gesso-app/gesso/pipeline/quality"
	"github.com/gesso-app/gesso/pipeline/style"
)

// Diffusion is how Stable Diffusion paints a photo by Config.StylePrompt. Config.StyleStrength is how much of the photo is redone. Start from
// DefaultDiffusion.
type Diffusion struct {
	// Model is a folder in the layout of Apple's ml-stable-diffusion, or one of diffusers, which is converted first and kept.
	Model string `json:"model"`
	// NegativePrompt is what to lead away from; nil: none was given.
	NegativePrompt *string `json:"negative_prompt,omitempty"`
	// Scheduler is one of schedule.Names; empty: the model's.
	Scheduler string  `json:"scheduler,omitempty"`
	Steps     int     `json:"steps"`          // 1..1000; default 20
	Guidance  float64 `json:"guidance_scale"` // how strongly the prompt leads, -100..100; default 7.5
	Seed      uint64  `json:"seed"`
	// LoRAs are low-rank changes to merge in, FILE or FILE:WEIGHT.
	LoRAs []string `json:"loras,omitempty"`
	// Weights reads (word:1.3), (word) and [word] in the prompts.
	Weights bool `json:"prompt_weights,omitempty"`
	// Detail is how much of the photo's fine luminance is laid over the picture, 0..1; default 0.5.
	Detail float64 `json:"keep_detail"`
}

// DefaultDiffusion returns a Diffusion with every default set and no model.
func DefaultDiffusion() Diffusion { return Diffusion{Steps: 20, Guidance: 7.5, Detail: 0.5} }

// validateDiffusion checks what goes with a diffusion model.
func (c Config) validateDiffusion() error {
	d := c.Diffusion
	switch {
	case d == nil:
		return nil
	case d.Model == "":
		return &FieldError{"model", "empty", "name the folder of a Stable Diffusion model"}
	case strings.TrimSpace(c.StylePrompt) == "":
		return &FieldError{"style_prompt", "empty", "a Stable Diffusion model paints by a prompt"}
	case c.Gate == GateHold:
		return &FieldError{"gate", c.Gate, "with a Stable Diffusion model it is off or warn"}
	case c.BrushScale != 0:
		return &FieldError{"brush_scale", c.BrushScale, "a Stable Diffusion model has no brush"}
	case d.Steps < 1 || d.Steps > 1000:
		return &FieldError{"steps", d.Steps, "they go from 1 to 1000"}
	case !(d.Guidance >= -100 && d.Guidance <= 100):
		return &FieldError{"guidance_scale", d.Guidance, "it goes from -100 to 100"}
	case !(d.Detail >= 0 && d.Detail <= 1):
		return &FieldError{"keep_detail", d.Detail, "it goes from 0 to 1"}
	}
	return nil
}

// diffuse is the photo painted by c.Diffusion, at its size and finished. note says what the model left out. t.mu is held.
func (t *Transfer) diffuse(ctx context.Context, c Config, p *painter, progress func(float64)) (_ painted, note string, err error) {
	photo := p.photo.Image
	img, note, err := t.imagine(ctx, c, photo, progress)
	if err != nil {
		return painted{}, "", fmt.Errorf("paint %s with the model %s: %w", c.ContentImagePath, c.Diffusion.Model, err)
	}
	for i := 3; i < len(img.Pix); i += 4 { // the model knows nothing of transparency
		img.Pix[i] = photo.Pix[i]
	}
	if p.colour {
		style.PreserveColour(img, photo)
	}
	features, err := t.networks.Look(ctx, img) // there is no painting whose tones a step could take
	if err != nil {
		return painted{}, "", err
	}
	p.look = &look{features: features, name: p.look.name}
	img, photo, err = p.finish(img, photo)
	if err != nil {
		return painted{}, "", err
	}
	ssim, err := quality.SSIM(photo, img)
	return painted{img, photo, ssim}, note, err
}

// imagine runs the model, and lays the photo's detail over what it made. Where the strength leaves it no step, the picture is a copy of the photo.
func (t *Transfer) imagine(ctx context.Context, c Config, photo *image.NRGBA, progress func(float64)) (_ *image.NRGBA, note string, err error) {
	d := c.Diffusion
	if c.StyleStrength*float64(d.Steps) < 1 {
		same := *photo
		same.Pix = append([]uint8(nil), photo.Pix...)
		return &same, fmt.Sprintf("strength %.2f leaves none of the %d steps: the photo is as it was", c.StyleStrength, d.Steps), nil
	}
	var loras []convert.LoRA
	for _, s := range d.LoRAs {
		l, err := convert.ParseLoRA(s)
		if err != nil {
			return nil, "", &diffusion.InputError{Err: err}
		}
		loras = append(loras, l)
	}
	cache := ""
	if t.cache != "" {
		cache = filepath.Join(t.cache, "diffusion")
	}
	dir, err := diffusion.Prepare(ctx, d.Model, loras, cache)
	if err != nil {
		return nil, "", err
	}
	m, err := diffusion.Open(dir, t.engine)
	if err != nil {
		return nil, "", err
	}
	made, err := m.Generate(ctx, diffusion.Request{
		Prompt: c.StylePrompt, NegativePrompt: d.NegativePrompt, Weights: d.Weights, Content: photo, Strength: c.StyleStrength,
		Scheduler: d.Scheduler, Steps: d.Steps, Guidance: d.Guidance, Seed: d.Seed,
	}, func(p diffusion.Progress) {
		if progress != nil {
			progress(float64(p.Step) / float64(max(p.Steps, 1)))
		}
	})
	if err != nil {
		return nil, "", err
	}
	img := diffusion.Unfit(made.Image, photo.Rect.Dx(), photo.Rect.Dy())
	if d.Detail > 0 {
		img = adjust.AddDetail(img, photo, d.Detail)
	}
	return img, strings.Join(made.Notes, "; "), nil
}

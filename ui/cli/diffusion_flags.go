package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/diffusion/schedule"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// diffusionFlags are the flags of transfer that have Stable Diffusion paint by --style-prompt.
type diffusionFlags struct {
	pipeline.Diffusion
	from     string
	negative string
	loras    []string
	names    []string // of the flags that need --model
}

func (d *diffusionFlags) add(f *pflag.FlagSet) {
	d.Diffusion = pipeline.DefaultDiffusion()
	f.StringVar(&d.from, "from", "", "`file` of a picture that gesso made: its photo and settings are used again; flags beside it go before them")
	f.StringVar(&d.Model, "model", "", "`folder` of a Stable Diffusion model that paints by --style-prompt; --style-strength is how much of the photo is redone")
	before := map[string]bool{}
	f.VisitAll(func(flag *pflag.Flag) { before[flag.Name] = true })
	f.StringVar(&d.negative, "negative-prompt", "", "with --model: `text` of what the picture shall not show")
	f.StringVar(&d.Scheduler, "scheduler", "", "with --model: "+strings.Join(schedule.Names, ", ")+"; default: the model's")
	f.IntVar(&d.Steps, "steps", d.Steps, "with --model: steps of diffusion, 1 to 1000")
	f.Float64Var(&d.Guidance, "guidance-scale", d.Guidance, "with --model: how strongly the prompt leads; 1 and less: no guidance")
	f.Uint64Var(&d.Seed, "seed", 0, "with --model: of the random numbers: another seed gives another picture")
	f.StringArrayVar(&d.loras, "lora", nil, "with --model: `FILE[:WEIGHT]` of low-rank changes to merge in; may be given again")
	f.BoolVar(&d.Weights, "prompt-weights", false, "with --model: read (word:1.3), (word) and [word] in the prompts as weights")
	f.Float64Var(&d.Detail, "keep-detail", d.Detail, "with --model: how much of the photo's fine detail is laid over the picture, from 0 to 1")
	f.VisitAll(func(flag *pflag.Flag) {
		if !before[flag.Name] {
			d.names = append(d.names, flag.Name)
		}
	})
}

// apply puts the settings of --from and of the flags into s's config.
func (d *diffusionFlags) apply(f *pflag.FlagSet, s *settingsFlags) error {
	if d.from != "" {
		if s.preset != "" {
			return &usageError{errors.New("--from and --preset both give all settings: give one of them")}
		}
		from, err := recipeOf(d.from)
		if err != nil {
			return err
		}
		given := givenFlags(f)
		if !f.Changed("content-image") && f.NArg() == 0 {
			s.config.ContentImagePath = from.ContentImagePath
		}
		if from.Diffusion != nil {
			d.Diffusion = *from.Diffusion
		}
		mix := s.config.StyleMix // is no single flag's value, which would be set again
		if err := s.under(f, given, from); err != nil {
			return err
		}
		if f.Changed("mix") {
			s.config.StyleMix = mix
		}
		if s.config.Diffusion == nil && !f.Changed("model") {
			d.Model = "" // another style was asked for
		}
	}
	if d.Model == "" {
		for _, name := range d.names {
			if f.Changed(name) {
				return &usageError{fmt.Errorf("--%s is for a Stable Diffusion model: name its folder with --model", name)}
			}
		}
		s.config.Diffusion = nil
		return nil
	}
	if f.Changed("negative-prompt") {
		d.NegativePrompt = &d.negative
	}
	if f.Changed("lora") {
		d.LoRAs = d.loras
	}
	s.config.Diffusion = &d.Diffusion
	return nil
}

// recipeOf is the configuration that a picture was made with.
func recipeOf(path string) (c pipeline.Config, err error) {
	raw, err := picture.Recipe(path)
	if err != nil {
		return c, err
	}
	c = pipeline.DefaultConfig()
	var own struct { // every recipe of transfer has it, and none of diffuse
		Strength *float64 `json:"style_strength"`
	}
	if err := errors.Join(json.Unmarshal(raw, &c), json.Unmarshal(raw, &own)); err != nil {
		return c, &usageError{fmt.Errorf("the recipe in %s is damaged: %w", path, err)}
	}
	if own.Strength == nil {
		return c, &usageError{fmt.Errorf("the recipe in %s is not one of gesso transfer", path)}
	}
	return c, nil
}

const aboutModels = "the prompt is matched against the built-in styles; to have Stable Diffusion paint by it, name a model's folder with --model " +
	"(gesso convert makes one of a folder of diffusers)"

// sayModels tells how to get more of a prompt, where there is no model.
func sayModels(w io.Writer, c pipeline.Config) {
	if c.StylePrompt != "" && c.Diffusion == nil {
		fmt.Fprintln(w, aboutModels)
	}
}

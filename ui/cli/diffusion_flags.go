package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/diffusion/schedule"
)

// diffusionFlags are the flags of transfer that have Stable Diffusion paint by --style-prompt.
type diffusionFlags struct {
	pipeline.Diffusion
	negative string
	loras    []string
	names    []string // of the flags that need --model
}

func (d *diffusionFlags) add(f *pflag.FlagSet) {
	d.Diffusion = pipeline.DefaultDiffusion()
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

// apply puts the flags' settings into s's config, over those that a picture brought with it.
func (d *diffusionFlags) apply(f *pflag.FlagSet, s *settingsFlags) error {
	if brought := s.config.Diffusion; brought != nil {
		given := givenFlags(f)
		d.Diffusion = *brought
		for _, name := range append([]string{"model"}, d.names...) {
			flag := f.Lookup(name)
			v, ok := given[flag]
			if _, list := flag.Value.(pflag.SliceValue); !ok || list {
				continue
			}
			if err := flag.Value.Set(v); err != nil {
				return err
			}
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

const aboutPrompt = "the prompt is matched against the built-in styles; to have Stable Diffusion paint by it, name a model's folder with --model " +
	"(gesso models get downloads one, gesso convert makes one of a folder of diffusers)"

// sayModels tells how to get more of a prompt, where there is no model.
func sayModels(w io.Writer, c pipeline.Config) {
	if c.StylePrompt != "" && c.Diffusion == nil {
		fmt.Fprintln(w, aboutPrompt)
	}
}

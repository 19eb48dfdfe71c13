package cli

import (
	"github.com/spf13/pflag"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/adjust"
)

const aboutSteps = `Steps before and after the style are lists in the order in which they are done, such as --pre crop=16:9,long-edge=2048 and
--post detail=0.5,sharpen=0.3. An empty list takes away a preset's.

  --pre   crop=16:9            cut to proportions around the middle
          fit=1920x1080        scale into a size; a smaller photo stays
          fill=1080x1080       crop and scale to exactly a size
          long-edge=2048       scale the longest side, up too
  --post  upscale=2            twice as wide and high (Lanczos)
          denoise=0.3          smooth what is weaker than an edge, 0 to 1
          detail=0.5           put the photo's fine detail back, 0 to 1 (guided filter of its luminance)
          colour-match=style   take the colours of the style (means and deviations) or of the photo (Monge-Kantorovich); photo:0.5 is half of that
          contrast=0.2         -1 to 1
          saturation=-0.2      -1, grey, to 1
          sharpen=0.3          0 to 2 (unsharp mask)
          grain=0.2            0 to 1; grain=0.2:7 is another pattern

--mask stylizes only where a picture of the photo's proportions is opaque, or white if it has no transparency; the rest stays the photo.`

// stepsFlag is a list of steps as a flag.
type stepsFlag struct {
	steps *[]adjust.Step
	parse func(string) ([]adjust.Step, error)
}

func (s *stepsFlag) String() string {
	if s.steps == nil {
		return "" // pflag asks a zero one for its default
	}
	return adjust.Format(*s.steps)
}

func (s *stepsFlag) Set(text string) error {
	steps, err := s.parse(text)
	if err == nil {
		*s.steps = steps
	}
	return err
}

// Type stands in the help for what the flag takes.
func (*stepsFlag) Type() string { return "steps" }

// addSteps adds the flags of what is done before and after the style, and of the mask.
func addSteps(f *pflag.FlagSet, c *pipeline.Config) {
	f.Var(&stepsFlag{&c.Pre, adjust.ParsePre}, "pre", "`steps` on the photo before the style, before --size: crop, fit, fill, long-edge")
	f.Var(&stepsFlag{&c.Post, adjust.ParsePost}, "post", "`steps` after the style: upscale, denoise, detail, colour-match, contrast, saturation, sharpen, grain")
	f.StringVar(&c.MaskPath, "mask", "", "`file` of a picture that says where to stylize: where it is opaque, or white")
	f.Float64Var(&c.MaskFeather, "mask-feather", c.MaskFeather, "width of the mask's soft edge in pixels of the photo, 0 to 1000")
	f.BoolVar(&c.MaskInvert, "mask-invert", c.MaskInvert, "stylize where the mask is transparent or black instead")
}

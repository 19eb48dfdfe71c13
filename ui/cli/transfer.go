package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
)

const aboutTransfer = `Give a photo the look of a painting, of a built-in style (gesso styles) or of what a sentence describes.

Photos and paintings are JPEG, PNG, TIFF or WebP files; the output is .jpg, .jpeg or .png. With - as the content image the photo
comes from stdin; with - as the output a PNG goes to stdout and the scores go to stderr.`

// engineFlags say how the engine is opened.
type engineFlags struct {
	units   string
	threads int
}

func (e *engineFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&e.units, "compute-units", "all", "`units` Core ML may use: all, cpuAndNeuralEngine, cpuAndGPU or cpuOnly; macOS only")
	cmd.Flags().IntVar(&e.threads, "threads", 0, "threads of the CPU engine; 0 is one for each core")
}

// options checks the flags. Without the Neural Engine, all units are the CPU and the GPU.
func (e *engineFlags) options(useANE bool) (pipeline.Options, error) {
	units, err := native.ParseUnits(e.units)
	if err != nil {
		return pipeline.Options{}, &usageError{fmt.Errorf("--compute-units: %w", err)}
	}
	if e.threads < 0 || e.threads > 1024 {
		return pipeline.Options{}, &pipeline.FieldError{Field: "threads", Value: e.threads, Want: "it goes from 0 to 1024"}
	}
	if !useANE {
		switch units {
		case native.UnitsAll:
			units = native.UnitsCPUAndGPU
		case native.UnitsCPUAndNeuralEngine:
			return pipeline.Options{}, &pipeline.FieldError{Field: "compute_units", Value: e.units, Want: "it contradicts --use-ane=false"}
		}
	}
	return pipeline.Options{Units: units, Threads: e.threads}, nil
}

func (p *program) transfer() *cobra.Command {
	c := pipeline.DefaultConfig()
	var engine engineFlags
	var mix []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "transfer --content-image FILE (--style-image FILE | --style NAME | --style-prompt TEXT | --mix STYLE:WEIGHT ...) --output FILE",
		Short:   "Stylize a photo",
		Long:    aboutTransfer,
		Example: "  gesso transfer --content-image photo.jpg --style-image painting.jpg --output picture.png",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := engine.options(c.UseANE)
			if err != nil {
				return err
			}
			if c.StyleMix, err = parseMix(mix); err != nil {
				return err
			}
			return p.runTransfer(cmd.Context(), c, o, asJSON)
		},
	}
	cmd.DisableFlagsInUseLine = true
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&c.ContentImagePath, "content-image", "", "`file` of the photo, or - for stdin")
	f.StringVar(&c.StyleImagePath, "style-image", "", "`file` of the painting")
	f.StringVar(&c.StyleName, "style", "", "`name` of a built-in style, such as starry-night")
	f.StringVar(&c.StylePrompt, "style-prompt", "", "`text` matched against the built-in styles, such as \"van Gogh, starry night\"")
	f.StringArrayVar(&mix, "mix", nil, "`style:weight` to blend, a file or a built-in style; give it two to four times, such as --mix starry-night:2 --mix wave.jpg:1")
	f.StringVar(&c.OutputPath, "output", "", "`file` to write, or - for stdout")
	f.Float64Var(&c.StyleStrength, "style-strength", c.StyleStrength, "from 0, the photo, to 1, the painting")
	f.Float64Var(&c.BrushScale, "brush-scale", c.BrushScale, "breadth of the strokes, from 0.5, fine, to 16, broad; 1 draws on every pixel, 0 fits the photo's size")
	f.BoolVar(&c.PreserveColour, "preserve-colour", c.PreserveColour, "keep the photo's colours, take the painting's light and strokes")
	f.IntVar(&c.Size, "size", c.Size, "longest side of the output in pixels, 64 to 30000; 0 is the photo's size")
	f.StringVar((*string)(&c.Gate), "gate", string(c.Gate), "below --min-ssim: off does nothing, warn says so, hold lowers the strength until it fits")
	f.Float64Var(&c.MinSSIM, "min-ssim", c.MinSSIM, "threshold of the gate, 0 to 1")
	f.IntVar(&c.Quality, "quality", c.Quality, "JPEG quality, 1 to 100")
	f.BoolVar(&c.UseANE, "use-ane", c.UseANE, "let Core ML use the Neural Engine; macOS only")
	engine.add(cmd)
	f.BoolVar(&c.Force, "force", false, "replace the output if it exists, even if it is an input")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// parseMix reads STYLE:WEIGHT, where the weight may be left out. What has a dot or a slash is a file, all else a built-in style.
func parseMix(values []string) (mix []pipeline.StyleShare, err error) {
	for _, v := range values {
		share := pipeline.StyleShare{Weight: 1}
		name := v
		if i := strings.LastIndex(v, ":"); i > 0 {
			name = v[:i]
			if share.Weight, err = strconv.ParseFloat(v[i+1:], 64); err != nil {
				return nil, &pipeline.FieldError{Field: "mix", Value: strconv.Quote(v), Want: "after the colon stands a weight, such as starry-night:0.5"}
			}
		}
		if strings.ContainsAny(name, `./\`) {
			share.StyleImagePath = name
		} else {
			share.StyleName = name
		}
		mix = append(mix, share)
	}
	return mix, nil
}

func (p *program) runTransfer(ctx context.Context, c pipeline.Config, o pipeline.Options, asJSON bool) (err error) {
	s, err := p.openStreams(ctx, &c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := pipeline.CheckOutput(c); errors.Is(err, picture.ErrExists) {
		return fmt.Errorf("%w: choose another name, or replace it with --force", err)
	} else if err != nil {
		return &usageError{err}
	}
	if err := s.receive(ctx); err != nil {
		return err
	}
	bar := p.newBar()
	defer bar.close()
	t, err := pipeline.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	r, err := s.run(ctx, t, c, bar.show)
	if err != nil {
		return outputFault(c, err)
	}
	bar.close()
	if s.toStdout {
		return printResult(p.stderr, r, asJSON)
	}
	return printResult(p.stdout, r, asJSON)
}

// outputFault tells a picture that could not be written from one that could not be read.
func outputFault(c pipeline.Config, err error) error {
	var pict *picture.Error
	if errors.As(err, &pict) && pict.Path == c.OutputPath && pict.Path != c.ContentImagePath && pict.Path != c.StyleImagePath {
		return &outputError{err}
	}
	return err
}

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
)

const aboutTransfer = `Give a photo the look of a painting, of a built-in style (gesso styles) or of what a sentence describes.

Photos and paintings are JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF files; the output is .jpg, .png, .tif or .webp. With - as the content image the photo
comes from stdin; with - as the output a PNG goes to stdout and the scores go to stderr.

Many photos are named without --content-image: files, folders and patterns such as 'shoot/**/*.jpg'. Their pictures go to the folder
--output. One that fails does not stop the others; the exit code is 1 if any did, and --resume goes on with what was not done.

` + aboutSteps

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
	var asJSON bool
	var settings settingsFlags
	var diffusion diffusionFlags
	var b batchFlags
	cmd := &cobra.Command{
		Use:   "transfer (--content-image FILE | FILE|FOLDER...) (--style-image FILE | --style NAME | --style-prompt TEXT | --mix STYLE:WEIGHT ... | --preset NAME | --from PICTURE) --output FILE",
		Short: "Stylize a photo",
		Long:  aboutTransfer,
		Example: "  gesso transfer --content-image photo.jpg --style-image painting.jpg --output picture.png\n" +
			"  gesso transfer --content-image photo.jpg --style-prompt 'oil on canvas, thick strokes' --model sd15 --output picture.png\n" +
			"  gesso transfer shoot/ --recursive --preset 'Night sky' --output painted/ --report report.csv --sheet sheet.jpg",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := b.check(cmd.Flags(), len(args) > 0); err != nil {
				return err
			}
			if err := settings.apply(cmd.Flags()); err != nil {
				return err
			}
			if err := diffusion.apply(cmd.Flags(), &settings); err != nil {
				return err
			}
			o, err := engine.options(c.UseANE)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				err = p.runBatch(cmd.Context(), args, c, o, b, asJSON)
			} else {
				err = p.runTransfer(cmd.Context(), c, o, asJSON)
			}
			if err == nil { // what is wrong is said alone
				sayModels(p.stderr, c)
			}
			return err
		},
	}
	cmd.DisableFlagsInUseLine = true
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&c.ContentImagePath, "content-image", "", "`file` of the photo, or - for stdin")
	f.StringVar(&c.OutputPath, "output", "", "`file` to write, or - for stdout; for many photos the folder")
	settings.add(cmd, &c, true)
	diffusion.add(f)
	engine.add(cmd)
	f.BoolVar(&c.Force, "force", false, "replace the output if it exists, even if it is an input")
	b.add(cmd)
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
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

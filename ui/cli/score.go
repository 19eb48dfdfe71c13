package cli

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/pipeline/quality"
)

const aboutScore = `Compare a stylized picture with its photo and its painting, by whatever program it was made.

  ssim, ssim_rgb          structural similarity (Wang et al. 2004) of the luminance, and averaged over red, green and blue: -1 to 1.
                          1 is the photo itself; a painterly picture of any program lies near 0.2 to 0.5.
  ms_ssim, ms_ssim_rgb    the same over five scales (Wang et al. 2003), 0 to 1, kinder to fine differences; from 161 x 161 pixels.
  psnr                    differences of pixels in dB, from 0; above 40 is hard to see, stylized pictures lie mostly between 10 and 20.
  content_preservation    how much of the photo's structure is left in the style network's features, 0 to 1, 1 all of it; it speaks of
                          composition and shapes, and a change of colours hardly moves it.
  style_loss              distance of feature statistics to the painting's, from 0, equal; an unstyled photo lies mostly between 0.2 and 1.
                          Compare it between pictures of one painting only. It needs --style.

In JSON what was not measured, and the psnr of equal pictures, is null. A photo of another size is scaled to the picture's. --map draws
ssim at each pixel: pale yellow where the pictures are alike, over orange and violet to black where they are not.`

// scoring is what gesso score compares.
type scoring struct{ content, image, style, mapPath string }

func (p *program) score() *cobra.Command {
	var s scoring
	var engine engineFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "score PHOTO PICTURE [--style FILE|NAME] [--map FILE] [--json]",
		Short:   "Compare a stylized picture with its photo and its painting",
		Long:    aboutScore,
		Example: "  gesso score photo.jpg picture.png --style painting.jpg --map map.png",
		Args:    cobra.ArbitraryArgs, // take counts them
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.take(args); err != nil {
				return err
			}
			o, err := engine.options(true)
			if err != nil {
				return err
			}
			r, err := s.run(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(p.stdout, r)
			}
			return printTable(p.stdout, s.rows(r))
		},
	}
	cmd.DisableFlagsInUseLine = true
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&s.content, "content-image", "", "`file` of the photo, instead of the first argument")
	f.StringVar(&s.image, "image", "", "`file` of the stylized picture, instead of the second argument")
	f.StringVar(&s.style, "style", "", "`file` of the painting or name of a built-in style, for the distance to it")
	f.StringVar(&s.style, "style-image", "", "the same as --style")
	cmd.MarkFlagsMutuallyExclusive("style", "style-image")
	f.StringVar(&s.mapPath, "map", "", "`file` for a map of ssim, .png, .jpg, .tif or .webp; one that exists is replaced")
	engine.add(cmd)
	f.BoolVar(&asJSON, "json", false, "print the scores as JSON")
	return cmd
}

// take sets what the arguments name.
func (s *scoring) take(args []string) error {
	for _, into := range []*string{&s.content, &s.image} {
		if *into == "" && len(args) > 0 {
			*into, args = args[0], args[1:]
		}
	}
	switch {
	case len(args) > 0:
		return &usageError{fmt.Errorf("%s is one picture too many: name the photo and the stylized picture", args[0])}
	case s.content == "":
		return &pipeline.FieldError{Field: "content_image", Value: "empty", Want: "name the photo"}
	case s.image == "":
		return &pipeline.FieldError{Field: "image", Value: "empty", Want: "name the stylized picture"}
	}
	if s.mapPath == "" {
		return nil
	}
	for _, in := range []string{s.content, s.image, s.style} {
		if in != "" && picture.SameFile(in, s.mapPath) {
			return &usageError{fmt.Errorf("the map %s would replace a picture that is compared: choose another name", s.mapPath)}
		}
	}
	if err := picture.CheckOutput(s.mapPath); err != nil {
		return &usageError{err}
	}
	return nil
}

func (s *scoring) run(ctx context.Context, o pipeline.Options) (r pipeline.Scores, err error) {
	t, err := pipeline.Open(ctx, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	of := pipeline.StyleShare{StyleImagePath: s.style}
	if s.style != "" && !isMixFile(s.style) {
		of = pipeline.StyleShare{StyleName: s.style}
	}
	if r, err = t.Score(ctx, s.content, s.image, of); err != nil || s.mapPath == "" {
		return r, err
	}
	if err := picture.Save(ctx, s.mapPath, quality.Heat(r.Map), picture.SaveOptions{Quality: 92, Overwrite: true}); err != nil {
		return r, &outputError{err}
	}
	return r, nil
}

func (s *scoring) rows(r pipeline.Scores) [][]string {
	number := func(v float64, format, meaning string) string {
		if math.IsInf(v, 1) {
			return "equal"
		}
		return fmt.Sprintf(format, v) + "  (" + meaning + ")"
	}
	rows := [][]string{
		{"Picture", fmt.Sprintf("%s, %d x %d pixels", s.image, r.Width, r.Height)},
		{"SSIM", number(r.SSIM, "%.3f", "1 is the photo itself")},
		{"SSIM of RGB", number(r.SSIMRGB, "%.3f", "with colours")},
	}
	if !math.IsNaN(r.MSSSIM) {
		rows = append(rows, []string{"MS-SSIM", number(r.MSSSIM, "%.3f", "over five scales")},
			[]string{"MS-SSIM of RGB", number(r.MSSSIMRGB, "%.3f", "with colours")})
	}
	rows = append(rows, []string{"PSNR", number(r.PSNR, "%.1f dB", "above 40 is hard to see")},
		[]string{"Photo kept", number(r.ContentPreservation, "%.3f", "1 is all of its structure")})
	if !math.IsNaN(r.StyleLoss) {
		rows = append(rows, []string{"Style distance", number(r.StyleLoss, "%.3f", "0 is the style itself")})
	}
	return rows
}

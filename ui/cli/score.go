package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/pipeline"
)

// scoring is what gesso score compares.
type scoring struct{ content, image, style string }

func (p *program) score() *cobra.Command {
	var s scoring
	var engine engineFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "score --content-image FILE --image FILE [--style-image FILE]",
		Short: "Compare a stylized picture with its photo and its painting",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
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
			return printTable(p.stdout, append([][]string{{"Picture", fmt.Sprintf("%s, %d x %d pixels", s.image, r.Width, r.Height)}}, scoreRows(r)...))
		},
	}
	cmd.DisableFlagsInUseLine = true
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&s.content, "content-image", "", "`file` of the photo")
	f.StringVar(&s.image, "image", "", "`file` of the stylized picture, by whatever program")
	f.StringVar(&s.style, "style-image", "", "`file` of the painting, for the distance to its style")
	engine.add(cmd)
	f.BoolVar(&asJSON, "json", false, "print the scores as JSON")
	return cmd
}

func (s scoring) run(ctx context.Context, o pipeline.Options) (r pipeline.Result, err error) {
	if s.content == "" {
		return r, &pipeline.FieldError{Field: "content_image", Value: "empty", Want: "name the photo"}
	}
	if s.image == "" {
		return r, &pipeline.FieldError{Field: "image", Value: "empty", Want: "name the stylized picture"}
	}
	t, err := pipeline.Open(ctx, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	return t.Score(ctx, s.content, s.image, s.style)
}

package cli

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
)

func (p *program) styles() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "styles",
		Short: "List the built-in styles, or show them all on a photo",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all := pipeline.BuiltinStyles()
			if asJSON {
				return printJSON(p.stdout, all)
			}
			rows := [][]string{{"STYLE", "TITLE", "ARTIST", "YEAR", "MOVEMENT", "PALETTE"}}
			for _, s := range all {
				rows = append(rows, []string{s.ID, s.Title, s.Artist, strconv.Itoa(s.Year), s.Movement, strings.Join(s.Palette, ", ")})
			}
			return printTable(p.stdout, rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	cmd.AddCommand(p.stylesSheet(), p.stylesThumbnails())
	return cmd
}

func (p *program) stylesSheet() *cobra.Command {
	c := pipeline.DefaultConfig()
	c.Gate = pipeline.GateOff
	var engine engineFlags
	cmd := &cobra.Command{
		Use:     "sheet PHOTO --output FILE",
		Short:   "Render a photo in every built-in style, on one sheet",
		Example: "  gesso styles sheet photo.jpg --output sheet.png",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.ContentImagePath, c.StyleName = args[0], pipeline.BuiltinStyles()[0].ID // every style takes its turn
			return p.withEngine(cmd.Context(), engine, func(ctx context.Context, t *pipeline.Transfer, show func(pipeline.Progress)) error {
				if err := pipeline.CheckOutput(c); err != nil {
					return &usageError{err}
				}
				img, err := t.StyleSheet(ctx, c, show)
				if err != nil {
					return err
				}
				return picture.Save(ctx, c.OutputPath, img, picture.SaveOptions{Quality: c.Quality, Overwrite: c.Force})
			})
		},
	}
	cmd.DisableFlagsInUseLine = true
	f := cmd.Flags()
	f.StringVar(&c.OutputPath, "output", "", "`file` to write")
	f.Float64Var(&c.StyleStrength, "style-strength", c.StyleStrength, "from 0, the photo, to 1, the painting")
	f.Float64Var(&c.BrushScale, "brush-scale", c.BrushScale, "breadth of the strokes, from 0.5, fine, to 16, broad; 0 fits the photo's size")
	f.BoolVar(&c.PreserveColour, "preserve-colour", c.PreserveColour, "keep the photo's colours")
	f.IntVar(&c.Size, "size", 384, "longest side of each picture in pixels, 64 to 30000")
	engine.add(cmd)
	f.BoolVar(&c.Force, "force", false, "replace the output if it exists")
	return cmd
}

// stylesThumbnails makes the pictures in assets/styles anew when the networks change.
func (p *program) stylesThumbnails() *cobra.Command {
	c := pipeline.DefaultConfig()
	c.Gate, c.Size, c.StyleStrength, c.Quality = pipeline.GateOff, 224, 1, 85
	return &cobra.Command{
		Use:    "thumbnails PHOTO FOLDER",
		Short:  "Write a thumbnail of a photo in every built-in style",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.ContentImagePath = args[0]
			return p.withEngine(cmd.Context(), engineFlags{units: "all"}, func(ctx context.Context, t *pipeline.Transfer, show func(pipeline.Progress)) error {
				return t.EachStyle(ctx, c, show, func(b pipeline.BuiltinStyle, r *pipeline.Rendering) error {
					return picture.Save(ctx, filepath.Join(args[1], b.ID+".jpg"), r.Image, picture.SaveOptions{Quality: c.Quality, Overwrite: true})
				})
			})
		},
	}
}

// withEngine opens the engine, calls work with a progress bar, and closes both.
func (p *program) withEngine(ctx context.Context, e engineFlags, work func(context.Context, *pipeline.Transfer, func(pipeline.Progress)) error) (err error) {
	o, err := e.options(true)
	if err != nil {
		return err
	}
	t, err := pipeline.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	bar := p.newBar()
	defer bar.close()
	return work(ctx, t, bar.show)
}

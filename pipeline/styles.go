package pipeline

import (
	"context"
	"fmt"
	"image"

	"github.com/gesso-app/gesso/pipeline/sheet"
	"github.com/gesso-app/gesso/pipeline/style"
)

// BuiltinStyle is a style that comes with the program.
type BuiltinStyle struct {
	ID       string   `json:"id"` // for Config.StyleName
	Title    string   `json:"title"`
	Artist   string   `json:"artist"`
	Year     int      `json:"year"`
	Movement string   `json:"movement"`
	Keywords []string `json:"keywords"`
	Palette  []string `json:"palette"` // words for the painting's main colours, those that cover most first
}

// BuiltinStyles lists the built-in styles in alphabetical order of their identifiers.
func BuiltinStyles() []BuiltinStyle {
	var all []BuiltinStyle
	for _, p := range style.Catalogue() {
		all = append(all, BuiltinStyle{p.ID, p.Title, p.Artist, p.Year, p.Movement, p.Keywords, p.Palette})
	}
	return all
}

// EachStyle renders c once in every built-in style, in their order, and hands each picture to show. c's own style is not used.
func (t *Transfer) EachStyle(ctx context.Context, c Config, progress func(Progress), show func(BuiltinStyle, *Rendering) error) error {
	all := BuiltinStyles()
	c.StyleImagePath, c.StylePrompt, c.StyleMix, c.StyleCode = "", "", nil, nil
	for i, b := range all {
		c.StyleName = b.ID
		r, err := t.Render(ctx, c, func(p Progress) {
			report(progress, p.Phase, (float64(i)+p.Fraction)/float64(len(all)))
		})
		if err != nil {
			return err
		}
		if err := show(b, r); err != nil {
			return err
		}
	}
	return nil
}

// FittingBrush is the brush scale that Config.BrushScale 0 is settled to on a photo of w x h pixels.
func FittingBrush(w, h int) float64 { return style.AutoBrush(w, h) }

// sheetColumns is the number of pictures in a row of a sheet.
const sheetColumns = 4

// StyleSheet is one picture of the photo and of what every built-in style makes of it, with captions. c gives the photo, the strength and the
// like; c.Size is the longest side of each picture in pixels, 384 where it is 0.
func (t *Transfer) StyleSheet(ctx context.Context, c Config, progress func(Progress)) (*image.NRGBA, error) {
	if c.Size == 0 {
		c.Size = 384
	}
	var cells []sheet.Cell
	err := t.EachStyle(ctx, c, progress, func(b BuiltinStyle, r *Rendering) error {
		if cells == nil {
			cells = append(cells, sheet.Cell{Image: r.Content.Image, Lines: []string{"The photo"}})
		}
		caption := []string{b.ID, fmt.Sprintf("%s, %s, %d", b.Title, b.Artist, b.Year)}
		cells = append(cells, sheet.Cell{Image: r.Image, Lines: caption})
		return nil
	})
	if err != nil {
		return nil, err
	}
	size := cells[0].Image.Bounds()
	return sheet.Draw(cells, sheetColumns, size.Dx(), size.Dy())
}

// Package sheet lays pictures with captions on one page. It must not import ui or Fyne.
package sheet

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"github.com/disintegration/imaging"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Cell is a picture with up to two lines of text below it.
type Cell struct {
	Image image.Image
	Lines []string
}

// Measures of the page in pixels, and its colours.
const (
	gap      = 16
	textSize = 15
	leading  = 20
	lines    = 2
)

var (
	paper = color.NRGBA{0xf4, 0xf4, 0xf4, 0xff}
	ink   = color.NRGBA{0x20, 0x20, 0x20, 0xff}
)

// Draw lays cells out in rows of columns; every picture fits into width x height pixels, which no picture is enlarged to.
func Draw(cells []Cell, columns, width, height int) (*image.NRGBA, error) {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the font: %w", err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: textSize, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, fmt.Errorf("read the font: %w", err)
	}
	rows := (len(cells) + columns - 1) / columns
	stepX, stepY := width+gap, height+gap+lines*leading
	page := imaging.New(gap+columns*stepX, gap+rows*stepY, paper)
	for i, c := range cells {
		at := image.Pt(gap+i%columns*stepX, gap+i/columns*stepY)
		img := imaging.Fit(c.Image, width, height, imaging.Lanczos)
		draw.Draw(page, img.Bounds().Add(at), img, image.Point{}, draw.Over)
		d := font.Drawer{Dst: page, Src: image.NewUniform(ink), Face: face}
		for k, text := range c.Lines {
			d.Dot = fixed.P(at.X, at.Y+height+(k+1)*leading-4)
			d.DrawString(shorten(face, text, width))
		}
	}
	return page, nil
}

// shorten cuts text so that it is at most width pixels wide.
func shorten(face font.Face, text string, width int) string {
	if font.MeasureString(face, text).Ceil() <= width {
		return text
	}
	r := []rune(text)
	for len(r) > 0 && font.MeasureString(face, string(r)+"…").Ceil() > width {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

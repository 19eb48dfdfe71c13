package batch

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"path/filepath"

	"github.com/disintegration/imaging"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// The sheet's measures in pixels.
const (
	thumbSide   = 280
	sheetGap    = 16
	captionSize = 13
	captionRows = 2
	sheetPairs  = 3   // side by side
	sheetMost   = 240 // pairs on one sheet
)

// Sheets draws contact sheets of before and after with scores: sheetMost pairs at most on each. Only pictures that were made are on them; one
// that cannot be read any more has an empty place. Each is handed to save, with its number from 1.
func Sheets(ctx context.Context, rows []Row, save func(n int, img image.Image) error) error {
	var made []Row
	for _, r := range rows {
		if r.State == journal.Done && r.Scores != nil {
			made = append(made, r)
		}
	}
	for n := 1; len(made) > 0; n++ {
		k := min(len(made), sheetMost)
		img, err := sheet(ctx, made[:k])
		if err != nil {
			return err
		}
		if err := save(n, img); err != nil {
			return err
		}
		made = made[k:]
	}
	return nil
}

func sheet(ctx context.Context, rows []Row) (*image.RGBA, error) {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the font of the contact sheet: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: captionSize, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, fmt.Errorf("read the font of the contact sheet: %w", err)
	}
	defer face.Close()
	line := captionSize + 5
	width, height := 2*thumbSide, thumbSide+captionRows*line+4
	columns := min(sheetPairs, len(rows))
	lines := (len(rows) + columns - 1) / columns
	img := image.NewRGBA(image.Rect(0, 0, sheetGap+columns*(width+sheetGap), sheetGap+lines*(height+sheetGap)))
	draw.Draw(img, img.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	for i, r := range rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at := image.Pt(sheetGap+i%columns*(width+sheetGap), sheetGap+i/columns*(height+sheetGap))
		for k, path := range []string{r.Source, r.Output} {
			place := image.Rectangle{at, at.Add(image.Pt(thumbSide, thumbSide))}.Add(image.Pt(k*thumbSide, 0))
			draw.Draw(img, place, image.NewUniform(color.Gray{0xee}), image.Point{}, draw.Src)
			p, err := picture.Open(ctx, path, picture.DefaultLimits)
			if err != nil {
				continue // its place stays empty: the sheet is not what the work is for
			}
			t := imaging.Fit(p.Image, thumbSide, thumbSide, imaging.Box)
			corner := place.Min.Add(place.Size().Sub(t.Rect.Size()).Div(2))
			draw.Draw(img, t.Rect.Add(corner), t, image.Point{}, draw.Over)
		}
		for k, text := range caption(r) {
			d := font.Drawer{Dst: img, Src: image.NewUniform(color.Black), Face: face, Dot: fixed.P(at.X, at.Y+thumbSide+(k+1)*line)}
			d.DrawString(fitting(face, text, width))
		}
	}
	return img, nil
}

func caption(r Row) []string {
	s := r.Scores
	scores := fmt.Sprintf("SSIM %.3f   photo kept %.3f", s.SSIM, s.ContentPreservation)
	if s.StyleLoss != nil {
		scores += fmt.Sprintf("   style distance %.3f", *s.StyleLoss)
	}
	return []string{fmt.Sprintf("%d  %s", r.N, filepath.Base(r.Source)), scores + fmt.Sprintf("   strength %.2f", s.StrengthUsed)}
}

// fitting cuts text to a width in pixels.
func fitting(face font.Face, text string, width int) string {
	letters := []rune(text)
	for n := len(letters); n > 0; n-- {
		t := string(letters[:n])
		if n < len(letters) {
			t += "…"
		}
		if font.MeasureString(face, t).Ceil() <= width {
			return t
		}
	}
	return ""
}

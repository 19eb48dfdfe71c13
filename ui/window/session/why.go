package session

import (
	"errors"
	"image"

	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/quality"
)

// Why explains the scores of the picture that is shown.
type Why struct {
	Scores   pipeline.Result
	Strength float64 // that was asked for
	Gate     pipeline.Gate
	MinSSIM  float64
	// Before, After and Map are the same part of the photo, the picture and the map of their likeness: that where they are least alike. They are at
	// most whySide pixels.
	Before, After, Map image.Image
}

const (
	whyParts = 8   // of the longer side: a part is as large as that
	whySide  = 384 // pixels
)

// Why looks for the part of the shown picture that is least like the photo. It draws the map of all of it, which takes a moment for a large picture.
func (s *Session) Why() (y Why, err error) {
	s.mu.Lock()
	m := s.shown
	s.mu.Unlock()
	if m == nil {
		return y, errors.New("there is no picture yet: stylize the photo first")
	}
	r := m.rendering
	grey, err := quality.SSIMMap(r.Content.Image, r.Image)
	if err != nil {
		return y, err
	}
	y = Why{Scores: r.Result, Strength: r.Config.StyleStrength, Gate: r.Config.Gate, MinSSIM: r.Config.MinSSIM}
	at := leastAlike(grey)
	crop := func(img image.Image) *image.NRGBA {
		return imaging.Fit(imaging.Crop(img, at), whySide, whySide, imaging.Lanczos)
	}
	y.Before, y.After = crop(r.Content.Image), crop(r.Image)
	y.Map = crop(quality.Heat(grey))
	return y, nil
}

// leastAlike is the darkest square of a map, a whyParts-th of its longer side wide, or what fits.
func leastAlike(grey *image.Gray) image.Rectangle {
	b := grey.Bounds()
	side := max(b.Dx(), b.Dy()) / whyParts
	side = max(min(side, b.Dx(), b.Dy()), 1)
	best, least := image.Rectangle{}, -1
	step := max(side/2, 1)
	for y := 0; y+side <= b.Dy(); y += step {
		for x := 0; x+side <= b.Dx(); x += step {
			sum := 0
			for j := y; j < y+side; j++ {
				for _, v := range grey.Pix[j*grey.Stride+x : j*grey.Stride+x+side] {
					sum += int(v)
				}
			}
			if least < 0 || sum < least {
				best, least = image.Rect(x, y, x+side, y+side), sum
			}
		}
	}
	return best
}

package pipeline

import (
	"context"
	"fmt"
	"image"

	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/pipeline/adjust"
	"github.com/gesso-app/gesso/pipeline/quality"
	"github.com/gesso-app/gesso/pipeline/style"
)

// gateSide is the longest side in pixels at which the gate searches; what it finds is checked at full size.
const gateSide = 512

// settings is what the gate may turn.
type settings struct {
	strength float64 // 0..1
	detail   float64 // how much of the photo's own luminance is put back, 0..1: style.KeepDetail
}

// nearer is a step towards the photo; at detail 1 there is none.
func (s settings) nearer() settings { return settings{s.strength, min(1, s.detail+0.1)} }

// painter renders one photo in one style at any setting.
type painter struct {
	networks *style.Networks
	photo    *photo
	look     *look
	brush    float64 // strokes' breadth on the whole photo: Config.BrushScale, settled
	colour   bool    // Config.PreserveColour
	post     []adjust.Step
	mask     *image.Gray // at the photo's size; nil without one
	owns     map[work]*image.NRGBA
}

// work is a photo, or its small copy, at a brush scale.
type work struct {
	size  image.Point
	brush float64
}

// painted is a finished picture with its photo, of one size, and its SSIM to that.
type painted struct {
	*image.NRGBA
	photo *image.NRGBA
	ssim  float64
}

func newPainter(n *style.Networks, p *photo, l *look, c Config) *painter {
	brush, b := c.BrushScale, p.Image.Bounds()
	if brush == 0 {
		brush = style.AutoBrush(b.Dx(), b.Dy())
	}
	return &painter{networks: n, photo: p, look: l, brush: brush, colour: c.PreserveColour, post: c.Post, owns: map[work]*image.NRGBA{}}
}

func (p *painter) paint(ctx context.Context, s settings, progress func(float64)) (painted, error) {
	return p.paintOn(ctx, p.photo.Image, s, p.brush, progress)
}

func (p *painter) paintOn(ctx context.Context, photo *image.NRGBA, s settings, brush float64, progress func(float64)) (painted, error) {
	img, err := p.inStyle(ctx, photo, style.Blend(p.photo.features.Code, p.look.features.Code, s.strength), brush, progress)
	if err != nil {
		return painted{}, err
	}
	if k := restored(s.strength); k > 0 {
		key := work{photo.Bounds().Size(), brush}
		if p.owns[key] == nil {
			if p.owns[key], err = p.inStyle(ctx, photo, p.photo.features.Code, brush, nil); err != nil {
				return painted{}, err
			}
		}
		style.Restore(img, photo, p.owns[key], k)
	}
	if p.colour {
		style.PreserveColour(img, photo)
	}
	if s.detail > 0 {
		style.KeepDetail(img, photo, s.detail)
	}
	img, photo, err = p.finish(img, photo)
	if err != nil {
		return painted{}, err
	}
	ssim, err := quality.SSIM(photo, img)
	return painted{img, photo, ssim}, err
}

// inStyle paints photo in the style of code.
func (p *painter) inStyle(ctx context.Context, photo *image.NRGBA, code style.Code, brush float64, progress func(float64)) (*image.NRGBA, error) {
	m, err := p.networks.Statistics(ctx, photo, code)
	if err != nil {
		return nil, err
	}
	return p.networks.Paint(ctx, photo, m, brush, progress)
}

// restoreBelow is the strength below which the photo gets back what the networks lose of it.
const restoreBelow = 0.5

// restored is how much of that comes back: all of it at strength 0, so that it gives the photo itself.
func restored(strength float64) float64 {
	k := max(0, 1-strength/restoreBelow)
	return k * k
}

// hold finds the greatest strength, from the one asked for down to its half, whose SSIM meets c.MinSSIM; where even the half does not, how much
// of the photo's own luminance must be put back at that strength. note says what was found.
func (p *painter) hold(ctx context.Context, c Config) (s settings, note string, err error) {
	small, brush := p.photo.Image, p.brush
	if b := small.Bounds(); max(b.Dx(), b.Dy()) > gateSide {
		small = imaging.Fit(small, gateSide, gateSide, imaging.Lanczos)
		brush = max(brush*gateSide/float64(max(b.Dx(), b.Dy())), min(brush, 1)) // worked on at the whole picture's size, or at its own
	}
	meets := func(s settings) bool {
		if err != nil {
			return false
		}
		var made painted
		made, err = p.paintOn(ctx, small, s, brush, nil)
		return made.ssim >= c.MinSSIM
	}
	asked, half := settings{strength: c.StyleStrength}, settings{strength: c.StyleStrength / 2}
	switch {
	case meets(asked):
		return asked, "", err
	case meets(half):
		k := greatest(func(k float64) bool { return meets(settings{strength: half.strength * (1 + k)}) })
		s = settings{strength: half.strength * (1 + k)}
	default:
		k := greatest(func(k float64) bool { return meets(settings{half.strength, 1 - k}) })
		s = settings{half.strength, 1 - k}
	}
	return s, holdNote(s, c), err
}

func holdNote(s settings, c Config) string {
	kept := ""
	if s.detail > 0 {
		kept = fmt.Sprintf(" and %.0f %% of the photo's own luminance", 100*s.detail)
	}
	return fmt.Sprintf("held: strength %.2f instead of %.2f%s, so that SSIM stays at %.2f or above", s.strength, c.StyleStrength, kept, c.MinSSIM)
}

// greatest bisects 0..1 for the greatest k that is ok, to within 1/64; ok(0) is taken for granted.
func greatest(ok func(float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 6 {
		if mid := (low + high) / 2; ok(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

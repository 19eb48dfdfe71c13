package pipeline

import (
	"context"
	"fmt"
	"image"

	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/pipeline/quality"
	"github.com/gesso-app/gesso/pipeline/style"
)

// gateSide is the longest side in pixels at which the gate searches; what it finds is checked at full size.
const gateSide = 512

// settings is what the gate may turn.
type settings struct {
	strength float64 // 0..1
	detail   float64 // share of the photo's own fine luminance detail that is put back, 0..1
}

// nearest is as near to the photo as the gate goes.
var nearest = settings{strength: 0, detail: 1}

// lower is a step towards the photo; it ends at nearest.
func (s settings) lower() settings {
	if s.strength > 0.02 {
		return settings{s.strength * 0.85, s.detail}
	}
	return settings{0, min(nearest.detail, s.detail+0.2)}
}

// painter renders one photo in one style at any setting.
type painter struct {
	networks *style.Networks
	photo    *photo
	look     *look
}

// paint returns the picture and its SSIM to the photo.
func (p *painter) paint(ctx context.Context, s settings, progress func(float64)) (*image.NRGBA, float64, error) {
	return p.paintOn(ctx, p.photo.Image, s, progress)
}

func (p *painter) paintOn(ctx context.Context, photo *image.NRGBA, s settings, progress func(float64)) (*image.NRGBA, float64, error) {
	code := style.Blend(p.photo.features.Code, p.look.features.Code, s.strength)
	m, err := p.networks.Statistics(ctx, photo, code)
	if err != nil {
		return nil, 0, err
	}
	img, err := p.networks.Transform(ctx, photo, m, progress)
	if err != nil {
		return nil, 0, err
	}
	if s.detail > 0 {
		style.KeepDetail(img, photo, s.detail)
	}
	ssim, err := quality.SSIM(photo, img)
	return img, ssim, err
}

// hold finds the greatest strength, up to the one asked for, whose SSIM meets c.MinSSIM; where even strength 0 does not, how much of the
// photo's detail must be put back. note says what was found.
func (p *painter) hold(ctx context.Context, c Config) (s settings, note string, err error) {
	small := p.photo.Image
	if b := small.Bounds(); max(b.Dx(), b.Dy()) > gateSide {
		small = imaging.Fit(small, gateSide, gateSide, imaging.Lanczos)
	}
	meets := func(s settings) bool {
		if err != nil {
			return false
		}
		var ssim float64
		_, ssim, err = p.paintOn(ctx, small, s, nil)
		return ssim >= c.MinSSIM
	}
	asked := settings{strength: c.StyleStrength}
	switch {
	case meets(asked):
		return asked, "", err
	case meets(settings{}):
		k := greatest(func(k float64) bool { return meets(settings{strength: k * asked.strength}) })
		s = settings{strength: k * asked.strength}
		note = fmt.Sprintf("held: strength %.2f instead of %.2f, so that SSIM stays at %.2f or above", s.strength, asked.strength, c.MinSSIM)
	default:
		k := greatest(func(k float64) bool { return meets(settings{detail: 1 - k}) })
		s = settings{detail: 1 - k}
		note = fmt.Sprintf("held: strength 0 and %.0f %% of the photo's own detail, as close as SSIM %.2f allows", 100*s.detail, c.MinSSIM)
	}
	return s, note, err
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

package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"os"

	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/pipeline/quality"
	"github.com/gesso-app/gesso/pipeline/style"
)

// CheckOutput says, before any work, whether c.OutputPath can be written: its format, its folder, and that it replaces nothing unless c.Force.
func CheckOutput(c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if c.OutputPath == "" {
		return &FieldError{"output_path", "empty", "name the picture to write"}
	}
	if err := picture.CheckOutput(c.OutputPath); err != nil {
		return err
	}
	if c.Force {
		return nil
	}
	inputs := []string{c.ContentImagePath, c.StyleImagePath, c.MaskPath}
	for _, m := range c.StyleMix {
		inputs = append(inputs, m.StyleImagePath)
	}
	for _, in := range inputs {
		if in != "" && picture.SameFile(in, c.OutputPath) {
			return fmt.Errorf("%s: %w", c.OutputPath, ErrSameFile)
		}
	}
	if _, err := os.Lstat(c.OutputPath); err == nil {
		return fmt.Errorf("%s: %w", c.OutputPath, picture.ErrExists)
	}
	return nil
}

// Scores compare a stylized picture with its photo, by whatever program it was made. In JSON what was not measured is null.
type Scores struct {
	// Width and Height are the stylized picture's, in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
	// SSIM is the structural similarity of the luminance, -1..1: 1 is equal, a painterly picture lies near 0.2 to 0.5 (quality.SSIM).
	SSIM float64 `json:"ssim"`
	// SSIMRGB is the mean of the channels', which counts changes of colour too (quality.SSIMRGB).
	SSIMRGB float64 `json:"ssim_rgb"`
	// MSSSIM and MSSSIMRGB are SSIM over five scales, 0..1; NaN below quality.MSSSIMSide pixels.
	MSSSIM    float64 `json:"ms_ssim"`
	MSSSIMRGB float64 `json:"ms_ssim_rgb"`
	// PSNR is in dB; +Inf, which is null in JSON, for equal pictures.
	PSNR float64 `json:"psnr"`
	// ContentPreservation is the share of the photo's structure in the style network's features that is kept, 0..1.
	ContentPreservation float64 `json:"content_preservation"`
	// StyleLoss is the relative distance of feature statistics to the style: 0 is equal; it is comparable between pictures of one style. NaN
	// without a style.
	StyleLoss float64 `json:"style_loss"`
	// Map is SSIM at each pixel, as quality.SSIMMap draws it.
	Map *image.Gray `json:"-"`
}

// MarshalJSON writes what is not finite as null, and SSIM under the name that it has in a transfer's result, too.
func (s Scores) MarshalJSON() ([]byte, error) {
	finite := func(v float64) *float64 {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	type plain Scores
	return json.Marshal(struct {
		plain
		SSIMScore float64  `json:"ssim_score"`
		MSSSIM    *float64 `json:"ms_ssim"`
		MSSSIMRGB *float64 `json:"ms_ssim_rgb"`
		PSNR      *float64 `json:"psnr"`
		StyleLoss *float64 `json:"style_loss"`
	}{plain(s), s.SSIM, finite(s.MSSSIM), finite(s.MSSSIMRGB), finite(s.PSNR), finite(s.StyleLoss)})
}

// Score measures a stylized picture against its photo and, unless of is empty, its style. A photo of another size is brought to the
// stylized picture's, as long as the proportions agree.
func (t *Transfer) Score(ctx context.Context, contentPath, stylizedPath string, of StyleShare) (Scores, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, b, err := t.openPair(ctx, contentPath, stylizedPath)
	if err != nil {
		return Scores{}, err
	}
	s := Scores{Width: b.Bounds().Dx(), Height: b.Bounds().Dy(), StyleLoss: math.NaN()}
	if err := s.compare(a, b); err != nil {
		return Scores{}, err
	}
	if err := t.ready(); err != nil {
		return Scores{}, err
	}
	fa, err := t.networks.Look(ctx, a)
	if err != nil {
		return Scores{}, err
	}
	fb, err := t.networks.Look(ctx, b)
	if err != nil {
		return Scores{}, err
	}
	s.ContentPreservation = quality.ContentPreservation(fa.Map, fb.Map, style.MapChannels)
	if of.StyleImagePath != "" || of.StyleName != "" {
		l, err := t.look(ctx, Config{StyleImagePath: of.StyleImagePath, StyleName: of.StyleName})
		if err != nil {
			return Scores{}, err
		}
		s.StyleLoss = quality.StyleLoss(fb.Moments, l.features.Moments)
	}
	return s, nil
}

// openPair reads the photo, at the size of the stylized picture, and the stylized picture.
func (t *Transfer) openPair(ctx context.Context, contentPath, stylizedPath string) (a, b *image.NRGBA, err error) {
	content, err := picture.Open(ctx, contentPath, t.limits)
	if err != nil {
		return nil, nil, err
	}
	stylized, err := picture.Open(ctx, stylizedPath, t.limits)
	if err != nil {
		return nil, nil, err
	}
	a, b = content.Image, stylized.Image
	if w, h := b.Bounds().Dx(), b.Bounds().Dy(); a.Bounds() != b.Bounds() {
		if !sameProportions(a.Bounds(), b.Bounds()) {
			reason := fmt.Sprintf("has other proportions than %s: score a picture against its own photo", contentPath)
			return nil, nil, &picture.Error{Path: stylizedPath, Reason: reason}
		}
		a = imaging.Resize(a, w, h, imaging.Lanczos)
	}
	return a, b, nil
}

// sameProportions allows for sides that were rounded.
func sameProportions(a, b image.Rectangle) bool {
	ratio := float64(a.Dx()) * float64(b.Dy()) / (float64(a.Dy()) * float64(b.Dx()))
	return math.Abs(ratio-1) <= 0.02
}

// compare fills in what pixels tell.
func (s *Scores) compare(a, b *image.NRGBA) (err error) {
	s.MSSSIM, s.MSSSIMRGB = math.NaN(), math.NaN()
	measures := []struct {
		score *float64
		of    func(a, b image.Image) (float64, error)
	}{{&s.SSIM, quality.SSIM}, {&s.SSIMRGB, quality.SSIMRGB}, {&s.PSNR, quality.PSNR}, {&s.MSSSIM, quality.MSSSIM}, {&s.MSSSIMRGB, quality.MSSSIMRGB}}
	if min(s.Width, s.Height) < quality.MSSSIMSide {
		measures = measures[:3]
	}
	for _, m := range measures {
		if *m.score, err = m.of(a, b); err != nil {
			return err
		}
	}
	s.Map, err = quality.SSIMMap(a, b)
	return err
}

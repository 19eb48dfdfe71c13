package pipeline

import (
	"context"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/native"
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
	inputs := []string{c.ContentImagePath, c.StyleImagePath}
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

// Score measures a stylized picture against its photo and, unless stylePath is empty, its style; StyleLoss is NaN without one. A photo of
// another size is brought to the stylized picture's, as long as the proportions agree.
func (t *Transfer) Score(ctx context.Context, contentPath, stylizedPath, stylePath string) (Result, error) {
	start := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	content, err := picture.Open(ctx, contentPath, t.limits)
	if err != nil {
		return Result{}, err
	}
	stylized, err := picture.Open(ctx, stylizedPath, t.limits)
	if err != nil {
		return Result{}, err
	}
	a, b := content.Image, stylized.Image
	w, h := b.Bounds().Dx(), b.Bounds().Dy()
	if a.Bounds() != b.Bounds() {
		ratio := float64(a.Bounds().Dx()) * float64(h) / (float64(a.Bounds().Dy()) * float64(w))
		if math.Abs(ratio-1) > 0.02 {
			reason := fmt.Sprintf("has other proportions than %s: score a picture against its own photo", contentPath)
			return Result{}, &picture.Error{Path: stylizedPath, Reason: reason}
		}
		a = imaging.Resize(a, w, h, imaging.Lanczos)
	}
	r := Result{OutputPath: stylizedPath, StyleLoss: math.NaN(), Style: stylePath, Engine: native.Engine(), Width: w, Height: h}
	if r.SSIMScore, err = quality.SSIM(a, b); err != nil {
		return Result{}, err
	}
	if err := t.ready(); err != nil {
		return Result{}, err
	}
	fa, err := t.networks.Look(ctx, a)
	if err != nil {
		return Result{}, err
	}
	fb, err := t.networks.Look(ctx, b)
	if err != nil {
		return Result{}, err
	}
	r.ContentPreservation = quality.ContentPreservation(fa.Map, fb.Map, style.MapChannels)
	if stylePath != "" {
		painting, err := picture.Open(ctx, stylePath, t.limits)
		if err != nil {
			return Result{}, err
		}
		fs, err := t.networks.Study(ctx, painting.Resize(2048).Image)
		if err != nil {
			return Result{}, err
		}
		r.StyleLoss = quality.StyleLoss(fb.Moments, fs.Moments)
	}
	r.ProcessingTime = time.Since(start)
	return r, nil
}

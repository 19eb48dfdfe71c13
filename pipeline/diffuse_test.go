package pipeline

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/convert"
	"github.com/gesso-app/gesso/pipeline/diffusion"
)

// TestDiffusion paints with the tiny network that diffusion is tested with.
func TestDiffusion(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sd1")
	_, err := convert.Run(t.Context(), convert.Options{ModelPath: "diffusion/testdata/small/sd1", OutputPath: dir, Float32: true}, nil)
	require.NoError(t, err)
	e := engine(t)
	c := sample(t)
	c.StyleImagePath, c.StyleName, c.StylePrompt, c.StyleStrength = "", "", "a painting", 0.6
	d := DefaultDiffusion()
	d.Model, d.Steps, d.Seed, d.Detail = dir, 5, 3, 0
	c.Diffusion = &d
	last := 0.0
	bare, err := e.Render(t.Context(), c, func(p Progress) {
		require.GreaterOrEqual(t, p.Fraction, last)
		last = p.Fraction
	})
	require.NoError(t, err)
	require.Greater(t, last, 0.8)
	require.Equal(t, bare.Content.Bounds(), bare.Image.Bounds())
	require.True(t, math.IsNaN(bare.Result.StyleLoss))
	require.Equal(t, "a painting", bare.Result.Style)
	require.Contains(t, bare.Result.GateNote, "keep more detail")
	again, err := e.Render(t.Context(), c, nil)
	require.NoError(t, err)
	require.Equal(t, bare.Image.Pix, again.Image.Pix)

	detailed := d
	detailed.Detail = 1
	c.Diffusion = &detailed
	near, err := e.Render(t.Context(), c, nil)
	require.NoError(t, err)
	require.Greater(t, near.Result.SSIMScore, bare.Result.SSIMScore+0.01, "the photo's detail is in the picture")

	c.StyleStrength = 0
	same, err := e.Render(t.Context(), c, nil)
	require.NoError(t, err)
	require.Equal(t, same.Content.Image.Pix, same.Image.Pix)

	c.StyleStrength = 0.6
	ctx, cancel := context.WithCancel(t.Context())
	_, err = e.Render(ctx, c, func(p Progress) {
		if p.Phase == PhaseStylize {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	wrong := d
	wrong.Scheduler = "heun"
	c.Diffusion = &wrong
	_, err = e.Render(t.Context(), c, nil)
	var input *diffusion.InputError
	require.ErrorAs(t, err, &input)
}

func TestDiffusionRanges(t *testing.T) {
	for field, change := range map[string]func(*Config){
		"model":          func(c *Config) { c.Diffusion.Model = "" },
		"style_prompt":   func(c *Config) { c.StylePrompt, c.StyleName = "", "udnie" },
		"gate":           func(c *Config) { c.Gate = GateHold },
		"brush_scale":    func(c *Config) { c.BrushScale = 2 },
		"steps":          func(c *Config) { c.Diffusion.Steps = 1001 },
		"guidance_scale": func(c *Config) { c.Diffusion.Guidance = math.NaN() },
		"keep_detail":    func(c *Config) { c.Diffusion.Detail = -1 },
	} {
		c, d := DefaultConfig(), DefaultDiffusion()
		d.Model, c.Diffusion, c.StylePrompt, c.ContentImagePath = "sd", &d, "x", "photo.jpg"
		require.NoError(t, c.Validate())
		change(&c)
		var wrong *FieldError
		require.ErrorAs(t, c.Validate(), &wrong, field)
		require.Equal(t, field, wrong.Field)
	}
}

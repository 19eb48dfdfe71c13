package pipeline

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/adjust"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/pipeline/quality"
)

// maskFile writes a mask whose right half is white.
func maskFile(t *testing.T, w, h int) string {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := w / 2; x < w; x++ {
			m.SetGray(x, y, color.Gray{Y: 255})
		}
	}
	path := filepath.Join(t.TempDir(), "mask.png")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, m))
	require.NoError(t, f.Close())
	return path
}

// likeness of the left and the right quarter to the photo, at the outputs' size.
func sides(t *testing.T, r *Rendering) (left, right float64) {
	t.Helper()
	b := r.Image.Bounds()
	part := func(x int) float64 {
		at := image.Rect(x, 0, x+b.Dx()/4, b.Dy())
		s, err := quality.SSIMRGB(r.Content.Image.SubImage(at), r.Image.SubImage(at))
		require.NoError(t, err)
		return s
	}
	return part(0), part(b.Dx() - b.Dx()/4)
}

func TestMaskLeavesThePhoto(t *testing.T) {
	tr, c := engine(t), sample(t)
	ctx := context.Background()
	photo, err := picture.Open(ctx, c.ContentImagePath, picture.DefaultLimits)
	require.NoError(t, err)
	w, h := photo.Bounds().Dx()/3, photo.Bounds().Dy()/3
	c.MaskPath = maskFile(t, w, h)
	c.Post = []adjust.Step{{Op: adjust.Grain, Amount: 0.5}}
	r, err := tr.Render(ctx, c, nil)
	require.NoError(t, err)
	left, right := sides(t, r)
	require.Equal(t, 1.0, left, "the photo itself, without grain")
	require.Less(t, right, 0.8)

	c.MaskInvert = true
	r, err = tr.Render(ctx, c, nil)
	require.NoError(t, err)
	left, right = sides(t, r)
	require.Less(t, left, 0.8)
	require.Equal(t, 1.0, right)

	c.MaskFeather = 2 * float64(photo.Bounds().Dx()) // wider than the picture: nothing is clear
	require.ErrorContains(t, c.Validate(), "mask feather is")
	c.MaskFeather = 1000
	r, err = tr.Render(ctx, c, nil)
	require.NoError(t, err)
	_, right = sides(t, r)
	require.Less(t, right, 0.999, "a soft edge reaches far")

	c.MaskFeather, c.MaskInvert = 0, false
	c.Pre = []adjust.Step{{Op: adjust.Crop, To: "1:2"}}
	r, err = tr.Render(ctx, c, nil)
	require.NoError(t, err)
	left, right = sides(t, r)
	require.Equal(t, 1.0, left, "the mask is cropped with the photo")
	require.Less(t, right, 0.8)

	made, err := tr.RenderPicture(ctx, c, photo, nil)
	require.NoError(t, err)
	require.True(t, bytes.Equal(r.Image.Pix, made.Image.Pix))

	c.MaskPath = maskFile(t, 200, 300)
	_, err = tr.Render(ctx, c, nil)
	require.ErrorContains(t, err, "is a mask of 200x300 pixels for a photo of")
	c.MaskPath = filepath.Join(t.TempDir(), "none.png")
	_, err = tr.Render(ctx, c, nil)
	require.ErrorContains(t, err, "does not exist")
}

func TestStepsAroundTheStyle(t *testing.T) {
	tr, c := engine(t), sample(t)
	ctx := context.Background()
	plain, err := tr.Render(ctx, c, nil)
	require.NoError(t, err)

	c.Post = []adjust.Step{{Op: adjust.Detail, Amount: 1}}
	detailed, err := tr.Render(ctx, c, nil)
	require.NoError(t, err)
	require.Greater(t, detailed.Result.SSIMScore, plain.Result.SSIMScore+0.02, "more of the photo, and the score says so")

	c.Post = []adjust.Step{{Op: adjust.ColourMatch, To: adjust.ToStyle, Amount: 1}}
	matched, err := tr.Render(ctx, c, nil)
	require.NoError(t, err)
	painting, err := picture.Open(ctx, c.StyleImagePath, picture.DefaultLimits)
	require.NoError(t, err)
	want, got := adjust.PaletteOf(painting.Image), adjust.PaletteOf(matched.Image)
	for i := range 3 {
		require.InDelta(t, want.Mean[i], got.Mean[i], 0.05, "the painting's colours")
	}

	c.Pre = []adjust.Step{{Op: adjust.Crop, To: "1:1"}, {Op: adjust.LongEdge, To: "200"}}
	c.Post = []adjust.Step{{Op: adjust.Upscale, Amount: 2}, {Op: adjust.Sharpen, Amount: 0.3}}
	large, err := tr.Render(ctx, c, nil)
	require.NoError(t, err)
	require.Equal(t, image.Pt(400, 400), large.Image.Bounds().Size())
	require.Equal(t, image.Pt(400, 400), large.Content.Bounds().Size(), "to compare with")
	require.Equal(t, 400, large.Result.Width)

	c.Gate, c.MinSSIM = GateHold, 0.9
	c.Post = append(c.Post, adjust.Step{Op: adjust.Grain, Amount: 0.05})
	held, err := tr.Render(ctx, c, nil)
	require.NoError(t, err)
	require.GreaterOrEqual(t, held.Result.SSIMScore, 0.9)
}

func TestStepsAreChecked(t *testing.T) {
	c := DefaultConfig()
	c.ContentImagePath, c.StyleName = "a.jpg", "udnie"
	for want, spoil := range map[string]func(*Config){
		"post is sharpen=9: it goes from 0 to 2":                                             func(c *Config) { c.Post = []adjust.Step{{Op: adjust.Sharpen, Amount: 9}} },
		"pre is crop=wide: it crops to proportions such as 16:9, each number from 1 to 1000": func(c *Config) { c.Pre = []adjust.Step{{Op: adjust.Crop, To: "wide"}} },
		"mask feather is 3: it needs a mask":                                                 func(c *Config) { c.MaskFeather = 3 },
		"mask invert is true: it needs a mask":                                               func(c *Config) { c.MaskInvert = true },
		"mask feather is -1: it goes from 0 to 1000 pixels":                                  func(c *Config) { c.MaskPath, c.MaskFeather = "m.png", -1 },
	} {
		bad := c
		spoil(&bad)
		require.EqualError(t, bad.Validate(), want)
		var field *FieldError
		require.ErrorAs(t, bad.Validate(), &field)
	}
}

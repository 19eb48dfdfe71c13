package session

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/adjust"
)

func TestAdjustmentsAreSettings(t *testing.T) {
	r := ready(t)
	r.SetAdjustment(adjust.Sharpen, 0.5)
	r.SetAdjustment(adjust.Detail, 0.4)
	r.SetColourMatch(adjust.ToPhoto)
	r.SetAdjustment(adjust.Contrast, 9) // out of range
	r.SetMask(Mask{Path: "/m.png", Feather: 1e6, Invert: true})
	n := r.Snapshot()
	require.Equal(t, "detail=0.4,colour-match=photo,sharpen=0.5", adjust.Format(n.Post), "in the order that is best as a rule")
	require.InDelta(t, 0.4, n.Adjustment(adjust.Detail), 0)
	require.Zero(t, n.Adjustment(adjust.Contrast))
	require.Equal(t, adjust.ToPhoto, n.ColourMatch())
	c := r.engine.job(t, 0).config
	require.NoError(t, c.Validate())
	require.Equal(t, n.Post, c.Post)
	require.Equal(t, "/m.png", c.MaskPath)
	require.InDelta(t, FeatherMost, c.MaskFeather, 0)
	require.True(t, c.MaskInvert)

	r.Undo()
	require.Empty(t, r.Snapshot().Mask)
	r.Redo()
	r.SetColourMatch("")
	r.SetAdjustment(adjust.Sharpen, 0)
	r.SetAdjustment(adjust.Detail, 0)
	require.Empty(t, r.Snapshot().Post)
	r.SetMask(Mask{Feather: 3, Invert: true})
	c, ok := r.Settings()
	require.True(t, ok)
	require.NoError(t, func() error { c.ContentImagePath = "photo"; return c.Validate() }(), "an edge without a mask is nothing")
}

// What the window has no control for is kept when a preset is applied and its other steps are changed.
func TestAppliedStepsStay(t *testing.T) {
	r := ready(t)
	c := pipeline.DefaultConfig()
	c.StyleName = "udnie"
	c.Pre = []adjust.Step{{Op: adjust.Crop, To: "1:1"}}
	c.Post = []adjust.Step{{Op: adjust.Grain, Amount: 0.2, Seed: 7}, {Op: adjust.Upscale, Amount: 2}}
	c.MaskPath, c.MaskFeather = "/m.png", 4
	r.Apply(c, "Crisp")
	r.SetAdjustment(adjust.Grain, 0.3)
	got, ok := r.Settings()
	require.True(t, ok)
	require.Equal(t, c.Pre, got.Pre)
	require.Equal(t, []adjust.Step{{Op: adjust.Grain, Amount: 0.3, Seed: 7}, {Op: adjust.Upscale, Amount: 2}}, got.Post)
	require.Equal(t, "/m.png", got.MaskPath)
}

func TestAMaskBelongsToItsPhoto(t *testing.T) {
	r := ready(t)
	r.SetMask(Mask{Path: "/m.png"})
	r.Enqueue()
	require.Equal(t, "/m.png", r.engine.batchJob(t, 0).config.MaskPath)
	other := filepath.Join(t.TempDir(), "other.png")
	writePicture(t, other, 60, 40)
	r.OpenContent(other)
	r.wait(t, func(n Snapshot) bool { return n.Content.Ready() })
	require.Empty(t, r.Snapshot().Mask.Path)
}

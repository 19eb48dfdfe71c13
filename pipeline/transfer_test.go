package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/assets"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// engine opens a Transfer whose cache is the test's own.
func engine(t *testing.T) *Transfer {
	t.Helper()
	tr, err := Open(context.Background(), Options{CacheDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tr.Close()) })
	return tr
}

// sample is a Config over the sample photo and painting in a folder of the test's own, at 256 px.
func sample(t *testing.T) Config {
	t.Helper()
	dir := t.TempDir()
	c := DefaultConfig()
	c.ContentImagePath = filepath.Join(dir, "photo.jpg")
	c.StyleImagePath = filepath.Join(dir, "painting.jpg")
	c.OutputPath = filepath.Join(dir, "out.png")
	c.Size = 256
	require.NoError(t, os.WriteFile(c.ContentImagePath, assets.SamplePhoto(), 0o600))
	require.NoError(t, os.WriteFile(c.StyleImagePath, assets.SampleStyle(), 0o600))
	return c
}

func TestRun(t *testing.T) {
	tr, c := engine(t), sample(t)
	var seen []Progress
	r, err := tr.Run(context.Background(), c, func(p Progress) { seen = append(seen, p) })
	require.NoError(t, err)
	require.Equal(t, c.OutputPath, r.OutputPath)
	require.Equal(t, 256, max(r.Width, r.Height))
	require.Greater(t, r.SSIMScore, 0.05)
	require.Less(t, r.SSIMScore, 0.95, "the picture is stylized")
	require.Greater(t, r.ContentPreservation, 0.3)
	require.Greater(t, r.StyleLoss, 0.0)
	require.False(t, r.ANEUtilized)
	require.NotEmpty(t, r.GateNote)
	require.Greater(t, r.ProcessingTime, time.Duration(0))
	require.Equal(t, 1.0, seen[len(seen)-1].Fraction)
	for i := 1; i < len(seen); i++ {
		require.GreaterOrEqual(t, seen[i].Fraction, seen[i-1].Fraction)
	}

	raw, err := picture.Recipe(c.OutputPath)
	require.NoError(t, err)
	var back Config
	require.NoError(t, json.Unmarshal(raw, &back))
	back.Force = c.Force
	require.Equal(t, c, back)

	b, err := json.Marshal(r)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(b, &fields))
	for _, k := range []string{"output_path", "processing_time", "ssim_score", "style_loss", "content_preservation", "ane_utilized"} {
		require.Contains(t, fields, k)
	}
}

func TestSameInputSameBytes(t *testing.T) {
	tr, c := engine(t), sample(t)
	var files [][]byte
	for range 2 {
		c.Force = true
		_, err := tr.Run(context.Background(), c, nil)
		require.NoError(t, err)
		b, err := os.ReadFile(c.OutputPath)
		require.NoError(t, err)
		files = append(files, b)
	}
	require.True(t, bytes.Equal(files[0], files[1]))
}

// TestStrength holds that strength 0 is the photo itself, and that the painting's look grows from there.
func TestStrength(t *testing.T) {
	tr, c := engine(t), sample(t)
	c.StyleImagePath = ""
	for _, c.StyleName = range []string{"great-wave", "starry-night", "the-scream", "wheat-field", "woman-with-a-hat"} {
		loss := math.Inf(1)
		for _, c.StyleStrength = range []float64{0, 0.25, 0.5, 0.75, 1} {
			r, err := tr.Render(context.Background(), c, nil)
			require.NoError(t, err)
			require.Less(t, r.Result.StyleLoss, loss, "%s at %v", c.StyleName, c.StyleStrength)
			if c.StyleStrength == 0 {
				require.Greater(t, r.Result.SSIMScore, 0.99, c.StyleName)
			}
			loss = r.Result.StyleLoss
		}
		require.Less(t, loss, 0.5, c.StyleName)
	}
}

func TestGate(t *testing.T) {
	tr, c := engine(t), sample(t)
	c.Gate, c.MinSSIM = GateHold, 0.9
	r, err := tr.Render(context.Background(), c, nil)
	require.NoError(t, err)
	require.GreaterOrEqual(t, r.Result.SSIMScore, 0.9)
	require.Less(t, r.Result.StrengthUsed, c.StyleStrength)
	require.Contains(t, r.Result.GateNote, "held")

	c.MinSSIM = 0
	r, err = tr.Render(context.Background(), c, nil)
	require.NoError(t, err)
	require.Equal(t, c.StyleStrength, r.Result.StrengthUsed)
	require.Empty(t, r.Result.GateNote)

	c.Gate, c.MinSSIM = GateOff, 1
	r, err = tr.Render(context.Background(), c, nil)
	require.NoError(t, err)
	require.Empty(t, r.Result.GateNote)
}

func TestGreatest(t *testing.T) {
	require.InDelta(t, 0.4, greatest(func(k float64) bool { return k <= 0.4 }), 1.0/32)
	require.Zero(t, greatest(func(float64) bool { return false }))
}

func TestBuiltinAndPrompt(t *testing.T) {
	tr, c := engine(t), sample(t)
	c.StyleImagePath, c.StyleName = "", "great-wave"
	r, err := tr.Render(context.Background(), c, nil)
	require.NoError(t, err)
	require.Contains(t, r.Result.Style, "Hokusai")

	c.StyleName, c.StylePrompt = "", "starry night by van Gogh"
	r, err = tr.Render(context.Background(), c, nil)
	require.NoError(t, err)
	require.Contains(t, r.Result.Style, "The Starry Night")

	var field *FieldError
	c.StylePrompt = "quasar spaceship"
	_, err = tr.Render(context.Background(), c, nil)
	require.ErrorAs(t, err, &field)
	c.StylePrompt, c.StyleName = "", "nobody"
	_, err = tr.Render(context.Background(), c, nil)
	require.ErrorAs(t, err, &field)
}

func TestChangedFileIsReadAgain(t *testing.T) {
	tr, c := engine(t), sample(t)
	a, err := tr.Render(context.Background(), c, nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.ContentImagePath, assets.SampleStyle(), 0o600))
	b, err := tr.Render(context.Background(), c, nil)
	require.NoError(t, err)
	require.NotEqual(t, a.Image.Pix, b.Image.Pix)
}

func TestCancelLeavesNoFile(t *testing.T) {
	tr, c := engine(t), sample(t)
	for _, phase := range []Phase{PhaseOpen, PhaseStyle, PhaseStylize, PhaseMeasure, PhaseSave} {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := tr.Run(ctx, c, func(p Progress) {
			if p.Phase == phase {
				cancel()
			}
		})
		if phase == PhaseSave && err == nil {
			require.NoError(t, os.Remove(c.OutputPath)) // cancelled after the last moment at which it counts
		} else {
			require.ErrorIs(t, err, context.Canceled, phase)
		}
		cancel()
		entries, err := os.ReadDir(filepath.Dir(c.OutputPath))
		require.NoError(t, err)
		require.Len(t, entries, 2, "only the inputs are left after cancelling in %s", phase)
	}
}

func TestOutputIsChecked(t *testing.T) {
	c := sample(t)
	c.OutputPath = c.ContentImagePath
	require.ErrorIs(t, CheckOutput(c), ErrSameFile)
	c.Force = true
	require.NoError(t, CheckOutput(c))
	c.Force, c.OutputPath = false, filepath.Join(filepath.Dir(c.ContentImagePath), "there.png")
	require.NoError(t, os.WriteFile(c.OutputPath, nil, 0o600))
	require.ErrorIs(t, CheckOutput(c), picture.ErrExists)
}

func TestScore(t *testing.T) {
	tr, c := engine(t), sample(t)
	made, err := tr.Run(context.Background(), c, nil)
	require.NoError(t, err)
	r, err := tr.Score(context.Background(), c.ContentImagePath, c.OutputPath, StyleShare{StyleImagePath: c.StyleImagePath})
	require.NoError(t, err)
	require.InDelta(t, made.SSIMScore, r.SSIM, 0.02)
	require.InDelta(t, made.StyleLoss, r.StyleLoss, 0.02)
	r, err = tr.Score(context.Background(), c.ContentImagePath, c.ContentImagePath, StyleShare{})
	require.NoError(t, err)
	require.InDelta(t, 1, r.SSIM, 1e-6)
	require.InDelta(t, 1, r.ContentPreservation, 1e-6)
	b, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(b), `"style_loss":null`)
	_, err = tr.Score(context.Background(), c.ContentImagePath, c.StyleImagePath, StyleShare{})
	require.ErrorContains(t, err, "proportions")
}

func TestValidate(t *testing.T) {
	good := DefaultConfig()
	good.ContentImagePath, good.StyleImagePath = "a.jpg", "b.jpg"
	require.NoError(t, good.Validate())
	for name, spoil := range map[string]func(*Config){
		"no photo":       func(c *Config) { c.ContentImagePath = "" },
		"no style":       func(c *Config) { c.StyleImagePath = "" },
		"two styles":     func(c *Config) { c.StyleName = "udnie" },
		"strength":       func(c *Config) { c.StyleStrength = 1.5 },
		"negative":       func(c *Config) { c.StyleStrength = -0.1 },
		"not a number":   func(c *Config) { c.StyleStrength = nan() },
		"gate":           func(c *Config) { c.Gate = "maybe" },
		"ssim":           func(c *Config) { c.MinSSIM = 2 },
		"size":           func(c *Config) { c.Size = 10 },
		"quality":        func(c *Config) { c.Quality = 0 },
		"ssim no number": func(c *Config) { c.MinSSIM = nan() },
	} {
		c := good
		spoil(&c)
		var field *FieldError
		require.ErrorAs(t, c.Validate(), &field, name)
	}
}

func nan() float64 { z := 0.0; return z / z }

package session

import (
	"image"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
)

func TestLeastAlikeIsTheDarkestPart(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 160, 80))
	for i := range m.Pix {
		m.Pix[i] = 200
	}
	for y := 40; y < 60; y++ {
		for x := 100; x < 120; x++ {
			m.Pix[y*m.Stride+x] = 10
		}
	}
	require.Equal(t, image.Rect(100, 40, 120, 60), leastAlike(m))
	require.Equal(t, image.Rect(0, 0, 1, 1), leastAlike(image.NewGray(image.Rect(0, 0, 1, 1))))
}

func TestWhy(t *testing.T) {
	r := ready(t)
	_, err := r.Why()
	require.ErrorContains(t, err, "no picture yet")
	r.stylized(t, 0)
	y, err := r.Why()
	require.NoError(t, err)
	require.InDelta(t, 0.3, y.Scores.SSIMScore, 0)
	require.InDelta(t, 0.85, y.MinSSIM, 0)
	require.Equal(t, image.Pt(8, 8), y.After.Bounds().Size())
	require.Equal(t, y.After.Bounds(), y.Before.Bounds())
	require.Equal(t, y.After.Bounds(), y.Map.Bounds())
}

func TestGateIsSaidInWordsThatCanBeTranslated(t *testing.T) {
	for _, c := range []struct {
		gate  pipeline.Gate
		r     pipeline.Result
		want  string
		count int
	}{
		{pipeline.GateWarn, pipeline.Result{SSIMScore: 0.3, StrengthUsed: 0.7}, "SSIM 0.30 is below 0.85: lower the strength, or let the gate hold it.", 2},
		{pipeline.GateHold, pipeline.Result{SSIMScore: 0.6, StrengthUsed: 0.35}, "SSIM 0.60 is as near to 0.85 as it comes: lower the threshold.", 2},
		{pipeline.GateHold, pipeline.Result{SSIMScore: 0.86, StrengthUsed: 0.5}, "Held: strength 0.50 instead of 0.70, so that SSIM stays at 0.85 or above.", 3},
		{
			pipeline.GateHold,
			pipeline.Result{SSIMScore: 0.86, StrengthUsed: 0.35, DetailKept: 0.4},
			"Held: strength 0.35 instead of 0.70 and 40 % of the photo’s own luminance, so that SSIM stays at 0.85 or above.",
			4,
		},
	} {
		config := pipeline.DefaultConfig()
		config.Gate = c.gate
		s := gateStatus(config, c.r)
		require.Equal(t, c.want, s.Text)
		require.Len(t, s.Args, c.count)
	}
}

package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
)

func TestUndo(t *testing.T) {
	r := start(t)
	r.SetStrength(0.5)
	r.SetStrength(0.4) // one motion of the slider
	r.SetBrush(1)
	r.ChooseStyle("udnie")
	r.Undo()
	require.Empty(t, r.Snapshot().Styles)
	require.InDelta(t, 1, r.Snapshot().Brush, 0)
	r.Undo()
	require.InDelta(t, 0, r.Snapshot().Brush, 0)
	require.InDelta(t, 0.4, r.Snapshot().Strength, 0)
	r.Undo()
	require.InDelta(t, 0.7, r.Snapshot().Strength, 0)
	require.False(t, r.Snapshot().CanUndo)
	r.Undo()
	r.Redo()
	r.Redo()
	require.InDelta(t, 1, r.Snapshot().Brush, 0)
	r.SetStrength(1)
	require.False(t, r.Snapshot().CanRedo)
}

func TestMix(t *testing.T) {
	r := ready(t)
	r.ChooseStyle("udnie")
	r.MixStyle("great-wave")
	r.SetWeight("great-wave", 0.5)
	n := r.Snapshot()
	require.Equal(t, []Share{{"udnie", 1}, {"great-wave", 0.5}}, n.Styles)
	require.Equal(t, FromStyles, n.Source)
	c, ok := r.Settings()
	require.True(t, ok)
	require.Equal(t, []pipeline.StyleShare{{StyleName: "udnie", Weight: 1}, {StyleName: "great-wave", Weight: 0.5}}, c.StyleMix)
	require.Empty(t, c.StyleName)

	r.MixStyle(r.painting) // a picture of the user's
	r.MixStyle("the-scream")
	r.MixStyle("night-cafe")
	n = r.Snapshot()
	require.Len(t, n.Styles, 4)
	require.Contains(t, n.Status.Text, "take one out")
	c, _ = r.Settings()
	require.Equal(t, r.painting, c.StyleMix[2].StyleImagePath)
	for _, id := range []string{"udnie", "great-wave", "the-scream"} {
		r.MixStyle(id)
	}
	c, _ = r.Settings()
	require.Equal(t, r.painting, c.StyleImagePath)
	require.Nil(t, c.StyleMix)
}

func TestApply(t *testing.T) {
	r := ready(t)
	c := pipeline.DefaultConfig()
	c.StyleMix = []pipeline.StyleShare{{StyleName: "udnie", Weight: 4}, {StyleName: "great-wave", Weight: 2}}
	c.StyleStrength, c.PreserveColour, c.Gate = 0.3, true, pipeline.GateHold
	r.Apply(c, "Waves")
	n := r.Snapshot()
	require.Equal(t, []Share{{"udnie", 1}, {"great-wave", 0.5}}, n.Styles)
	require.InDelta(t, 0.3, n.Strength, 0)
	require.True(t, n.PreserveColour)
	require.Equal(t, pipeline.GateHold, n.Gate)
	require.Equal(t, "These are the settings of Waves.", n.Status.Text)
	r.Undo()
	require.Empty(t, r.Snapshot().Styles)

	r.Apply(pipeline.Config{StyleCode: &pipeline.StyleCode{Title: "Mine"}, StyleStrength: 1}, "Mine")
	require.Equal(t, FromPreset, r.Snapshot().Source)
	require.Equal(t, "Mine", r.Snapshot().Preset)

	r.Apply(pipeline.Config{StyleName: "no-such"}, "x")
	require.Contains(t, r.Snapshot().Status.Text, "no style called no-such")
	require.Equal(t, FromPreset, r.Snapshot().Source)
}

//go:build !headless

package window

import (
	"path/filepath"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/test"
	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/adjust"
	"github.com/gesso-app/gesso/ui/window/session"
)

func TestAdjustPanelTakesThePanesPlace(t *testing.T) {
	r := ready(t)
	a := r.adjust
	require.False(t, a.body.Visible())
	size := r.win.Content().MinSize()
	painting := centre(r.window.painting)
	test.Tap(a.open)
	require.True(t, a.body.Visible())
	require.False(t, a.panes.Visible())
	require.LessOrEqual(t, r.win.Content().MinSize().Height, size.Height, "the window need not grow")

	other := filepath.Join(r.dir, "other.png")
	writePicture(t, other)
	r.drop(painting, []fyne.URI{storage.NewFileURI(other)})
	r.until(func() bool { return r.session.Snapshot().Content.Path == other })

	test.Tap(a.fold)
	require.True(t, a.panes.Visible())
	require.False(t, a.body.Visible())
}

func TestAdjustmentsFollowTheControls(t *testing.T) {
	r := ready(t)
	a := r.adjust
	require.Equal(t, "Adjust", a.open.Text)
	a.sliders[adjust.Detail].SetValue(0.5)
	a.sliders[adjust.Saturation].SetValue(-0.3)
	a.match.SetSelectedIndex(2)
	r.until(func() bool { return a.open.Text == "Adjust (3)" })
	require.Equal(t, "-30", a.values[adjust.Saturation].String())
	require.Equal(t, "detail=0.5,colour-match=photo,saturation=-0.3", adjust.Format(r.session.Snapshot().Post))
	r.session.Undo()
	r.until(func() bool { return a.match.SelectedIndex() == 0 })

	require.False(t, a.edge[0].Visible())
	r.session.SetMask(session.Mask{Path: "/masks/m.png", Feather: 12})
	r.until(func() bool { return a.edge[0].Visible() && a.name.String() == "m.png" })
	require.Equal(t, "12 px", a.width.String())
	a.invert.SetChecked(true)
	r.until(func() bool { return r.session.Snapshot().Mask.Invert })
	test.Tap(a.clear)
	r.until(func() bool { return !a.edge[0].Visible() && !a.invert.Checked })
	require.Equal(t, "None", a.name.String())
}

// What a slider cannot show as it is must not come back from it changed.
func TestAppliedAdjustmentsAreNotRounded(t *testing.T) {
	r := ready(t)
	c := pipeline.DefaultConfig()
	c.StyleName, c.Post = "udnie", []adjust.Step{{Op: adjust.Detail, Amount: 0.3333}}
	c.MaskPath, c.MaskFeather = "/m.png", 900
	r.session.Apply(c, "Fine")
	r.until(func() bool { return r.adjust.name.String() == "m.png" })
	r.update()
	n := r.session.Snapshot()
	require.InDelta(t, 0.3333, n.Adjustment(adjust.Detail), 0)
	require.InDelta(t, 900, n.Mask.Feather, 0)
}

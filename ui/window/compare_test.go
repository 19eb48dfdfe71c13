//go:build !headless

package window

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

func TestStyleStrip(t *testing.T) {
	r := ready(t)
	require.Len(t, r.styles.strip.Tiles(), len(pipeline.BuiltinStyles()))
	first := r.styles.strip.Tiles()[0].(interface {
		fyne.Tappable
		fyne.Focusable
		fyne.Widget
	})
	test.Tap(first)
	id := pipeline.BuiltinStyles()[0].ID
	require.Equal(t, []session.Share{{ID: id, Weight: 1}}, r.session.Snapshot().Styles)
	r.until(func() bool { return r.window.painting.State().Dimmed })
	require.Equal(t, "Not used: a style is chosen below", r.window.painting.State().Detail)

	r.until(func() bool { return len(r.styles.strip.Chosen()) == 1 })
	test.Tap(first)
	require.Empty(t, r.session.Snapshot().Styles, "a second click gives the style up")

	r.win.Canvas().Focus(first)
	first.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	require.Same(t, r.styles.strip.Tiles()[1], r.win.Canvas().Focused())
	r.win.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	require.Equal(t, pipeline.BuiltinStyles()[1].ID, r.session.Snapshot().Styles[0].ID)

	r.session.SetPrompt("monet")
	r.until(func() bool { return len(r.styles.strip.Chosen()) == 0 })
	r.styles.search.SetText("monet LILIES")
	require.Len(t, r.styles.strip.Tiles(), 1)
	r.styles.search.SetText("no such style")
	require.Empty(t, r.styles.strip.Tiles())
}

func TestBrushAndColour(t *testing.T) {
	r := ready(t)
	require.Equal(t, "Fits the photo", r.breadth.String())
	r.brush.SetValue(1)
	test.Tap(r.colour)
	n := r.session.Snapshot()
	require.InDelta(t, 1, n.Brush, 0)
	require.True(t, n.PreserveColour)
	require.Equal(t, "× 2", r.breadth.String())
	r.session.SetBrush(session.BrushFine)
	r.session.SetPreserveColour(false)
	r.until(func() bool { return !r.colour.Checked })
	require.InDelta(t, session.BrushFine, r.brush.Value, 0)
	require.Equal(t, "× 0.5", r.breadth.String())
}

func TestZoom(t *testing.T) {
	r := ready(t)
	r.stylized()
	c := r.compare
	require.True(t, c.Fits())
	whole := c.Percent()
	r.zoom.typed('+')
	require.InDelta(t, whole*zoomStep, c.Percent(), 1e-6)
	r.zoom.typed('1')
	require.InDelta(t, 100, c.Percent(), 1e-6)
	require.Equal(t, "100 %", r.zoom.percent.String())
	c.Scrolled(&fyne.ScrollEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(60, 90)}, Scrolled: fyne.NewDelta(0, -10)})
	require.Less(t, c.Percent(), 100.0)
	r.zoom.typed('0')
	require.True(t, c.Fits())
	c.DoubleTapped(&fyne.PointEvent{Position: fyne.NewPos(100, 100)})
	require.InDelta(t, 100, c.Percent(), 1e-6)
	c.DoubleTapped(&fyne.PointEvent{Position: fyne.NewPos(100, 100)})
	require.True(t, c.Fits())
}

func TestModes(t *testing.T) {
	r := ready(t)
	r.stylized()
	c := r.compare
	r.zoom.mode.Tap(int(view.Split))
	require.Equal(t, view.Split, c.Mode())
	middle := fyne.NewPos(c.Size().Width/2, c.Size().Height/2)
	c.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: middle}})
	c.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(c.Size().Width/4, middle.Y)}, Dragged: fyne.NewDelta(-10, 0)})
	c.MouseUp(&desktop.MouseEvent{})
	require.InDelta(t, 0.25, c.Divider(), 0.02)

	r.zoom.typed(' ')
	require.Equal(t, view.Blink, c.Mode())
	require.Equal(t, int(view.Blink), r.zoom.mode.Chosen())
	r.zoom.typed(' ')
	require.True(t, c.Held())
	c.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: middle}})
	c.MouseUp(&desktop.MouseEvent{})
	require.False(t, c.Held())
}

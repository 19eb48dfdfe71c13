//go:build !headless

package window

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"

	"github.com/gesso-app/gesso/ui/window/view"
)

// zoomBar are the controls of the compare view: how the pictures lie, and how large they are.
type zoomBar struct {
	compare     *view.Compare
	mode        *view.Segments
	percent     *view.Text
	fit, actual *view.Button
	row         fyne.CanvasObject
	onMode      func(view.Mode)
}

// zoomStep is what a press on plus or minus zooms by.
const zoomStep = 1.25

func newZoomBar(c *view.Compare) *zoomBar {
	z := &zoomBar{compare: c, mode: view.NewSegments(
		view.Segment{Name: tr("Side by side"), Tip: tr("The photo and the picture beside each other")},
		view.Segment{Name: tr("Split"), Tip: tr("Both in one place, parted by a line that can be dragged")},
		view.Segment{Name: tr("Blink"), Tip: tr("The picture; the photo while the mouse button is down, or after a press on the space bar")},
		view.Segment{Name: tr("Likeness"), Tip: tr("A map: bright where the picture is like the photo, dark where it was painted over")}), percent: view.NewPlain("").Align(fyne.TextAlignTrailing)}
	z.mode.OnChosen = func(i int) { c.SetMode(view.Mode(i)) }
	z.fit = view.NewQuiet(tr("Fit"), nil, tr("Shows the whole picture (0)"), c.Fit)
	z.actual = view.NewQuiet("100 %", nil, tr("A pixel of the photo on a pixel of the screen (1)"), c.Actual)
	z.row = container.NewBorder(nil, nil, z.mode, container.New(layout.NewCustomPaddedHBoxLayout(2),
		view.NewQuiet("", theme.ZoomOutIcon(), tr("Zoom Out")+" (-)", func() { c.Zoom(1 / zoomStep) }),
		container.NewGridWrap(fyne.NewSize(48, 34), container.New(middle{}, z.percent)),
		view.NewQuiet("", theme.ZoomInIcon(), tr("Zoom In")+" (+)", func() { c.Zoom(zoomStep) }), z.fit, z.actual))
	c.OnZoom = z.update
	return z
}

func (z *zoomBar) update() {
	z.percent.SetText("")
	if z.compare.State().Before != nil {
		z.percent.SetText(fmt.Sprintf("%.0f %%", z.compare.Percent()))
	}
	z.mode.Choose(int(z.compare.Mode()))
	if z.onMode != nil {
		z.onMode(z.compare.Mode())
	}
}

// typed is told of keys that no widget wants.
func (z *zoomBar) typed(r rune) {
	switch r {
	case '+', '=':
		z.compare.Zoom(zoomStep)
	case '-':
		z.compare.Zoom(1 / zoomStep)
	case '0':
		z.compare.Fit()
	case '1':
		z.compare.Actual()
	case ' ': // there are no key releases here: one press shows the photo, the next the picture
		if z.compare.Mode() == view.Blink {
			z.compare.Hold(!z.compare.Held())
		} else {
			z.compare.SetMode(view.Blink)
		}
	}
}

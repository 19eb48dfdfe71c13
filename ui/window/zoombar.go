//go:build !headless

package window

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/ui/window/view"
)

// zoomBar are the controls of the compare view: how the pictures lie, and how large they are.
type zoomBar struct {
	compare     *view.Compare
	mode        *view.Segments
	percent     *view.Text
	fit, actual *widget.Button
	row         fyne.CanvasObject
	onMode      func(view.Mode)
}

// zoomStep is what a press on plus or minus zooms by.
const zoomStep = 1.25

func newZoomBar(c *view.Compare) *zoomBar {
	z := &zoomBar{compare: c, mode: view.NewSegments(tr("Side by side"), tr("Split"), tr("Blink"), tr("Likeness")), percent: view.NewPlain("").Align(fyne.TextAlignTrailing)}
	z.mode.OnChosen = func(i int) { c.SetMode(view.Mode(i)) }
	button := func(text string, icon fyne.Resource, f func()) *widget.Button {
		b := widget.NewButtonWithIcon(text, icon, f)
		b.Importance = widget.LowImportance
		return b
	}
	z.fit, z.actual = button(tr("Fit"), nil, c.Fit), button("100 %", nil, c.Actual)
	z.row = container.NewBorder(nil, nil, z.mode, container.New(layout.NewCustomPaddedHBoxLayout(2),
		button("", theme.ZoomOutIcon(), func() { c.Zoom(1 / zoomStep) }),
		container.NewGridWrap(fyne.NewSize(48, 34), container.New(middle{}, z.percent)),
		button("", theme.ZoomInIcon(), func() { c.Zoom(zoomStep) }), z.fit, z.actual))
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

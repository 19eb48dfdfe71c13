//go:build !headless

package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Progress is a thin bar. At less than 0 it is empty, which is not the same as hidden: its room stays, so that nothing moves.
type Progress struct {
	widget.BaseWidget
	fraction float64
}

// NewProgress returns an empty bar.
func NewProgress() *Progress {
	p := &Progress{fraction: -1}
	p.ExtendBaseWidget(p)
	return p
}

// Set shows a fraction, 0 to 1, or nothing when it is negative.
func (p *Progress) Set(fraction float64) {
	if fraction != p.fraction {
		p.fraction = min(fraction, 1)
		p.Refresh()
	}
}

// Fraction returns what is shown.
func (p *Progress) Fraction() float64 { return p.fraction }

// CreateRenderer implements fyne.Widget.
func (p *Progress) CreateRenderer() fyne.WidgetRenderer {
	r := &progressRenderer{p: p, track: canvas.NewRectangle(nil), bar: canvas.NewRectangle(nil)}
	r.track.CornerRadius, r.bar.CornerRadius = 2, 2
	r.Refresh()
	return r
}

type progressRenderer struct {
	p          *Progress
	track, bar *canvas.Rectangle
}

func (r *progressRenderer) Destroy() {}

func (r *progressRenderer) MinSize() fyne.Size { return fyne.NewSize(32, 4) }

func (r *progressRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.track, r.bar} }

func (r *progressRenderer) Layout(s fyne.Size) {
	r.track.Resize(s)
	r.bar.Resize(fyne.NewSize(s.Width*float32(max(r.p.fraction, 0)), s.Height))
}

func (r *progressRenderer) Refresh() {
	th, v := r.p.Theme(), fyne.CurrentApp().Settings().ThemeVariant()
	r.track.FillColor = th.Color(theme.ColorNameSeparator, v)
	r.bar.FillColor = th.Color(ColorAccent, v)
	show(r.track, r.p.fraction >= 0)
	show(r.bar, r.p.fraction > 0)
	r.Layout(r.p.Size())
	r.track.Refresh()
	r.bar.Refresh()
}

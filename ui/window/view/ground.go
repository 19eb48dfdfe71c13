//go:build !headless

package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Ground is a plain area in a colour of the theme; a bare canvas rectangle would keep its colour when light changes to dark.
type Ground struct {
	widget.BaseWidget
	fill, edge fyne.ThemeColorName
}

// NewGround returns an area in the colour of that name.
func NewGround(color fyne.ThemeColorName) *Ground {
	g := &Ground{fill: color}
	g.ExtendBaseWidget(g)
	return g
}

// NewOutline returns the edge of a control that Fyne draws without one. It lies over the control and lets clicks through.
func NewOutline() *Ground {
	g := &Ground{edge: ColorOutline}
	g.ExtendBaseWidget(g)
	return g
}

// CreateRenderer implements fyne.Widget.
func (g *Ground) CreateRenderer() fyne.WidgetRenderer {
	r := &groundRenderer{g: g, rect: canvas.NewRectangle(nil)}
	r.Refresh()
	return r
}

type groundRenderer struct {
	g    *Ground
	rect *canvas.Rectangle
}

func (r *groundRenderer) Destroy() {}

func (r *groundRenderer) MinSize() fyne.Size { return fyne.Size{} }

func (r *groundRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.rect} }

func (r *groundRenderer) Layout(s fyne.Size) { r.rect.Resize(s) }

func (r *groundRenderer) Refresh() {
	th, v := r.g.Theme(), fyne.CurrentApp().Settings().ThemeVariant()
	if r.g.fill != "" {
		r.rect.FillColor = th.Color(r.g.fill, v)
	}
	if r.g.edge != "" {
		r.rect.StrokeColor, r.rect.StrokeWidth = th.Color(r.g.edge, v), th.Size(theme.SizeNameInputBorder)
		r.rect.CornerRadius = th.Size(theme.SizeNameInputRadius)
	}
	r.rect.Refresh()
}

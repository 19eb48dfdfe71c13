//go:build !headless

package view

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// CompareState is what a Compare shows.
type CompareState struct {
	Before, After             image.Image // nil for none
	BeforeDetail, AfterDetail string      // beside the words Before and After
	BeforeHint, AfterHint     string      // in place of a missing picture
	Faded                     bool        // After does not go with the settings at the moment
}

// Compare shows the photo and the stylized picture side by side, on a neutral ground.
type Compare struct {
	widget.BaseWidget
	state CompareState
}

// NewCompare returns an empty one.
func NewCompare() *Compare {
	c := &Compare{}
	c.ExtendBaseWidget(c)
	return c
}

// SetState shows s.
func (c *Compare) SetState(s CompareState) {
	if s == c.state {
		return
	}
	c.state = s
	c.Refresh()
}

// State returns what is shown.
func (c *Compare) State() CompareState { return c.state }

// CreateRenderer implements fyne.Widget.
func (c *Compare) CreateRenderer() fyne.WidgetRenderer {
	r := &compareRenderer{c: c, before: newSide("Before"), after: newSide("After")}
	r.Refresh()
	return r
}

type side struct {
	title, detail *Text
	well          *canvas.Rectangle
	picture       *canvas.Image
	hint          *Text
}

func newSide(title string) *side {
	s := &side{
		title: NewTitle(title), detail: NewCaption("").Align(fyne.TextAlignTrailing), well: canvas.NewRectangle(nil),
		picture: canvas.NewImageFromImage(nil), hint: NewNote("").Align(fyne.TextAlignCenter),
	}
	s.well.CornerRadius = 6
	s.picture.FillMode = canvas.ImageFillContain
	return s
}

func (s *side) set(img image.Image, detail, hint string, translucency float64) {
	s.picture.Translucency = translucency
	s.picture.Image = img
	show(s.picture, img != nil)
	s.picture.Refresh()
	s.detail.SetText(detail)
	s.hint.SetText(hint)
	show(s.hint, img == nil)
}

const compareHead = 24

func (s *side) layout(x, width, height float32) {
	title := s.title.MinSize()
	s.title.Move(fyne.NewPos(x, 0))
	s.title.Resize(title)
	s.detail.Move(fyne.NewPos(x+title.Width+16, 1))
	s.detail.Resize(fyne.NewSize(max(width-title.Width-16, 0), 16))
	s.well.Move(fyne.NewPos(x, compareHead))
	s.well.Resize(fyne.NewSize(width, height-compareHead))
	s.picture.Move(fyne.NewPos(x+8, compareHead+8))
	s.picture.Resize(fyne.NewSize(width-16, height-compareHead-16))
	s.hint.Resize(fyne.NewSize(width-64, 16))
	hint := s.hint.MinSize().Height
	s.hint.Resize(fyne.NewSize(width-64, hint))
	s.hint.Move(fyne.NewPos(x+32, compareHead+whole((height-compareHead-hint)/2)))
}

type compareRenderer struct {
	c             *Compare
	before, after *side
}

func (r *compareRenderer) Destroy() {}

func (r *compareRenderer) MinSize() fyne.Size { return fyne.NewSize(480, 240) }

func (r *compareRenderer) Objects() []fyne.CanvasObject {
	var o []fyne.CanvasObject
	for _, s := range []*side{r.before, r.after} {
		o = append(o, s.well, s.picture, s.hint, s.title, s.detail)
	}
	return o
}

func (r *compareRenderer) Layout(s fyne.Size) {
	const gap = 16
	w := whole((s.Width - gap) / 2)
	r.before.layout(0, w, s.Height)
	r.after.layout(w+gap, w, s.Height)
}

func (r *compareRenderer) Refresh() {
	th, v := r.c.Theme(), fyne.CurrentApp().Settings().ThemeVariant()
	for _, s := range []*side{r.before, r.after} {
		s.well.FillColor = th.Color(ColorWell, v)
		s.well.Refresh()
	}
	s := r.c.state
	fade := 0.0
	if s.Faded {
		fade = 0.6
	}
	r.before.set(s.Before, s.BeforeDetail, s.BeforeHint, 0)
	r.after.set(s.After, s.AfterDetail, s.AfterHint, fade)
	r.Layout(r.c.Size())
}

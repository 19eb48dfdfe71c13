//go:build !headless

package view

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// box is a rectangle of the canvas.
type box struct {
	at   fyne.Position
	size fyne.Size
}

// side is one of the two pictures with its heading.
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
	s.picture.FillMode = canvas.ImageFillStretch
	return s
}

func (s *side) objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{s.well, s.picture, s.hint, s.title, s.detail}
}

// set shows the texts and whether there is a picture; its pixels come later.
func (s *side) set(visible, picture bool, title, detail, hint string, translucency float64) {
	for _, o := range s.objects() {
		show(o, visible)
	}
	s.title.SetText(title)
	s.detail.SetText(detail)
	s.hint.SetText(hint)
	show(s.hint, visible && !picture)
	show(s.picture, visible && picture)
	if s.picture.Translucency != translucency {
		s.picture.Translucency = translucency
		s.picture.Refresh()
	}
}

func (s *side) pixels(img *image.NRGBA) {
	if img == nil {
		return
	}
	s.picture.Image = img
	s.picture.Refresh()
}

const (
	compareHead = 24
	wellPadding = 8
)

func (s *side) layout(x, width, height float32) {
	title := s.title.MinSize()
	s.title.Move(fyne.NewPos(x, 0))
	s.title.Resize(title)
	s.detail.Move(fyne.NewPos(x+title.Width+16, 1))
	s.detail.Resize(fyne.NewSize(max(width-title.Width-16, 0), 16))
	s.well.Move(fyne.NewPos(x, compareHead))
	s.well.Resize(fyne.NewSize(width, height-compareHead))
	b := s.box()
	s.picture.Move(b.at)
	s.picture.Resize(b.size)
	s.hint.Resize(fyne.NewSize(width-64, 16))
	hint := s.hint.MinSize().Height
	s.hint.Resize(fyne.NewSize(width-64, hint))
	s.hint.Move(fyne.NewPos(x+32, compareHead+whole((height-compareHead-hint)/2)))
}

// box is where the picture stands.
func (s *side) box() box {
	return box{s.well.Position().AddXY(wellPadding, wellPadding), s.well.Size().SubtractWidthHeight(2*wellPadding, 2*wellPadding)}
}

type compareRenderer struct {
	c             *Compare
	before, after *side
	line, knob    *canvas.Rectangle
}

func newCompareRenderer(c *Compare) *compareRenderer {
	r := &compareRenderer{c: c, before: newSide(Tr("Before")), after: newSide(Tr("After")), line: canvas.NewRectangle(nil), knob: canvas.NewRectangle(nil)}
	r.knob.CornerRadius = 4
	return r
}

func (r *compareRenderer) Destroy() { r.c.r = nil }

func (r *compareRenderer) MinSize() fyne.Size { return fyne.NewSize(480, 240) }

func (r *compareRenderer) Objects() []fyne.CanvasObject {
	return append(append(r.before.objects(), r.after.objects()...), r.line, r.knob)
}

// viewport is the first place that shows pictures.
func (r *compareRenderer) viewport() box {
	if r.c.single() {
		return r.after.box()
	}
	return r.before.box()
}

func (r *compareRenderer) Layout(s fyne.Size) {
	const gap = 16
	if r.c.single() {
		r.after.layout(0, s.Width, s.Height)
	} else {
		w := whole((s.Width - gap) / 2)
		r.before.layout(0, w, s.Height)
		r.after.layout(w+gap, w, s.Height)
	}
	v := r.viewport()
	x := v.at.X + whole(float32(r.c.divider)*v.size.Width)
	r.line.Move(fyne.NewPos(x-1, v.at.Y))
	r.line.Resize(fyne.NewSize(2, v.size.Height))
	r.knob.Move(fyne.NewPos(x-4, v.at.Y+whole(v.size.Height/2)-16))
	r.knob.Resize(fyne.NewSize(8, 32))
	r.c.request()
}

func (r *compareRenderer) Refresh() {
	th, v := r.c.Theme(), fyne.CurrentApp().Settings().ThemeVariant()
	for _, s := range []*side{r.before, r.after} {
		s.well.FillColor = th.Color(ColorWell, v)
		s.well.Refresh()
	}
	for _, o := range []*canvas.Rectangle{r.line, r.knob} {
		o.FillColor = th.Color(ColorAccent, v)
		show(o, r.c.single() && r.c.mode == Split)
		o.Refresh()
	}
	s := r.c.state
	fade := 0.0
	if s.Faded {
		fade = 0.6
	}
	title, detail, shown := Tr("After"), s.AfterDetail, s.After != nil
	switch {
	case r.c.single() && r.c.mode == Likeness:
		title, detail, shown = Tr("Likeness"), Tr("Bright: as in the photo. Dark: painted over."), s.Map != nil
	case r.c.single() && r.c.mode == Split:
		title = Tr("Before | After")
	case r.c.single() && r.c.held:
		title = Tr("Before")
	}
	r.before.set(!r.c.single(), s.Before != nil, Tr("Before"), s.BeforeDetail, s.BeforeHint, 0)
	r.after.set(true, shown, title, detail, s.AfterHint, fade)
	r.Layout(r.c.Size())
}

// present shows pixels that were drawn.
func (r *compareRenderer) present(before, after *image.NRGBA) {
	r.before.pixels(before)
	r.after.pixels(after)
}

//go:build !headless

package view

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Measures of a tile.
const (
	tileWidth, tileHeight = 112, 72
	tileFrame             = 3
	tileName              = 18
	scrollRoom            = 6  // below the names, for the scroll bar
	tileCorner            = 26 // of the plus and of the star
)

type tile struct {
	widget.BaseWidget
	Tile
	strip            *Strip
	focused, hovered bool
	modifier         fyne.KeyModifier // with the latest press of the button
}

func newTile(s *Strip, t Tile) *tile {
	n := &tile{Tile: t, strip: s}
	n.ExtendBaseWidget(n)
	return n
}

func (t *tile) MouseDown(e *desktop.MouseEvent) { t.modifier = e.Modifier }

func (t *tile) MouseUp(*desktop.MouseEvent) {}

func (t *tile) Tapped(e *fyne.PointEvent) {
	corner := t.mixable() && e.Position.X > t.Size().Width-tileFrame-tileCorner && e.Position.Y < tileFrame+tileCorner
	if corner || t.modifier&(fyne.KeyModifierShift|fyne.KeyModifierShortcutDefault) != 0 {
		t.strip.mix(t)
		return
	}
	t.strip.tap(t)
}

func (t *tile) TappedSecondary(e *fyne.PointEvent) {
	if t.strip.OnMenu != nil {
		t.strip.OnMenu(t.ID, e)
	}
}

// mixable is whether the plus is shown: another tile is chosen, and the pointer or the focus is here.
func (t *tile) mixable() bool {
	return (t.hovered || t.focused) && len(t.strip.chosen) > 0 && !slices.Contains(t.strip.chosen, t.ID)
}

func (t *tile) FocusGained() {
	t.focused = true
	t.strip.show(t)
	t.Refresh()
}

func (t *tile) FocusLost() {
	t.focused = false
	t.Refresh()
}

func (t *tile) TypedRune(r rune) {
	if r == 'm' || r == 'M' {
		t.strip.mix(t)
	}
}

func (t *tile) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		t.strip.tap(t)
	case fyne.KeyLeft:
		t.strip.step(t, -1)
	case fyne.KeyRight:
		t.strip.step(t, 1)
	case desktop.KeyMenu:
		t.TappedSecondary(&fyne.PointEvent{AbsolutePosition: fyne.CurrentApp().Driver().AbsolutePositionForObject(t)})
	}
}

func (t *tile) MouseIn(*desktop.MouseEvent) {
	t.hovered = true
	t.Refresh()
}

func (t *tile) MouseMoved(*desktop.MouseEvent) {}

func (t *tile) MouseOut() {
	t.hovered = false
	t.Refresh()
}

func (t *tile) Cursor() desktop.Cursor { return desktop.PointerCursor }

func (t *tile) CreateRenderer() fyne.WidgetRenderer {
	r := &tileRenderer{
		t: t, frame: canvas.NewRectangle(nil), picture: canvas.NewImageFromImage(t.Image), name: NewCaption(t.Name),
		plus: newBadge(theme.ContentAddIcon()), star: newBadge(IconStar),
	}
	r.picture.FillMode = canvas.ImageFillCover
	r.picture.ScaleMode = canvas.ImageScaleSmooth
	r.frame.CornerRadius = 6
	r.Refresh()
	return r
}

// badge is a small icon on a round ground.
type badge struct {
	ground *canvas.Circle
	icon   *widget.Icon
}

func newBadge(r fyne.Resource) badge { return badge{canvas.NewCircle(nil), widget.NewIcon(r)} }

func (b badge) place(x, y float32) {
	const side, inset = 20, 3
	b.ground.Move(fyne.NewPos(x, y))
	b.ground.Resize(fyne.NewSquareSize(side))
	b.icon.Move(fyne.NewPos(x+inset, y+inset))
	b.icon.Resize(fyne.NewSquareSize(side - 2*inset))
}

func (b badge) show(yes bool) {
	show(b.ground, yes)
	show(b.icon, yes)
}

type tileRenderer struct {
	t          *tile
	frame      *canvas.Rectangle
	picture    *canvas.Image
	name       *Text
	plus, star badge
}

func (r *tileRenderer) Destroy() {}

func (r *tileRenderer) MinSize() fyne.Size {
	return fyne.NewSize(tileWidth+2*tileFrame, tileHeight+2*tileFrame+tileName+scrollRoom)
}

func (r *tileRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.frame, r.picture, r.name, r.plus.ground, r.plus.icon, r.star.ground, r.star.icon}
}

func (r *tileRenderer) Layout(fyne.Size) {
	r.frame.Resize(fyne.NewSize(tileWidth+2*tileFrame, tileHeight+2*tileFrame))
	r.picture.Move(fyne.NewPos(tileFrame, tileFrame))
	r.picture.Resize(fyne.NewSize(tileWidth, tileHeight))
	r.name.Move(fyne.NewPos(tileFrame, tileHeight+2*tileFrame+2))
	r.name.Resize(fyne.NewSize(tileWidth, tileName-2))
	r.plus.place(tileFrame+tileWidth-24, tileFrame+4)
	r.star.place(tileFrame+4, tileFrame+4)
}

func (r *tileRenderer) Refresh() {
	th, v := r.t.Theme(), fyne.CurrentApp().Settings().ThemeVariant()
	chosen := slices.Contains(r.t.strip.chosen, r.t.ID)
	r.frame.FillColor = nil
	switch {
	case chosen:
		r.frame.FillColor = th.Color(ColorAccent, v)
	case r.t.focused:
		r.frame.FillColor = th.Color(ColorOutline, v)
	case r.t.hovered:
		r.frame.FillColor = th.Color(theme.ColorNameHover, v)
	}
	for _, b := range []badge{r.plus, r.star} {
		b.ground.FillColor = th.Color(ColorPanel, v)
		b.ground.Refresh()
	}
	r.plus.show(r.t.mixable())
	r.star.show(slices.Contains(r.t.strip.starred, r.t.ID))
	r.name.Set(r.t.Name, map[bool]widget.Importance{true: widget.MediumImportance, false: widget.LowImportance}[chosen])
	r.frame.Refresh()
}

//go:build !headless

package view

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Tile is a picture with a name that can be chosen.
type Tile struct {
	ID, Name, Detail string
	Image            image.Image
}

// Strip is a row of tiles of which one may be chosen, with a click or, when it has the focus, with the arrow keys and space.
type Strip struct {
	widget.BaseWidget
	OnChosen func(id string) // empty when the chosen tile is given up

	all, tiles []*tile
	chosen     string
	row        *fyne.Container
	scroll     *container.Scroll
}

// NewStrip returns a strip of tiles.
func NewStrip(tiles []Tile) *Strip {
	s := &Strip{row: container.New(layout.NewCustomPaddedHBoxLayout(8))}
	for _, t := range tiles {
		s.all = append(s.all, newTile(s, t))
	}
	s.scroll = container.NewHScroll(s.row)
	s.ExtendBaseWidget(s)
	s.Filter(func(Tile) bool { return true })
	return s
}

// Filter shows only the tiles that are wanted, and returns how many they are.
func (s *Strip) Filter(wanted func(Tile) bool) int {
	s.tiles = nil
	s.row.RemoveAll()
	for _, t := range s.all {
		if wanted(t.Tile) {
			s.tiles = append(s.tiles, t)
			s.row.Add(t)
		}
	}
	s.scroll.Offset.X = 0
	s.scroll.Refresh()
	return len(s.tiles)
}

// Choose marks the tile of that identifier, none when it is empty, without calling OnChosen.
func (s *Strip) Choose(id string) {
	if id == s.chosen {
		return
	}
	s.chosen = id
	for _, t := range s.all {
		t.Refresh()
	}
}

// Chosen is the identifier of the chosen tile.
func (s *Strip) Chosen() string { return s.chosen }

// Tiles are those that are shown.
func (s *Strip) Tiles() []fyne.CanvasObject { return s.row.Objects }

func (s *Strip) tap(t *tile) {
	id := t.ID
	if id == s.chosen {
		id = ""
	}
	s.Choose(id)
	if s.OnChosen != nil {
		s.OnChosen(id)
	}
}

// step moves the focus from t by n tiles.
func (s *Strip) step(t *tile, n int) {
	for i, o := range s.tiles {
		if o == t && i+n >= 0 && i+n < len(s.tiles) {
			if c := fyne.CurrentApp().Driver().CanvasForObject(t); c != nil {
				c.Focus(s.tiles[i+n])
			}
		}
	}
}

// show scrolls so that t is in sight.
func (s *Strip) show(t *tile) {
	x, w, view := t.Position().X, t.Size().Width, s.scroll.Size().Width
	if x < s.scroll.Offset.X {
		s.scroll.ScrollToOffset(fyne.NewPos(x, 0))
	} else if x+w > s.scroll.Offset.X+view {
		s.scroll.ScrollToOffset(fyne.NewPos(x+w-view, 0))
	}
}

// CreateRenderer implements fyne.Widget.
func (s *Strip) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(s.scroll) }

// Measures of a tile.
const (
	tileWidth, tileHeight = 112, 72
	tileFrame             = 3
	tileName              = 18
	scrollRoom            = 6 // below the names, for the scroll bar
)

type tile struct {
	widget.BaseWidget
	Tile
	strip            *Strip
	focused, hovered bool
}

func newTile(s *Strip, t Tile) *tile {
	n := &tile{Tile: t, strip: s}
	n.ExtendBaseWidget(n)
	return n
}

func (t *tile) Tapped(*fyne.PointEvent) { t.strip.tap(t) }

func (t *tile) FocusGained() {
	t.focused = true
	t.strip.show(t)
	t.Refresh()
}

func (t *tile) FocusLost() {
	t.focused = false
	t.Refresh()
}

func (t *tile) TypedRune(rune) {}

func (t *tile) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		t.strip.tap(t)
	case fyne.KeyLeft:
		t.strip.step(t, -1)
	case fyne.KeyRight:
		t.strip.step(t, 1)
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
	r := &tileRenderer{t: t, frame: canvas.NewRectangle(nil), picture: canvas.NewImageFromImage(t.Image), name: NewCaption(t.Name)}
	r.picture.FillMode = canvas.ImageFillCover
	r.picture.ScaleMode = canvas.ImageScaleSmooth
	r.frame.CornerRadius = 6
	r.Refresh()
	return r
}

type tileRenderer struct {
	t       *tile
	frame   *canvas.Rectangle
	picture *canvas.Image
	name    *Text
}

func (r *tileRenderer) Destroy() {}

func (r *tileRenderer) MinSize() fyne.Size {
	return fyne.NewSize(tileWidth+2*tileFrame, tileHeight+2*tileFrame+tileName+scrollRoom)
}

func (r *tileRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.frame, r.picture, r.name}
}

func (r *tileRenderer) Layout(fyne.Size) {
	r.frame.Resize(fyne.NewSize(tileWidth+2*tileFrame, tileHeight+2*tileFrame))
	r.picture.Move(fyne.NewPos(tileFrame, tileFrame))
	r.picture.Resize(fyne.NewSize(tileWidth, tileHeight))
	r.name.Move(fyne.NewPos(tileFrame, tileHeight+2*tileFrame+2))
	r.name.Resize(fyne.NewSize(tileWidth, tileName-2))
}

func (r *tileRenderer) Refresh() {
	th, v := r.t.Theme(), fyne.CurrentApp().Settings().ThemeVariant()
	r.frame.FillColor = nil
	switch {
	case r.t.strip.chosen == r.t.ID:
		r.frame.FillColor = th.Color(ColorAccent, v)
	case r.t.focused:
		r.frame.FillColor = th.Color(ColorOutline, v)
	case r.t.hovered:
		r.frame.FillColor = th.Color(theme.ColorNameHover, v)
	}
	r.name.Set(r.t.Name, map[bool]widget.Importance{true: widget.MediumImportance, false: widget.LowImportance}[r.t.strip.chosen == r.t.ID])
	r.frame.Refresh()
}

//go:build !headless

package view

import (
	"image"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"
)

// Tile is a picture with a name that can be chosen.
type Tile struct {
	ID, Name, Detail string
	Words            string // what else it is found by
	Image            image.Image
}

// matches is whether every word of a search is in what the tile is called.
func (t Tile) matches(search string) bool {
	all := strings.ToLower(t.Name + " " + t.Detail + " " + t.Words)
	for _, w := range strings.Fields(strings.ToLower(search)) {
		if !strings.Contains(all, w) {
			return false
		}
	}
	return true
}

// Strip is a row of tiles of which one or several may be chosen: with a click or, when it has the focus, with the arrow keys and space; with
// the plus in its corner, a click with a modifier key, or M, beside those that are chosen already.
type Strip struct {
	widget.BaseWidget
	OnChosen func(id string)                      // empty when the chosen tile is given up
	OnMixed  func(id string)                      // added to those chosen, or taken out
	OnMenu   func(id string, at *fyne.PointEvent) // the right button, or the menu key

	all, tiles []*tile
	chosen     []string
	starred    []string
	search     string
	only       bool // the starred ones
	row        *fyne.Container
	none       *Text
	scroll     *container.Scroll
}

// NewStrip returns a strip of tiles.
func NewStrip(tiles []Tile) *Strip {
	s := &Strip{row: container.New(layout.NewCustomPaddedHBoxLayout(8)), none: NewNote("")}
	s.scroll = container.NewHScroll(container.NewStack(s.row, s.none))
	s.ExtendBaseWidget(s)
	s.SetTiles(tiles)
	return s
}

// SetTiles replaces the tiles.
func (s *Strip) SetTiles(tiles []Tile) {
	s.all = nil
	for _, t := range tiles {
		s.all = append(s.all, newTile(s, t))
	}
	s.lay()
}

// Filter shows only the tiles that are called so, and only the starred ones if that is asked for. none is said when there is none.
func (s *Strip) Filter(search string, starred bool, none string) {
	s.search, s.only = search, starred
	s.none.SetText(none)
	s.lay()
	s.scroll.ScrollToOffset(fyne.Position{})
}

func (s *Strip) lay() {
	s.tiles = nil
	s.row.RemoveAll()
	for _, t := range s.all {
		if t.matches(s.search) && (!s.only || slices.Contains(s.starred, t.ID)) {
			s.tiles = append(s.tiles, t)
			s.row.Add(t)
		}
	}
	show(s.none, len(s.tiles) == 0)
	s.scroll.Refresh()
}

// Choose marks the tiles with these identifiers, without calling OnChosen.
func (s *Strip) Choose(ids ...string) {
	if slices.Equal(ids, s.chosen) {
		return
	}
	s.chosen = slices.Clone(ids)
	s.refreshTiles()
}

// Star marks the tiles with these identifiers as favourites.
func (s *Strip) Star(ids []string) {
	if slices.Equal(ids, s.starred) {
		return
	}
	s.starred = slices.Clone(ids)
	if s.only {
		s.lay()
	}
	s.refreshTiles()
}

func (s *Strip) refreshTiles() {
	for _, t := range s.all {
		t.Refresh()
	}
}

// Chosen are the identifiers of the chosen tiles.
func (s *Strip) Chosen() []string { return s.chosen }

// Tiles are those that are shown.
func (s *Strip) Tiles() []fyne.CanvasObject { return s.row.Objects }

func (s *Strip) tap(t *tile) {
	id := t.ID
	if slices.Equal(s.chosen, []string{id}) {
		id = ""
	}
	if s.OnChosen != nil {
		s.OnChosen(id)
	}
}

func (s *Strip) mix(t *tile) {
	if s.OnMixed != nil {
		s.OnMixed(t.ID)
	}
}

// step moves the focus from t by n tiles.
func (s *Strip) step(t *tile, n int) {
	i := slices.Index(s.tiles, t) + n
	if i < 0 || i >= len(s.tiles) {
		return
	}
	if c := fyne.CurrentApp().Driver().CanvasForObject(t); c != nil {
		c.Focus(s.tiles[i])
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

// MinSize leaves the height of a tile also where none is shown.
func (s *Strip) MinSize() fyne.Size {
	return fyne.NewSize(s.scroll.MinSize().Width, tileHeight+2*tileFrame+tileName+scrollRoom)
}

// CreateRenderer implements fyne.Widget.
func (s *Strip) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(s.scroll) }

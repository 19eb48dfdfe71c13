//go:build !headless

package window

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/assets"
	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

// styleBar is the strip of styles with its search, the favourites, and the sliders of a mix.
type styleBar struct {
	w      *window
	strip  *view.Strip
	mixer  *view.Mixer
	search *view.Entry
	star   *view.Button
	only   bool // favourites
	tiles  []view.Tile
	own    []session.OwnStyle
	box    fyne.CanvasObject
}

func newStyleBar(w *window) *styleBar {
	b := &styleBar{w: w, tiles: styleTiles(), mixer: view.NewMixer(), search: view.NewEntry()}
	b.strip = view.NewStrip(b.tiles)
	b.search.SetPlaceHolder(tr("Search styles"))
	b.search.OnChanged = func(string) { b.filter() }
	b.star = view.NewQuiet("", view.IconOutline, tr("Shows favourites only"), func() {
		b.only = !b.only
		b.filter()
	})
	head := container.NewBorder(nil, nil, container.New(middle{}, view.NewTitle(tr("Or a style"))),
		container.New(layout.NewCustomPaddedHBoxLayout(4), b.star, container.NewGridWrap(fyne.NewSize(200, 34), b.search)))
	b.box = container.New(layout.NewCustomPaddedVBoxLayout(6), head, b.strip, b.mixer)
	b.mixer.Hide()
	return b
}

func (b *styleBar) connect(s *session.Session) {
	b.strip.OnChosen, b.strip.OnMixed, b.strip.OnMenu = s.ChooseStyle, s.MixStyle, b.menu
	b.mixer.OnWeight, b.mixer.OnRemove = s.SetWeight, s.MixStyle
}

func (b *styleBar) update(n session.Snapshot) {
	if !slices.EqualFunc(b.own, n.Own, func(x, y session.OwnStyle) bool { return x.Path == y.Path }) {
		b.own = n.Own
		var tiles []view.Tile
		for _, o := range n.Own {
			tiles = append(tiles, view.Tile{ID: o.Path, Name: o.Name, Detail: tr("Your style"), Image: o.Thumb})
		}
		b.strip.SetTiles(append(tiles, b.tiles...))
	}
	var ids []string
	var parts []view.Part
	for _, p := range n.Styles {
		ids = append(ids, p.ID)
		parts = append(parts, view.Part{ID: p.ID, Name: b.name(p), Weight: p.Weight})
	}
	b.strip.Choose(ids...)
	b.strip.Star(n.Favourites)
	if len(parts) < 2 {
		parts = nil
	}
	b.mixer.SetParts(parts)
	setVisible(b.mixer, parts != nil)
}

func (b *styleBar) name(p session.Share) string {
	for _, t := range b.tiles {
		if t.ID == p.ID {
			return t.Name
		}
	}
	return p.Name()
}

func (b *styleBar) filter() {
	icon, none := view.IconOutline, tr("No style is called so.")
	if b.only {
		icon = view.IconStar
		if b.search.Text == "" {
			none = tr("No favourites yet: click a style with the right button.")
		}
	}
	b.star.SetIcon(icon)
	b.strip.Filter(b.search.Text, b.only, none)
}

// menu is what can be done with one style.
func (b *styleBar) menu(id string, at *fyne.PointEvent) {
	s, n := b.w.session, b.w.session.Snapshot()
	mix, star := tr("Add to the mix"), tr("Add to favourites")
	if slices.ContainsFunc(n.Styles, func(p session.Share) bool { return p.ID == id }) {
		mix = tr("Take out of the mix")
	}
	if slices.Contains(n.Favourites, id) {
		star = tr("Remove from favourites")
	}
	items := []*fyne.MenuItem{fyne.NewMenuItem(mix, func() { s.MixStyle(id) }), fyne.NewMenuItem(star, func() { s.ToggleFavourite(id) })}
	if (session.Share{ID: id}).Own() {
		items = append(items, fyne.NewMenuItemSeparator(), fyne.NewMenuItem(tr("Remove from my styles"), func() { s.RemoveOwnStyle(id) }))
	}
	widget.ShowPopUpMenuAtPosition(fyne.NewMenu("", items...), b.w.win.Canvas(), at.AbsolutePosition)
}

// styleTiles are the built-in styles with their thumbnails.
func styleTiles() []view.Tile {
	var tiles []view.Tile
	for _, b := range pipeline.BuiltinStyles() {
		t := view.Tile{
			ID: b.ID, Name: b.Title, Detail: fmt.Sprintf("%s, %d", b.Artist, b.Year),
			Words: b.Movement + " " + strings.Join(slices.Concat(b.Keywords, b.Palette), " "),
		}
		if img, err := jpeg.Decode(bytes.NewReader(assets.StyleThumbnail(b.ID))); err == nil {
			t.Image = img
		}
		tiles = append(tiles, t)
	}
	return tiles
}

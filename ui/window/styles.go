//go:build !headless

package window

import (
	"bytes"
	"fmt"
	"image/jpeg"

	"github.com/gesso-app/gesso/assets"
	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/ui/window/view"
)

// styleTiles are the built-in styles with their thumbnails.
func styleTiles() []view.Tile {
	var tiles []view.Tile
	for _, b := range pipeline.BuiltinStyles() {
		t := view.Tile{ID: b.ID, Name: b.Title, Detail: fmt.Sprintf("%s, %d", b.Artist, b.Year)}
		if img, err := jpeg.Decode(bytes.NewReader(assets.StyleThumbnail(b.ID))); err == nil {
			t.Image = img
		}
		tiles = append(tiles, t)
	}
	return tiles
}

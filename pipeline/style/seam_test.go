package style

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"math"
	"testing"

	"github.com/disintegration/imaging"
	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/assets"
)

// TestLargePhotoHasNoSeam stylizes 3000 x 2000 pixels in many tiles. Around each border between two tiles the picture is what it is when a piece
// of the photo around the border is stylized in one tile: so pixels across a border differ as they do inside of a tile.
func TestLargePhotoHasNoSeam(t *testing.T) {
	n, ctx := open(t), context.Background()
	sample, err := jpeg.Decode(bytes.NewReader(assets.SamplePhoto()))
	require.NoError(t, err)
	photo := imaging.Resize(sample, 3000, 2000, imaging.CatmullRom)
	m, err := n.Statistics(ctx, photo, Code(Catalogue()[0].Code))
	require.NoError(t, err)
	out, err := n.Transform(ctx, photo, m, nil)
	require.NoError(t, err)

	f, err := n.transform.feature(inImage)
	require.NoError(t, err)
	heights, widths := tileSizes(f.Shapes)
	columns, rows := plan(3000, widths), plan(2000, heights)
	require.Greater(t, len(columns)*len(rows), 3)
	const piece, band = 400, 24 // pixels, multiples of the networks' stride
	check := func(x, y int) {
		r := image.Rect(x-piece/2, y-piece/2, x+piece/2, y+piece/2)
		whole, err := n.Transform(ctx, imaging.Crop(photo, r), m, nil)
		require.NoError(t, err)
		sum := 0.0
		for dy := -band; dy < band; dy++ {
			for dx := -band; dx < band; dx++ {
				sum += difference(out.Pix[out.PixOffset(x+dx, y+dy):], whole.Pix[whole.PixOffset(piece/2+dx, piece/2+dy):])
			}
		}
		require.Less(t, sum/(3*4*band*band), 0.5, "levels of 255 beside the border at %d,%d", x, y)
	}
	for _, c := range columns[1:] {
		check(c.from, 1000)
		for _, r := range rows[1:] {
			check(c.from, r.from)
		}
	}
	for _, r := range rows[1:] {
		check(304, r.from)
	}
}

func difference(a, b []uint8) (sum float64) {
	for c := range 3 {
		sum += math.Abs(float64(a[c]) - float64(b[c]))
	}
	return sum
}

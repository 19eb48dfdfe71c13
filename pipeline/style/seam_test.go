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

// TestLargePhotoHasNoSeam stylizes 3000 x 2000 pixels in many tiles: across the tiles' borders neighbouring pixels differ as they do beside them.
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
	across, beside := steps(out, columns, 3000, columnStep)
	require.InEpsilon(t, beside, across, 0.1, "columns")
	across, beside = steps(out, rows, 2000, rowStep)
	require.InEpsilon(t, beside, across, 0.1, "rows")
}

// steps is the mean step between neighbouring lines at the tiles' borders, and up to eight lines to both sides of them.
func steps(img *image.NRGBA, tiles []span, length int, step func(*image.NRGBA, int) float64) (across, beside float64) {
	var n float64
	for _, tile := range tiles[1:] {
		across += step(img, tile.from)
		for d := 1; d <= 8; d++ {
			beside += (step(img, tile.from-d) + step(img, min(tile.from+d, length-1))) / 16
		}
		n++
	}
	return across / n, beside / n
}

// columnStep is the mean absolute difference of column x to the one before.
func columnStep(img *image.NRGBA, x int) (sum float64) {
	h := img.Bounds().Dy()
	for y := range h {
		sum += difference(img.Pix[y*img.Stride+4*x:], img.Pix[y*img.Stride+4*x-4:])
	}
	return sum / float64(h)
}

// rowStep is the mean absolute difference of row y to the one before.
func rowStep(img *image.NRGBA, y int) (sum float64) {
	w := img.Bounds().Dx()
	for x := range w {
		sum += difference(img.Pix[y*img.Stride+4*x:], img.Pix[(y-1)*img.Stride+4*x:])
	}
	return sum / float64(w)
}

func difference(a, b []uint8) (sum float64) {
	for c := range 3 {
		sum += math.Abs(float64(a[c]) - float64(b[c]))
	}
	return sum
}

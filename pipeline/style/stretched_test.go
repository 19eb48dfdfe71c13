package style

import (
	"image"
	"math/rand/v2"
	"testing"

	"github.com/disintegration/imaging"
	"github.com/stretchr/testify/require"
)

// Row by row it is what the package imaging makes of the whole.
func TestStretched(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	img := image.NewNRGBA(image.Rect(0, 0, 37, 23))
	for i := range img.Pix {
		if img.Pix[i] = uint8(random.Uint32()); i%4 == 3 {
			img.Pix[i] |= 0xc0 // with hardly any alpha the colour is what the rounding makes of it
		}
	}
	for _, size := range []image.Point{{100, 61}, {37, 90}, {80, 23}, {20, 11}} {
		for _, f := range []imaging.ResampleFilter{imaging.CatmullRom, imaging.Linear} {
			want, s := imaging.Resize(img, size.X, size.Y, f), newStretched(img, size, f)
			row := make([]uint8, 4*size.X)
			for y := range size.Y {
				s.row(row, y)
				for x, v := range row {
					require.InDelta(t, want.Pix[y*want.Stride+x], v, 1, "%v, row %d", size, y)
				}
			}
		}
	}
}

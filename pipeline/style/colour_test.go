package style

import (
	"image"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPreserveColourOfItselfChangesNothing(t *testing.T) {
	photo := image.NewNRGBA(image.Rect(0, 0, 256, 256))
	for i := range 256 * 256 {
		copy(photo.Pix[4*i:], []uint8{uint8(i), uint8(i >> 8), uint8(i*7 + i>>5), 255})
	}
	img := image.NewNRGBA(photo.Bounds())
	copy(img.Pix, photo.Pix)
	PreserveColour(img, photo)
	for i, v := range photo.Pix {
		require.InDelta(t, v, img.Pix[i], 1, "byte %d of %v", i, photo.Pix[i&^3:i&^3+4])
	}
}

// TestPreserveColourKeepsHue paints a blue, grey and red photo in one orange: the lightness is the paint's, the hue the photo's.
func TestPreserveColourKeepsHue(t *testing.T) {
	photo, img := image.NewNRGBA(image.Rect(0, 0, 3, 1)), image.NewNRGBA(image.Rect(0, 0, 3, 1))
	copy(photo.Pix, []uint8{40, 60, 160, 255, 90, 90, 90, 255, 180, 40, 40, 255})
	copy(img.Pix, []uint8{230, 160, 40, 255, 230, 160, 40, 255, 230, 160, 40, 255})
	want, _, _ := labOf(img.Pix)
	PreserveColour(img, photo)
	for i := 0; i < len(img.Pix); i += 4 {
		f, a, b := labOf(img.Pix[i:])
		require.InDelta(t, want, f, 0.01, "lightness")
		_, pa, pb := labOf(photo.Pix[i:])
		if i == 4 {
			require.InDelta(t, 0, math.Hypot(float64(a), float64(b)), 0.005, "grey stays grey")
			continue
		}
		require.InDelta(t, 1, (a*pa+b*pb)/float32(math.Hypot(float64(a), float64(b))*math.Hypot(float64(pa), float64(pb))), 0.02, "hue")
	}
}

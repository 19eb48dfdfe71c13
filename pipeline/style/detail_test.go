package style

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/quality"
)

func TestKeepDetail(t *testing.T) {
	photo := scene(120, 90)
	last := -1.0
	for _, k := range []float64{0, 0.25, 0.5, 0.75, 1} {
		img := scene(120, 90)
		for i := range img.Pix { // another picture in other colours
			if i%4 != 3 {
				img.Pix[i] = uint8(60 + int(img.Pix[len(img.Pix)-1-i/4*4-3+i%4])/3)
			}
		}
		KeepDetail(img, photo, k)
		ssim, err := quality.SSIM(photo, img)
		require.NoError(t, err)
		require.Greater(t, ssim, last, "k = %v", k)
		last = ssim
	}
	require.Greater(t, last, 0.95)
}

func TestRestore(t *testing.T) {
	photo, own, img := scene(90, 60), scene(90, 60), scene(90, 60)
	for i := range own.Pix {
		if i%4 != 3 {
			own.Pix[i] /= 2
		}
	}
	copy(img.Pix, own.Pix)
	Restore(img, photo, own, 1)
	require.Equal(t, photo.Pix, img.Pix, "what the networks lost is back")
	copy(img.Pix, own.Pix)
	Restore(img, photo, own, 0)
	require.Equal(t, own.Pix, img.Pix)
}

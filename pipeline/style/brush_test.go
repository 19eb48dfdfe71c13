package style

import (
	"image"
	"testing"

	"github.com/disintegration/imaging"
	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// TestEnlargeGivesThePhotoBack: where the painting is the photo itself, all of the photo's detail comes back.
func TestEnlargeGivesThePhotoBack(t *testing.T) {
	photo := scene(600, 400)
	small := imaging.Resize(photo, 200, 133, imaging.Lanczos)
	plain := imaging.Resize(small, 600, 400, imaging.CatmullRom)
	require.Less(t, lumaError(photo, enlarge(small, small, photo)), 0.35*lumaError(photo, plain))
}

// TestEnlargeKeepsPaintedAreasPainted: a painting that ignores the photo gets none of its detail.
func TestEnlargeKeepsPaintedAreasPainted(t *testing.T) {
	photo := scene(600, 400)
	small := imaging.Resize(photo, 200, 133, imaging.Lanczos)
	flat := image.NewNRGBA(small.Bounds())
	for i := range flat.Pix {
		flat.Pix[i] = 120
	}
	out := enlarge(flat, small, photo)
	for i, v := range out.Pix {
		if i%4 != 3 {
			require.InDelta(t, 120, v, 1)
		}
	}
}

func lumaError(a, b *image.NRGBA) (sum float64) {
	for i := 0; i < len(a.Pix); i += 4 {
		d := float64(srgb.Luma(a.Pix[i:]) - srgb.Luma(b.Pix[i:]))
		sum += d * d
	}
	return sum
}

func TestBoxMean(t *testing.T) {
	v := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	boxMean(v, 4, 3, 1)
	require.Equal(t, []float32{3.5, 4, 5, 5.5, 5.5, 6, 7, 7.5, 7.5, 8, 9, 9.5}, v)
}

func TestAutoBrush(t *testing.T) {
	require.InDelta(t, 1, AutoBrush(1024, 768), 0)
	require.InDelta(t, 1, AutoBrush(1000, 1536), 0)
	require.InDelta(t, 3, AutoBrush(4608, 3000), 0)
}

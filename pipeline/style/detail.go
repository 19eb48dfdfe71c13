package style

import (
	"image"

	"github.com/disintegration/imaging"
)

// detailSigma is the width in pixels of the Gaussian that parts detail from form.
const detailSigma = 4

// KeepDetail replaces the share k (0..1) of img's fine luminance detail by photo's; colours and forms stay.
func KeepDetail(img, photo *image.NRGBA, k float64) {
	a, b := imaging.Blur(img, detailSigma), imaging.Blur(photo, detailSigma)
	bounds := img.Bounds()
	eachRow(bounds.Dy(), func(y int) {
		for x := range bounds.Dx() {
			i, j := y*img.Stride+4*x, y*a.Stride+4*x
			l := y*photo.Stride + 4*x
			own := luma(img.Pix[i:]) - luma(a.Pix[j:])
			theirs := luma(photo.Pix[l:]) - luma(b.Pix[j:])
			d := float32(k) * (theirs - own)
			for c := range 3 {
				img.Pix[i+c] = uint8(min(max(float32(img.Pix[i+c])+d+0.5, 0), 255))
			}
		}
	})
}

// luma is ITU-R BT.709's, of gamma-encoded values.
func luma(p []uint8) float32 {
	return 0.2126*float32(p[0]) + 0.7152*float32(p[1]) + 0.0722*float32(p[2])
}

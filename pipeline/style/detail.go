package style

import (
	"image"

	"github.com/disintegration/imaging"
)

// detailSigma is the width in pixels of the Gaussian that parts fine detail from light and shade.
const detailSigma = 4

// KeepDetail puts the photo's own luminance back into img, its colours staying: the fine detail first, all of it at k = 0.5, then light and
// shade, all of them at k = 1.
func KeepDetail(img, photo *image.NRGBA, k float64) {
	ours, theirs := imaging.Blur(img, detailSigma), imaging.Blur(photo, detailSigma)
	fine, coarse := float32(min(1, 2*k)), float32(max(0, 2*k-1))
	bounds := img.Bounds()
	eachRow(bounds.Dy(), func(y int) {
		for x := range bounds.Dx() {
			i, j, l := y*img.Stride+4*x, y*ours.Stride+4*x, y*photo.Stride+4*x
			shade, wanted := luma(ours.Pix[j:]), luma(theirs.Pix[j:])
			d := fine*((luma(photo.Pix[l:])-wanted)-(luma(img.Pix[i:])-shade)) + coarse*(wanted-shade)
			for c := range 3 {
				img.Pix[i+c] = uint8(min(max(float32(img.Pix[i+c])+d+0.5, 0), 255))
			}
		}
	})
}

// Restore adds k times what the networks lose of photo to img: photo less own, which is photo painted in its own style.
func Restore(img, photo, own *image.NRGBA, k float64) {
	f := float32(k)
	bounds := img.Bounds()
	eachRow(bounds.Dy(), func(y int) {
		for i := range 4 * bounds.Dx() {
			if i%4 == 3 {
				continue
			}
			j := y*img.Stride + i
			d := float32(photo.Pix[y*photo.Stride+i]) - float32(own.Pix[y*own.Stride+i])
			img.Pix[j] = uint8(min(max(float32(img.Pix[j])+f*d+0.5, 0), 255))
		}
	})
}

// luma is ITU-R BT.709's, of gamma-encoded values.
func luma(p []uint8) float32 {
	return 0.2126*float32(p[0]) + 0.7152*float32(p[1]) + 0.0722*float32(p[2])
}

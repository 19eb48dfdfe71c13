package style

import (
	"image"

	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/pipeline/parallel"
	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// detailSigma is the width in pixels of the Gaussian that parts fine detail from light and shade.
const detailSigma = 4

// KeepDetail puts the photo's own luminance back into img, its colours staying: the fine detail first, all of it at k = 0.5, then light and
// shade, all of them at k = 1.
func KeepDetail(img, photo *image.NRGBA, k float64) {
	ours, theirs := imaging.Blur(img, detailSigma), imaging.Blur(photo, detailSigma)
	fine, coarse := float32(min(1, 2*k)), float32(max(0, 2*k-1))
	bounds := img.Bounds()
	parallel.Rows(bounds.Dy(), 1, func(y int) {
		for x := range bounds.Dx() {
			i, j, l := y*img.Stride+4*x, y*ours.Stride+4*x, y*photo.Stride+4*x
			shade, wanted := srgb.Luma(ours.Pix[j:]), srgb.Luma(theirs.Pix[j:])
			d := fine*((srgb.Luma(photo.Pix[l:])-wanted)-(srgb.Luma(img.Pix[i:])-shade)) + coarse*(wanted-shade)
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
	parallel.Rows(bounds.Dy(), 1, func(y int) {
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

package picture

import (
	"image"

	"github.com/disintegration/imaging"
)

// orient makes a picture upright whose EXIF orientation is given (Exif 2.32, tag 0x0112): 1 is upright, 2 to 8 are the
// other ways to hold a camera or a mirror.
func orient(img *image.NRGBA, orientation int) *image.NRGBA {
	switch orientation {
	case 2:
		return imaging.FlipH(img)
	case 3:
		return imaging.Rotate180(img)
	case 4:
		return imaging.FlipV(img)
	case 5:
		return imaging.Transpose(img)
	case 6:
		return imaging.Rotate270(img) // imaging turns counter-clockwise
	case 7:
		return imaging.Transverse(img)
	case 8:
		return imaging.Rotate90(img)
	}
	return img
}

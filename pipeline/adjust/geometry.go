package adjust

import (
	"fmt"
	"image"

	"github.com/disintegration/imaging"
)

// Prepare runs the steps before on a photo, which it may return itself. The error is a *StepError: the photo is too narrow for a step.
func Prepare(img *image.NRGBA, steps []Step) (*image.NRGBA, error) {
	for _, s := range steps {
		w, h, ok := s.size()
		if !ok {
			return nil, &StepError{s.String(), "it is no step for a photo"}
		}
		size := img.Bounds().Size()
		switch s.Op {
		case Crop:
			img = cropTo(img, w, h)
		case Fit:
			if size.X > w || size.Y > h {
				img = scaleTo(img, min(float64(w)/float64(size.X), float64(h)/float64(size.Y)))
			}
		case Fill:
			img = imaging.Resize(cropTo(img, w, h), w, h, imaging.Lanczos)
		case LongEdge:
			img = scaleTo(img, float64(w)/float64(max(size.X, size.Y)))
		}
		if b := img.Bounds(); min(b.Dx(), b.Dy()) < minSide {
			return nil, &StepError{s.String(), fmt.Sprintf("it would leave a picture of %dx%d pixels, and each side must be at least %d", b.Dx(), b.Dy(), minSide)}
		}
	}
	return img, nil
}

// cropTo cuts the largest part of the proportions w:h out of the middle.
func cropTo(img *image.NRGBA, w, h int) *image.NRGBA {
	size := img.Bounds().Size()
	cw, ch := size.X, max(1, (size.X*h+w/2)/w)
	if ch > size.Y {
		cw, ch = max(1, (size.Y*w+h/2)/h), size.Y
	}
	if cw >= size.X && ch >= size.Y {
		return img
	}
	return imaging.CropCenter(img, min(cw, size.X), min(ch, size.Y))
}

func scaleTo(img *image.NRGBA, k float64) *image.NRGBA {
	if k == 1 {
		return img
	}
	b := img.Bounds()
	return imaging.Resize(img, max(1, int(k*float64(b.Dx())+0.5)), max(1, int(k*float64(b.Dy())+0.5)), imaging.Lanczos)
}

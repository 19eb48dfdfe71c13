package adjust

import (
	"fmt"
	"image"
)

// Finish runs the steps after on a stylized picture of photo, of the same size, and returns both, which an upscaling has made larger. It may
// return them themselves and changes neither. The colours of the style are those of style, with img's own correlations between the channels.
func Finish(img, photo *image.NRGBA, steps []Step, style Tone) (stylized, original *image.NRGBA, err error) {
	for _, s := range steps {
		switch s.Op {
		case Upscale:
			if size := img.Rect.Size(); 4*float64(size.X)*float64(size.Y) > maxPixels || 2*max(size.X, size.Y) > maxSide {
				return nil, nil, &StepError{s.String(), fmt.Sprintf("a picture of %dx%d pixels would become too large: at most %.0f megapixels and %d pixels a side",
					size.X, size.Y, maxPixels/1e6, maxSide)}
			}
			img, photo = Enlarge(img), Enlarge(photo)
		case Denoise:
			img = ReduceNoise(img, s.Amount)
		case Detail:
			img = AddDetail(img, photo, s.Amount)
		case ColourMatch:
			to := PaletteOf(photo)
			if s.To == ToStyle {
				to = style.palette(img)
			}
			img = MatchColours(img, to, s.Amount)
		case Contrast:
			img = SetContrast(img, s.Amount)
		case Saturation:
			img = SetSaturation(img, s.Amount)
		case Sharpen:
			img = Unsharp(img, s.Amount)
		case Grain:
			img = AddGrain(img, s.Amount, s.Seed)
		}
	}
	return img, photo, nil
}

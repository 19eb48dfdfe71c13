package quality

import (
	"fmt"
	"image"
	"math"
)

// scaleWeights are the exponents of the scales, the picture's own first (Wang, Simoncelli and Bovik 2003, "Multiscale structural similarity for
// image quality assessment", section 4).
var scaleWeights = [...]float64{0.0448, 0.2856, 0.3001, 0.2363, 0.1333}

// MSSSIMSide is the least width and height in pixels of pictures for MSSSIM, so that the window fits the smallest of its scales.
const MSSSIMSide = (taps-1)<<(len(scaleWeights)-1) + 1

// MSSSIM is SSIM over five scales, each half as large as the one before: the contrast and structure of all of them, the luminance of the last
// alone. 1 is equal, 0 unrelated. It forgives fine differences that SSIM, which looks at pixels, does not. The value is that of pytorch-msssim's
// ms_ssim on the luminance (as in SSIM), within 1e-4: odd sides are padded with black before they are halved.
func MSSSIM(a, b image.Image) (float64, error) {
	if err := checkScales(a, b); err != nil {
		return 0, err
	}
	return scales(luminanceOf(a), luminanceOf(b)), nil
}

// MSSSIMRGB is MSSSIM of each of the red, green and blue channels, averaged, as pytorch-msssim does with colour.
func MSSSIMRGB(a, b image.Image) (float64, error) {
	if err := checkScales(a, b); err != nil {
		return 0, err
	}
	var sum float64
	for c := range 3 {
		sum += scales(channelOf(a, c), channelOf(b, c))
	}
	return sum / 3, nil
}

func checkScales(a, b image.Image) error {
	w, h, err := commonSize(a, b)
	if err == nil && min(w, h) < MSSSIMSide {
		err = fmt.Errorf("pictures of %dx%d px are too small for MS-SSIM: at least %dx%d px are needed", w, h, MSSSIMSide, MSSSIMSide)
	}
	return err
}

func scales(a, b source) float64 {
	product := 1.0
	for i, weight := range scaleWeights {
		what := structure
		if i == len(scaleWeights)-1 {
			what = full
		}
		product *= math.Pow(max(meanSimilarity(a, b, what), 0), weight)
		if what == structure {
			a, b = a.half(), b.half()
		}
	}
	return product
}

// half averages squares of 2x2 pixels. An odd side is padded with black at both ends, of which the far one is cut off.
func (s source) half() source {
	const black = -0.5
	padX, padY := s.w%2, s.h%2
	w, h := (s.w+padX)/2, (s.h+padY)/2
	pixels := make([]float32, w*h)
	inParallel(h, func(top, bottom int) {
		rows := [2][]float32{make([]float32, 2*w), make([]float32, 2*w)}
		for i := range rows {
			rows[i][0] = black
		}
		for y := top; y < bottom; y++ {
			for i := range rows {
				from := 2*y + i - padY
				if from < 0 {
					for x := range rows[i] {
						rows[i][x] = black
					}
					continue
				}
				s.row(rows[i][padX:][:s.w], from)
			}
			out := pixels[y*w:][:w]
			for x := range out {
				out[x] = ((rows[0][2*x] + rows[0][2*x+1]) + (rows[1][2*x] + rows[1][2*x+1])) / 4
			}
		}
	})
	return source{w, h, func(dst []float32, y int) { copy(dst, pixels[y*w:][:w]) }}
}

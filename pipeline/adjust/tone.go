package adjust

import (
	"image"
	"math"

	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/pipeline/parallel"
	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// Unsharp adds amount of the luminance less its blur (unsharp mask) to the picture. The blur's deviation is a pixel at 2000 pixels of the longest side
// and grows with that, so that it looks alike at every size; it is 0.6 pixels at least.
func Unsharp(img *image.NRGBA, amount float64) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	sigma := max(0.6, float64(max(w, h))/2000)
	margin := 3*int(math.Ceil(sigma)) + 6
	k := float32(255 * amount)
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	parallel.Strips(h, stripHeight, func(top, bottom int) {
		from, to := max(top-margin, 0), min(bottom+margin, h)
		p := lumaOf(img, from, to)
		blurred := gauss(p, sigma)
		for y := top; y < bottom; y++ {
			src, dst := img.Pix[y*img.Stride:], out.Pix[y*out.Stride:]
			sharp, soft := p.row(y-from), blurred.row(y-from)
			for x := range w {
				d := k * (sharp[x] - soft[x])
				for c := range 3 {
					dst[4*x+c] = clamp(float32(src[4*x+c]) + d)
				}
				dst[4*x+3] = src[4*x+3]
			}
		}
	})
	return out
}

// SetContrast bends the values of each channel: above 0 towards an S, which keeps black, middle grey and white, below 0 towards middle grey, to half
// of the contrast at -1.
func SetContrast(img *image.NRGBA, amount float64) *image.NRGBA {
	var table [256]uint8
	for i := range table {
		v := float64(i) / 255
		if amount > 0 {
			v += amount * (v*v*(3-2*v) - v)
		} else {
			v += amount / 2 * (v - 0.5)
		}
		table[i] = clamp(float32(255 * v))
	}
	return recolour(img, func(_ int, pix []uint8) {
		for i := range pix {
			if i%4 != 3 {
				pix[i] = table[pix[i]]
			}
		}
	})
}

// SetSaturation moves colours away from the grey of their luminance, above 0, or towards it, to grey itself at -1.
func SetSaturation(img *image.NRGBA, amount float64) *image.NRGBA {
	k := float32(1 + amount)
	return recolour(img, func(_ int, pix []uint8) {
		for i := 0; i < len(pix); i += 4 {
			grey := srgb.Luma(pix[i:])
			for c := i; c < i+3; c++ {
				pix[c] = clamp(grey + k*(float32(pix[c])-grey))
			}
		}
	})
}

// grainDeviation is the grain's in middle grey at amount 1, of 255.
const grainDeviation = 32

// AddGrain adds noise to the luminance, the same for the same seed: strongest in middle grey, none in black and white, as in film. A grain is two
// thousandths of the longest side wide, and a pixel at least.
func AddGrain(img *image.NRGBA, amount float64, seed uint32) *image.NRGBA {
	w := img.Rect.Dx()
	cell := max(1, float32(max(w, img.Rect.Dy()))/2000)
	strength := float32(amount * grainDeviation)
	return recolour(img, func(y int, pix []uint8) {
		fy := float32(y) / cell
		y0 := int(fy)
		fy -= float32(y0)
		for x := range w {
			fx := float32(x) / cell
			x0 := int(fx)
			fx -= float32(x0)
			n := normal(seed, x0, y0)
			if cell > 1 { // between four grains, with the deviation that the mean takes away given back
				a, b, c, d := (1-fx)*(1-fy), fx*(1-fy), (1-fx)*fy, fx*fy
				n = a*n + b*normal(seed, x0+1, y0) + c*normal(seed, x0, y0+1) + d*normal(seed, x0+1, y0+1)
				n /= float32(math.Sqrt(float64(a*a + b*b + c*c + d*d)))
			}
			v := srgb.Luma(pix[4*x:]) / 255
			d := strength * n * float32(math.Sqrt(float64(max(4*v*(1-v), 0))))
			for c := 4 * x; c < 4*x+3; c++ {
				pix[c] = clamp(float32(pix[c]) + d)
			}
		}
	})
}

// normal is a number for a place, of mean 0 and deviation 1 and nearly normal: the sum of four uniform ones from a hash (the finalizer of
// splitmix64, Steele et al. 2014).
func normal(seed uint32, x, y int) float32 {
	z := uint64(seed)<<40 ^ uint64(uint32(y))<<20 ^ uint64(uint32(x)) + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	sum := float32(z&0xffff) + float32(z>>16&0xffff) + float32(z>>32&0xffff) + float32(z>>48)
	return (sum/65535 - 2) * 1.7320508 // four of variance 1/12
}

// Enlarge makes a picture twice as wide and high, by Lanczos' resampler with alpha taken into account.
func Enlarge(img *image.NRGBA) *image.NRGBA {
	return imaging.Resize(img, 2*img.Rect.Dx(), 2*img.Rect.Dy(), imaging.Lanczos)
}

package adjust

import (
	"image"
	"math"

	"github.com/gesso-app/gesso/pipeline/parallel"
	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// plane is one value for each pixel, from 0 to 1 or near it.
type plane struct {
	w, h int
	v    []float32
}

func newPlane(w, h int) plane { return plane{w, h, make([]float32, w*h)} }

func (p plane) row(y int) []float32 { return p.v[y*p.w:][:p.w] }

func clamp(v float32) uint8 { return uint8(min(max(v+0.5, 0), 255)) }

// lumaOf is the luma of the rows from top to below bottom, divided by 255.
func lumaOf(img *image.NRGBA, top, bottom int) plane {
	p := newPlane(img.Rect.Dx(), bottom-top)
	for y := range p.h {
		pix, out := img.Pix[(top+y)*img.Stride:], p.row(y)
		for x := range out {
			out[x] = srgb.Luma(pix[4*x:]) / 255
		}
	}
	return p
}

// stripHeight is how many rows a core takes at a time.
const stripHeight = 128

// recolour returns a picture of f on every pixel: f gets a row of the old one and changes a copy of it. Alpha stays.
func recolour(img *image.NRGBA, f func(y int, pix []uint8)) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	parallel.Strips(h, stripHeight, func(top, bottom int) {
		for y := top; y < bottom; y++ {
			row := out.Pix[y*out.Stride:][:4*w]
			copy(row, img.Pix[y*img.Stride:])
			f(y, row)
		}
	})
	return out
}

// box is the mean over squares of side 2r+1, of what of them lies in the plane.
func box(p plane, r int) plane {
	across := newPlane(p.w, p.h)
	for y := range p.h {
		boxLine(across.row(y), p.row(y), r)
	}
	out := newPlane(p.w, p.h)
	sums := make([]float64, p.w)
	add := func(y int, sign float64) {
		if y >= 0 && y < p.h {
			for x, v := range across.row(y) {
				sums[x] += sign * float64(v)
			}
		}
	}
	for y := range r {
		add(y, 1)
	}
	for y := range p.h {
		add(y+r, 1)
		n := float64(min(y+r, p.h-1) - max(y-r, 0) + 1)
		for x, o := 0, out.row(y); x < p.w; x++ {
			o[x] = float32(sums[x] / n)
		}
		add(y-r, -1)
	}
	return out
}

func boxLine(dst, src []float32, r int) {
	n := len(src)
	var sum float64
	for x := range min(r, n) {
		sum += float64(src[x])
	}
	for x := range dst {
		if x+r < n {
			sum += float64(src[x+r])
		}
		dst[x] = float32(sum / float64(min(x+r, n-1)-max(x-r, 0)+1))
		if x >= r {
			sum -= float64(src[x-r])
		}
	}
}

// gauss blurs by a Gaussian of deviation sigma, of which three boxes stand for a wide one.
func gauss(p plane, sigma float64) plane {
	switch {
	case sigma < 0.05:
		return p
	case sigma > 4:
		r := max(1, int((math.Sqrt(4*sigma*sigma+1)-1)/2+0.5)) // three boxes of side 2r+1 have the variance ((2r+1)²-1)/4
		return box(box(box(p, r), r), r)
	}
	k := kernel(sigma)
	r := len(k) - 1
	across, out := newPlane(p.w, p.h), newPlane(p.w, p.h)
	at := func(i, n int) int { return min(max(i, 0), n-1) }
	for y := range p.h {
		src, dst := p.row(y), across.row(y)
		for x := range dst {
			s := k[0] * src[x]
			for i := 1; i <= r; i++ {
				s += k[i] * (src[at(x-i, p.w)] + src[at(x+i, p.w)])
			}
			dst[x] = s
		}
	}
	for y := range p.h {
		dst := out.row(y)
		for x, v := range across.row(y) {
			dst[x] = k[0] * v
		}
		for i := 1; i <= r; i++ {
			a, b := across.row(at(y-i, p.h)), across.row(at(y+i, p.h))
			for x := range dst {
				dst[x] += k[i] * (a[x] + b[x])
			}
		}
	}
	return out
}

// kernel is half a Gaussian from its centre on, out to three deviations, with the sum 1 when it is unfolded.
func kernel(sigma float64) []float32 {
	k := make([]float32, int(math.Ceil(3*sigma))+1)
	var sum float64
	for i := range k {
		v := math.Exp(-float64(i*i) / (2 * sigma * sigma))
		k[i] = float32(v)
		sum += v
		if i > 0 {
			sum += v
		}
	}
	for i := range k {
		k[i] /= float32(sum)
	}
	return k
}

package adjust

import (
	"image"

	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/pipeline/parallel"
	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// guided is the guided filter of p by itself (He, Sun and Tang 2013, "Guided image filtering", section 3.4): smooth where the deviation within
// squares of side 2r+1 is below the root of eps, and with its edges kept where it is above.
func guided(p plane, r int, eps float32) plane {
	a, b := guidedCoefficients(p, r, eps)
	out := newPlane(p.w, p.h)
	for i, v := range p.v {
		out.v[i] = a.v[i]*v + b.v[i]
	}
	return out
}

// guidedCoefficients are the means of a and b in a·p + b.
func guidedCoefficients(p plane, r int, eps float32) (a, b plane) {
	squares := newPlane(p.w, p.h)
	for i, v := range p.v {
		squares.v[i] = v * v
	}
	mean, square := box(p, r), box(squares, r)
	for i, m := range mean.v {
		variance := max(square.v[i]-m*m, 0)
		k := variance / (variance + eps)
		square.v[i], mean.v[i] = k, m-k*m
	}
	return box(square, r), box(mean, r)
}

// detailEps parts texture from edges: a tenth of the range, squared.
const detailEps = 0.01

// AddDetail adds amount of photo's fine detail, which is its luminance less the guided filter of that, to img, whose colours stay. The filter's
// radius is a hundredth of the longest side, so that it is alike at every size; its coefficients are found on a smaller copy (He and Sun 2015, "Fast
// guided filter"). The pictures are of one size.
func AddDetail(img, photo *image.NRGBA, amount float64) *image.NRGBA {
	w, h := photo.Rect.Dx(), photo.Rect.Dy()
	r := max(2, max(w, h)/100)
	s := max(1, r/4)
	small := photo
	if s > 1 {
		small = imaging.Resize(photo, max(1, w/s), max(1, h/s), imaging.Box)
	}
	a, b := guidedCoefficients(lumaOf(small, 0, small.Rect.Dy()), max(1, r/s), detailEps)
	k := float32(amount)
	return recolour(img, func(y int, pix []uint8) {
		p := photo.Pix[y*photo.Stride:]
		at := newSampler(a, y, w, h)
		for x := range w {
			v := srgb.Luma(p[4*x:])
			ka, kb := at.sample(a, x), at.sample(b, x)
			d := k * (v - (ka*v + 255*kb))
			for c := range 3 {
				pix[4*x+c] = clamp(float32(pix[4*x+c]) + d)
			}
		}
	})
}

// sampler reads a smaller plane at the rows and columns of a picture of w x h pixels, between its pixels by bilinear interpolation.
type sampler struct {
	top, bottom int // offsets of the rows
	fy          float32
	scale       float32
	last        int
}

func newSampler(p plane, y, w, h int) sampler {
	fy := max((float32(y)+0.5)*float32(p.h)/float32(h)-0.5, 0)
	y0 := min(int(fy), p.h-1)
	return sampler{y0 * p.w, min(y0+1, p.h-1) * p.w, fy - float32(y0), float32(p.w) / float32(w), p.w - 1}
}

func (s sampler) sample(p plane, x int) float32 {
	fx := max((float32(x)+0.5)*s.scale-0.5, 0)
	x0 := min(int(fx), s.last)
	x1 := min(x0+1, s.last)
	fx -= float32(x0)
	upper := p.v[s.top+x0] + fx*(p.v[s.top+x1]-p.v[s.top+x0])
	lower := p.v[s.bottom+x0] + fx*(p.v[s.bottom+x1]-p.v[s.bottom+x0])
	return upper + s.fy*(lower-upper)
}

// denoiseRadius is the guided filter's in pixels.
const denoiseRadius = 3

// ReduceNoise smooths each channel within 3 pixels by the guided filter, and keeps edges that are stronger than amount tenths of the range.
func ReduceNoise(img *image.NRGBA, amount float64) *image.NRGBA {
	if amount == 0 {
		return img
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	eps := float32(amount * amount * 0.01)
	parallel.Strips(h, stripHeight, func(top, bottom int) {
		from, to := max(top-2*denoiseRadius, 0), min(bottom+2*denoiseRadius, h)
		for c := range 3 {
			p := newPlane(w, to-from)
			for y := range p.h {
				for x, row := 0, p.row(y); x < w; x++ {
					row[x] = float32(img.Pix[(from+y)*img.Stride+4*x+c]) / 255
				}
			}
			p = guided(p, denoiseRadius, eps)
			for y := top; y < bottom; y++ {
				for x, v := range p.row(y - from) {
					out.Pix[y*out.Stride+4*x+c] = clamp(255 * v)
				}
			}
		}
		for y := top; y < bottom; y++ {
			for x := range w {
				out.Pix[y*out.Stride+4*x+3] = img.Pix[y*img.Stride+4*x+3]
			}
		}
	})
	return out
}

package adjust

import (
	"image"
	"sync"

	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/pipeline/parallel"
	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// MaskOf reads a picture as a mask, 255 where it is opaque; one that has no transparency is read by its luminance, 255 where it is white.
func MaskOf(img *image.NRGBA) *image.Gray {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	opaque := img.Opaque()
	m := image.NewGray(image.Rect(0, 0, w, h))
	parallel.Strips(h, stripHeight, func(top, bottom int) {
		for y := top; y < bottom; y++ {
			pix, out := img.Pix[y*img.Stride:], m.Pix[y*m.Stride:][:w]
			for x := range out {
				if opaque {
					out[x] = clamp(srgb.Luma(pix[4*x:]))
				} else {
					out[x] = pix[4*x+3]
				}
			}
		}
	})
	return m
}

// Invert turns a mask round.
func Invert(m *image.Gray) *image.Gray {
	out := image.NewGray(m.Rect)
	for i, v := range m.Pix {
		out.Pix[i] = 255 - v
	}
	return out
}

// Feather softens a mask's edges by a Gaussian of the deviation sigma in its pixels.
func Feather(m *image.Gray, sigma float64) *image.Gray {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	p := newPlane(w, h)
	for y := range h {
		for x, v := range m.Pix[y*m.Stride:][:w] {
			p.v[y*w+x] = float32(v)
		}
	}
	out := image.NewGray(image.Rect(0, 0, w, h))
	for i, v := range gauss(p, sigma).v {
		out.Pix[i] = clamp(v)
	}
	return out
}

// ScaleMask brings a mask to a size in pixels.
func ScaleMask(m *image.Gray, w, h int) *image.Gray {
	if m.Rect.Dx() == w && m.Rect.Dy() == h {
		return m
	}
	filter := imaging.CatmullRom // sharp, but for halos that a mask must not have: it is clamped at its ends
	if w < m.Rect.Dx() {
		filter = imaging.Box
	}
	return MaskOf(imaging.Resize(m, w, h, filter))
}

// PrepareMask runs the steps before on a mask of the photo's size in the file.
func PrepareMask(m *image.Gray, steps []Step) (*image.Gray, error) {
	img, err := Prepare(imaging.Clone(m), steps)
	if err != nil {
		return nil, err
	}
	return MaskOf(img), nil
}

// Composite is img where the mask is white and photo where it is black, in between blended in linear light, where a soft edge shows neither a dark
// nor a bright fringe. All three are of one size. Alpha is img's.
func Composite(img, photo *image.NRGBA, m *image.Gray) *image.NRGBA {
	light, encoded := srgb.Light(), encoded()
	return recolour(img, func(y int, pix []uint8) {
		under := photo.Pix[y*photo.Stride:]
		for x, v := range m.Pix[y*m.Stride:][:len(pix)/4] {
			switch v {
			case 255:
			case 0:
				copy(pix[4*x:4*x+3], under[4*x:])
			default:
				k := float32(v) / 255
				for c := 4 * x; c < 4*x+3; c++ {
					a, b := light[under[c]], light[pix[c]]
					pix[c] = encoded[int((a+k*(b-a))*lightSteps+0.5)]
				}
			}
		}
	})
}

// lightSteps are those of the table of encoded values between light 0 and 1.
const lightSteps = 1 << 14

var encoded = sync.OnceValue(func() []uint8 { return srgb.Table(lightSteps) })

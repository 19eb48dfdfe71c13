// Package zoom draws what a viewport shows of a picture of any size, from a pyramid of halves, so that panning a picture of 24 megapixels costs
// no more than the viewport's own pixels. It must not import Fyne.
package zoom

import (
	"image"
	"math"

	"github.com/gesso-app/gesso/pipeline/parallel"
)

// View says which part of a picture a viewport shows. Several pictures of the same subject share it, whatever their sizes.
type View struct {
	// Scale is the number of the viewport's pixels for a pixel of the reference size; 1 is 100 %.
	Scale float64
	// X and Y are the point in the viewport's centre, 0..1 across and down the picture.
	X, Y float64
}

// The ends of Scale.
const (
	MinScale = 1.0 / 64
	MaxScale = 16
)

// Fit shows the whole of a picture of the size ref in w x h pixels.
func Fit(ref image.Point, w, h int) View {
	if ref.X < 1 || ref.Y < 1 {
		return View{Scale: 1, X: 0.5, Y: 0.5}
	}
	return View{Scale: max(min(float64(w)/float64(ref.X), float64(h)/float64(ref.Y)), MinScale), X: 0.5, Y: 0.5}
}

// Zoom changes the scale by the factor k and keeps in place what lies dx, dy pixels from the viewport's centre.
func (v View) Zoom(k, dx, dy float64, ref image.Point) View {
	scale := min(max(v.Scale*k, MinScale), MaxScale)
	return View{
		Scale: scale,
		X:     v.X + dx*(1/v.Scale-1/scale)/float64(ref.X),
		Y:     v.Y + dy*(1/v.Scale-1/scale)/float64(ref.Y),
	}
}

// Pan moves the picture by dx, dy pixels of the viewport.
func (v View) Pan(dx, dy float64, ref image.Point) View {
	v.X -= dx / (v.Scale * float64(ref.X))
	v.Y -= dy / (v.Scale * float64(ref.Y))
	return v
}

// Clamp keeps the picture in the viewport of w x h pixels: centred where it is smaller, without a gap at its edges where it is larger.
func (v View) Clamp(ref image.Point, w, h int) View {
	v.X = clamp(v.X, float64(w)/(v.Scale*float64(ref.X)))
	v.Y = clamp(v.Y, float64(h)/(v.Scale*float64(ref.Y)))
	return v
}

// clamp bounds a centre where the viewport shows the share `seen` of the picture.
func clamp(c, seen float64) float64 {
	if !(seen < 1) {
		return 0.5
	}
	return min(max(c, seen/2), 1-seen/2)
}

// Pyramid is a picture with its half, its quarter and so on.
type Pyramid struct{ levels []*image.NRGBA }

// smallest is the longest side in pixels at which a pyramid ends.
const smallest = 256

// NewPyramid makes the pyramid of img, which must not change any more. It takes a moment for a large picture.
func NewPyramid(img *image.NRGBA) *Pyramid {
	p := &Pyramid{levels: []*image.NRGBA{img}}
	for {
		b := img.Bounds()
		if max(b.Dx(), b.Dy()) <= smallest || min(b.Dx(), b.Dy()) < 2 {
			return p
		}
		img = half(img)
		p.levels = append(p.levels, img)
	}
}

// Size is the size of the picture itself.
func (p *Pyramid) Size() image.Point { return p.levels[0].Bounds().Size() }

// half is img at half its size: means of 2 x 2 pixels, weighted by their alpha.
func half(img *image.NRGBA) *image.NRGBA {
	w, h := img.Bounds().Dx()/2, img.Bounds().Dy()/2
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	parallel.Rows(h, 1, func(y int) {
		a, b := img.Pix[2*y*img.Stride:], img.Pix[(2*y+1)*img.Stride:]
		dst := out.Pix[y*out.Stride:]
		for x := range w {
			four := [4][]uint8{a[8*x : 8*x+4], a[8*x+4 : 8*x+8], b[8*x : 8*x+4], b[8*x+4 : 8*x+8]}
			var sum [3]uint32
			var alpha uint32
			for _, p := range four {
				k := uint32(p[3])
				alpha += k
				for c := range 3 {
					sum[c] += k * uint32(p[c])
				}
			}
			if alpha > 0 {
				for c := range 3 {
					dst[4*x+c] = uint8((sum[c] + alpha/2) / alpha)
				}
			}
			dst[4*x+3] = uint8((alpha + 2) / 4)
		}
	})
	return out
}

// sharp is the scale from which a picture's own pixels are shown as squares.
const sharp = 3

// Draw returns the w x h pixels that v shows of a picture whose reference size is ref, which may differ from the pyramid's own. Outside of the
// picture they are transparent.
func (p *Pyramid) Draw(v View, ref image.Point, w, h int) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	step := float64(p.Size().X) / (v.Scale * float64(ref.X)) // the picture's pixels for one of the viewport's
	level := min(max(int(math.Floor(math.Log2(step)+0.25)), 0), len(p.levels)-1)
	src := p.levels[level]
	sw, sh := src.Bounds().Dx(), src.Bounds().Dy()
	nearest := 1/step >= sharp
	column := func(i, n, refSide int, centre float64) float64 { // where pixel i of n falls, 0..1 across the picture
		return centre + (float64(i)+0.5-float64(n)/2)/(v.Scale*float64(refSide))
	}
	type tap struct {
		at, next int
		part     uint32 // of next, 0..256
		inside   bool
	}
	taps := make([]tap, w)
	locate := func(f float64, n int) tap {
		t := tap{inside: f >= 0 && f < 1}
		if nearest {
			t.at = min(max(int(f*float64(n)), 0), n-1)
			t.next = t.at
			return t
		}
		s := min(max(f*float64(n)-0.5, 0), float64(n-1))
		t.at = int(s)
		t.next, t.part = min(t.at+1, n-1), uint32((s-float64(t.at))*256)
		return t
	}
	for i := range taps {
		taps[i] = locate(column(i, w, ref.X, v.X), sw)
	}
	parallel.Rows(h, 1, func(j int) {
		y := locate(column(j, h, ref.Y, v.Y), sh)
		if !y.inside {
			return
		}
		a, b, dst := src.Pix[y.at*src.Stride:], src.Pix[y.next*src.Stride:], out.Pix[j*out.Stride:]
		for i, x := range taps {
			if !x.inside {
				continue
			}
			l, r := 4*x.at, 4*x.next
			for c := range 4 {
				top := uint32(a[l+c])*(256-x.part) + uint32(a[r+c])*x.part
				bottom := uint32(b[l+c])*(256-x.part) + uint32(b[r+c])*x.part
				dst[4*i+c] = uint8((top*(256-y.part) + bottom*y.part + 1<<15) >> 16)
			}
		}
	})
	return out
}

package style

import (
	"image"
	"math"

	"github.com/disintegration/imaging"
)

// stretched is a picture brought to another size row by row, so that several can be at hand beside a large photo without being held whole.
type stretched struct {
	wide  *image.NRGBA // has the new width and the old height
	first []int        // of the rows of wide that make a new row
	parts [][]float64  // of them, sum 1
}

// newStretched gives the rows that imaging.Resize would.
func newStretched(img *image.NRGBA, size image.Point, f imaging.ResampleFilter) *stretched {
	n := img.Bounds().Dy()
	s := &stretched{wide: img, first: make([]int, size.Y), parts: make([][]float64, size.Y)}
	if img.Bounds().Dx() != size.X {
		s.wide = imaging.Resize(img, size.X, n, f)
	}
	step := float64(n) / float64(size.Y)
	scale := max(step, 1)
	reach := math.Ceil(scale * f.Support)
	for y := range size.Y {
		middle := (float64(y)+0.5)*step - 0.5
		from, to := max(int(math.Ceil(middle-reach)), 0), min(int(math.Floor(middle+reach)), n-1)
		parts, sum := make([]float64, to-from+1), 0.0
		for k := range parts {
			parts[k] = f.Kernel((float64(from+k) - middle) / scale)
			sum += parts[k]
		}
		for k := range parts {
			parts[k] /= sum
		}
		s.first[y], s.parts[y] = from, parts
	}
	return s
}

// row writes the new row y to d. Colours are weighted by their alpha.
func (s *stretched) row(d []uint8, y int) {
	level := func(v float64) uint8 { return uint8(min(max(v+0.5, 0), 255)) }
	for i := 0; i < len(d); i += 4 {
		var r, g, b, a float64
		at := s.first[y]*s.wide.Stride + i
		for _, part := range s.parts[y] {
			p := s.wide.Pix[at : at+4]
			w := part * float64(p[3])
			r, g, b, a = r+w*float64(p[0]), g+w*float64(p[1]), b+w*float64(p[2]), a+w
			at += s.wide.Stride
		}
		d[i], d[i+1], d[i+2], d[i+3] = 0, 0, 0, level(a)
		if a != 0 {
			d[i], d[i+1], d[i+2] = level(r/a), level(g/a), level(b/a)
		}
	}
}

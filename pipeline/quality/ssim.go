package quality

import (
	"fmt"
	"image"
	"runtime"

	"github.com/gesso-app/gesso/pipeline/parallel"
)

// The window: a gaussian of deviation 1.5 px, cut after 3.5 deviations and normalized to the sum 1; w0 is its centre.
const (
	radius = 5
	taps   = 2*radius + 1

	w0 = 0.2660117248617943
	w1 = 0.21300553771125366
	w2 = 0.1093606895097
	w3 = 0.03600077212843082
	w4 = 0.007598758135239184
	w5 = 0.0010283800844791099
)

// The constants (K·L)² that keep SSIM's quotients stable, for K1 = 0.01, K2 = 0.03 and the range L = 1.
const (
	c1 = 1e-4
	c2 = 9e-4
)

// The planes that the window averages, of luminances x and y. SSIM needs the variances only as their sum, so x² and y² share one.
const (
	planeX = iota
	planeY
	planeSquares // x² + y²
	planeProduct // x·y
	planes
)

// minStrip is the least height in rows of a strip: each strip filters 2·radius rows that its neighbours filter as well.
const minStrip = 64

// SSIM is the mean structural similarity of two pictures of equal size, at least 11 px wide and high: 1 is equal, near 0
// unrelated, negative inverted. It compares luminance (0.2125 R + 0.7154 G + 0.0721 B of the colours as they are, alpha
// ignored) and leaves out a border of 5 px (Wang et al. 2004, "Image quality assessment: from error visibility to structural
// similarity"). The value is that of scikit-image's structural_similarity on rgb2gray of the pictures with
// gaussian_weights=True, sigma=1.5, use_sample_covariance=False and data_range=1, within 1e-4. It does not depend on the
// number of processors, and SSIM(a, b) equals SSIM(b, a).
func SSIM(a, b image.Image) (float64, error) {
	if _, _, err := commonSize(a, b); err != nil {
		return 0, err
	}
	return meanSimilarity(luminanceOf(a), luminanceOf(b), full), nil
}

// SSIMRGB is SSIM of each of the red, green and blue channels, averaged: scikit-image's with channel_axis=2 on the colours as they are. It falls
// with a change of colour that leaves the luminance as it was.
func SSIMRGB(a, b image.Image) (float64, error) {
	if _, _, err := commonSize(a, b); err != nil {
		return 0, err
	}
	var sum float64
	for c := range 3 {
		sum += meanSimilarity(channelOf(a, c), channelOf(b, c), full)
	}
	return sum / 3, nil
}

// meanSimilarity is the mean of what without the border.
func meanSimilarity(a, b source, what measure) float64 {
	w, h := a.w, a.h
	sums := make([]float64, h) // added up at the end in the order of the rows, so that the strips' timing does not show
	similarity(a, b, what, radius, h-radius, func(y int, row []float32) {
		var sum float64
		for _, v := range row[radius : w-radius] {
			sum += float64(v)
		}
		sums[y] = sum
	})
	var sum float64
	for _, s := range sums {
		sum += s
	}
	return sum / (float64(w-2*radius) * float64(h-2*radius))
}

// SSIMMap is the similarity at each pixel, from 0 (black) for unrelated or inverted to 1 (white) for equal, of the size of
// the pictures and with its corner at (0,0). Unlike in SSIM's mean the border is there, with the picture mirrored at its edge.
func SSIMMap(a, b image.Image) (*image.Gray, error) {
	w, h, err := commonSize(a, b)
	if err != nil {
		return nil, err
	}
	m := image.NewGray(image.Rect(0, 0, w, h))
	similarity(luminanceOf(a), luminanceOf(b), full, 0, h, func(y int, row []float32) {
		pix := m.Pix[y*m.Stride:][:w]
		for x, v := range row {
			pix[x] = uint8(min(max(v, 0), 1)*255 + 0.5)
		}
	})
	return m, nil
}

// measure is which of SSIM's quotients a strip computes.
type measure int

const (
	full      measure = iota // means, contrast and structure
	structure                // contrast and structure alone
)

func commonSize(a, b image.Image) (w, h int, err error) {
	sa, sb := a.Bounds().Size(), b.Bounds().Size()
	if sa != sb {
		return 0, 0, fmt.Errorf("pictures to compare differ in size: %dx%d and %dx%d px", sa.X, sa.Y, sb.X, sb.Y)
	}
	if sa.X < taps || sa.Y < taps {
		return 0, 0, fmt.Errorf("pictures of %dx%d px are too small to compare: at least %dx%d px are needed", sa.X, sa.Y, taps, taps)
	}
	return sa.X, sa.Y, nil
}

// similarity gives the similarity of each row from top to below bottom to emit, which is called from several goroutines, once
// for each row, and must not keep the row.
func similarity(a, b source, what measure, top, bottom int, emit func(y int, row []float32)) {
	inParallel(bottom-top, func(from, to int) {
		newStrip(a, b, what).run(top+from, top+to, emit)
	})
}

// inParallel calls f for the strips of n rows, from several goroutines.
func inParallel(n int, f func(from, to int)) {
	workers := runtime.GOMAXPROCS(0)
	parallel.Strips(n, max(minStrip, (n+2*workers-1)/(2*workers)), f) // twice as many as workers: one held up by other work does less
}

// strip filters rows from the top down and keeps only the taps rows that the window covers.
type strip struct {
	a, b   source
	what   measure
	w, h   int
	padded [planes][]float32       // one row before the filter, with a mirrored border
	ring   [planes][taps][]float32 // rows filtered across; row y is at (y+radius) mod taps
	mean   [planes][]float32       // one row filtered both ways
	out    []float32
}

func newStrip(a, b source, what measure) *strip {
	s := &strip{a: a, b: b, what: what, w: a.w, h: a.h, out: make([]float32, a.w)}
	for p := range planes {
		s.padded[p] = make([]float32, s.w+2*radius)
		s.mean[p] = make([]float32, s.w)
		for i := range s.ring[p] {
			s.ring[p][i] = make([]float32, s.w)
		}
	}
	return s
}

func (s *strip) run(from, to int, emit func(y int, row []float32)) {
	for y := from - radius; y < to+radius; y++ {
		s.load(y)
		if centre := y - radius; centre >= from {
			s.combine(centre)
			emit(centre, s.out)
		}
	}
}

// load filters row y, which may lie in the mirrored border, into the ring.
func (s *strip) load(y int) {
	slot := (y + radius) % taps
	if y < 0 {
		y = -1 - y
	} else if y >= s.h {
		y = 2*s.h - 1 - y
	}
	px, py := s.padded[planeX], s.padded[planeY]
	s.a.row(px[radius:][:s.w], y)
	s.b.row(py[radius:][:s.w], y)
	for i := range radius {
		for _, p := range [][]float32{px, py} {
			p[radius-1-i] = p[radius+i]
			p[radius+s.w+i] = p[radius+s.w-1-i]
		}
	}
	n := len(px)
	py, squares, product := py[:n], s.padded[planeSquares][:n], s.padded[planeProduct][:n]
	for i, x := range px {
		y := py[i]
		squares[i] = float32(x*x) + float32(y*y) // rounded before the sum: a fused multiply-add would not be symmetric
		product[i] = x * y
	}
	for p := range planes {
		across(s.ring[p][slot], s.padded[p])
	}
}

// combine filters the ring down to the row centre and computes its similarity.
func (s *strip) combine(centre int) {
	for p := range planes {
		var rows [taps][]float32
		for i := range rows {
			rows[i] = s.ring[p][(centre+i)%taps]
		}
		down(s.mean[p], &rows)
	}
	n := len(s.out)
	mx, my, squares, product := s.mean[planeX][:n], s.mean[planeY][:n], s.mean[planeSquares][:n], s.mean[planeProduct][:n]
	if s.what == structure {
		for i := range s.out {
			x, y := mx[i], my[i]
			s.out[i] = (2*(product[i]-float32(x*y)) + c2) / (squares[i] - (float32(x*x) + float32(y*y)) + c2)
		}
		return
	}
	for i := range s.out {
		x, y := mx[i], my[i]
		variances := squares[i] - (float32(x*x) + float32(y*y))
		covariance := product[i] - float32(x*y)
		x, y = x+0.5, y+0.5 // luminance is centred; variances do not change with that, means do
		s.out[i] = (2*float32(x*y) + c1) * (2*covariance + c2) / ((float32(x*x) + float32(y*y) + c1) * (variances + c2))
	}
}

// across filters a row with the window; src is 2·radius longer than dst.
func across(dst, src []float32) {
	for i := range dst {
		s := (*[taps]float32)(src[i:])
		dst[i] = w0*s[5] + w1*(s[4]+s[6]) + w2*(s[3]+s[7]) + w3*(s[2]+s[8]) + w4*(s[1]+s[9]) + w5*(s[0]+s[10])
	}
}

// down filters the rows' columns with the window; all rows are as long as dst. It goes over them twice, because the pointers to
// all the rows at once do not fit the processor's registers.
func down(dst []float32, rows *[taps][]float32) {
	n := len(dst)
	d, e, f, g, h := rows[3][:n], rows[4][:n], rows[5][:n], rows[6][:n], rows[7][:n]
	for x := range dst {
		dst[x] = w0*f[x] + w1*(e[x]+g[x]) + w2*(d[x]+h[x])
	}
	a, b, c, i, j, k := rows[0][:n], rows[1][:n], rows[2][:n], rows[8][:n], rows[9][:n], rows[10][:n]
	for x := range dst {
		dst[x] += w3*(c[x]+i[x]) + w4*(b[x]+j[x]) + w5*(a[x]+k[x])
	}
}

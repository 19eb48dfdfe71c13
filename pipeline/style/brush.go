package style

import (
	"context"
	"image"
	"math"
	"sync"

	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/pipeline/parallel"
	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// workSide is the longest side in pixels of a picture whose strokes look right when the whole of it is seen on a screen.
const workSide = 1536

// AutoBrush is the brush scale at which a picture of w x h pixels shows strokes when it is seen whole: 1 up to workSide, more above.
func AutoBrush(w, h int) float64 { return max(1, float64(max(w, h))/workSide) }

// Paint stylizes photo with strokes brush times as broad as the transform network draws them: it works on the photo at 1/brush of its size and
// brings the result back. Broad strokes get the photo's fine luminance detail where they follow the photo (see enlarge); fine ones are drawn on
// an enlarged photo. progress gets the share that is done, 0..1.
func (n *Networks) Paint(ctx context.Context, photo *image.NRGBA, m *Modulation, brush float64, progress func(float64)) (*image.NRGBA, error) {
	b := photo.Bounds()
	w, h := scaled(b.Dx(), brush), scaled(b.Dy(), brush)
	if w == b.Dx() && h == b.Dy() {
		return n.Transform(ctx, photo, m, progress)
	}
	work := imaging.Resize(photo, w, h, imaging.Lanczos)
	small, err := n.Transform(ctx, work, m, progress)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if brush > 1 {
		return enlarge(small, work, photo), nil
	}
	out := imaging.Resize(small, b.Dx(), b.Dy(), imaging.Lanczos)
	copyAlpha(out, photo)
	return out, nil
}

func scaled(side int, brush float64) int { return max(1, int(math.Round(float64(side)/brush))) }

func copyAlpha(into, from *image.NRGBA) {
	for i := 3; i < len(into.Pix); i += 4 {
		into.Pix[i] = from.Pix[i]
	}
}

// guideRadius is half the side of the window, in pixels of the small picture, in which enlarge compares painting and photo; guideNoise is the
// luminance variance that counts as flat.
const (
	guideRadius = 3
	guideNoise  = 9
)

// enlarge brings painted to photo's size. What the enlarging cannot hold, photo's luminance finer than a pixel of small (photo at painted's size),
// is added as far as painted's luminance follows small's: in every window the slope of their linear regression, clipped to 0..1, as in the
// fast guided filter (He & Sun, "Fast Guided Filter", 2015). So contours stay sharp and painted areas stay painted.
func enlarge(painted, small, photo *image.NRGBA) *image.NRGBA {
	b := photo.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	painting := newStretched(painted, b.Size(), imaging.CatmullRom)
	blurred := newStretched(small, b.Size(), imaging.CatmullRom)
	gain := newStretched(slopes(small, painted), b.Size(), imaging.Linear)
	buffers := sync.Pool{New: func() any { return &[2][]uint8{make([]uint8, 4*b.Dx()), make([]uint8, 4*b.Dx())} }}
	parallel.Rows(b.Dy(), 1, func(y int) {
		rows := buffers.Get().(*[2][]uint8)
		defer buffers.Put(rows)
		d, p := out.Pix[y*out.Stride:][:4*b.Dx()], photo.Pix[y*photo.Stride:][:4*b.Dx()]
		painting.row(d, y)
		blurred.row(rows[0], y)
		gain.row(rows[1], y)
		for i := 0; i < len(d); i += 4 {
			k := float32(rows[1][i]) / 255 * (srgb.Luma(p[i:]) - srgb.Luma(rows[0][i:]))
			for c := range 3 {
				d[i+c] = uint8(min(max(float32(d[i+c])+k+0.5, 0), 255))
			}
			d[i+3] = p[i+3]
		}
	})
	return out
}

// slopes is, for every pixel, by how much b's luminance rises where a's does, 0..1 as a grey 0..255.
func slopes(a, b *image.NRGBA) *image.NRGBA {
	w, h := a.Bounds().Dx(), a.Bounds().Dy()
	size := w * h
	va, vb, vaa, vab := make([]float32, size), make([]float32, size), make([]float32, size), make([]float32, size)
	parallel.Rows(h, 1, func(y int) {
		for x := range w {
			p, q := srgb.Luma(a.Pix[y*a.Stride+4*x:]), srgb.Luma(b.Pix[y*b.Stride+4*x:])
			i := y*w + x
			va[i], vb[i], vaa[i], vab[i] = p, q, p*p, p*q
		}
	})
	for _, v := range [][]float32{va, vb, vaa, vab} {
		boxMean(v, w, h, guideRadius)
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	parallel.Rows(h, 1, func(y int) {
		for x := range w {
			i := y*w + x
			k := (vab[i] - va[i]*vb[i]) / (vaa[i] - va[i]*va[i] + guideNoise)
			g := uint8(255*min(max(k, 0), 1) + 0.5)
			copy(out.Pix[4*i:], []uint8{g, g, g, 255})
		}
	})
	return out
}

// boxMean replaces every value of v (w x h) by the mean of the window of the given radius around it, cut at the borders.
func boxMean(v []float32, w, h, radius int) {
	parallel.Rows(h, 1, func(y int) { lineMean(v[y*w:], w, 1, radius) })
	parallel.Rows(w, 1, func(x int) { lineMean(v[x:], h, w, radius) })
}

func lineMean(v []float32, n, stride, radius int) {
	line := make([]float32, n)
	for i := range line {
		line[i] = v[i*stride]
	}
	var sum float64
	for i := range min(radius, n) {
		sum += float64(line[i])
	}
	for i := range n {
		if i+radius < n {
			sum += float64(line[i+radius])
		}
		if i-radius-1 >= 0 {
			sum -= float64(line[i-radius-1])
		}
		v[i*stride] = float32(sum / float64(min(i+radius, n-1)-max(i-radius, 0)+1))
	}
}

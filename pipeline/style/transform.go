package style

import (
	"context"
	"fmt"
	"image"
	"time"

	"github.com/gesso-app/gesso/pipeline/parallel"
)

// Transform stylizes photo tile by tile; the result has its size and its alpha. ctx is checked between tiles, and the engine is told to stop
// inside one. progress gets the share of the tiles that are done, 0..1.
func (n *Networks) Transform(ctx context.Context, photo *image.NRGBA, m *Modulation, progress func(float64)) (*image.NRGBA, error) {
	f, err := n.transform.feature(inImage)
	if err != nil {
		return nil, err
	}
	shapes := f.Shapes
	if len(shapes) == 0 {
		shapes = [][]int{f.Shape}
	}
	heights, widths := tileSizes(shapes)
	return n.transformTiled(ctx, photo, m, heights, widths, progress)
}

func (n *Networks) transformTiled(ctx context.Context, photo *image.NRGBA, m *Modulation, heights, widths []int, progress func(float64)) (*image.NRGBA, error) {
	if err := n.modulate(m); err != nil {
		return nil, err
	}
	b := photo.Bounds()
	rows, columns := plan(b.Dy(), heights), plan(b.Dx(), widths)
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for i, y := range rows {
		for j, x := range columns {
			if err := n.tile(ctx, photo, out, x, y); err != nil {
				return nil, err
			}
			if progress != nil {
				progress(float64(i*len(columns)+j+1) / float64(len(rows)*len(columns)))
			}
		}
	}
	return out, nil
}

func (n *Networks) modulate(m *Modulation) error {
	for name, v := range map[string][]float32{inScale: m.Scale, inShift: m.Shift} {
		t, err := n.transform.tensor(name, nil)
		if err != nil {
			return err
		}
		if len(v) != t.Len() {
			return fmt.Errorf("the statistics and transform networks do not belong together: %d values for %d", len(v), t.Len())
		}
		copy(t.Float32s(), v)
	}
	return nil
}

func (n *Networks) tile(ctx context.Context, photo, out *image.NRGBA, x, y span) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	shape := []int{1, 3, y.size, x.size}
	in, err := n.transform.tensor(inImage, shape)
	if err != nil {
		return err
	}
	res, err := reuse(n.transform.out, outImage, shape)
	if err != nil {
		return err
	}
	fill(in.Float32s(), photo, x.at, y.at, x.size, y.size)
	if err := n.transform.run(ctx); err != nil {
		return err
	}
	drain(out, photo, res.Float32s(), x, y)
	return nil
}

// fill writes the w x h pixels of img from (x, y) as planes of red, green and blue, 0..1; outside of the picture it is mirrored.
func fill(planes []float32, img *image.NRGBA, x, y, w, h int) {
	b := img.Bounds()
	columns := make([]int, w)
	for i := range columns {
		columns[i] = 4 * mirror(x+i, b.Dx())
	}
	red, green, blue := planes[:w*h], planes[w*h:2*w*h], planes[2*w*h:3*w*h]
	parallel.Rows(h, 1, func(r int) {
		row := img.Pix[mirror(y+r, b.Dy())*img.Stride:]
		at := r * w
		for i, c := range columns {
			p := row[c : c+3 : c+3]
			red[at+i] = unit[p[0]]
			green[at+i] = unit[p[1]]
			blue[at+i] = unit[p[2]]
		}
	})
}

// drain writes the part of a tile that counts, clipped to 0..1, with photo's alpha.
func drain(out, photo *image.NRGBA, planes []float32, x, y span) {
	plane := x.size * y.size
	parallel.Rows(y.to-y.from, 1, func(r int) {
		row := y.from + r
		dst := out.Pix[row*out.Stride+4*x.from : row*out.Stride+4*x.to]
		alpha := photo.Pix[row*photo.Stride+4*x.from : row*photo.Stride+4*x.to]
		src := planes[(row-y.at)*x.size+x.from-x.at:]
		for i := range x.to - x.from {
			for c := range 3 {
				dst[4*i+c] = uint8(min(max(src[c*plane+i], 0), 1)*255 + 0.5)
			}
			dst[4*i+3] = alpha[4*i+3]
		}
	})
}

// mirror reflects i into 0..n-1 without repeating the border pixel.
func mirror(i, n int) int {
	if n == 1 {
		return 0
	}
	period := 2 * (n - 1)
	i %= period
	if i < 0 {
		i += period
	}
	return min(i, period-i)
}

var unit = func() (t [256]float32) {
	for i := range t {
		t[i] = float32(i) / 255
	}
	return t
}()

// Bench times runs passes of the transform over a made picture of side x side pixels, tiles and conversion included.
func (n *Networks) Bench(ctx context.Context, side, runs int) ([]time.Duration, error) {
	grey := image.NewNRGBA(image.Rect(0, 0, side, side))
	for i := range grey.Pix {
		grey.Pix[i] = uint8(i)
	}
	f, err := n.Look(ctx, grey)
	if err != nil {
		return nil, err
	}
	m, err := n.Statistics(ctx, grey, f.Code)
	if err != nil {
		return nil, err
	}
	times := make([]time.Duration, runs)
	for i := range times {
		start := time.Now()
		if _, err := n.Transform(ctx, grey, m, nil); err != nil {
			return nil, err
		}
		times[i] = time.Since(start)
	}
	return times, nil
}

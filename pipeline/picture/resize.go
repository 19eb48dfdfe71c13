package picture

import (
	"image"
	"math"
	"sync"

	"github.com/gesso-app/gesso/pipeline/parallel"
	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// tap is the part of an output pixel that lies in the inputs from start.
type tap struct {
	start   int
	weights []float32 // sum 1
}

// lanczosTaps are those of Lanczos' filter with three lobes, from n pixels to fewer.
func lanczosTaps(n, fewer int) []tap {
	const lobes = 3
	scale := float64(n) / float64(fewer)
	taps := make([]tap, fewer)
	for i := range taps {
		middle := (float64(i)+0.5)*scale - 0.5
		from, to := max(int(math.Ceil(middle-lobes*scale)), 0), min(int(math.Floor(middle+lobes*scale)), n-1)
		weights, sum := make([]float32, to-from+1), 0.0
		for k := range weights {
			x := math.Pi * (float64(from+k) - middle) / scale
			w := 1.0
			if x != 0 {
				w = lobes * math.Sin(x) * math.Sin(x/lobes) / (x * x)
			}
			weights[k] = float32(w)
			sum += w
		}
		for k := range weights {
			weights[k] /= float32(sum)
		}
		taps[i] = tap{from, weights}
	}
	return taps
}

// shrink scales src down to w x h. It averages light, not its encoding, and colours by their alpha, so that edges have no fringe. Beside the output it
// needs two rows of memory a core.
func shrink(src *image.NRGBA, w, h int) *image.NRGBA {
	across, down := lanczosTaps(src.Rect.Dx(), w), lanczosTaps(src.Rect.Dy(), h)
	light, encoded, opaque := srgb.Light(), srgbEncoded(), src.Opaque()
	dst := image.NewNRGBA(image.Rect(0, 0, w, h))
	rows := sync.Pool{New: func() any { return new([]float32) }}
	parallel.Rows(h, 8, func(y int) {
		buffer := rows.Get().(*[]float32)
		defer rows.Put(buffer)
		if *buffer == nil {
			*buffer = make([]float32, 4*src.Rect.Dx())
		}
		row := *buffer
		clear(row)
		for k, weight := range down[y].weights {
			s := src.Pix[(down[y].start+k)*src.Stride:][:len(row)]
			if opaque {
				addOpaque(row, s, weight, light)
			} else {
				addWithAlpha(row, s, weight, light)
			}
		}
		d := dst.Pix[y*dst.Stride:][:4*w]
		for x, t := range across {
			var r, g, b, a float32
			for k, weight := range t.weights {
				p := row[4*(t.start+k):][:4]
				r, g, b, a = r+weight*p[0], g+weight*p[1], b+weight*p[2], a+weight*p[3]
			}
			p := d[4*x:][:4]
			if opaque {
				a = 1
			}
			if p[3] = uint8(min(max(a, 0), 1)*255 + 0.5); p[3] == 0 {
				continue
			}
			p[0], p[1], p[2] = encoded[lightIndex(r/a)], encoded[lightIndex(g/a)], encoded[lightIndex(b/a)]
		}
	})
	return dst
}

func addOpaque(row []float32, s []byte, weight float32, light *[256]float32) {
	for i := 0; i+3 < len(s) && i+3 < len(row); i += 4 {
		row[i] += weight * light[s[i]]
		row[i+1] += weight * light[s[i+1]]
		row[i+2] += weight * light[s[i+2]]
	}
}

func addWithAlpha(row []float32, s []byte, weight float32, light *[256]float32) {
	for i := 0; i+3 < len(s) && i+3 < len(row); i += 4 {
		k := weight * float32(s[i+3]) / 255
		row[i] += k * light[s[i]]
		row[i+1] += k * light[s[i+1]]
		row[i+2] += k * light[s[i+2]]
		row[i+3] += k
	}
}

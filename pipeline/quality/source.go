package quality

import (
	"image"
	"image/color"
	"math"
)

// source is one plane of a picture, read row by row.
type source struct {
	w, h int
	// row writes the row y, counted from the top, as values from -0.5 to 0.5: around zero float32 keeps small variances of bright areas apart,
	// which is what SSIM lives on. It is called from several goroutines.
	row func(dst []float32, y int)
}

func luminanceOf(img image.Image) source {
	b := img.Bounds()
	return source{b.Dx(), b.Dy(), func(dst []float32, y int) { luminance(dst, img, y) }}
}

// channelOf is the red (0), green (1) or blue (2) channel.
func channelOf(img image.Image, c int) source {
	b := img.Bounds()
	return source{b.Dx(), b.Dy(), func(dst []float32, y int) { channel(dst, img, c, y) }}
}

// luminance reads row y as 0.2125 R + 0.7154 G + 0.0721 B less 0.5. It sums in integers, where the order of the sum does not matter.
func luminance(dst []float32, img image.Image, y int) {
	const r, g, b, sum = 2125, 7154, 721, 10000
	if m, ok := img.(*image.NRGBA); ok {
		pix := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):]
		for x := range dst {
			p := (*[4]uint8)(pix[4*x:])
			v := r*int32(p[0]) + g*int32(p[1]) + b*int32(p[2])
			dst[x] = float32(2*v-sum*math.MaxUint8) * (1 / (2.0 * sum * math.MaxUint8))
		}
		return
	}
	at := img.Bounds().Min
	for x := range dst {
		c := color.NRGBA64Model.Convert(img.At(at.X+x, at.Y+y)).(color.NRGBA64)
		v := r*int64(c.R) + g*int64(c.G) + b*int64(c.B)
		dst[x] = float32(float64(2*v-sum*math.MaxUint16) * (1 / (2.0 * sum * math.MaxUint16)))
	}
}

func channel(dst []float32, img image.Image, c, y int) {
	if m, ok := img.(*image.NRGBA); ok {
		pix := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):]
		for x := range dst {
			dst[x] = float32(2*int32(pix[4*x+c])-math.MaxUint8) * (1 / (2.0 * math.MaxUint8))
		}
		return
	}
	at := img.Bounds().Min
	for x := range dst {
		n := color.NRGBA64Model.Convert(img.At(at.X+x, at.Y+y)).(color.NRGBA64)
		v := [3]uint16{n.R, n.G, n.B}[c]
		dst[x] = float32(2*int32(v)-math.MaxUint16) * (1 / (2.0 * math.MaxUint16))
	}
}

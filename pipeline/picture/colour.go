package picture

import (
	"image"
	"math"
	"sort"
	"sync"

	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// lightSteps is the size of the tables from light to device values. They are read at the square root of the light, where the curves of all usual
// profiles are nearly straight, so that no level of 8 bits is missed in the shadows.
const lightSteps = 8192

// converter takes rows of 8-bit NRGBA from one matrix profile to another.
type converter struct {
	decode [3][256]float32
	matrix [9]float32
	encode [3][lightSteps]uint8
}

// toSRGB returns the converter from the profile to sRGB.
func (s *shaper) toSRGB() *converter {
	c := &converter{}
	m := srgbMatrix.inverse().times(s.matrix)
	encoded := srgbEncoded()
	for k := range 3 {
		for i := range 256 {
			c.decode[k][i] = float32(s.curves[k](float64(i) / 255))
		}
		c.encode[k] = *encoded
	}
	for i, v := range m {
		c.matrix[i] = float32(v)
	}
	return c
}

// fromSRGB returns the converter from sRGB to the profile.
func (s *shaper) fromSRGB() *converter {
	c := &converter{}
	for k := range 3 {
		c.decode[k] = *srgb.Light()
		forward := make([]float64, 4096)
		for i := range forward {
			forward[i] = s.curves[k](float64(i) / 4095)
			if i > 0 {
				forward[i] = max(forward[i], forward[i-1]) // a search needs order, and a damaged curve may lack it
			}
		}
		for i := range lightSteps {
			root := float64(i) / (lightSteps - 1)
			c.encode[k][i] = uint8(inverse(forward, root*root)*255 + 0.5)
		}
	}
	for i, v := range s.matrix.inverse().times(srgbMatrix) {
		c.matrix[i] = float32(v)
	}
	return c
}

// inverse returns where a rising table reaches v, 0..1.
func inverse(table []float64, v float64) float64 {
	i := sort.SearchFloat64s(table, v)
	switch {
	case i == 0:
		return 0
	case i == len(table):
		return 1
	}
	k := (v - table[i-1]) / (table[i] - table[i-1])
	return (float64(i-1) + k) / float64(len(table)-1)
}

var srgbEncoded = sync.OnceValue(func() *[lightSteps]uint8 {
	var t [lightSteps]uint8
	for i := range t {
		root := float64(i) / (lightSteps - 1)
		t[i] = uint8(srgb.Encode(root*root)*255 + 0.5)
	}
	return &t
})

// lightIndex is the place of a light in the tables.
func lightIndex(v float32) int {
	if !(v > 0) {
		return 0
	}
	return min(int(float32(math.Sqrt(float64(v)))*(lightSteps-1)+0.5), lightSteps-1)
}

// row converts the pixels of d in place.
func (c *converter) row(d []byte) {
	for i := 0; i+3 < len(d); i += 4 {
		c.pixel(d[i:i+4], c.decode[0][d[i]], c.decode[1][d[i+1]], c.decode[2][d[i+2]])
	}
}

// pixel writes the colour of the lights r, g and b.
func (c *converter) pixel(d []byte, r, g, b float32) {
	m := &c.matrix
	d[0] = c.encode[0][lightIndex(m[0]*r+m[1]*g+m[2]*b)]
	d[1] = c.encode[1][lightIndex(m[3]*r+m[4]*g+m[5]*b)]
	d[2] = c.encode[2][lightIndex(m[6]*r+m[7]*g+m[8]*b)]
}

// inSRGB converts a decoded picture to 8-bit NRGBA in sRGB. used is false if the profile is not for such pixels, as damaged files have it.
func (p *profile) inSRGB(img image.Image) (out *image.NRGBA, used bool) {
	switch p.space {
	case "CMYK":
		if cmyk, ok := img.(*image.CMYK); ok {
			return p.fromCMYK(cmyk), true
		}
		return toNRGBA(img), false
	case "GRAY":
		switch img.(type) {
		case *image.Gray, *image.Gray16:
			out = toNRGBA(img)
			p.fromGray(out)
			return out, true
		}
		return toNRGBA(img), false
	}
	if _, ok := img.(*image.CMYK); ok {
		return toNRGBA(img), false
	}
	if p.srgb {
		return toNRGBA(img), true
	}
	if p.shaper != nil {
		if deep, ok := img.(*image.RGBA64); ok && deep.Opaque() { // then both types have the same bytes
			img = &image.NRGBA64{Pix: deep.Pix, Stride: deep.Stride, Rect: deep.Rect}
		}
		if deep, ok := img.(*image.NRGBA64); ok {
			return p.shaper.fromDeep(deep), true
		}
	}
	out = toNRGBA(img)
	if p.shaper != nil {
		c := p.shaper.toSRGB()
		parallelRows(out.Rect.Dy(), func(y int) { c.row(out.Pix[y*out.Stride:][:4*out.Rect.Dx()]) })
		return out, true
	}
	parallelRows(out.Rect.Dy(), func(y int) {
		d := out.Pix[y*out.Stride:][:4*out.Rect.Dx()]
		var last, result [3]byte
		for i := 0; i < len(d); i += 4 {
			if c := [3]byte(d[i:]); i == 0 || c != last {
				last = c
				r, g, b := p.tables.Transform(float64(c[0])/255, float64(c[1])/255, float64(c[2])/255)
				result = [3]byte{level(r), level(g), level(b)}
			}
			copy(d[i:], result[:])
		}
	})
	return out, true
}

// level rounds 0..1 to 8 bits.
func level(v float64) byte { return byte(min(max(v, 0), 1)*255 + 0.5) }

// fromDeep converts 16-bit pixels without rounding them to 8 bits first.
func (s *shaper) fromDeep(src *image.NRGBA64) *image.NRGBA {
	c := s.toSRGB()
	tables := make([][3]float32, 1<<16)
	parallelRows(len(tables), func(i int) {
		for k := range 3 {
			tables[i][k] = float32(s.curves[k](float64(i) / 65535))
		}
	})
	w, h := src.Rect.Dx(), src.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	parallelRows(h, func(y int) {
		d, p := out.Pix[y*out.Stride:][:4*w], src.Pix[y*src.Stride:][:8*w]
		for i := 0; i < len(d); i += 4 {
			q := p[2*i : 2*i+8]
			at := func(k int) int { return int(q[2*k])<<8 | int(q[2*k+1]) }
			c.pixel(d[i:i+4], tables[at(0)][0], tables[at(1)][1], tables[at(2)][2])
			d[i+3] = to8(q[6:])
		}
	})
	return out
}

// fromGray converts grey pixels in place.
func (p *profile) fromGray(out *image.NRGBA) {
	var table [256][3]byte
	for i := range table {
		var values, result [4]float64
		values[0] = float64(i) / 255
		p.tables.TransformGeneral(result[:], values[:])
		table[i] = [3]byte{level(result[0]), level(result[1]), level(result[2])}
	}
	for i := 0; i < len(out.Pix); i += 4 {
		copy(out.Pix[i:], table[out.Pix[i]][:])
	}
}

// fromCMYK converts the inks.
func (p *profile) fromCMYK(src *image.CMYK) *image.NRGBA {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	parallelRows(h, func(y int) {
		d, s := out.Pix[y*out.Stride:][:4*w], src.Pix[y*src.Stride:][:4*w]
		var last, result [4]byte
		for i := 0; i < len(d); i += 4 {
			if c := [4]byte(s[i:]); i == 0 || c != last {
				last = c
				var values, light [4]float64
				for k, v := range c {
					values[k] = float64(v) / 255
				}
				p.tables.TransformGeneral(light[:], values[:])
				result = [4]byte{level(light[0]), level(light[1]), level(light[2]), 255}
			}
			copy(d[i:], result[:])
		}
	})
	return out
}

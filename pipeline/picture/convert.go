package picture

import (
	"image"
	"image/color"
	"image/draw"

	"github.com/gesso-app/gesso/pipeline/parallel"
)

// toNRGBA converts what the decoders return to 8-bit NRGBA with its origin at (0, 0). The cases spare the interface call per
// pixel of the general one.
func toNRGBA(img image.Image) *image.NRGBA {
	b := img.Bounds()
	if src, ok := img.(*image.NRGBA); ok && b.Min == (image.Point{}) && src.Stride == 4*b.Dx() {
		return src
	}
	dst := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	row := rowConverter(img)
	if row == nil {
		draw.Draw(dst, dst.Rect, img, b.Min, draw.Src)
		return dst
	}
	parallelRows(b.Dy(), func(y int) {
		row(dst.Pix[y*dst.Stride:][:4*b.Dx()], b.Min.Y+y)
	})
	return dst
}

// rowConverter returns a function that writes the row y of img as NRGBA to d, or nil for a rare kind of image.
func rowConverter(img image.Image) func(d []byte, y int) {
	x0 := img.Bounds().Min.X
	switch src := img.(type) {
	case *image.NRGBA:
		return func(d []byte, y int) { copy(d, src.Pix[src.PixOffset(x0, y):]) }
	case *image.RGBA:
		return func(d []byte, y int) { unmultiply(d, src.Pix[src.PixOffset(x0, y):]) }
	case *image.YCbCr:
		return func(d []byte, y int) { fromYCbCr(d, src, x0, y) }
	case *image.Gray:
		return func(d []byte, y int) {
			s := src.Pix[src.PixOffset(x0, y):]
			for i := 0; i < len(d); i += 4 {
				v := s[i/4]
				d[i], d[i+1], d[i+2], d[i+3] = v, v, v, 255
			}
		}
	case *image.Gray16:
		return func(d []byte, y int) {
			s := src.Pix[src.PixOffset(x0, y):]
			for i := 0; i < len(d); i += 4 {
				v := to8(s[i/2:])
				d[i], d[i+1], d[i+2], d[i+3] = v, v, v, 255
			}
		}
	case *image.NRGBA64:
		return func(d []byte, y int) {
			s := src.Pix[src.PixOffset(x0, y):]
			for i := range d {
				d[i] = to8(s[2*i:])
			}
		}
	case *image.RGBA64:
		return func(d []byte, y int) {
			s := src.Pix[src.PixOffset(x0, y):]
			for i := 0; i < len(d); i += 4 {
				unmultiply16(d[i:i+4], s[2*i:2*i+8])
			}
		}
	case *image.CMYK:
		return func(d []byte, y int) {
			s := src.Pix[src.PixOffset(x0, y):]
			for i := 0; i < len(d); i += 4 {
				d[i], d[i+1], d[i+2] = color.CMYKToRGB(s[i], s[i+1], s[i+2], s[i+3])
				d[i+3] = 255
			}
		}
	case *image.Paletted:
		var table [256][4]byte // a forged index beyond the palette is transparent black
		for i, c := range src.Palette[:min(len(src.Palette), 256)] {
			n := color.NRGBAModel.Convert(c).(color.NRGBA)
			table[i] = [4]byte{n.R, n.G, n.B, n.A}
		}
		return func(d []byte, y int) {
			s := src.Pix[src.PixOffset(x0, y):]
			for i := 0; i < len(d); i += 4 {
				copy(d[i:i+4], table[s[i/4]][:])
			}
		}
	}
	return nil
}

func fromYCbCr(d []byte, src *image.YCbCr, x0, y int) {
	luma := src.Y[src.YOffset(x0, y):]
	for i := 0; i < len(d); i += 4 {
		c := src.COffset(x0+i/4, y)
		d[i], d[i+1], d[i+2] = color.YCbCrToRGB(luma[i/4], src.Cb[c], src.Cr[c])
		d[i+3] = 255
	}
}

// to8 rounds a big-endian 16-bit value to 8 bits.
func to8(s []byte) uint8 {
	return uint8(((uint32(s[0])<<8|uint32(s[1]))*255 + 32767) / 65535)
}

// unmultiply undoes the multiplication by alpha, with rounding.
func unmultiply(d, s []byte) {
	for i := 0; i < len(d); i += 4 {
		d[i+3] = s[i+3]
		switch a := uint32(s[i+3]); a {
		case 255:
			d[i], d[i+1], d[i+2] = s[i], s[i+1], s[i+2]
		case 0:
			d[i], d[i+1], d[i+2] = 0, 0, 0
		default:
			for k := i; k < i+3; k++ {
				d[k] = uint8(min(255, (uint32(s[k])*255+a/2)/a))
			}
		}
	}
}

func unmultiply16(d, s []byte) {
	a := uint32(s[6])<<8 | uint32(s[7])
	d[3] = to8(s[6:])
	for k := range 3 {
		switch a {
		case 0xffff:
			d[k] = to8(s[2*k:])
		case 0:
			d[k] = 0
		default:
			v := uint32(s[2*k])<<8 | uint32(s[2*k+1])
			d[k] = uint8(min(255, (v*255+a/2)/a))
		}
	}
}

// parallelRows calls f for the rows 0 to n-1 on all cores, with many to each. If f panics, so does parallelRows, in the caller's goroutine, where guarded
// can turn it into an error.
func parallelRows(n int, f func(y int)) { parallel.Rows(n, 64, f) }

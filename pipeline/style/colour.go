package style

import (
	"image"
	"math"

	"github.com/gesso-app/gesso/pipeline/parallel"
	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// PreserveColour gives img photo's own colours: CIE L* stays img's, a* and b* become photo's (CIE 15:2004, D65 white, sRGB primaries). Where sRGB
// cannot show that, the colour is moved towards grey at the same L*.
func PreserveColour(img, photo *image.NRGBA) {
	b := img.Bounds()
	parallel.Rows(b.Dy(), 1, func(y int) {
		for x := range b.Dx() {
			i, j := y*img.Stride+4*x, y*photo.Stride+4*x
			fy, _, _ := labOf(img.Pix[i:])
			_, a, b := labOf(photo.Pix[j:])
			setLab(img.Pix[i:], fy, a, b)
		}
	})
}

// labOf returns f(Y), f(X)-f(Y) and f(Y)-f(Z), which are L*, a* and b* but for constant factors.
func labOf(p []uint8) (fy, a, b float32) {
	r, g, bl := linear[p[0]], linear[p[1]], linear[p[2]]
	fx := cubeRoot((0.4124564*r + 0.3575761*g + 0.1804375*bl) / 0.95047)
	fy = cubeRoot(0.2126729*r + 0.7151522*g + 0.0721750*bl)
	fz := cubeRoot((0.0193339*r + 0.1191920*g + 0.9503041*bl) / 1.08883)
	return fy, fx - fy, fy - fz
}

func setLab(p []uint8, fy, a, b float32) {
	for k := float32(1); ; k -= 0.125 {
		x, y, z := 0.95047*cube(fy+k*a), cube(fy), 1.08883*cube(fy-k*b)
		red := 3.2404542*x - 1.5371385*y - 0.4985314*z
		green := -0.9692660*x + 1.8760108*y + 0.0415560*z
		blue := 0.0556434*x - 0.2040259*y + 1.0572252*z
		if k <= 0 || (inGamut(red) && inGamut(green) && inGamut(blue)) {
			p[0], p[1], p[2] = encode(red), encode(green), encode(blue)
			return
		}
	}
}

func inGamut(v float32) bool { return v >= -0.002 && v <= 1.002 }

// The linear part of f below (6/29)^3 and of its inverse below 6/29.
const (
	labSlope = 841.0 / 108
	labShift = 4.0 / 29
	labKnee  = 6.0 / 29
)

// roots holds f of CIE L*a*b* at i/4096.
var roots = func() (t [4098]float32) {
	for i := range t {
		v := float64(i) / 4096
		if v > labKnee*labKnee*labKnee {
			t[i] = float32(math.Cbrt(v))
		} else {
			t[i] = float32(labSlope*v + labShift)
		}
	}
	return t
}()

// cubeRoot is f of CIE L*a*b* for v <= 1: by its definition where it is a line, above from a table with interpolation.
func cubeRoot(v float32) float32 {
	if v <= labKnee*labKnee*labKnee {
		return labSlope*v + labShift
	}
	x := min(v, 1) * 4096
	i := int(x)
	return roots[i] + (x-float32(i))*(roots[i+1]-roots[i])
}

func cube(f float32) float32 {
	if f > labKnee {
		return f * f * f
	}
	return (f - labShift) / labSlope
}

// linear is the light of an sRGB value, and encoded the sRGB value of light i/8192.
var linear, encoded = *srgb.Light(), srgb.Table(8192)

func encode(v float32) uint8 { return encoded[int(min(max(v, 0), 1)*8192+0.5)] }

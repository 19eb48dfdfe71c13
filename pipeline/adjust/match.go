package adjust

import (
	"image"
	"math"
)

// Palette is the statistics of colours: the means of red, green and blue, from 0 to 1, and their covariances.
type Palette struct {
	Mean       [3]float64
	Covariance [3][3]float64
}

// PaletteOf measures a picture, on a grid of about a million of its pixels.
func PaletteOf(img *image.NRGBA) (p Palette) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	step := max(1, int(math.Sqrt(float64(w)*float64(h)/1e6)))
	var n float64
	var products [3][3]float64
	for y := 0; y < h; y += step {
		for x := 0; x < w; x += step {
			pix := img.Pix[y*img.Stride+4*x:]
			v := [3]float64{float64(pix[0]) / 255, float64(pix[1]) / 255, float64(pix[2]) / 255}
			for i := range 3 {
				p.Mean[i] += v[i]
				for j := range 3 {
					products[i][j] += v[i] * v[j]
				}
			}
			n++
		}
	}
	for i := range 3 {
		p.Mean[i] /= n
	}
	for i := range 3 {
		for j := range 3 {
			p.Covariance[i][j] = products[i][j]/n - p.Mean[i]*p.Mean[j]
		}
	}
	return p
}

// Tone is what is known of a style's colours: means and deviations of red, green and blue, from 0 to 1.
type Tone struct{ Mean, Deviation [3]float64 }

// palette is t's with the correlations between the channels of img.
func (t Tone) palette(img *image.NRGBA) Palette {
	p := PaletteOf(img)
	var deviation [3]float64
	for i := range 3 {
		deviation[i] = math.Sqrt(max(p.Covariance[i][i], 1e-6))
	}
	p.Mean = t.Mean
	for i := range 3 {
		for j := range 3 {
			p.Covariance[i][j] *= t.Deviation[i] * t.Deviation[j] / (deviation[i] * deviation[j])
		}
	}
	return p
}

// MatchColours gives img the palette of to, or amount of the way there: the linear Monge-Kantorovich map of Pitié and Kokaram 2007 ("The linear
// Monge-Kantorovitch linear colour mapping for example-based colour transfer"), which moves colours as little as it can, on gamma-encoded RGB.
func MatchColours(img *image.NRGBA, to Palette, amount float64) *image.NRGBA {
	from := PaletteOf(img)
	m := transport(from.Covariance, to.Covariance)
	var k [3][3]float32
	var shift [3]float32
	for i := range 3 {
		s := to.Mean[i]
		for j := range 3 {
			s -= m[i][j] * from.Mean[j]
			k[i][j] = float32(amount * m[i][j])
		}
		k[i][i] += float32(1 - amount)
		shift[i] = float32(255 * amount * s)
	}
	return recolour(img, func(_ int, pix []uint8) {
		for i := 0; i < len(pix); i += 4 {
			r, g, b := float32(pix[i]), float32(pix[i+1]), float32(pix[i+2])
			for c := range 3 {
				pix[i+c] = clamp(k[c][0]*r + k[c][1]*g + k[c][2]*b + shift[c])
			}
		}
	})
}

type matrix = [3][3]float64

// noise is the variance of two levels of 8 bits: what lies below it in some direction of the colours is not stretched as if it were colour.
const noise = 4.0 / (255 * 255)

// transport is u^-½ (u^½ v u^½)^½ u^-½, with noise added to both.
func transport(u, v matrix) matrix {
	for i := range 3 {
		u[i][i] += noise
		v[i][i] += noise
	}
	root, inverse := powers(u)
	middle, _ := powers(multiply(multiply(root, v), root))
	return multiply(multiply(inverse, middle), inverse)
}

// powers are the square root of a symmetric positive matrix and the inverse of that.
func powers(m matrix) (root, inverse matrix) {
	values, vectors := eigen(m)
	for k := range 3 {
		s := math.Sqrt(max(values[k], noise*noise))
		for i := range 3 {
			for j := range 3 {
				o := vectors[i][k] * vectors[j][k]
				root[i][j] += s * o
				inverse[i][j] += o / s
			}
		}
	}
	return root, inverse
}

func multiply(a, b matrix) (m matrix) {
	for i := range 3 {
		for j := range 3 {
			for k := range 3 {
				m[i][j] += a[i][k] * b[k][j]
			}
		}
	}
	return m
}

// eigen finds the eigenvalues and, in columns, the eigenvectors of a symmetric matrix by Jacobi's rotations.
func eigen(m matrix) (values [3]float64, vectors matrix) {
	for i := range 3 {
		vectors[i][i] = 1
	}
	for range 32 {
		for _, at := range [...][2]int{{0, 1}, {0, 2}, {1, 2}} {
			p, q := at[0], at[1]
			if math.Abs(m[p][q]) < 1e-15 {
				continue
			}
			angle := 0.5 * math.Atan2(2*m[p][q], m[q][q]-m[p][p])
			s, c := math.Sincos(angle)
			rotation := matrix{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
			rotation[p][p], rotation[p][q], rotation[q][p], rotation[q][q] = c, s, -s, c
			transposed := rotation
			transposed[p][q], transposed[q][p] = -s, s
			m = multiply(multiply(transposed, m), rotation)
			vectors = multiply(vectors, rotation)
		}
	}
	return [3]float64{m[0][0], m[1][1], m[2][2]}, vectors
}

package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/kovidgoyal/imaging/prism/meta/icc"

	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// profile is an ICC profile (ICC.1:2022) that converts pixels to sRGB and, where it is made of curves and a matrix, back.
type profile struct {
	space  string        // of the file's pixels: "RGB ", "GRAY" or "CMYK"
	shaper *shaper       // curves and a matrix, of RGB; else nil
	tables *icc.Pipeline // the rest, to sRGB; else nil
	srgb   bool          // converting would change nothing
}

// shaper is a profile of three curves and a matrix (ICC.1:2022, section F.3).
type shaper struct {
	curves [3]curve
	matrix matrix3 // linear RGB to XYZ under D50
}

// curve maps 0..1 to 0..1, a device value to light.
type curve func(float64) float64

type matrix3 [9]float64 // by rows

// srgbMatrix is that of sRGB (IEC 61966-2-1), adapted to D50 by Bradford's transform.
var srgbMatrix = matrix3{
	0.4360747, 0.3850649, 0.1430804,
	0.2225045, 0.7168786, 0.0606169,
	0.0139322, 0.0971045, 0.7141733,
}

// errOtherSpace says that a profile is sound as far as that can be seen, and for pixels that no picture here has.
var errOtherSpace = errors.New("the colour space of an ICC profile is none of RGB, GRAY and CMYK")

// readProfile reads a profile, within the bounds of data. Its LUTs are read by the package icc, which is held against littlecms.
func readProfile(data []byte) (*profile, error) {
	if len(data) < 132 || string(data[36:40]) != "acsp" {
		return nil, fmt.Errorf("%d bytes are no ICC profile", len(data))
	}
	if err := checkTags(data); err != nil {
		return nil, err
	}
	p := &profile{space: string(data[16:20])}
	if p.space != "RGB " && p.space != "GRAY" && p.space != "CMYK" {
		return nil, fmt.Errorf("%w: %q", errOtherSpace, p.space)
	}
	if p.space == "RGB " && tagOf(data, "A2B0") == nil {
		s, err := readShaper(data)
		if err != nil {
			return nil, err
		}
		p.shaper, p.srgb = s, s.isSRGB()
		return p, nil
	}
	library, err := guarded(func(data []byte) (*icc.Profile, error) {
		return icc.NewProfileReader(bytes.NewReader(data)).ReadProfile()
	}, data)
	if err != nil {
		return nil, fmt.Errorf("read ICC profile: %w", err)
	}
	channels := map[string]int{"RGB ": 3, "GRAY": 1, "CMYK": 4}[p.space]
	// Perceptual with black point compensation is what littlecms does towards sRGB.
	p.tables, err = guarded(func(l *icc.Profile) (*icc.Pipeline, error) {
		return l.CreateTransformerToSRGB(icc.PerceptualRenderingIntent, true, channels, true, false, true)
	}, library)
	if err != nil {
		return nil, fmt.Errorf("read ICC profile: %w", err)
	}
	return p, nil
}

// maxTags is beyond any profile's number of tags.
const maxTags = 200

// checkTags bounds the table of tags and the curves, wherever they stand, for which the package icc allocates what they state.
func checkTags(data []byte) error {
	n := int64(binary.BigEndian.Uint32(data[128:]))
	if n > maxTags || 132+12*n > int64(len(data)) {
		return fmt.Errorf("an ICC profile of %d bytes states %d tags", len(data), n)
	}
	for i := range n {
		entry := data[132+12*i:]
		start, size := int64(binary.BigEndian.Uint32(entry[4:])), int64(binary.BigEndian.Uint32(entry[8:]))
		if start+size > int64(len(data)) {
			return fmt.Errorf("tag %q of an ICC profile lies beyond its end", entry[:4])
		}
	}
	const head = "curv\x00\x00\x00\x00"
	for rest := data; ; {
		at := bytes.Index(rest, []byte(head))
		if at < 0 || at+12 > len(rest) {
			return nil
		}
		rest = rest[at+len(head):]
		if values := int64(binary.BigEndian.Uint32(rest)); 2*values > int64(len(rest))-4 {
			return fmt.Errorf("a curve of an ICC profile states %d values, which lie beyond its end", values)
		}
	}
}

// tagOf returns the data of a tag, or nil; checkTags has passed.
func tagOf(data []byte, name string) []byte {
	for i := range int64(binary.BigEndian.Uint32(data[128:])) {
		entry := data[132+12*i:]
		if string(entry[:4]) != name {
			continue
		}
		start, size := binary.BigEndian.Uint32(entry[4:]), binary.BigEndian.Uint32(entry[8:])
		return data[start : int64(start)+int64(size)]
	}
	return nil
}

func readShaper(data []byte) (*shaper, error) {
	s := &shaper{}
	for i, colour := range []string{"r", "g", "b"} {
		xyz := tagOf(data, colour+"XYZ")
		if len(xyz) < 20 || string(xyz[:4]) != "XYZ " {
			return nil, fmt.Errorf("an ICC profile has no usable tag %sXYZ", colour)
		}
		for k := range 3 {
			s.matrix[3*k+i] = fixed(xyz[8+4*k:])
		}
		c, err := readCurve(tagOf(data, colour+"TRC"))
		if err != nil {
			return nil, fmt.Errorf("tag %sTRC of an ICC profile: %w", colour, err)
		}
		s.curves[i] = c
	}
	if math.Abs(s.matrix.determinant()) < 1e-6 {
		return nil, fmt.Errorf("the matrix of an ICC profile cannot be inverted")
	}
	return s, nil
}

// fixed reads an s15Fixed16Number.
func fixed(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }

// readCurve reads a curveType or a parametricCurveType (ICC.1:2022, sections 10.6 and 10.18).
func readCurve(b []byte) (curve, error) {
	if len(b) < 12 {
		return nil, fmt.Errorf("%d bytes are no curve", len(b))
	}
	switch string(b[:4]) {
	case "curv":
		n := int64(binary.BigEndian.Uint32(b[8:]))
		if b = b[12:]; 2*n > int64(len(b)) {
			return nil, fmt.Errorf("a curve of %d values ends early", n)
		}
		switch n {
		case 0:
			return func(x float64) float64 { return x }, nil
		case 1:
			return power(float64(binary.BigEndian.Uint16(b)) / 256)
		}
		points := make([]float64, n)
		for i := range points {
			points[i] = float64(binary.BigEndian.Uint16(b[2*i:])) / 65535
		}
		return func(x float64) float64 { return interpolate(points, x) }, nil
	case "para":
		return readParametric(int(binary.BigEndian.Uint16(b[8:])), b[12:])
	}
	return nil, fmt.Errorf("a curve of the unknown type %q", b[:4])
}

func power(g float64) (curve, error) {
	if g < 0.1 || g > 10 {
		return nil, fmt.Errorf("a gamma of %g is out of 0.1 to 10", g)
	}
	return func(x float64) float64 { return math.Pow(max(x, 0), g) }, nil
}

func readParametric(kind int, b []byte) (curve, error) {
	counts := []int{1, 3, 4, 5, 7}
	if kind >= len(counts) || len(b) < 4*counts[kind] {
		return nil, fmt.Errorf("a parametric curve of the kind %d is unknown or ends early", kind)
	}
	var v [7]float64 // g a b c d e f
	for i := range counts[kind] {
		v[i] = fixed(b[4*i:])
	}
	g, a, o, c, d, e, f := v[0], v[1], v[2], v[3], v[4], v[5], v[6]
	base, err := power(g)
	if err != nil || kind == 0 {
		return base, err
	}
	if a == 0 {
		return nil, fmt.Errorf("a parametric curve is constant")
	}
	switch kind {
	case 1:
		d, c, e, f = -o/a, 0, 0, 0
	case 2:
		d, e, f, c = -o/a, c, c, 0
	case 3:
		e, f = 0, 0
	}
	return func(x float64) float64 {
		if x >= d {
			return base(a*x+o) + e
		}
		return c*x + f
	}, nil
}

// interpolate reads a table at x, 0..1.
func interpolate(table []float64, x float64) float64 {
	at := min(max(x, 0), 1) * float64(len(table)-1)
	i := min(int(at), len(table)-2)
	k := at - float64(i)
	return table[i]*(1-k) + table[i+1]*k
}

func (m matrix3) apply(r, g, b float64) (x, y, z float64) {
	return m[0]*r + m[1]*g + m[2]*b, m[3]*r + m[4]*g + m[5]*b, m[6]*r + m[7]*g + m[8]*b
}

func (m matrix3) times(n matrix3) (p matrix3) {
	for i := range 3 {
		for j := range 3 {
			p[3*i+j] = m[3*i]*n[j] + m[3*i+1]*n[3+j] + m[3*i+2]*n[6+j]
		}
	}
	return p
}

func (m matrix3) determinant() float64 {
	return m[0]*(m[4]*m[8]-m[5]*m[7]) - m[1]*(m[3]*m[8]-m[5]*m[6]) + m[2]*(m[3]*m[7]-m[4]*m[6])
}

func (m matrix3) inverse() matrix3 {
	k := 1 / m.determinant()
	return matrix3{
		k * (m[4]*m[8] - m[5]*m[7]), k * (m[2]*m[7] - m[1]*m[8]), k * (m[1]*m[5] - m[2]*m[4]),
		k * (m[5]*m[6] - m[3]*m[8]), k * (m[0]*m[8] - m[2]*m[6]), k * (m[2]*m[3] - m[0]*m[5]),
		k * (m[3]*m[7] - m[4]*m[6]), k * (m[1]*m[6] - m[0]*m[7]), k * (m[0]*m[4] - m[1]*m[3]),
	}
}

// isSRGB says whether the profile maps colours as sRGB does, to within one level of 8 bits.
func (s *shaper) isSRGB() bool {
	m := srgbMatrix.inverse().times(s.matrix)
	for i := range 9 * 9 * 9 {
		c := [3]float64{float64(i/81) / 8, float64(i/9%9) / 8, float64(i%9) / 8}
		r, g, b := m.apply(s.curves[0](c[0]), s.curves[1](c[1]), s.curves[2](c[2]))
		for k, v := range []float64{r, g, b} {
			if math.Abs(srgb.Encode(v)-c[k]) > 1.5/255 {
				return false
			}
		}
	}
	return true
}

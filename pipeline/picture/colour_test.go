package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// labOf returns CIE L*a*b* under D50 of an sRGB colour.
func labOf(c color.NRGBA) [3]float64 {
	x, y, z := srgbMatrix.apply(srgb.Decode(float64(c.R)/255), srgb.Decode(float64(c.G)/255), srgb.Decode(float64(c.B)/255))
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	fx, fy, fz := f(x/0.9642), f(y), f(z/0.8249)
	return [3]float64{116*fy - 16, 500 * (fx - fy), 200 * (fy - fz)}
}

// deltaE2000 is the colour difference of Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula", 2005.
func deltaE2000(p, q [3]float64) float64 {
	rad := math.Pi / 180
	c := (math.Hypot(p[1], p[2]) + math.Hypot(q[1], q[2])) / 2
	g := 0.5 * (1 - math.Sqrt(math.Pow(c, 7)/(math.Pow(c, 7)+math.Pow(25, 7))))
	a1, a2 := p[1]*(1+g), q[1]*(1+g)
	c1, c2 := math.Hypot(a1, p[2]), math.Hypot(a2, q[2])
	hue := func(a, b float64) float64 { return math.Mod(math.Atan2(b, a)/rad+360, 360) }
	h1, h2 := hue(a1, p[2]), hue(a2, q[2])
	dh, hm := h2-h1, (h1+h2)/2
	switch {
	case c1*c2 == 0:
		dh, hm = 0, h1+h2
	case math.Abs(h1-h2) > 180:
		if dh > 0 {
			dh -= 360
		} else {
			dh += 360
		}
		if h1+h2 < 360 {
			hm += 180
		} else {
			hm -= 180
		}
	}
	dL, dC, dH := q[0]-p[0], c2-c1, 2*math.Sqrt(c1*c2)*math.Sin(dh/2*rad)
	lm, cm := (p[0]+q[0])/2, (c1+c2)/2
	t := 1 - 0.17*math.Cos((hm-30)*rad) + 0.24*math.Cos(2*hm*rad) + 0.32*math.Cos((3*hm+6)*rad) - 0.2*math.Cos((4*hm-63)*rad)
	sl := 1 + 0.015*(lm-50)*(lm-50)/math.Sqrt(20+(lm-50)*(lm-50))
	sc, sh := 1+0.045*cm, 1+0.015*cm*t
	rt := -math.Sin(60*math.Exp(-(hm-275)*(hm-275)/625)*rad) * 2 * math.Sqrt(math.Pow(cm, 7)/(math.Pow(cm, 7)+math.Pow(25, 7)))
	return math.Sqrt(dL*dL/sl/sl + dC*dC/sc/sc + dH*dH/sh/sh + rt*dC*dH/sc/sh)
}

// The first pairs of the paper's table 1.
func TestDeltaE2000(t *testing.T) {
	require.InDelta(t, 2.0425, deltaE2000([3]float64{50, 2.6772, -79.7751}, [3]float64{50, 0, -82.7485}), 5e-5)
	require.InDelta(t, 7.2195, deltaE2000([3]float64{50, 2.49, -0.001}, [3]float64{50, -2.49, 0.0011}), 5e-5)
	require.InDelta(t, 27.1492, deltaE2000([3]float64{50, 2.5, 0}, [3]float64{73, 25, -18}), 5e-5)
}

func meanDifference(a, b *image.NRGBA) float64 {
	var sum float64
	for i := 0; i < len(a.Pix); i += 4 {
		at := func(p []byte) [3]float64 { return labOf(color.NRGBA{p[i], p[i+1], p[i+2], 255}) }
		sum += deltaE2000(at(a.Pix), at(b.Pix))
	}
	return sum / float64(len(a.Pix)/4)
}

// The references are littlecms' (testdata/colour.py makes them again).
func TestColourAsLittleCMS(t *testing.T) {
	for file, reference := range map[string]string{
		"displayp3.png": "displayp3-srgb.png", "adobergb.png": "adobergb-srgb.png", "prophoto.png": "prophoto-srgb.png", "grey.png": "grey-srgb.png",
		"cmyk.tif": "cmyk-srgb.png", "cmyk-profile.jpg": "cmyk-profile-srgb.png", "deep.tif": "prophoto-srgb.png",
	} {
		t.Run(file, func(t *testing.T) {
			got, err := Open(t.Context(), "testdata/"+file, Limits{})
			require.NoError(t, err)
			require.Empty(t, got.Warnings)
			want, err := Open(t.Context(), "testdata/"+reference, Limits{})
			require.NoError(t, err)
			require.Equal(t, want.Bounds(), got.Bounds())
			require.Less(t, meanDifference(want.Image, got.Image), 0.5)
			raw, err := os.ReadFile("testdata/" + file)
			require.NoError(t, err)
			if f, _ := detect(raw); f == pngFormat && file != "grey.png" {
				plain, err := png.Decode(bytes.NewReader(raw))
				require.NoError(t, err)
				require.Greater(t, meanDifference(want.Image, toNRGBA(plain)), 1.0, "the profile matters")
			}
		})
	}
}

// What is written in the photo's space and read again is the picture that was written.
func TestColourOfOutput(t *testing.T) {
	photo, err := Open(t.Context(), "testdata/displayp3.png", Limits{})
	require.NoError(t, err)
	for _, format := range []string{"png", "tiff", "webp", "jpeg"} {
		for _, c := range []Colour{ColourSource, ColourSRGB} {
			var b bytes.Buffer
			require.NoError(t, Encode(&b, format, sample(64, 48), SaveOptions{Meta: photo.Meta, Colour: c, Quality: 100}))
			p, err := Decode(t.Context(), bytes.NewReader(b.Bytes()), "a", Limits{})
			require.NoError(t, err)
			tolerance := 1
			if format == "jpeg" {
				tolerance = 5
			}
			requireQuarters(t, quarters, p.Image, tolerance)
			if c == ColourSRGB {
				require.Equal(t, srgbProfile, p.Meta.ICC)
			} else {
				require.Equal(t, photo.Meta.ICC, p.Meta.ICC)
			}
		}
	}
	require.Error(t, Encode(&bytes.Buffer{}, "png", sample(64, 48), SaveOptions{Colour: "lab"}))
}

func TestSRGBIsLeftAlone(t *testing.T) {
	p, err := readProfile(srgbProfile)
	require.NoError(t, err)
	require.True(t, p.srgb)
}

func TestDamagedProfile(t *testing.T) {
	data := tagged(t, "png", sample(32, 32), Metadata{EXIF: []byte("x"), XMP: []byte("x")})
	chunk := append([]byte("a\x00\x00"), deflated(t, iccProfile("RGB ", 300))...)
	data = append(append(append([]byte(nil), data[:pngHeadLength]...), appendChunk(nil, "iCCP", chunk)...), data[pngHeadLength:]...)
	_, err := Decode(t.Context(), bytes.NewReader(data), "a", Limits{})
	require.EqualError(t, err, "a has a damaged colour profile: remove it, or save the picture again")
}

// A checkerboard of black and white is half the light, which sRGB encodes as 188.
func TestResizeAveragesLight(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 256, 256))
	for y := range 256 {
		for x := range 256 {
			v := uint8(255 * ((x + y) % 2))
			img.SetNRGBA(x, y, color.NRGBA{v, v, v, 255})
		}
	}
	small := (&Picture{Image: img}).Resize(64).Image
	require.InDelta(t, 188, small.NRGBAAt(32, 32).R, 2)
}

func FuzzProfile(f *testing.F) {
	f.Add(srgbProfile)
	for _, name := range []string{"displayp3.png", "grey.png", "prophoto.png"} {
		data, err := os.ReadFile("testdata/" + name)
		require.NoError(f, err)
		m, _ := pngMetadata(data)
		f.Add(m.ICC)
	}
	printer, err := os.ReadFile("testdata/cmyk.tif")
	require.NoError(f, err)
	m, _ := tiffMetadata(printer)
	f.Add(m.ICC)
	pixels := []image.Image{image.NewCMYK(image.Rect(0, 0, 2, 2)), image.NewGray(image.Rect(0, 0, 2, 2)), sample(2, 2), image.NewNRGBA64(image.Rect(0, 0, 2, 2))}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := readProfile(data)
		if err != nil {
			return
		}
		for _, img := range pixels {
			_, err := guarded(func(img image.Image) (*image.NRGBA, error) { out, _ := p.inSRGB(img); return out, nil }, img)
			if err == nil && p.shaper != nil {
				p.shaper.fromSRGB()
			}
		}
	})
}

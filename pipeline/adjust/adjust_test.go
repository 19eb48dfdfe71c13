package adjust

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/picture/srgb"
)

// scenery is a picture with soft shades, edges and noise.
func scenery(w, h int, seed uint64) *image.NRGBA {
	r := rand.New(rand.NewPCG(seed, 1))
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := 60 + 80*x/w + 40*(((x/20)+(y/30))%2) + r.IntN(21) - 10
			img.SetNRGBA(x, y, color.NRGBA{uint8(v), uint8(40 + v/2 + 30*y/h + r.IntN(9)), uint8(200 - v/2 - 40*x*y/w/h + r.IntN(9)), 255})
		}
	}
	return img
}

func flat(w, h int, c color.NRGBA) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := 0; i < len(img.Pix); i += 4 {
		img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3] = c.R, c.G, c.B, c.A
	}
	return img
}

// deviation is that of the luminance.
func deviation(img *image.NRGBA) (mean, dev float64) {
	n := float64(len(img.Pix) / 4)
	var sum, squares float64
	for i := 0; i < len(img.Pix); i += 4 {
		v := float64(srgb.Luma(img.Pix[i:]))
		sum += v
		squares += v * v
	}
	mean = sum / n
	return mean, math.Sqrt(squares/n - mean*mean)
}

// every operation, at an amount that shows.
func every(img, photo *image.NRGBA) map[string]*image.NRGBA {
	return map[string]*image.NRGBA{
		"detail": AddDetail(img, photo, 0.8), "denoise": ReduceNoise(img, 0.7), "sharpen": Unsharp(img, 1), "contrast": SetContrast(img, 0.6),
		"saturation": SetSaturation(img, 0.5), "grain": AddGrain(img, 0.5, 3), "match": MatchColours(img, PaletteOf(photo), 1),
		"enlarge": Enlarge(img), "composite": Composite(img, photo, MaskOf(photo)),
	}
}

// Nothing changes its input, depends on the number of processors, or touches alpha.
func TestOperationsArePure(t *testing.T) {
	img, photo := scenery(150, 301, 1), SetContrast(scenery(150, 301, 2), 1)
	img.Pix[3], img.Pix[4*150*200+3] = 7, 99
	before := append([]uint8(nil), img.Pix...)
	procs := runtime.GOMAXPROCS(1)
	one := every(img, photo)
	runtime.GOMAXPROCS(7)
	many := every(img, photo)
	runtime.GOMAXPROCS(procs)
	require.True(t, bytes.Equal(before, img.Pix))
	for name, got := range one {
		require.True(t, bytes.Equal(got.Pix, many[name].Pix), name)
		if name != "enlarge" {
			require.False(t, bytes.Equal(before, got.Pix), name)
			for i := 3; i < len(before); i += 4 {
				require.Equal(t, before[i], got.Pix[i], name)
			}
		}
	}
	require.Equal(t, image.Rect(0, 0, 300, 602), one["enlarge"].Rect)
}

// What an amount of 0 does is nothing, and a flat picture has no detail, no noise and nothing to sharpen.
func TestNothingToDo(t *testing.T) {
	img, photo := scenery(90, 80, 1), scenery(90, 80, 2)
	for name, got := range map[string]*image.NRGBA{
		"detail": AddDetail(img, photo, 0), "denoise": ReduceNoise(img, 0), "sharpen": Unsharp(img, 0), "contrast": SetContrast(img, 0),
		"saturation": SetSaturation(img, 0), "grain": AddGrain(img, 0, 3), "match": MatchColours(img, PaletteOf(photo), 0),
	} {
		require.True(t, bytes.Equal(img.Pix, got.Pix), name)
	}
	grey := flat(90, 80, color.NRGBA{120, 80, 60, 255})
	for name, got := range map[string]*image.NRGBA{"detail": AddDetail(grey, grey, 1), "denoise": ReduceNoise(grey, 1), "sharpen": Unsharp(grey, 2)} {
		require.True(t, bytes.Equal(grey.Pix, got.Pix), name)
	}
}

// The guided filter by its definition, sum by sum.
func TestGuidedFilter(t *testing.T) {
	p, r, eps := lumaOf(scenery(40, 31, 1), 0, 31), 3, float32(0.01)
	window := func(x, y int, f func(i int)) (n float64) {
		for v := max(y-r, 0); v <= min(y+r, p.h-1); v++ {
			for u := max(x-r, 0); u <= min(x+r, p.w-1); u++ {
				f(v*p.w + u)
				n++
			}
		}
		return n
	}
	a, b := make([]float64, len(p.v)), make([]float64, len(p.v))
	for y := range p.h {
		for x := range p.w {
			var sum, squares float64
			n := window(x, y, func(i int) { sum += float64(p.v[i]); squares += float64(p.v[i]) * float64(p.v[i]) })
			variance := squares/n - sum/n*sum/n
			a[y*p.w+x] = variance / (variance + float64(eps))
			b[y*p.w+x] = sum / n * (1 - a[y*p.w+x])
		}
	}
	got := guided(p, r, eps)
	for y := range p.h {
		for x := range p.w {
			var sa, sb float64
			n := window(x, y, func(i int) { sa += a[i]; sb += b[i] })
			require.InDelta(t, sa/n*float64(p.v[y*p.w+x])+sb/n, got.v[y*p.w+x], 1e-4, "%d,%d", x, y)
		}
	}
}

func TestDetailComesFromThePhoto(t *testing.T) {
	photo, grey := scenery(400, 300, 1), flat(400, 300, color.NRGBA{128, 128, 128, 255})
	_, half := deviation(AddDetail(grey, photo, 0.5))
	_, all := deviation(AddDetail(grey, photo, 1))
	require.InDelta(t, 2, all/half, 0.1)
	_, whole := deviation(photo)
	require.Greater(t, all, 2.0)
	require.Less(t, all, whole/2, "light and shade stay behind")
}

func TestDenoiseKeepsEdges(t *testing.T) {
	img := flat(64, 64, color.NRGBA{40, 40, 40, 255})
	for y := range 64 {
		for x := 32; x < 64; x++ {
			img.SetNRGBA(x, y, color.NRGBA{220, 220, 220, 255})
		}
	}
	noisy := AddGrain(img, 0.2, 1)
	left := image.Rect(0, 0, 28, 64)
	part := func(p *image.NRGBA) *image.NRGBA {
		out := image.NewNRGBA(left)
		for y := range 64 {
			copy(out.Pix[y*out.Stride:], p.Pix[y*p.Stride:][:4*28])
		}
		return out
	}
	clean := ReduceNoise(noisy, 0.6)
	_, before := deviation(part(noisy))
	_, after := deviation(part(clean))
	require.Less(t, after, before/2)
	require.Greater(t, int(clean.NRGBAAt(33, 30).R)-int(clean.NRGBAAt(30, 30).R), 150)
}

func TestSharpenRaisesEdges(t *testing.T) {
	img := scenery(200, 150, 4)
	_, before := deviation(img)
	_, after := deviation(Unsharp(img, 1))
	require.Greater(t, after, 1.05*before)
}

func TestContrastAndSaturation(t *testing.T) {
	grey := flat(16, 16, color.NRGBA{0, 255, 128, 255})
	require.Equal(t, color.NRGBA{0, 255, 128, 255}, SetContrast(grey, 1).NRGBAAt(3, 3), "black, white and middle grey stay")
	require.Equal(t, color.NRGBA{64, 191, 128, 255}, SetContrast(grey, -1).NRGBAAt(3, 3))
	img := scenery(100, 100, 5)
	_, before := deviation(img)
	_, more := deviation(SetContrast(img, 0.8))
	_, less := deviation(SetContrast(img, -0.8))
	require.Greater(t, more, before)
	require.Less(t, less, before)
	c := SetSaturation(img, -1).NRGBAAt(50, 50)
	require.True(t, c.R == c.G && c.G == c.B, c)
	d := SetSaturation(flat(16, 16, color.NRGBA{150, 100, 100, 255}), 1).NRGBAAt(1, 1)
	require.InDelta(t, 100, int(d.R)-int(d.G), 1, "twice as far apart")
}

func TestGrain(t *testing.T) {
	grey := flat(300, 300, color.NRGBA{128, 128, 128, 255})
	a, b := AddGrain(grey, 0.5, 1), AddGrain(grey, 0.5, 2)
	require.NotEqual(t, a.Pix, b.Pix)
	mean, dev := deviation(a)
	require.InDelta(t, 128, mean, 0.5)
	require.InDelta(t, grainDeviation/2, dev, 0.5)
	wide := flat(5000, 200, color.NRGBA{128, 128, 128, 255})
	_, coarse := deviation(AddGrain(wide, 0.5, 1))
	require.InDelta(t, grainDeviation/2, coarse, 0.7, "as strong where a grain is several pixels wide")
	require.Equal(t, flat(64, 64, color.NRGBA{255, 255, 255, 255}).Pix, AddGrain(flat(64, 64, color.NRGBA{255, 255, 255, 255}), 1, 1).Pix)
}

// palettes are equal within what 8 bits, and colours that are cut off, lose.
func requirePalette(t *testing.T, want, got Palette) {
	t.Helper()
	for i := range 3 {
		require.InDelta(t, want.Mean[i], got.Mean[i], 0.01)
		for j := range 3 {
			require.InDelta(t, want.Covariance[i][j], got.Covariance[i][j], 0.002)
		}
	}
}

func TestMatchColours(t *testing.T) {
	img, photo := scenery(200, 160, 1), SetSaturation(SetContrast(scenery(200, 160, 9), -0.5), -0.6)
	requirePalette(t, PaletteOf(photo), PaletteOf(MatchColours(img, PaletteOf(photo), 1)))
	same := MatchColours(photo, PaletteOf(photo), 1)
	for i := range same.Pix {
		require.InDelta(t, photo.Pix[i], same.Pix[i], 1)
	}
	tone := Tone{[3]float64{0.5, 0.4, 0.45}, [3]float64{0.1, 0.05, 0.08}}
	got := PaletteOf(MatchColours(img, tone.palette(img), 1))
	for i := range 3 {
		require.InDelta(t, tone.Mean[i], got.Mean[i], 0.01)
		require.InDelta(t, tone.Deviation[i], math.Sqrt(got.Covariance[i][i]), 0.01)
	}
	require.NotPanics(t, func() { MatchColours(flat(20, 20, color.NRGBA{9, 9, 9, 255}), PaletteOf(photo), 1) }, "a flat picture")
}

func TestFinish(t *testing.T) {
	img, photo := scenery(60, 50, 1), scenery(60, 50, 2)
	steps, err := ParsePost("denoise=0.2,upscale=2,detail=0.5,colour-match=style:0.5,contrast=0.1,saturation=0.1,sharpen=0.3,grain=0.1:4")
	require.NoError(t, err)
	a, b, err := Finish(img, photo, steps, Tone{[3]float64{0.5, 0.4, 0.4}, [3]float64{0.1, 0.1, 0.1}})
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 120, 100), a.Rect)
	require.Equal(t, a.Rect, b.Rect)
	c, _, err := Finish(img, photo, []Step{{Op: Sharpen, Amount: 1}, {Op: Contrast, Amount: 1}}, Tone{})
	require.NoError(t, err)
	require.Equal(t, SetContrast(Unsharp(img, 1), 1).Pix, c.Pix, "in the order of the list")
	large := &image.NRGBA{Rect: image.Rect(0, 0, 10000, 8000), Stride: 40000}
	_, _, err = Finish(large, large, []Step{{Op: Upscale, Amount: 2}}, Tone{})
	require.EqualError(t, err, "upscale=2: a picture of 10000x8000 pixels would become too large: at most 200 megapixels and 30000 pixels a side")
}

func TestMask(t *testing.T) {
	grey := flat(40, 30, color.NRGBA{200, 200, 200, 255})
	require.EqualValues(t, 200, MaskOf(grey).Pix[5])
	grey.Pix[3] = 10
	require.EqualValues(t, 10, MaskOf(grey).Pix[0], "alpha, where there is any")
	require.EqualValues(t, 255, MaskOf(grey).Pix[1])
	require.EqualValues(t, 245, Invert(MaskOf(grey)).Pix[0])

	step := image.NewGray(image.Rect(0, 0, 200, 4))
	for i := range step.Pix {
		if i%200 >= 100 {
			step.Pix[i] = 255
		}
	}
	for _, sigma := range []float64{1.5, 10} {
		soft := Feather(step, sigma)
		require.InDelta(t, 127, soft.Pix[99], 127/sigma/1.5, sigma)
		at := int(100 + sigma) // one deviation from the edge: 84.1 %
		require.InDelta(t, 0.841*255, float64(soft.Pix[at]), 15, sigma)
		require.Zero(t, soft.Pix[100-int(4*sigma)])
	}
	scaled := ScaleMask(step, 400, 8)
	require.Equal(t, image.Rect(0, 0, 400, 8), scaled.Rect)
	require.EqualValues(t, []uint8{0, 255}, []uint8{scaled.Pix[190], scaled.Pix[210]})
}

// Half of white and half of black light is sRGB 188, and where a mask is clear the pictures come through to the bit.
func TestCompositeBlendsLight(t *testing.T) {
	white, black := flat(20, 20, color.NRGBA{255, 255, 255, 200}), flat(20, 20, color.NRGBA{0, 0, 0, 255})
	m := image.NewGray(image.Rect(0, 0, 20, 20))
	m.Pix[0], m.Pix[1], m.Pix[2] = 255, 128, 0
	got := Composite(white, black, m)
	require.Equal(t, color.NRGBA{255, 255, 255, 200}, got.NRGBAAt(0, 0))
	require.InDelta(t, 188, got.NRGBAAt(1, 0).R, 1)
	require.Equal(t, color.NRGBA{0, 0, 0, 200}, got.NRGBAAt(2, 0))
	img := scenery(20, 20, 1)
	m.Pix[3] = 77
	for v := range 256 {
		img.Pix[12] = uint8(v)
		require.EqualValues(t, v, Composite(img, img, m).Pix[12], "a picture blended with itself")
	}
}

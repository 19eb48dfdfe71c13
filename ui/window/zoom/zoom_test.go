package zoom

import (
	"image"
	"image/color"
	"testing"

	"github.com/stretchr/testify/require"
)

// ramp has red rising from left to right and green from top to bottom.
func ramp(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8(255 * x / w), uint8(255 * y / h), 7, 255})
		}
	}
	return img
}

func TestDrawAtOneToOneIsThePicture(t *testing.T) {
	img := ramp(300, 200)
	p := NewPyramid(img)
	require.Equal(t, img.Pix, p.Draw(View{1, 0.5, 0.5}, img.Bounds().Size(), 300, 200).Pix)
}

func TestDrawShowsThePartAskedFor(t *testing.T) {
	img := ramp(800, 600)
	p := NewPyramid(img)
	ref := img.Bounds().Size()
	out := p.Draw(View{1, 0.25, 0.75}, ref, 100, 80) // around 200, 450
	require.Equal(t, img.NRGBAAt(150, 410), out.NRGBAAt(0, 0))
	require.Equal(t, img.NRGBAAt(249, 489), out.NRGBAAt(99, 79))

	out = p.Draw(View{4, 0.5, 0.5}, ref, 8, 8) // pixels as squares
	require.Equal(t, img.NRGBAAt(399, 299), out.NRGBAAt(3, 3))
	require.Equal(t, img.NRGBAAt(399, 299), out.NRGBAAt(0, 0))
	require.Equal(t, img.NRGBAAt(400, 300), out.NRGBAAt(7, 7))
}

func TestDrawReduces(t *testing.T) {
	img := ramp(4000, 3000)
	p := NewPyramid(img)
	require.Greater(t, len(p.levels), 4)
	ref := img.Bounds().Size()
	out := p.Draw(Fit(ref, 200, 200), ref, 200, 200)
	require.Zero(t, out.NRGBAAt(100, 20).A, "above the picture")
	for x := range 200 {
		require.InDelta(t, 255*x/200, out.NRGBAAt(x, 100).R, 2)
	}
}

func TestPicturesOfOtherSizesShareAView(t *testing.T) {
	large, small := NewPyramid(ramp(1600, 1200)), NewPyramid(ramp(400, 300))
	ref := large.Size()
	v := View{0.5, 0.3, 0.6}
	a, b := large.Draw(v, ref, 200, 150), small.Draw(v, ref, 200, 150)
	for i := range a.Pix {
		require.InDelta(t, a.Pix[i], b.Pix[i], 3)
	}
}

func TestHalfWeighsByAlpha(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	img.SetNRGBA(0, 0, color.NRGBA{200, 100, 50, 255})
	img.SetNRGBA(1, 1, color.NRGBA{255, 255, 255, 0})
	require.Equal(t, color.NRGBA{200, 100, 50, 64}, half(img).NRGBAAt(0, 0))
}

func TestZoomKeepsWhatIsUnderThePointer(t *testing.T) {
	ref := image.Pt(3000, 2000)
	v := View{0.5, 0.4, 0.6}
	dx, dy := 120.0, -80.0
	under := func(v View) (x, y float64) { return v.X + dx/(v.Scale*3000), v.Y + dy/(v.Scale*2000) }
	x, y := under(v)
	x2, y2 := under(v.Zoom(1.7, dx, dy, ref))
	require.InDelta(t, x, x2, 1e-12)
	require.InDelta(t, y, y2, 1e-12)
	require.InDelta(t, MaxScale, v.Zoom(1e9, 0, 0, ref).Scale, 0)
	require.InDelta(t, MinScale, v.Zoom(1e-9, 0, 0, ref).Scale, 0)
}

func TestClamp(t *testing.T) {
	ref := image.Pt(1000, 500)
	require.Equal(t, View{0.1, 0.5, 0.5}, View{0.1, 0.9, 0.1}.Clamp(ref, 400, 400), "a small picture is centred")
	v := View{1, -3, 7}.Clamp(ref, 400, 400)
	require.InDelta(t, 0.2, v.X, 1e-12)
	require.InDelta(t, 0.6, v.Y, 1e-12)
	require.InDelta(t, 0.5+0.1, View{1, 0.5, 0.5}.Pan(-100, 0, ref).X, 1e-12)
}

func BenchmarkDraw24MP(b *testing.B) {
	p := NewPyramid(ramp(6000, 4000))
	ref := p.Size()
	for b.Loop() {
		p.Draw(View{0.4, 0.5, 0.5}, ref, 960, 900)
	}
}

package quality

import (
	"encoding/json"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// tolerance is what the values may differ from scikit-image's, which computes in float64.
const tolerance = 1e-4

type point struct {
	X, Y int
	SSIM float64
}

type pair struct {
	Name string
	SSIM float64
	Map  []point
}

// references are the values that testdata/make.py wrote.
func references(t *testing.T) []pair {
	t.Helper()
	raw, err := os.ReadFile("testdata/ssim.json")
	require.NoError(t, err)
	var r struct{ Pairs []pair }
	require.NoError(t, json.Unmarshal(raw, &r))
	require.Len(t, r.Pairs, 5)
	return r.Pairs
}

func load(t *testing.T, name string) *image.NRGBA {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".png")
	require.NoError(t, err)
	defer f.Close()
	img, err := png.Decode(f)
	require.NoError(t, err)
	n := image.NewNRGBA(img.Bounds())
	draw.Draw(n, n.Rect, img, img.Bounds().Min, draw.Src)
	return n
}

func noise(w, h int, seed uint64) *image.NRGBA {
	r := rand.New(rand.NewPCG(seed, 1))
	n := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range n.Pix {
		n.Pix[i] = uint8(r.Uint32())
	}
	return n
}

// other hides the type of a picture, so that it takes the way of unknown types.
type other struct{ image.Image }

func TestSSIMEqualsReference(t *testing.T) {
	var largest float64
	for _, p := range references(t) {
		t.Run(p.Name, func(t *testing.T) {
			a, b := load(t, p.Name+"-a"), load(t, p.Name+"-b")
			got, err := SSIM(a, b)
			require.NoError(t, err)
			require.InDelta(t, p.SSIM, got, tolerance)
			largest = max(largest, math.Abs(got-p.SSIM))

			swapped, err := SSIM(b, a)
			require.NoError(t, err)
			require.Equal(t, got, swapped, "symmetric")

			slow, err := SSIM(other{a}, other{b})
			require.NoError(t, err)
			require.InDelta(t, got, slow, 1e-6, "pictures of other types")
		})
	}
	t.Logf("largest difference to scikit-image: %.1e", largest)
}

func TestSSIMMapEqualsReference(t *testing.T) {
	for _, p := range references(t) {
		t.Run(p.Name, func(t *testing.T) {
			a, b := load(t, p.Name+"-a"), load(t, p.Name+"-b")
			m, err := SSIMMap(a, b)
			require.NoError(t, err)
			require.Equal(t, a.Bounds(), m.Bounds())
			for _, at := range p.Map {
				want := min(max(at.SSIM, 0), 1) * 255
				require.InDelta(t, want, float64(m.GrayAt(at.X, at.Y).Y), 0.5+255*tolerance, "at %d,%d", at.X, at.Y)
			}
		})
	}
}

func TestSSIMOfEqualPictures(t *testing.T) {
	for _, size := range []image.Point{{11, 11}, {11, 300}, {211, 97}, {64, 141}} {
		a := noise(size.X, size.Y, 3)
		got, err := SSIM(a, a)
		require.NoError(t, err)
		require.Equal(t, 1.0, got, size)
		m, err := SSIMMap(a, a)
		require.NoError(t, err)
		for _, v := range m.Pix {
			require.EqualValues(t, 255, v, size)
		}
	}
}

func TestSSIMOfFlatPictures(t *testing.T) {
	fill := func(v uint8) image.Image {
		g := image.NewGray(image.Rect(0, 0, 40, 30))
		draw.Draw(g, g.Rect, image.NewUniform(color.Gray{Y: v}), image.Point{}, draw.Src)
		return g
	}
	got, err := SSIM(fill(255), fill(0))
	require.NoError(t, err)
	require.InDelta(t, c1/(1+c1), got, tolerance) // no variance: only the means' quotient is left
	got, err = SSIM(fill(254), fill(254))
	require.NoError(t, err)
	require.Equal(t, 1.0, got)
}

// Neither a picture's origin, nor that it is a part of a larger one, nor its alpha, nor the number of processors counts.
func TestSSIMLooksAtColoursAlone(t *testing.T) {
	a, b := noise(150, 170, 1), noise(150, 170, 2)
	want, err := SSIM(a, b)
	require.NoError(t, err)

	large := noise(200, 200, 4)
	inside := image.Rect(17, 21, 167, 191)
	part := large.SubImage(inside).(*image.NRGBA)
	for y := range 170 {
		copy(part.Pix[y*part.Stride:][:600], a.Pix[y*a.Stride:][:600])
	}
	got, err := SSIM(part, b)
	require.NoError(t, err)
	require.Equal(t, want, got, "part of a picture")

	clear := noise(150, 170, 1)
	for i := 3; i < len(clear.Pix); i += 4 {
		clear.Pix[i] = 0
	}
	got, err = SSIM(clear, b)
	require.NoError(t, err)
	require.Equal(t, want, got, "alpha")

	before := runtime.GOMAXPROCS(1)
	got, err = SSIM(a, b)
	runtime.GOMAXPROCS(7)
	many, errMany := SSIM(a, b)
	runtime.GOMAXPROCS(before)
	require.NoError(t, err)
	require.NoError(t, errMany)
	require.Equal(t, want, got, "one processor")
	require.Equal(t, want, many, "seven processors")
}

func TestSSIMRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b image.Rectangle
		want string
	}{
		{"sizes differ", image.Rect(0, 0, 20, 30), image.Rect(0, 0, 30, 20), "pictures to compare differ in size: 20x30 and 30x20 px"},
		{"too narrow", image.Rect(0, 0, 10, 30), image.Rect(5, 0, 15, 30), "pictures of 10x30 px are too small to compare: at least 11x11 px are needed"},
		{"too low", image.Rect(0, 0, 30, 10), image.Rect(0, 0, 30, 10), "pictures of 30x10 px are too small to compare: at least 11x11 px are needed"},
		{"empty", image.Rectangle{}, image.Rectangle{}, "pictures of 0x0 px are too small to compare: at least 11x11 px are needed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := SSIM(image.NewNRGBA(c.a), image.NewNRGBA(c.b))
			require.EqualError(t, err, c.want)
			_, err = SSIMMap(image.NewNRGBA(c.a), image.NewNRGBA(c.b))
			require.EqualError(t, err, c.want)
		})
	}
}

func BenchmarkSSIM(b *testing.B) {
	for _, c := range []struct {
		name string
		w, h int
	}{{"1024", 1024, 1024}, {"24MP", 6000, 4000}} {
		b.Run(c.name, func(b *testing.B) {
			x, y := noise(c.w, c.h, 1), noise(c.w, c.h, 2)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := SSIM(x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

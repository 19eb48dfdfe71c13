package style

import (
	"context"
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
)

func open(t *testing.T) *Networks {
	t.Helper()
	n, err := Load(native.Open, "../../assets/networks", native.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

// TestNetworksEqualPyTorch holds the engine's outputs to PyTorch's, written by assets/train/export.py --reference.
func TestNetworksEqualPyTorch(t *testing.T) {
	trials, err := Trials()
	require.NoError(t, err)
	for _, trial := range trials {
		n, err := openNetwork(native.Open, "../../assets/networks", trial.Network, native.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, n.Close()) })
		for _, v := range trial.In {
			in, err := n.tensor(v.Name, v.Shape)
			require.NoError(t, err)
			require.Equal(t, len(v.Data), copy(in.Float32s(), v.Data))
		}
		for _, v := range trial.Out {
			_, err := reuse(n.out, v.Name, v.Shape)
			require.NoError(t, err)
		}
		require.NoError(t, n.run(context.Background()))
		for _, v := range trial.Out {
			require.LessOrEqual(t, v.Difference(n.result(v.Name)), Tolerance, "%s of %s", v.Name, trial.Network)
		}
	}
}

func TestDifference(t *testing.T) {
	v := Values{Shape: []int{1, 3}, Every: 1, Data: []float32{1, -4, 0}}
	inf, nan := math.Inf(1), float32(math.NaN())
	require.Zero(t, v.Difference([]float32{1, -4, 0}))
	require.InDelta(t, 0.25, v.Difference([]float32{1, -3, 0.5}), 1e-6)
	require.Equal(t, inf, v.Difference([]float32{1, -4}))
	require.Equal(t, inf, v.Difference([]float32{1, nan, 0}))
	v = Values{Shape: []int{1, 1, 3, 4}, Every: 2, Data: []float32{0, 2, 8, 10}}
	require.Zero(t, v.Difference([]float32{0, 9, 2, 9, 9, 9, 9, 9, 8, 9, 10, 9}))
	require.Equal(t, inf, v.Difference([]float32{0, 2, 8, 10}))
}

// scene is a picture with edges, gradients and colours.
func scene(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{uint8(255 * x / w), uint8(255 * y / h), uint8(128 + 100*math.Sin(float64(x*y)/9000)), 255}
			if (x/37+y/53)%3 == 0 {
				c.R, c.B = c.B, 255-c.R
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

// TestTilesHaveNoSeam compares a picture made in one tile with the same made in many: the halo covers the receptive field, so they agree but for
// float rounding.
func TestTilesHaveNoSeam(t *testing.T) {
	n, ctx := open(t), context.Background()
	photo := scene(500, 380)
	f, err := n.Look(ctx, scene(300, 300))
	require.NoError(t, err)
	m, err := n.Statistics(ctx, photo, f.Code)
	require.NoError(t, err)
	whole, err := n.transformTiled(ctx, photo, m, []int{464}, []int{592}, nil)
	require.NoError(t, err)
	steps := 0
	tiled, err := n.transformTiled(ctx, photo, m, []int{336}, []int{336}, func(float64) { steps++ })
	require.NoError(t, err)
	require.Equal(t, 6, steps)
	// At the right and bottom edges the tiles end elsewhere than the whole does, behind margins of other widths.
	for y := range 380 - Halo {
		for i := y * whole.Stride; i < y*whole.Stride+4*(500-Halo); i++ {
			require.InDelta(t, whole.Pix[i], tiled.Pix[i], 1, "pixel %d, %d", i/4%500, y)
		}
	}
}

// TestPicturesHaveNoFrame compares a picture's edges with the same edges deep inside of a wider mirrored border: what zero padding does to them is cut off.
func TestPicturesHaveNoFrame(t *testing.T) {
	n, ctx := open(t), context.Background()
	photo := scene(384, 256)
	f, err := n.Look(ctx, scene(300, 300))
	require.NoError(t, err)
	m, err := n.Statistics(ctx, photo, f.Code)
	require.NoError(t, err)
	got, err := n.Transform(ctx, photo, m, nil)
	require.NoError(t, err)
	const border = 128
	wide := image.NewNRGBA(image.Rect(0, 0, 384+2*border, 256+2*border))
	for y := range wide.Rect.Dy() {
		for x := range wide.Rect.Dx() {
			wide.SetNRGBA(x, y, photo.NRGBAAt(mirror(x-border, 384), mirror(y-border, 256)))
		}
	}
	want, err := n.Transform(ctx, wide, m, nil)
	require.NoError(t, err)
	sum, count := 0.0, 0.0
	for y := range 256 {
		for x := range 384 {
			if x >= 8 && x < 376 && y >= 8 && y < 248 {
				continue
			}
			a, b := got.NRGBAAt(x, y), want.NRGBAAt(x+border, y+border)
			sum += math.Abs(float64(a.R)-float64(b.R)) + math.Abs(float64(a.G)-float64(b.G)) + math.Abs(float64(a.B)-float64(b.B))
			count += 3
		}
	}
	require.Less(t, sum/count, 1.5, "mean difference of the outermost 8 pixels, in levels of 255")
}

func TestTransformKeepsAlphaAndSize(t *testing.T) {
	n, ctx := open(t), context.Background()
	photo := scene(71, 33)
	photo.Pix[3], photo.Pix[7] = 0, 99
	f, err := n.Study(ctx, scene(640, 200))
	require.NoError(t, err)
	require.Len(t, f.Code, CodeLength)
	m, err := n.Statistics(ctx, photo, f.Code)
	require.NoError(t, err)
	out, err := n.Transform(ctx, photo, m, nil)
	require.NoError(t, err)
	require.Equal(t, photo.Bounds(), out.Bounds())
	require.Equal(t, uint8(0), out.Pix[3])
	require.Equal(t, uint8(99), out.Pix[7])
	require.Equal(t, uint8(255), out.Pix[11])
}

func TestTransformStopsWhenCancelled(t *testing.T) {
	n := open(t)
	ctx, cancel := context.WithCancel(context.Background())
	photo := scene(1500, 1100)
	f, err := n.Look(ctx, photo)
	require.NoError(t, err)
	m, err := n.Statistics(ctx, photo, f.Code)
	require.NoError(t, err)
	_, err = n.Transform(ctx, photo, m, func(float64) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
}

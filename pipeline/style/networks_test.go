package style

import (
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
)

func open(t *testing.T) *Networks {
	t.Helper()
	n, err := Load("../../assets/networks", native.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

// pattern is the picture by formula of assets/train/export.py.
func pattern(c, h, w int) []float32 {
	v := make([]float32, 0, c*h*w)
	for k := range c {
		for y := range h {
			for x := range w {
				X, Y, K := float64(x), float64(y), float64(k+1)
				v = append(v, float32(0.5+0.5*math.Sin(0.05*X*K+0.031*Y+0.002*X*Y/K)))
			}
		}
	}
	return v
}

func reference(t *testing.T, name string) []float32 {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".f32"))
	require.NoError(t, err)
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
}

// tolerance to PyTorch in float32, of the output's range: the packages' weights are float16.
const tolerance = 2e-2

func requireClose(t *testing.T, want, got []float32, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	span := 1.0
	for _, v := range want {
		span = max(span, math.Abs(float64(v)))
	}
	for i := range want {
		d := math.Abs(float64(want[i]-got[i])) / span
		require.LessOrEqual(t, d, tolerance, "%s[%d]: PyTorch %v, engine %v", what, i, want[i], got[i])
	}
}

// TestNetworksEqualPyTorch holds the engine's outputs to PyTorch's, written by assets/train/export.py --reference.
func TestNetworksEqualPyTorch(t *testing.T) {
	n, ctx := open(t), context.Background()
	in, err := n.style.tensor(inImage, nil)
	require.NoError(t, err)
	copy(in.Float32s(), pattern(3, Side, Side))
	require.NoError(t, n.style.run(ctx))
	requireClose(t, reference(t, "code"), n.style.result(outCode), "code")
	requireClose(t, reference(t, "moments"), n.style.result(outMoments), "moments")
	requireClose(t, reference(t, "map"), every4th(n.style.result(outMap), MapChannels, 32, 32), "map")

	thumb, err := n.statistics.tensor(inThumb, nil)
	require.NoError(t, err)
	code, err := n.statistics.tensor(inCode, nil)
	require.NoError(t, err)
	copy(thumb.Float32s(), pattern(3, Side, Side))
	copy(code.Float32s(), reference(t, "code"))
	require.NoError(t, n.statistics.run(ctx))
	m := &Modulation{n.statistics.result(outScale), n.statistics.result(outShift)}
	requireClose(t, reference(t, "scale"), m.Scale, "scale")
	requireClose(t, reference(t, "shift"), m.Shift, "shift")

	require.NoError(t, n.modulate(&Modulation{reference(t, "scale"), reference(t, "shift")}))
	tile, err := n.transform.tensor(inImage, []int{1, 3, 160, 288})
	require.NoError(t, err)
	copy(tile.Float32s(), pattern(3, 160, 288))
	_, err = reuse(n.transform.out, outImage, []int{1, 3, 160, 288})
	require.NoError(t, err)
	require.NoError(t, n.transform.run(ctx))
	requireClose(t, reference(t, "stylized"), every4th(n.transform.result(outImage), 3, 160, 288), "stylized")
}

func every4th(v []float32, c, h, w int) (out []float32) {
	for k := range c {
		for y := 0; y < h; y += 4 {
			for x := 0; x < w; x += 4 {
				out = append(out, v[(k*h+y)*w+x])
			}
		}
	}
	return out
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
	whole, err := n.transformTiled(ctx, photo, m, []int{416}, []int{544}, nil)
	require.NoError(t, err)
	steps := 0
	tiled, err := n.transformTiled(ctx, photo, m, []int{288}, []int{288}, func(float64) { steps++ })
	require.NoError(t, err)
	require.Equal(t, 12, steps)
	// At the right and bottom edges the tiles end elsewhere than the whole does, behind margins of other widths.
	for y := range 380 - Halo {
		for i := y * whole.Stride; i < y*whole.Stride+4*(500-Halo); i++ {
			require.InDelta(t, whole.Pix[i], tiled.Pix[i], 1, "pixel %d, %d", i/4%500, y)
		}
	}
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

package quality

import (
	"encoding/json"
	"image"
	"math"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each measure with what testdata/scores/make.py calls it.
var measures = []struct {
	name string
	of   func(a, b image.Image) (float64, error)
}{{"ssim", SSIM}, {"ssim_rgb", SSIMRGB}, {"ms_ssim", MSSSIM}, {"ms_ssim_rgb", MSSSIMRGB}, {"psnr", PSNR}}

func TestScoresEqualReferences(t *testing.T) {
	raw, err := os.ReadFile("testdata/scores/scores.json")
	require.NoError(t, err)
	var pairs []map[string]any
	require.NoError(t, json.Unmarshal(raw, &pairs))
	require.Len(t, pairs, 10)
	largest := map[string]float64{}
	for _, p := range pairs {
		a, b := load(t, "scores/"+p["photo"].(string)), load(t, "scores/"+p["picture"].(string))
		for _, m := range measures {
			t.Run(p["picture"].(string)+"/"+m.name, func(t *testing.T) {
				got, err := m.of(a, b)
				require.NoError(t, err)
				require.InDelta(t, p[m.name], got, tolerance)
				largest[m.name] = max(largest[m.name], math.Abs(got-p[m.name].(float64)))

				swapped, err := m.of(b, a)
				require.NoError(t, err)
				require.Equal(t, got, swapped, "symmetric")
				slow, err := m.of(other{a}, other{b})
				require.NoError(t, err)
				require.InDelta(t, got, slow, 1e-5, "pictures of other types")
			})
		}
	}
	t.Logf("largest differences to scikit-image and pytorch-msssim: %v", largest)
}

func TestScoresOfEqualPictures(t *testing.T) {
	a := noise(163, 170, 3)
	for _, m := range measures {
		got, err := m.of(a, a)
		require.NoError(t, err)
		want := 1.0
		if m.name == "psnr" {
			want = math.Inf(1)
		}
		require.Equal(t, want, got, m.name)
	}
}

// The number of processors does not count, and opposite pictures have nothing in common on any scale.
func TestScoresAreSteady(t *testing.T) {
	a, b := noise(171, 300, 1), noise(171, 300, 2)
	before := runtime.GOMAXPROCS(1)
	var one []float64
	for _, m := range measures {
		v, err := m.of(a, b)
		require.NoError(t, err)
		one = append(one, v)
	}
	runtime.GOMAXPROCS(7)
	defer runtime.GOMAXPROCS(before)
	for i, m := range measures {
		v, err := m.of(a, b)
		require.NoError(t, err)
		require.Equal(t, one[i], v, m.name)
	}
	inverted := image.NewNRGBA(a.Rect)
	for i, v := range a.Pix {
		inverted.Pix[i] = 255 - v
	}
	got, err := MSSSIM(a, inverted)
	require.NoError(t, err)
	require.Zero(t, got)
}

func TestScoresRefuse(t *testing.T) {
	small, wide := image.NewNRGBA(image.Rect(0, 0, 160, 300)), image.NewNRGBA(image.Rect(0, 0, 300, 160))
	for _, of := range []func(a, b image.Image) (float64, error){MSSSIM, MSSSIMRGB} {
		_, err := of(small, small)
		require.EqualError(t, err, "pictures of 160x300 px are too small for MS-SSIM: at least 161x161 px are needed")
	}
	for _, m := range measures {
		_, err := m.of(small, wide)
		require.EqualError(t, err, "pictures to compare differ in size: 160x300 and 300x160 px", m.name)
	}
}

// From dark to bright, so that the map reads without colour.
func TestHeat(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 256, 1))
	for i := range grey.Pix {
		grey.Pix[i] = uint8(i)
	}
	m, last := Heat(grey), -1.0
	require.Equal(t, grey.Rect, m.Rect)
	for i := range 256 {
		c := m.NRGBAAt(i, 0)
		light := 0.2126*float64(c.R) + 0.7152*float64(c.G) + 0.0722*float64(c.B)
		require.Greater(t, light, last-0.5, "at %d", i)
		last = light
	}
}

func BenchmarkScores(b *testing.B) {
	x, y := noise(6000, 4000, 1), noise(6000, 4000, 2)
	for _, m := range measures {
		b.Run(m.name+"/24MP", func(b *testing.B) {
			for b.Loop() {
				if _, err := m.of(x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

//go:build fakecoreml

package pipeline

import (
	"context"
	"image"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/native/coreml/fake"
	"github.com/gesso-app/gesso/native/portable"
	"github.com/gesso-app/gesso/pipeline/style"
)

// rounded is a model that rounds what goes in and out as Core ML does with the networks' float16.
type rounded struct{ native.Model }

func openRounded(path string, o native.Options) (native.Model, error) {
	m, err := portable.Open(path, o)
	return rounded{m}, err
}

func (m rounded) Predict(ctx context.Context, in, out map[string]*native.Tensor) error {
	for _, t := range in {
		round(t.Float32s())
	}
	err := m.Model.Predict(ctx, in, out)
	for _, t := range out {
		round(t.Float32s())
	}
	return err
}

// round brings numbers to the nearest float16, ties to even, within what a float16 can hold.
func round(v []float32) {
	for i, x := range v {
		_, exponent := math.Frexp(float64(x))
		unit := math.Ldexp(1, max(exponent, -13)-11) // a float16 has 11 bits, and no exponent below -13 as Frexp counts
		v[i] = float32(math.RoundToEven(float64(x)/unit) * unit)
	}
}

// TestTransferOverBridge makes whole pictures over the bridge to a fake Core ML, which the portable engine computes: they are, byte for byte, the
// pictures that the portable engine makes by itself with float16 inputs and outputs, and one step of 255 from those with float32 ones.
func TestTransferOverBridge(t *testing.T) {
	config := func(t *testing.T) Config {
		c := sample(t)
		c.Size = 512 // several tiles
		return c
	}
	alone := func(open style.Opener) *Rendering {
		p, err := Open(t.Context(), Options{CacheDir: t.TempDir(), Threads: 1, open: open})
		require.NoError(t, err)
		r, err := p.Render(t.Context(), config(t), nil)
		require.NoError(t, err)
		require.NoError(t, p.Close())
		return r
	}
	want, wide := alone(openRounded), alone(portable.Open)
	for name, modes := range map[string]fake.Modes{
		"in place":               {},
		"copied, padded, late":   {IgnoreBackings: true, Padded: true, Late: 5 * time.Millisecond},
		"macOS 13, and no plan":  {MacOS: 13},
		"a plan without devices": {NilUsage: true},
		"macOS 14.4, and a plan": {MacOS: 14.4},
		"a plan made of layers":  {NoProgram: true},
		"slow":                   {Slow: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			fake.Set(modes)
			t.Cleanup(func() { fake.Set(fake.Modes{}) })
			e := engine(t)
			r, err := e.Render(t.Context(), config(t), nil)
			require.NoError(t, err)
			require.Equal(t, want.Image.Bounds(), r.Image.Bounds())
			require.Zero(t, farthest(want.Image, r.Image))
			require.LessOrEqual(t, farthest(wide.Image, r.Image), 1)
			require.Equal(t, want.Result.SSIMScore, r.Result.SSIMScore)
			require.Equal(t, want.Result.StyleLoss, r.Result.StyleLoss)
			require.Equal(t, want.Result.ContentPreservation, r.Result.ContentPreservation)
			require.Contains(t, r.Result.Engine, "Core ML (macOS")
			planned := !modes.NilUsage && modes.MacOS != 13
			require.Equal(t, planned, r.Result.ANEUtilized)
			require.Equal(t, planned, r.Result.ANEShare > 0)
			require.NoError(t, e.Close())
			require.Eventually(t, func() bool { return fake.Objects() == 0 }, 5*time.Second, 10*time.Millisecond, "Core ML's objects are gone")
		})
	}
}

// farthest is the greatest difference of two bytes.
func farthest(a, b *image.NRGBA) (most int) {
	for i, v := range a.Pix {
		most = max(most, int(v)-int(b.Pix[i]), int(b.Pix[i])-int(v))
	}
	return most
}

// TestBridgeFails holds that what goes wrong in Core ML is said, and that a cancelled picture ends as such.
func TestBridgeFails(t *testing.T) {
	for name, c := range map[string]struct {
		modes fake.Modes
		want  string
	}{
		"compile":              {fake.Modes{ErrorAt: fake.Compile}, "compile"},
		"load":                 {fake.Modes{ErrorAt: fake.Load}, "load"},
		"predict":              {fake.Modes{ErrorAt: fake.Predict}, "predict"},
		"an exception at load": {fake.Modes{ExceptionAt: fake.Load}, "exception"},
	} {
		t.Run(name, func(t *testing.T) {
			fake.Set(c.modes)
			t.Cleanup(func() { fake.Set(fake.Modes{}) })
			_, err := engine(t).Render(t.Context(), sample(t), nil)
			require.ErrorContains(t, err, c.want)
			var native *native.Error
			require.ErrorAs(t, err, &native)
		})
	}
	fake.Set(fake.Modes{Slow: 20 * time.Millisecond})
	t.Cleanup(func() { fake.Set(fake.Modes{}) })
	ctx, cancel := context.WithCancel(t.Context())
	_, err := engine(t).Render(ctx, sample(t), func(p Progress) {
		if p.Phase == PhaseStylize {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
}

// TestBridgePressure holds that a warning of the system frees every model, and that the next picture is the same.
func TestBridgePressure(t *testing.T) {
	fake.Set(fake.Modes{})
	e := engine(t)
	first, err := e.Render(t.Context(), sample(t), nil)
	require.NoError(t, err)
	require.Greater(t, fake.Objects(), 1)
	fake.Pressure(false)
	require.Eventually(t, func() bool { return fake.Objects() == 1 }, 5*time.Second, 10*time.Millisecond, "only the listener is left")
	again, err := e.Render(t.Context(), sample(t), nil)
	require.NoError(t, err)
	require.Zero(t, farthest(first.Image, again.Image))
}

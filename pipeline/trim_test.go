package pipeline

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
)

// counted is a network that counts how many are open.
type counted struct {
	native.Model
	open *atomic.Int32
}

func (c counted) Close() error {
	c.open.Add(-1)
	return c.Model.Close()
}

// TestMemoryPressure frees the networks when the system asks for memory, and loads them again for the next picture.
func TestMemoryPressure(t *testing.T) {
	var opened, open, stopped atomic.Int32
	var pressed func(critical bool)
	tr, err := Open(t.Context(), Options{
		CacheDir: t.TempDir(),
		open: func(path string, o native.Options) (native.Model, error) {
			opened.Add(1)
			open.Add(1)
			m, err := native.Open(path, o)
			return counted{m, &open}, err
		},
		pressure: func(f func(bool)) func() {
			pressed = f
			return func() { stopped.Add(1) }
		},
	})
	require.NoError(t, err)
	c := sample(t)
	first, err := tr.Render(t.Context(), c, nil)
	require.NoError(t, err)
	require.EqualValues(t, 3, open.Load())

	during := false
	_, err = tr.Render(t.Context(), c, func(p Progress) {
		if p.Phase == PhaseStylize && !during {
			during = true
			go pressed(true) // as the system does: on another goroutine; the picture keeps its networks
		}
	})
	require.NoError(t, err)
	require.True(t, during)
	require.Eventually(t, func() bool { return open.Load() == 0 }, 5*time.Second, time.Millisecond)
	require.Empty(t, tr.photos.items)
	require.Empty(t, tr.styles.items)
	pressed(false)
	require.EqualValues(t, 3, opened.Load(), "nothing is loaded in order to be freed")

	again, err := tr.Render(t.Context(), c, nil)
	require.NoError(t, err)
	require.Equal(t, first.Image.Pix, again.Image.Pix)
	require.EqualValues(t, 6, opened.Load())

	pressed(true)
	require.NoError(t, tr.Close())
	require.NoError(t, tr.Close())
	require.Zero(t, open.Load())
	require.EqualValues(t, 6, opened.Load())
	require.Positive(t, stopped.Load())
	require.NoError(t, tr.Trim())
	_, err = tr.Render(t.Context(), c, nil)
	require.ErrorContains(t, err, "closed")
}

// TestHeat rests before pictures that nobody waits for, and says so in the result.
func TestHeat(t *testing.T) {
	var heat atomic.Int32
	tr, err := Open(t.Context(), Options{CacheDir: t.TempDir(), heat: func() native.Thermal { return native.Thermal(heat.Load()) }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tr.Close()) })
	c := sample(t)
	r, err := tr.Render(t.Context(), c, nil)
	require.NoError(t, err)
	require.Empty(t, r.Result.Heat)

	heat.Store(int32(native.ThermalCritical))
	r, err = tr.Render(t.Context(), c, nil)
	require.NoError(t, err, "who waits for a picture gets it")
	require.Equal(t, "critical", r.Result.Heat)

	tr.cooling.done(time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = tr.RenderPicture(ctx, c, r.Content, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	heat.Store(int32(native.ThermalFair))
	_, err = tr.RenderPicture(t.Context(), c, r.Content, nil)
	require.NoError(t, err)
}

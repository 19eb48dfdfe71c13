package unattended

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/pipeline/preset"
)

// fakeEngine copies photos. It waits for gate, if there is one, in the middle of each.
type fakeEngine struct {
	opened, closed, rendered, studied atomic.Int32
	gate                              chan struct{}
}

func (e *fakeEngine) open(context.Context) (Engine, error) {
	e.opened.Add(1)
	return e, nil
}

func (e *fakeEngine) Close() error { e.closed.Add(1); return nil }

func (e *fakeEngine) StyleCode(_ context.Context, c pipeline.Config) (*pipeline.StyleCode, error) {
	if _, err := os.Stat(c.StyleImagePath); err != nil {
		return nil, err
	}
	e.studied.Add(1)
	return &pipeline.StyleCode{Title: c.StyleWord(), Networks: "fake", Code: pipeline.Floats{1, 2, 3}}, nil
}

func (e *fakeEngine) RenderPicture(ctx context.Context, c pipeline.Config, content *picture.Picture, progress func(pipeline.Progress)) (*pipeline.Rendering, error) {
	progress(pipeline.Progress{Phase: pipeline.PhaseStylize, Fraction: 0.5})
	if e.gate != nil {
		select {
		case <-e.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if c.NeedsStylePictures() {
		return nil, errors.New("the style was not read before")
	}
	e.rendered.Add(1)
	b := content.Bounds()
	r := pipeline.Result{SSIMScore: 0.5, StyleLoss: 0.2, StrengthUsed: c.StyleStrength, Width: b.Dx(), Height: b.Dy()}
	return &pipeline.Rendering{Config: c, Content: content, Image: content.Image, Result: r}, nil
}

func photo(n int) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, 20, 18))
	for i := range 18 * 20 {
		img.SetNRGBA(i%20, i/20, color.NRGBA{uint8(n), uint8(n >> 8), uint8(i), 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err) // memory takes it
	}
	return fmt.Appendf(b.Bytes(), "%d", n)
}

func put(t *testing.T, path string, data []byte) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

// presets is a store with the preset "Waves".
func presets(t *testing.T) *preset.Store {
	t.Helper()
	s := &preset.Store{Dir: filepath.Join(t.TempDir(), "presets")}
	c := pipeline.DefaultConfig()
	c.StyleName = "great-wave"
	require.NoError(t, s.Save(&preset.Preset{Name: "Waves", Settings: c}, false))
	return s
}

func within(t *testing.T, ok func() bool, message string) {
	t.Helper()
	require.Eventually(t, ok, 15*time.Second, 5*time.Millisecond, message)
}

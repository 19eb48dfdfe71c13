//go:build !headless

package window

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"

	"github.com/gesso-app/gesso/assets"
	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

// Run opens the window and returns an exit code when it is closed and all work has ended. It must be called on the main goroutine. Ending
// ctx closes the window.
func Run(ctx context.Context, version string) int {
	cache, err := cacheDir()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	a := app.NewWithID("app.gesso.Gesso")
	a.Settings().SetTheme(view.Theme{})
	a.SetIcon(fyne.NewStaticResource("icon.png", assets.Icon()))

	seam := &seam{do: fyne.Do}
	w := newWindow(a, version, seam.call)
	s := session.New(session.Options{
		Engine: engine{pipeline.NewQueue(func(ctx context.Context) (*pipeline.Transfer, error) {
			return pipeline.Open(ctx, pipeline.Options{Limits: picture.DefaultLimits, CacheDir: cache})
		})},
		Changed:       func(session.Snapshot) { seam.call(w.update) },
		SaveFolder:    picturesDir(),
		PrivateFolder: cache,
	})
	w.connect(s)
	if photo, painting, err := writeSamples(cache); err == nil {
		s.OpenSamples(photo, "Sample photo", painting, "Sample painting")
	} else {
		s.Say(err.Error())
	}

	stop := context.AfterFunc(ctx, func() { seam.call(a.Quit) })
	w.win.ShowAndRun()
	stop()
	seam.closed.Store(true)
	s.Close()
	return 0
}

// seam is the one place where work that comes from other goroutines is handed to the UI goroutine.
type seam struct {
	do     func(func())
	closed atomic.Bool
}

// call runs f on the UI goroutine some time later, unless the window is closed by then.
func (s *seam) call(f func()) {
	if s.closed.Load() {
		return
	}
	s.do(func() {
		if !s.closed.Load() {
			f()
		}
	})
}

// engine is the pipeline's queue as the session sees it.
type engine struct{ queue *pipeline.Queue }

func (e engine) Render(c pipeline.Config) session.Job { return e.queue.Submit(c, pipeline.JobRender) }

func (e engine) Save(ctx context.Context, r *pipeline.Rendering, path string, overwrite bool) error {
	return r.Save(ctx, path, overwrite)
}

func (e engine) Close() { e.queue.Close() }

func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	dir := filepath.Join(base, "gesso")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder for Gesso's own files: %w", err)
	}
	return dir, nil
}

// picturesDir is where pictures are offered to be saved that have no place of their own.
func picturesDir() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return os.TempDir()
	}
	dir := filepath.Join(home, "Pictures")
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return dir
	}
	return home
}

// writeSamples puts the sample pictures into the cache, where they can be opened like any other picture.
func writeSamples(cache string) (photo, painting string, err error) {
	dir := filepath.Join(cache, "samples")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", fmt.Errorf("write the sample pictures: %w", err)
	}
	photo, painting = filepath.Join(dir, "photo.jpg"), filepath.Join(dir, "painting.jpg")
	for path, data := range map[string][]byte{photo: assets.SamplePhoto(), painting: assets.SampleStyle()} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return "", "", fmt.Errorf("write the sample pictures: %w", err)
		}
	}
	return photo, painting, nil
}

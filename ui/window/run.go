//go:build !headless

package window

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/lang"

	"github.com/gesso-app/gesso/assets"
	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/native/mac"
	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/pipeline/preset"
	"github.com/gesso-app/gesso/pipeline/unattended"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

// Run opens the window and returns an exit code when it is closed and all work has ended. It must be called on the main goroutine. Ending
// ctx closes the window.
func Run(ctx context.Context, version string) int { return run(ctx, version, func(*window) {}) }

// run is Run; before the window is shown it hands it to made.
func run(ctx context.Context, version string, made func(*window)) int {
	cache, err := cacheDir()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := context.WithCancel(ctx)
	opened := make(chan []string)
	mac.OnOpen(func(paths []string) { // before the window is made: the program may have been started with them
		select {
		case opened <- paths:
		case <-ctx.Done():
		}
	})
	defer cancel()
	a := app.NewWithID("app.gesso.Gesso")
	state, err := stateDir()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	kept := session.KeptPreferences(state)
	if err := speak(kept.Language); err != nil {
		fmt.Fprintln(os.Stderr, err) // the window then speaks English
	}
	a.Settings().SetTheme(view.Theme{})
	a.SetIcon(fyne.NewStaticResource("icon.png", assets.Icon()))

	seam := &seam{do: fyne.Do}
	w := newWindow(a, version, seam.call)
	w.presets.Dir = filepath.Join(filepath.Dir(state), "presets")
	open := func(ctx context.Context) (*pipeline.Transfer, error) {
		units, err := native.ParseUnits(kept.Units)
		if err != nil {
			return nil, err
		}
		return pipeline.Open(ctx, pipeline.Options{Units: units, Limits: picture.DefaultLimits, CacheDir: cache})
	}
	s := session.New(session.Options{
		Engine:      engine{pipeline.NewQueue(open), pipeline.NewQueue(open)},
		StateFolder: state,
		Watch: unattended.WatchOptions{
			Presets: w.presets, Open: func(ctx context.Context) (unattended.Engine, error) { return asEngine(open(ctx)) },
		},
		Changed:       func(session.Snapshot) { seam.once(w.update) },
		PreviewDelay:  40 * time.Millisecond, // a preview takes longer by itself
		SaveFolder:    picturesDir(),
		PrivateFolder: cache,
	})
	w.connect(s)
	w.applyPreferences()
	if photo, painting, err := writeSamples(cache); err == nil {
		s.OpenSamples(photo, tr("Sample photo"), painting, tr("Sample painting"))
	} else {
		s.Say(err.Error())
	}

	a.Lifecycle().SetOnExitedForeground(func() { w.behind = true })
	a.Lifecycle().SetOnEnteredForeground(func() { w.behind = false })
	go func() {
		for {
			select {
			case paths := <-opened:
				seam.call(func() { w.openFiles(paths) })
			case <-ctx.Done():
				return
			}
		}
	}()
	stop := context.AfterFunc(ctx, func() { seam.call(a.Quit) })
	a.Lifecycle().SetOnStopped(func() {
		if size := w.win.Canvas().Size(); !w.win.FullScreen() && size.Width > 0 {
			a.Preferences().SetFloat(keyWidth, float64(size.Width))
			a.Preferences().SetFloat(keyHeight, float64(size.Height))
		}
	})
	made(w)
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
	due    atomic.Bool // of once
}

// once is call for a function that looks at the newest state: while it waits for its turn, another call adds nothing. Otherwise calls would pile up
// whenever the state changes more quickly than it can be shown.
func (s *seam) once(f func()) {
	if s.due.Swap(true) {
		return
	}
	s.call(func() {
		s.due.Store(false)
		f()
	})
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
type engine struct{ queue, batch *pipeline.Queue }

func (e engine) Render(c pipeline.Config) session.Job { return e.queue.Submit(c, pipeline.JobRender) }

func (e engine) Batch(c pipeline.Config) session.Job { return e.batch.Submit(c, pipeline.JobRender) }

func (e engine) StyleCode(ctx context.Context, c pipeline.Config) (code *pipeline.StyleCode, err error) {
	err = e.queue.Do(ctx, func(ctx context.Context, t *pipeline.Transfer) (err error) {
		code, err = t.StyleCode(ctx, c)
		return err
	})
	return code, err
}

func (e engine) Save(ctx context.Context, r *pipeline.Rendering, path string, overwrite bool) error {
	return r.Save(ctx, path, overwrite)
}

// asEngine keeps an engine that did not open from becoming one that is not nil.
func asEngine(t *pipeline.Transfer, err error) (unattended.Engine, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (e engine) Close() {
	e.queue.Close()
	e.batch.Close()
}

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

// stateDir is where the window keeps its queue, its history and its preferences, beside the presets.
func stateDir() (string, error) {
	presets, err := preset.DefaultDir()
	return filepath.Join(filepath.Dir(presets), "window"), err
}

// speak makes the window speak a language; an empty one is the system's, as far as there is a translation.
func speak(language string) error {
	if err := lang.AddTranslationsFS(assets.Translations, "translations"); err != nil {
		return fmt.Errorf("read the translations: %w", err)
	}
	if language == "" {
		return nil
	}
	data, err := assets.Translations.ReadFile("translations/" + language + ".json")
	if language == "en" {
		data, err = english()
	}
	if err != nil {
		return fmt.Errorf("read the translation for the language %s: %w", language, err)
	}
	// Fyne offers no choice of a language. It takes the system's; so that one's texts are replaced by the chosen one's.
	return lang.AddTranslationsForLocale(data, lang.SystemLocale())
}

// english are the texts as they stand in the source, which are the keys of every translation.
func english() ([]byte, error) {
	data, err := assets.Translations.ReadFile("translations/de.json")
	if err != nil {
		return nil, err
	}
	var texts map[string]string
	if err := json.Unmarshal(data, &texts); err != nil {
		return nil, err
	}
	for k := range texts {
		texts[k] = k
	}
	return json.Marshal(texts)
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

package unattended

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/preset"
)

type watchRig struct {
	*Watches
	t       *testing.T
	root    string
	options WatchOptions
	engine  *fakeEngine
	told    atomic.Int32
	shown   atomic.Pointer[Watches] // what Changed looks at
}

func newWatchRig(t *testing.T) *watchRig {
	t.Helper()
	r := &watchRig{t: t, root: t.TempDir(), engine: &fakeEngine{}}
	r.options = WatchOptions{
		Path: filepath.Join(r.root, "config", "watches.json"), Presets: presets(t), Open: r.engine.open,
		Changed: func() {
			r.told.Add(1)
			if w := r.shown.Load(); w != nil {
				w.Status() // as a window does
			}
		},
		Refresh: 10 * time.Millisecond, Again: 100 * time.Millisecond, Settle: 30 * time.Millisecond, Rescan: 200 * time.Millisecond,
		Journal: func(output string) (string, error) {
			return filepath.Join(r.root, "journals", filepath.Base(output)+".db"), nil
		},
	}
	require.NoError(t, os.Mkdir(filepath.Join(r.root, "in"), 0o700))
	r.reopen()
	t.Cleanup(func() { r.Close() })
	return r
}

// reopen is a restart of the program.
func (r *watchRig) reopen() {
	r.t.Helper()
	if r.Watches != nil {
		r.Close()
	}
	w, err := OpenWatches(r.options)
	require.NoError(r.t, err)
	r.Watches = w
	r.shown.Store(w)
}

func (r *watchRig) watch() Watch {
	return Watch{Dir: filepath.Join(r.root, "in"), Output: filepath.Join(r.root, "out"), Preset: "waves", Existing: true, On: true}
}

// only waits for the one watch to be as ok wants.
func (r *watchRig) only(ok func(WatchStatus) bool, message string) WatchStatus {
	r.t.Helper()
	var s WatchStatus
	within(r.t, func() bool {
		all := r.Status()
		require.Len(r.t, all, 1)
		s = all[0]
		return ok(s)
	}, message)
	return s
}

func done(n int) func(WatchStatus) bool {
	return func(s WatchStatus) bool { return s.State == WatchOn && s.Counts[journal.Done] == n }
}

func TestWatchesSurviveARestart(t *testing.T) {
	r := newWatchRig(t)
	require.Empty(t, r.Status())
	put(t, filepath.Join(r.root, "in", "a.jpg"), photo(1))
	id, err := r.Add(r.watch())
	require.NoError(t, err)
	s := r.only(done(1), "the first picture")
	require.Equal(t, id, s.ID)
	require.Positive(t, s.PerHour)
	require.False(t, s.Last.IsZero())
	require.Empty(t, s.LastError)
	require.Equal(t, "a.jpg  done", s.Log[len(s.Log)-1].Text)

	r.reopen()
	put(t, filepath.Join(r.root, "in", "b.jpg"), photo(2))
	require.Equal(t, id, r.only(done(2), "it goes on").ID)
	require.NoError(t, r.Switch(id, false))
	require.Equal(t, WatchOff, r.Status()[0].State)
	put(t, filepath.Join(r.root, "in", "c.jpg"), photo(3))
	r.reopen()
	s = r.only(func(s WatchStatus) bool { return s.State == WatchOff && s.Counts[journal.Done] == 2 }, "off, with what it has done")
	require.False(t, s.On)
	require.NoError(t, r.Switch(id, true))
	r.only(done(3), "what came meanwhile")
	require.EqualValues(t, 3, r.engine.rendered.Load())
	require.NoError(t, r.Remove(id))
	require.Empty(t, r.Status())
	require.FileExists(t, filepath.Join(r.root, "out", "c.jpg"))
	require.Equal(t, r.engine.opened.Load(), r.engine.closed.Load(), "nobody holds an engine")
	r.reopen()
	require.Empty(t, r.Status())
	require.Positive(t, r.told.Load())
	require.ErrorIs(t, r.Switch(id, true), ErrNoWatch)
}

func TestBadPhotoShowsAsLastError(t *testing.T) {
	r := newWatchRig(t)
	x := r.watch()
	id, err := r.Add(x)
	require.NoError(t, err)
	r.only(func(s WatchStatus) bool { return s.State == WatchOn }, "it watches")
	put(t, filepath.Join(r.root, "in", "bad.jpg"), []byte("no picture"))
	s := r.only(func(s WatchStatus) bool { return s.LastError != "" }, "the error")
	require.Contains(t, s.LastError, "not a picture")
	x = s.Watch
	x.OnError = filepath.Join(r.root, "bad")
	require.NoError(t, r.Set(x))
	require.NoError(t, r.Retry(id))
	within(t, func() bool { _, err := os.Stat(filepath.Join(r.root, "bad", "bad.jpg.txt")); return err == nil }, "it is set aside anew")
}

func TestWatchThatCannotBeginTriesAgain(t *testing.T) {
	r := newWatchRig(t)
	in := filepath.Join(r.root, "in")
	id, err := r.Add(r.watch())
	require.NoError(t, err)
	r.only(func(s WatchStatus) bool { return s.State == WatchOn }, "it watches")
	r.Close()
	require.NoError(t, os.Rename(in, in+" away"))
	r.reopen()
	s := r.only(func(s WatchStatus) bool { return s.State == WatchFailed }, "its folder is not there")
	require.Contains(t, s.LastError, "no such file")
	require.NoError(t, os.Rename(in+" away", in))
	put(t, filepath.Join(in, "a.jpg"), photo(1))
	r.only(done(1), "it begins by itself")
	require.NoError(t, r.Switch(id, false))
}

func TestStyleOfSettingsIsReadOnce(t *testing.T) {
	r := newWatchRig(t)
	c := pipeline.DefaultConfig()
	c.StyleImagePath = put(t, filepath.Join(r.root, "painting.jpg"), photo(50))
	x := r.watch()
	x.Preset, x.Settings = "", &c
	_, err := r.Add(x)
	require.NoError(t, err)
	require.NoError(t, os.Remove(c.StyleImagePath))
	put(t, filepath.Join(r.root, "in", "a.jpg"), photo(1))
	r.only(done(1), "with the code")
	r.reopen()
	put(t, filepath.Join(r.root, "in", "b.jpg"), photo(2))
	s := r.only(done(2), "and after a restart")
	require.Equal(t, "painting", s.Settings.StyleWord())
	require.EqualValues(t, 1, r.engine.studied.Load())
	require.EqualValues(t, 2, r.engine.rendered.Load())
}

func TestWatchesAreChecked(t *testing.T) {
	r := newWatchRig(t)
	for name, change := range map[string]func(*Watch){
		"folder":   func(x *Watch) { x.Dir = filepath.Join(r.root, "nowhere") },
		"output":   func(x *Watch) { x.Output = "" },
		"preset":   func(x *Watch) { x.Preset = "nobody" },
		"none":     func(x *Watch) { x.Preset = "" },
		"both":     func(x *Watch) { x.Settings = &pipeline.Config{} },
		"settings": func(x *Watch) { x.Preset, x.Settings = "", &pipeline.Config{} },
		"template": func(x *Watch) { x.Files.Template = "{nom}" },
		"format":   func(x *Watch) { x.Files.Format = "bmp" },
	} {
		x := r.watch()
		change(&x)
		_, err := r.Add(x)
		require.Error(t, err, name)
	}
	require.Empty(t, r.Status())
	x := r.watch()
	x.Preset = "nobody"
	_, err := r.Add(x)
	require.ErrorIs(t, err, preset.ErrNotFound)
	require.NoFileExists(t, r.options.Path)
}

func TestDamagedListIsNotOverwritten(t *testing.T) {
	r := newWatchRig(t)
	for _, text := range []string{"{", `{"version": 2, "entries": []}`} {
		put(t, r.options.Path, []byte(text))
		_, err := OpenWatches(r.options)
		require.ErrorContains(t, err, "watches.json")
		_, err = r.Add(r.watch())
		require.Error(t, err)
		b, err := os.ReadFile(r.options.Path)
		require.NoError(t, err)
		require.Equal(t, text, string(b))
	}
}

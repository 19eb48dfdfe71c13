//go:build !headless

package window

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"
	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

// fakeEngine ends its jobs when the test sends on finish, or at once for previews.
type fakeEngine struct {
	finish chan error
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	saved  []string
}

type fakeJob struct {
	cancel    context.CancelFunc
	done      chan struct{}
	progress  chan pipeline.Progress
	rendering *pipeline.Rendering
	err       error
}

func newFakeEngine() *fakeEngine {
	e := &fakeEngine{finish: make(chan error)}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

func (e *fakeEngine) Render(c pipeline.Config) session.Job {
	ctx, cancel := context.WithCancel(e.ctx)
	j := &fakeJob{cancel: cancel, done: make(chan struct{}), progress: make(chan pipeline.Progress, 1)}
	j.progress <- pipeline.Progress{Phase: pipeline.PhaseStylize, Fraction: 0.5}
	e.wg.Go(func() {
		defer close(j.done)
		defer close(j.progress)
		if c.Size == 0 {
			select {
			case j.err = <-e.finish:
			case <-ctx.Done():
				j.err = ctx.Err()
			}
		}
		if j.err != nil {
			return
		}
		m := image.NewNRGBA(image.Rect(0, 0, 60, 40))
		j.rendering = &pipeline.Rendering{
			Config: c, Content: &picture.Picture{Image: m}, Image: m,
			Result: pipeline.Result{SSIMScore: 0.31, StyleLoss: 0.2, ContentPreservation: 0.6, ProcessingTime: 1500 * time.Millisecond, Width: 60, Height: 40},
		}
	})
	return j
}

func (e *fakeEngine) Batch(c pipeline.Config) session.Job { return e.Render(c) }

func (e *fakeEngine) StyleCode(context.Context, pipeline.Config) (*pipeline.StyleCode, error) {
	return &pipeline.StyleCode{Title: "A style", Code: make(pipeline.Floats, 128)}, nil
}

func (e *fakeEngine) Save(_ context.Context, _ *pipeline.Rendering, path string, _ bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.saved = append(e.saved, path)
	return nil
}

func (e *fakeEngine) Close() { e.cancel(); e.wg.Wait() }

func (j *fakeJob) Cancel()                                 { j.cancel() }
func (j *fakeJob) Done() <-chan struct{}                   { return j.done }
func (j *fakeJob) Progress() <-chan pipeline.Progress      { return j.progress }
func (j *fakeJob) Rendering() (*pipeline.Rendering, error) { return j.rendering, j.err }

// rig is a window on the test driver. Work that other goroutines hand to the UI goroutine waits in todo until the test runs it.
type rig struct {
	*window
	t               *testing.T
	engine          *fakeEngine
	todo            chan func()
	dir             string
	photo, painting string // paths; the panes are window.photo and window.painting
}

func open(t *testing.T) *rig {
	t.Helper()
	a := test.NewTempApp(t)
	a.Settings().SetTheme(view.Theme{})
	dir := t.TempDir()
	r := &rig{t: t, engine: newFakeEngine(), todo: make(chan func(), 1024), dir: dir}
	r.photo, r.painting = filepath.Join(dir, "photo.png"), filepath.Join(dir, "painting.png")
	for _, p := range []string{r.photo, r.painting} {
		writePicture(t, p)
	}
	seam := &seam{do: func(f func()) { r.todo <- f }}
	r.window = newWindow(a, "test", seam.call)
	r.presets.Dir = filepath.Join(dir, "presets")
	s := session.New(session.Options{
		Engine: r.engine, StateFolder: filepath.Join(dir, "state"), PreviewDelay: 20 * time.Millisecond, Changed: func(session.Snapshot) { seam.call(r.update) },
	})
	r.connect(s)
	t.Cleanup(func() {
		seam.closed.Store(true)
		s.Close()
		r.win.Close()
	})
	return r
}

func ready(t *testing.T) *rig {
	t.Helper()
	r := open(t)
	r.session.OpenSamples(r.photo, "Sample photo", r.painting, "Sample painting")
	r.until(func() bool { return !r.stylize.Disabled() })
	return r
}

// until runs the UI's work until ok is true.
func (r *rig) until(ok func() bool) {
	r.t.Helper()
	end := time.After(10 * time.Second)
	for !ok() {
		select {
		case f := <-r.todo:
			f()
		case <-end:
			r.t.Fatal("the window did not get there")
		}
	}
}

func (r *rig) stylized() {
	r.t.Helper()
	test.Tap(r.stylize)
	r.engine.finish <- nil
	r.until(func() bool { return !r.save.Disabled() })
}

func writePicture(t *testing.T, path string) {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 60, 40))
	m.Set(1, 1, color.White)
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, m))
	require.NoError(t, f.Close())
}

func centre(o fyne.CanvasObject) fyne.Position {
	p, s := fyne.CurrentApp().Driver().AbsolutePositionForObject(o), o.Size()
	return p.AddXY(s.Width/2, s.Height/2)
}

func TestDropIsRoutedByPosition(t *testing.T) {
	r := open(t)
	r.drop(centre(r.window.photo), []fyne.URI{storage.NewFileURI(r.photo)})
	r.drop(centre(r.window.painting), []fyne.URI{storage.NewFileURI(r.painting)})
	r.until(func() bool { return !r.stylize.Disabled() })
	require.Equal(t, "photo.png", r.window.photo.State().Name)
	require.Equal(t, "60 × 40, PNG", r.window.photo.State().Detail)
	require.Equal(t, "painting.png", r.window.painting.State().Name)

	other := filepath.Join(r.dir, "other.png")
	writePicture(t, other)
	r.drop(centre(r.window.painting), []fyne.URI{storage.NewFileURI(other), storage.NewFileURI(r.photo)})
	r.until(func() bool { return r.window.painting.State().Name == "other.png" })
	r.until(func() bool { return strings.HasPrefix(r.status.String(), "2 files were dropped") })
}

func TestDropOfATextSaysWhyInThePane(t *testing.T) {
	r := open(t)
	text := filepath.Join(r.dir, "text.jpg")
	require.NoError(t, os.WriteFile(text, []byte("hello"), 0o600))
	r.drop(centre(r.window.painting), []fyne.URI{storage.NewFileURI(text)})
	r.until(func() bool { return r.window.painting.State().Error != "" })
	require.True(t, r.stylize.Disabled())
	require.Nil(t, r.win.Canvas().Overlays().Top(), "an error opens no dialog")
}

func TestStylizeShowsBothPicturesAndScores(t *testing.T) {
	r := ready(t)
	require.Equal(t, none, r.scores.Scores()[0].Value)
	test.Tap(r.stylize)
	r.until(func() bool { return r.progress.Fraction() == 0.5 })
	require.True(t, r.stylize.Disabled())
	require.False(t, r.cancel.Disabled())
	require.Equal(t, "Painting… 50 %", r.status.String())
	r.engine.finish <- nil
	r.until(func() bool { return r.compare.State().After != nil })
	require.NotNil(t, r.compare.State().Before)
	require.Equal(t, "0.31", r.scores.Scores()[0].Value)
	require.Equal(t, "60 %", r.scores.Scores()[2].Value)
	require.Equal(t, "1.5 s", r.scores.Scores()[4].Value)
	require.Less(t, r.progress.Fraction(), 0.0)
	require.False(t, r.menu.save.Disabled)
}

func TestCancelButtonAndEscape(t *testing.T) {
	r := ready(t)
	for _, cancel := range []func(){func() { test.Tap(r.cancel) }, func() { r.prompt.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape}) }} {
		test.Tap(r.stylize)
		r.until(func() bool { return !r.cancel.Disabled() })
		cancel()
		r.until(func() bool { return !r.stylize.Disabled() })
		require.Contains(t, r.status.String(), "Cancelled")
		require.True(t, r.save.Disabled())
	}
}

func TestSliderDragMakesAPreview(t *testing.T) {
	r := ready(t)
	r.strength.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(r.strength.Size().Width*0.4, 8)}})
	r.strength.DragEnd()
	v := r.strength.Value
	require.InDelta(t, 0.4, v, 0.05)
	require.Equal(t, percent(v), r.percent.String())
	r.until(func() bool { return r.compare.State().After != nil })
	require.Equal(t, "Preview", r.compare.State().AfterDetail)
	require.True(t, r.save.Disabled())
	require.InDelta(t, v, r.strength.Value, 0)
}

func TestTypingAPromptDimsThePainting(t *testing.T) {
	r := ready(t)
	test.Type(r.prompt, "waves")
	r.until(func() bool { return r.window.painting.State().Dimmed })
	require.Equal(t, "Not used: the prompt gives the style", r.window.painting.State().Detail)
	require.True(t, r.clearPrompt.Visible())
	r.drop(centre(r.window.painting), []fyne.URI{storage.NewFileURI(r.painting)})
	r.until(func() bool { return !r.window.painting.State().Dimmed })
	require.Empty(t, r.prompt.Text)
	require.False(t, r.clearPrompt.Visible())
}

func TestGateChoice(t *testing.T) {
	r := ready(t)
	require.Equal(t, "Warn below SSIM 0.85", r.gate.Selected)
	r.gate.SetSelectedIndex(2)
	require.Equal(t, pipeline.GateHold, r.session.Snapshot().Gate)
}

func TestSaveForm(t *testing.T) {
	r := ready(t)
	r.openSave()
	require.Nil(t, r.saving, "there is nothing to save yet")
	r.stylized()
	test.Tap(r.save)
	f := r.saving
	require.NotNil(t, f)
	require.Equal(t, "photo-painting.jpg", f.name.Text)

	f.name.SetText("photo.gif")
	require.True(t, f.save.Disabled())
	f.name.SetText("photo.png")
	require.Contains(t, f.note.String(), "is the picture that you opened")
	f.name.SetText("")
	require.True(t, f.save.Disabled())

	taken := filepath.Join(r.dir, "taken.jpg")
	require.NoError(t, os.WriteFile(taken, []byte("x"), 0o600))
	f.name.SetText("taken.jpg")
	require.Equal(t, "Replace", f.save.Text)
	f.name.SetText("new.jpg")
	require.Equal(t, "Save", f.save.Text)
	test.Tap(f.save)
	require.Nil(t, r.saving)
	r.until(func() bool { return strings.HasPrefix(r.status.String(), "Saved new.jpg") })
	require.Equal(t, []string{filepath.Join(r.dir, "new.jpg")}, r.engine.saved)

	r.openSave()
	r.saving.name.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	require.Nil(t, r.win.Canvas().Overlays().Top())
}

func TestOpenDialogByClickAndKey(t *testing.T) {
	r := ready(t)
	test.Tap(r.window.photo)
	require.NotNil(t, r.win.Canvas().Overlays().Top())
	r.openPainting() // a second dialog is not opened over the first
	require.Len(t, r.win.Canvas().Overlays().List(), 1)
	r.escape()
	require.Nil(t, r.win.Canvas().Overlays().Top())
	r.window.painting.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	require.NotNil(t, r.win.Canvas().Overlays().Top())
	r.escape()
}

func TestSavedPictureCanBeShown(t *testing.T) {
	r := ready(t)
	r.stylized()
	out := filepath.Join(r.dir, "out.jpg")
	r.session.Save(out, false)
	r.until(func() bool { return !r.menu.reveal.Disabled })
	require.Equal(t, out, r.session.Snapshot().Saved)
}

func TestFilesFromTheSystem(t *testing.T) {
	r := open(t)
	r.openFiles(nil)
	r.openFiles([]string{r.photo})
	r.until(func() bool { return r.session.Snapshot().Content.Ready() })
	require.Equal(t, r.photo, r.session.Snapshot().Content.Path)
}

func TestPastedPictureIsKept(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	for _, data := range []string{"first", "second"} {
		path, err := keep([]byte(data))
		require.NoError(t, err)
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, data, string(got))
	}
}

func TestClearWithTheDeleteKey(t *testing.T) {
	r := ready(t)
	r.window.photo.TypedKey(&fyne.KeyEvent{Name: fyne.KeyDelete})
	r.until(func() bool { return r.window.photo.State().Name == "" })
	require.Equal(t, "The stylized picture is shown here, beside the photo.", r.compare.State().AfterHint)
}

func TestMenuHasShortcuts(t *testing.T) {
	r := open(t)
	var labels []string
	for _, m := range r.menu.main.Items {
		labels = append(labels, m.Label)
	}
	require.Equal(t, []string{"File", "Edit", "Image", "Presets", "View", "Window", "Help"}, labels)
	seen := map[string]string{}
	for _, m := range r.menu.main.Items {
		for _, i := range m.Items {
			if c, ok := i.Shortcut.(*desktop.CustomShortcut); ok {
				require.Empty(t, seen[c.ShortcutName()], "%s has the shortcut of another item", i.Label)
				seen[c.ShortcutName()] = i.Label
			}
		}
	}
	require.True(t, r.menu.save.Disabled)
	require.True(t, r.menu.reveal.Disabled)
}

func TestEverythingFitsTheSmallestWindow(t *testing.T) {
	r := ready(t)
	m := r.win.Content().MinSize()
	require.LessOrEqual(t, m.Width, float32(1000))
	require.LessOrEqual(t, m.Height, float32(700-32), "below the menu bar")
}

func TestNoGoroutineIsLeft(t *testing.T) {
	a := test.NewTempApp(t)
	a.Settings().SetTheme(view.Theme{})
	before := runtime.NumGoroutine()
	e := newFakeEngine()
	todo := make(chan func(), 1024)
	w := newWindow(a, "test", func(f func()) { todo <- f })
	s := session.New(session.Options{Engine: e})
	w.connect(s)
	s.Close()
	w.win.Close()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		select {
		case f := <-todo:
			f()
		case <-time.After(5 * time.Millisecond):
		}
	}
	if runtime.NumGoroutine() > before {
		stacks := make([]byte, 1<<16)
		t.Fatalf("goroutines are left:\n%s", stacks[:runtime.Stack(stacks, true)])
	}
}

func TestTexts(t *testing.T) {
	require.Equal(t, "320 ms", seconds(320*time.Millisecond))
	require.Equal(t, "2 min 05 s", seconds(125*time.Second))
	text, tone := statusText(session.Snapshot{Status: session.Status{Text: "It is broken.", Tone: session.ToneBad}})
	require.Equal(t, "It is broken.", text)
	require.Equal(t, widget.DangerImportance, tone)
}

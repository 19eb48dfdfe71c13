//go:build !headless

package window

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/test"
	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/ui/window/session"
)

func TestCopyWithoutAToolGivesTheAddressOfAFile(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no wl-copy, no xclip
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	r := ready(t)
	require.True(t, r.copy.Disabled())
	r.copyPicture() // there is nothing yet: nothing happens
	r.stylized()
	require.False(t, r.menu.copy.Disabled)
	test.Tap(r.copy)
	r.until(func() bool { return strings.Contains(r.status.String(), "address of a file") })
	u, err := storage.ParseURI(r.app.Clipboard().Content())
	require.NoError(t, err)
	require.Equal(t, "photo-painting.jpg", filepath.Base(u.Path()))
	require.Equal(t, []string{u.Path()}, r.engine.saved, "the fake engine was told to write it")
}

func TestCopyPutsThePictureOnTheClipboard(t *testing.T) {
	bin := t.TempDir()
	told := filepath.Join(bin, "told")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "xclip"), []byte("#!/bin/sh\n/bin/cat >"+told+"\n"), 0o700))
	t.Setenv("PATH", bin)
	t.Setenv("DISPLAY", ":1")
	r := ready(t)
	r.stylized()
	r.menu.copy.Action()
	r.until(func() bool { return r.status.String() == "The picture is on the clipboard." })
	data, err := os.ReadFile(told)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(data), "\x89PNG"))
}

func TestDragOutOfTheResult(t *testing.T) {
	r := ready(t)
	r.stylized()
	told := 0
	r.compare.OnDragOut = func() { told++ }
	drag := func(x float32) {
		r.compare.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(x, 100)}, Dragged: fyne.NewDelta(9, 0)})
	}
	drag(20)
	require.Zero(t, told, "the photo is not dragged out")
	right := r.compare.Size().Width - 20
	drag(right)
	drag(right)
	require.Equal(t, 1, told, "once for a drag")
	r.compare.MouseDown(&desktop.MouseEvent{}) // after a drag that ended in another program
	drag(right)
	require.Equal(t, 2, told)
	r.compare.DragEnd()
	r.compare.Zoom(8)
	drag(right)
	require.Equal(t, 2, told, "a picture that is larger than its place is moved")
	r.compare.OnDragOut = nil
	r.compare.Fit()
	drag(right)
	r.dragOut() // where the system has no such thing nothing is said
	require.NotContains(t, r.status.String(), "macOS")
}

func TestDockShowsTheQueueFirst(t *testing.T) {
	require.Equal(t, dock{fraction: -1}, dockState(session.Snapshot{}))
	require.Equal(t, dock{fraction: 0.33}, dockState(session.Snapshot{Busy: true, Fraction: 0.333}))
	q := session.Queue{Waiting: 3, Done: 1, Fraction: 0.5}
	require.Equal(t, dock{"3", 0.38}, dockState(session.Snapshot{Busy: true, Fraction: 0.9, Queue: q}))
	q.Paused = true
	require.Equal(t, dock{fraction: -1}, dockState(session.Snapshot{Queue: q}))
}

func TestWhyIsExplained(t *testing.T) {
	r := ready(t)
	r.scores.Tapped(nil)
	require.Nil(t, r.win.Canvas().Overlays().Top(), "there is nothing to explain yet")
	r.stylized()
	r.scores.Tapped(nil)
	r.until(func() bool { return r.win.Canvas().Overlays().Top() != nil })
	r.escape()
	y, err := r.session.Why()
	require.NoError(t, err)
	require.Contains(t, reasons(y)[0], "SSIM 0.31 is below the threshold of 0.85")
}

func TestControlsSayWhatTheyDo(t *testing.T) {
	r := ready(t)
	for _, o := range []interface{ ToolTip() string }{r.strength, r.brush, r.colour, r.gate, r.stylize, r.cancel, r.save, r.copy, r.share, r.styles.star, r.zoom.fit, r.zoom.actual} {
		require.NotEmpty(t, o.ToolTip())
	}
	for _, s := range r.scores.Scores() {
		require.NotEmpty(t, s.Tip)
	}
	w := r.scores.Size().Width
	r.scores.MouseIn(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(5, 5)}})
	require.Equal(t, r.scores.Scores()[0].Tip, r.scores.ToolTip())
	r.scores.MouseMoved(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(w-5, 5)}})
	require.Equal(t, r.scores.Scores()[4].Tip, r.scores.ToolTip(), "each cell has its own")
	r.scores.MouseOut()
}

func TestPanelsHaveKeys(t *testing.T) {
	r := ready(t)
	r.showQueue()
	key := func(k fyne.KeyName) {
		r.queue.win.Canvas().(interface{ TypedShortcut(fyne.Shortcut) }).TypedShortcut(shortcut(k, 0))
	}
	if _, ok := r.queue.win.Canvas().(interface{ TypedShortcut(fyne.Shortcut) }); !ok {
		t.Skip("this canvas takes no shortcuts")
	}
	key(fyne.Key3)
	require.True(t, r.history.open)
	key(fyne.KeyW)
	require.False(t, r.queue.open)
}

func TestFailuresAreSaidInTheWindowsLanguage(t *testing.T) {
	t.Cleanup(func() { require.NoError(t, speak("en")) })
	require.NoError(t, speak("de"))
	r := open(t)
	dir := t.TempDir()
	file := func(name, content string) string {
		p := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(p, []byte(content), 0o600))
		return p
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.png"):      "none.png gibt es nicht.",
		file("empty.png", ""):               "empty.png ist leer.",
		file("text.png", "hello"):           "text.png ist kein Bild, das Gesso liest (es sieht nach Text aus): Möglich sind JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC und AVIF.",
		file("form.png", "%PDF-1.4 ......"): "form.png ist ein Bild der Art PDF, die Gesso nicht liest: Möglich sind JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC und AVIF.",
	} {
		r.session.OpenStyle(path)
		r.until(func() bool { return r.window.painting.State().Error == want })
	}
	require.Equal(t, "Something else.", explain("Something else."))
}

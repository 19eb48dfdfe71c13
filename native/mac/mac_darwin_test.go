package mac

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func init() { runtime.LockOSThread() } // the main goroutine keeps the main thread, so that tests are never on it

func TestMain(m *testing.M) { os.Exit(m.Run()) }

// TestBesideTheMainThread holds that AppKit is not called where it must not be.
func TestBesideTheMainThread(t *testing.T) {
	const beside = "beside the main thread"
	never := func([]string) { t.Error("called") }
	require.ErrorContains(t, OpenPanel(Panel{Title: "Open", Extensions: []string{"png", "jpg"}}, never), beside)
	require.ErrorContains(t, SavePanel(Panel{Name: "a.png"}, func(string) { t.Error("called") }), beside)
	_, err := Paste()
	require.ErrorContains(t, err, beside)
	require.ErrorContains(t, Copy([]byte{1}), beside)
	require.Error(t, Copy(nil))
	require.ErrorContains(t, Reveal("/"), beside)
	require.ErrorContains(t, Share("/"), beside)
	require.ErrorContains(t, Dock("3", 0.5), beside)
	require.ErrorContains(t, DragOut("a.png", []byte{1}, func(string) error { t.Error("called"); return nil }), beside)
	require.Empty(t, panels.m)
	require.Empty(t, drags.m, "the promise is forgotten with its object")
}

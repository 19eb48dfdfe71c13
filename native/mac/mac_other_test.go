//go:build !darwin

package mac

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRevealOpensTheFolder(t *testing.T) {
	bin, pictures := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\nprintf %s \"$1\" >" + filepath.Join(bin, "told") + ".part && mv " + filepath.Join(bin, "told") + ".part " + filepath.Join(bin, "told") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "xdg-open"), []byte(script), 0o700))
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	require.NoError(t, Reveal(filepath.Join(pictures, "out.png")))
	var told []byte
	require.Eventually(t, func() (ok bool) {
		var err error
		told, err = os.ReadFile(filepath.Join(bin, "told"))
		return err == nil
	}, 5*time.Second, 5*time.Millisecond)
	require.Equal(t, pictures, string(told))

	t.Setenv("PATH", pictures) // there is no xdg-open
	require.ErrorIs(t, Reveal(filepath.Join(pictures, "out.png")), ErrUnsupported)
}

func TestWhatOnlyMacOSHas(t *testing.T) {
	never := func([]string) { t.Error("called") }
	require.ErrorIs(t, OpenPanel(Panel{}, never), ErrUnsupported)
	require.ErrorIs(t, SavePanel(Panel{}, func(string) { t.Error("called") }), ErrUnsupported)
	_, err := Paste()
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorIs(t, Copy([]byte{1}), ErrUnsupported)
	require.ErrorIs(t, Share("x"), ErrUnsupported)
	require.ErrorIs(t, DragOut("x", nil, func(string) error { t.Error("called"); return nil }), ErrUnsupported)
	OnOpen(never)
}

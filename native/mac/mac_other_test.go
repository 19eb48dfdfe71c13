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

func TestCopyGoesThroughTheDesktopsTool(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("DISPLAY", ":1")
	require.ErrorContains(t, Copy(nil), "empty")
	require.ErrorIs(t, Copy([]byte("picture")), ErrUnsupported, "no tool is installed")

	told := filepath.Join(bin, "told")
	script := "#!/bin/sh\n/bin/cat >" + told + "\necho \"$@\" >>" + told + "\n/bin/sleep 12 &\n" // it stays, as the tools do
	require.NoError(t, os.WriteFile(filepath.Join(bin, "xclip"), []byte(script), 0o700))
	began := time.Now()
	require.NoError(t, Copy([]byte("picture\n")))
	require.Less(t, time.Since(began), 10*time.Second, "what the tool leaves behind is not waited for")
	got, err := os.ReadFile(told)
	require.NoError(t, err)
	require.Equal(t, "picture\n-selection clipboard -t image/png\n", string(got))

	t.Setenv("WAYLAND_DISPLAY", "wayland-0")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "wl-copy"), []byte("#!/bin/sh\nexit 3\n"), 0o700))
	require.ErrorContains(t, Copy([]byte("picture")), "wl-copy: exit status 3")
}

func TestWhatOnlyMacOSHas(t *testing.T) {
	never := func([]string) { t.Error("called") }
	require.ErrorIs(t, OpenPanel(Panel{}, never), ErrUnsupported)
	require.ErrorIs(t, SavePanel(Panel{}, func(string) { t.Error("called") }), ErrUnsupported)
	_, err := Paste()
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorIs(t, Dock("1", 0.5), ErrUnsupported)
	require.ErrorIs(t, Share("x"), ErrUnsupported)
	require.ErrorIs(t, DragOut("x", nil, func(string) error { t.Error("called"); return nil }), ErrUnsupported)
	OnOpen(never)
}

package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestInterrupt stops a transfer while its tiles are running, which the progress on a terminal tells. The photo comes from stdin, so that
// there is a temporary folder to remove.
func TestInterrupt(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			in, work, temp := t.TempDir(), t.TempDir(), t.TempDir()
			large := filepath.Join(in, "large.png")
			require.NoError(t, writePNG(large, 3000, 2000))
			photo, err := os.Open(large)
			require.NoError(t, err)
			defer photo.Close()

			self, err := os.Executable()
			require.NoError(t, err)
			controller, terminal, ok := openTerminal(t)
			cmd := exec.Command(self, "transfer", "--content-image", "-", "--style", "starry-night", "--output", "out.png")
			cmd.Args[0] = "gesso"
			cmd.Dir = work
			cmd.Env = append(os.Environ(), "TMPDIR="+temp)
			for k, v := range programEnv() {
				cmd.Env = append(cmd.Env, k+"="+v)
			}
			var stdout bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = photo, &stdout, terminal
			require.NoError(t, cmd.Start())
			require.NoError(t, terminal.Close())
			watchdog := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
			defer watchdog.Stop()

			shown := ""
			if ok {
				shown = readUntil(t, controller, "painting")
			} else {
				require.Eventually(t, func() bool { return len(entries(t, temp)) > 0 }, time.Minute, 10*time.Millisecond)
				time.Sleep(time.Second) // without a terminal there is no progress to read: by now it decodes or paints
			}
			require.NotEmpty(t, entries(t, temp), "the photo is in a temporary folder")
			require.NoError(t, cmd.Process.Signal(sig))
			signalled := time.Now()
			rest, _ := io.ReadAll(controller) // ends with EIO when the program has gone
			_ = cmd.Wait()                    // the exit code is checked next
			require.Equal(t, 130, cmd.ProcessState.ExitCode(), shown+string(rest))
			require.Less(t, time.Since(signalled), 20*time.Second)
			require.Equal(t, 1, strings.Count(string(rest), "gesso: cancelled"))
			require.Empty(t, stdout.String())
			require.Empty(t, entries(t, work))
			require.Empty(t, entries(t, temp))
		})
	}
}

func entries(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	e, err := os.ReadDir(dir)
	require.NoError(t, err)
	return e
}

func readUntil(t *testing.T, r io.Reader, text string) string {
	t.Helper()
	var shown strings.Builder
	b := make([]byte, 4096)
	for !strings.Contains(shown.String(), text) {
		n, err := r.Read(b)
		shown.Write(b[:n])
		require.NoError(t, err, shown.String())
	}
	return shown.String()
}

// openTerminal opens a pseudo-terminal: what is written to the terminal is read from its controller. Where the system has none, as in some
// containers, ok is false and they are a pipe's ends.
func openTerminal(t *testing.T) (controller, terminal *os.File, ok bool) {
	t.Helper()
	controller, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		controller, terminal, err = os.Pipe()
		require.NoError(t, err)
		t.Cleanup(func() { _ = controller.Close() })
		return controller, terminal, false
	}
	t.Cleanup(func() { _ = controller.Close() })
	fd := int(controller.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	return controller, terminal, true
}

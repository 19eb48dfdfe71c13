//go:build !darwin

package mac

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// OpenPanel lets the user choose files.
func OpenPanel(Panel, func(paths []string)) error { return ErrUnsupported }

// SavePanel lets the user choose a name for a file.
func SavePanel(Panel, func(path string)) error { return ErrUnsupported }

// Paste returns the picture on the pasteboard.
func Paste() (Pasted, error) { return Pasted{}, ErrUnsupported }

// copiers put what they read on the clipboard, and stay to hand it out: those of Wayland and of X11, each with the variable of its display.
var copiers = []struct {
	display, program string
	arguments        []string
}{
	{"WAYLAND_DISPLAY", "wl-copy", []string{"--type", "image/png"}},
	{"DISPLAY", "xclip", []string{"-selection", "clipboard", "-t", "image/png"}},
}

// copyTime is how long a copier may take to read the picture.
const copyTime = 10 * time.Second

// Copy puts a picture, as PNG, on the clipboard, through wl-copy or xclip: ErrUnsupported where neither is installed. It may be called on any goroutine,
// and waits until the picture was taken.
func Copy(png []byte) error {
	if len(png) == 0 {
		return errors.New("copy the picture: it is empty")
	}
	for _, c := range copiers {
		path, err := exec.LookPath(c.program)
		if err != nil || os.Getenv(c.display) == "" {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), copyTime)
		defer cancel()
		p := exec.CommandContext(ctx, path, c.arguments...) // without its outputs: the process that it leaves behind would hold them open
		p.Stdin = bytes.NewReader(png)
		if err := p.Run(); err != nil {
			return fmt.Errorf("copy the picture with %s: %w", c.program, err)
		}
		return nil
	}
	return fmt.Errorf("copy the picture: install wl-clipboard or xclip: %w", ErrUnsupported)
}

// Reveal opens the file's folder in the desktop's file manager.
func Reveal(path string) error {
	opener, err := exec.LookPath("xdg-open")
	if err != nil {
		return fmt.Errorf("show %s: there is no xdg-open: %w", path, ErrUnsupported)
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("show %s: %w", path, err)
	}
	c := exec.Command(opener, folder)
	if err := c.Start(); err != nil {
		return fmt.Errorf("show %s: %w", path, err)
	}
	go func() { _ = c.Wait() }() // the file manager says itself what goes wrong
	return nil
}

// Share offers a file to the system's services.
func Share(string) error { return ErrUnsupported }

// Dock shows how work goes where the system shows the program.
func Dock(string, float64) error { return ErrUnsupported }

// DragOut begins to drag a picture that is yet to be written.
func DragOut(string, []byte, func(path string) error) error { return ErrUnsupported }

// OnOpen has f called with the files that the system asks the program to open.
func OnOpen(func(paths []string)) {}

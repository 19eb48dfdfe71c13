//go:build !darwin

package mac

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// OpenPanel lets the user choose files.
func OpenPanel(Panel, func(paths []string)) error { return ErrUnsupported }

// SavePanel lets the user choose a name for a file.
func SavePanel(Panel, func(path string)) error { return ErrUnsupported }

// Paste returns the picture on the pasteboard.
func Paste() (Pasted, error) { return Pasted{}, ErrUnsupported }

// Copy puts a picture on the pasteboard.
func Copy(_ []byte) error { return ErrUnsupported }

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

// DragOut begins to drag a picture that is yet to be written.
func DragOut(string, []byte, func(path string) error) error { return ErrUnsupported }

// OnOpen has f called with the files that the system asks the program to open.
func OnOpen(func(paths []string)) {}

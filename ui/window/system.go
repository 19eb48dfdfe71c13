//go:build !headless

package window

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"

	"github.com/gesso-app/gesso/native/mac"
)

// What the window asks of macOS; elsewhere Fyne's own ways are taken.

// reveal shows a file where the system shows files.
func (w *window) reveal(path string) {
	err := mac.Reveal(path)
	if errors.Is(err, mac.ErrUnsupported) {
		err = w.app.OpenURL(&url.URL{Scheme: "file", Path: filepath.Dir(path)})
	}
	if err != nil {
		w.session.Say(err.Error())
	}
}

// openPanel lets the user choose a picture in the system's own panel. It is false where the system has none.
func (w *window) openPanel(title, folder string, open func(string)) bool {
	return mac.OpenPanel(mac.Panel{Title: title, Folder: folder}, func(paths []string) {
		if len(paths) > 0 {
			open(paths[0])
		}
	}) == nil
}

// pastePicture opens what lies on the system's pasteboard: a picture, or a file that was copied. It is false where there is neither, and where the
// system does not tell.
func (w *window) pastePicture() bool {
	p, err := mac.Paste()
	switch {
	case err != nil:
		return false
	case p.Path != "":
		w.session.OpenMany([]string{p.Path})
		return true
	}
	path, err := keep(p.PNG)
	if err != nil {
		w.session.Say(err.Error())
		return true
	}
	w.session.OpenContent(path)
	return true
}

// keep writes a pasted picture among the program's own files, in the place of the one before.
func keep(png []byte) (path string, err error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	path = filepath.Join(cache, "pasted.png")
	if err := os.WriteFile(path+".part", png, 0o600); err != nil {
		return "", err
	}
	return path, os.Rename(path+".part", path)
}

// openFiles opens what the Finder or the Dock hands over.
func (w *window) openFiles(paths []string) {
	if len(paths) > 0 && !w.dialogOpen() {
		w.session.OpenMany(paths)
	}
}

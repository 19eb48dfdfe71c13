//go:build !headless

package window

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/gesso-app/gesso/native/mac"
)

// revealLabel names the place that the system shows files in.
func revealLabel() string {
	if runtime.GOOS == "darwin" {
		return "Show in Finder"
	}
	return "Show in Folder"
}

// reveal shows the picture that was saved last where the system shows files.
func (w *window) reveal() {
	path := w.session.Snapshot().Saved
	if path == "" {
		return
	}
	if err := mac.Reveal(path); errors.Is(err, mac.ErrUnsupported) {
		w.session.Say("There is no file manager to show it in: the picture is " + path + ".")
	} else if err != nil {
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

// openFiles opens what the system hands over: the first file is the photo.
func (w *window) openFiles(paths []string) {
	if len(paths) == 0 || w.dialogOpen() {
		return
	}
	w.session.OpenContent(paths[0])
	if n := len(paths); n > 1 {
		w.session.Say(fmt.Sprintf("%d files were opened; the first, %s, is the photo.", n, filepath.Base(paths[0])))
	}
}

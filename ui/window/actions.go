//go:build !headless

package window

import (
	"os"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"

	"github.com/gesso-app/gesso/ui/window/session"
)

var pictureExtensions = []string{".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".gif", ".bmp", ".heic", ".heif", ".avif", ".JPG", ".JPEG", ".PNG", ".TIF", ".TIFF", ".WEBP", ".GIF", ".BMP", ".HEIC", ".HEIF", ".AVIF"}

func (w *window) openPhoto() {
	w.openDialog(tr("Open Photo"), w.session.Snapshot().Content.Path, w.session.OpenContent)
}

func (w *window) openPainting() {
	w.openDialog(tr("Open Painting"), w.session.Snapshot().Style.Path, w.session.OpenStyle)
}

// openDialog lets the user choose a picture, starting in the folder of the one that is there.
func (w *window) openDialog(title, at string, open func(string)) {
	if w.dialogOpen() {
		return
	}
	folder := picturesDir()
	if at != "" && !w.session.Private(at) {
		folder = filepath.Dir(at)
	}
	if w.openPanel(title, folder, open) {
		return
	}
	d := dialog.NewFileOpen(func(r fyne.URIReadCloser, err error) {
		if err != nil {
			w.session.Say(err.Error())
			return
		}
		if r == nil {
			return
		}
		_ = r.Close() // only its name is wanted; the session reads it off this goroutine
		open(r.URI().Path())
	}, w.win)
	d.SetTitleText(title)
	d.SetConfirmText(tr("Open"))
	d.SetFilter(storage.NewExtensionFileFilter(pictureExtensions))
	if l, err := storage.ListerForURI(storage.NewFileURI(folder)); err == nil {
		d.SetLocation(l)
	}
	size := w.win.Canvas().Size()
	d.Resize(fyne.NewSize(min(size.Width-64, 880), min(size.Height-64, 600)))
	w.inFront(d, func() {})
}

// inFront shows d until it is answered or the escape key is pressed, and then calls closed.
func (w *window) inFront(d dialog.Dialog, closed func()) {
	w.fronts = append(w.fronts, d.Hide)
	depth := len(w.fronts)
	d.SetOnClosed(func() {
		w.fronts = w.fronts[:min(depth-1, len(w.fronts))]
		closed()
	})
	d.Show()
}

// escape leaves the dialog in front, or else ends the picture being made.
func (w *window) escape() {
	if n := len(w.fronts); n > 0 {
		w.fronts[n-1]()
		return
	}
	w.session.Cancel()
}

// dialogOpen is whether a dialog is in front; a second one would hide it.
func (w *window) dialogOpen() bool { return w.win.Canvas().Overlays().Top() != nil }

// drop opens dropped files by where they fall: on the painting's pane the first is the style, anywhere else they are photos. Several photos, or
// a folder, go into the queue. A preset is taken in and applied; a picture of Gesso's offers the settings it was made with.
func (w *window) drop(at fyne.Position, uris []fyne.URI) {
	if len(uris) == 0 || w.dialogOpen() {
		return
	}
	var paths []string
	for _, u := range uris {
		if u.Scheme() != "file" {
			w.session.Say(tr("Only files can be dropped: download the picture first."))
			return
		}
		paths = append(paths, u.Path())
	}
	switch {
	case inside(w.painting, at) && !w.adjust.body.Visible():
		w.session.OpenStyle(paths[0])
		if n := len(paths); n > 1 {
			w.session.Say(tr("%d files were dropped; the first, %s, was opened.", n, filepath.Base(paths[0])))
		}
	case len(paths) == 1 && strings.EqualFold(filepath.Ext(paths[0]), ".json"):
		w.importPreset(paths[0])
	case len(paths) == 1 && !isFolder(paths[0]):
		w.session.OpenContent(paths[0])
		w.offerRecipe(paths[0])
	default:
		w.dropMany(uris)
	}
}

// dropMany puts photos and the pictures of folders into the queue.
func (w *window) dropMany(uris []fyne.URI) {
	var paths []string
	for _, u := range uris {
		if u.Scheme() == "file" {
			paths = append(paths, u.Path())
		}
	}
	w.session.QueueMany(paths)
	w.showQueue()
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// offerRecipe asks whether the settings of a picture that Gesso has made are wanted, and its photo.
func (w *window) offerRecipe(path string) {
	go func() { // it reads the file
		c, ok := session.Recipe(path)
		if !ok {
			return
		}
		w.do(func() {
			if w.dialogOpen() {
				return
			}
			d := dialog.NewConfirm(tr("A picture by Gesso"), tr("%s was made with Gesso. Take its photo and its settings?", filepath.Base(path)), func(yes bool) {
				if yes {
					w.session.Reuse(session.Entry{Output: path, Config: c})
				}
			}, w.win)
			d.SetConfirmText(tr("Take Settings"))
			d.SetDismissText(tr("Use as Photo"))
			w.inFront(d, func() {})
		})
	}()
}

// paste opens the picture whose path is on the clipboard.
func (w *window) paste() {
	if w.pastePicture() {
		return
	}
	text := strings.TrimSpace(w.app.Clipboard().Content())
	line, _, _ := strings.Cut(text, "\n")
	if u, err := storage.ParseURI(strings.TrimSpace(line)); err == nil && u.Scheme() == "file" {
		line = u.Path()
	}
	if _, err := os.Stat(line); line == "" || err != nil {
		w.session.Say(tr("There is no picture's path on the clipboard."))
		return
	}
	w.session.OpenMany([]string{line})
}

// openFolder puts the pictures of a folder into the queue.
func (w *window) openFolder() {
	if w.dialogOpen() {
		return
	}
	w.chooseFolder(picturesDir(), func(folder string) {
		w.session.OpenMany([]string{folder})
		w.showQueue()
	})
}

func inside(o fyne.CanvasObject, at fyne.Position) bool {
	p, s := fyne.CurrentApp().Driver().AbsolutePositionForObject(o), o.Size()
	return at.X >= p.X && at.Y >= p.Y && at.X < p.X+s.Width && at.Y < p.Y+s.Height
}

// chooseFolder asks for a folder, starting at one.
func (w *window) chooseFolder(at string, done func(folder string)) { w.chooseFolderIn(w.win, at, done) }

func (w *window) chooseFolderIn(win fyne.Window, at string, done func(folder string)) {
	d := dialog.NewFolderOpen(func(l fyne.ListableURI, err error) {
		if err != nil {
			w.session.Say(err.Error())
		} else if l != nil {
			done(l.Path())
		}
	}, win)
	if l, err := storage.ListerForURI(storage.NewFileURI(at)); err == nil {
		d.SetLocation(l)
	}
	size := win.Canvas().Size()
	d.Resize(fyne.NewSize(min(size.Width-64, 880), min(size.Height-64, 600)))
	if win != w.win {
		d.Show()
		return
	}
	w.inFront(d, func() {})
}

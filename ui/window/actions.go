//go:build !headless

package window

import (
	"fmt"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/storage"

	"github.com/gesso-app/gesso/ui/window/session"
)

var pictureExtensions = []string{".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".JPG", ".JPEG", ".PNG", ".TIF", ".TIFF", ".WEBP"}

func (w *window) openPhoto() {
	w.openDialog("Open Photo", w.session.Snapshot().Content.Path, w.session.OpenContent)
}

func (w *window) openPainting() {
	w.openDialog("Open Painting", w.session.Snapshot().Style.Path, w.session.OpenStyle)
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
	d.SetConfirmText("Open")
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

// drop opens dropped files by where they fall: on the painting's pane the first is the style, anywhere else the photo. Two files dropped
// at once are not told apart, so only the first is opened, and the window says so.
func (w *window) drop(at fyne.Position, uris []fyne.URI) {
	if len(uris) == 0 || w.dialogOpen() {
		return
	}
	if uris[0].Scheme() != "file" {
		w.session.Say("Only files can be dropped: download the picture first.")
		return
	}
	path := uris[0].Path()
	if inside(w.painting, at) {
		w.session.OpenStyle(path)
	} else {
		w.session.OpenContent(path)
	}
	if n := len(uris); n > 1 {
		w.session.Say(fmt.Sprintf("%d files were dropped; the first, %s, was opened.", n, filepath.Base(path)))
	}
}

func inside(o fyne.CanvasObject, at fyne.Position) bool {
	p, s := fyne.CurrentApp().Driver().AbsolutePositionForObject(o), o.Size()
	return at.X >= p.X && at.Y >= p.Y && at.X < p.X+s.Width && at.Y < p.Y+s.Height
}

func shortcut(k fyne.KeyName, extra fyne.KeyModifier) fyne.Shortcut {
	return &desktop.CustomShortcut{KeyName: k, Modifier: fyne.KeyModifierShortcutDefault | extra}
}

func (w *window) makeMenu() {
	item := func(label string, s fyne.Shortcut, f func()) *fyne.MenuItem {
		i := fyne.NewMenuItem(label, f)
		i.Shortcut = s
		return i
	}
	w.menuSave = item("Save…", shortcut(fyne.KeyS, 0), w.openSave)
	w.menuReveal = item(revealLabel(), shortcut(fyne.KeyR, fyne.KeyModifierShift), w.reveal)
	w.menuStylize = item("Stylize", shortcut(fyne.KeyReturn, 0), w.session.Stylize)
	w.menuCancel = item("Cancel", shortcut(fyne.KeyPeriod, 0), w.session.Cancel)
	quit := item("Quit", shortcut(fyne.KeyQ, 0), w.app.Quit)
	quit.IsQuit = true
	w.menu = fyne.NewMainMenu(
		fyne.NewMenu("File",
			item("Open Photo…", shortcut(fyne.KeyO, 0), w.openPhoto),
			item("Open Painting…", shortcut(fyne.KeyO, fyne.KeyModifierShift), w.openPainting),
			fyne.NewMenuItemSeparator(),
			w.menuSave,
			w.menuReveal,
			fyne.NewMenuItemSeparator(),
			quit),
		fyne.NewMenu("Image", w.menuStylize, w.menuCancel),
		fyne.NewMenu("Help", item("About Gesso", nil, w.about)))
	w.updateMenuItems(w.session.Snapshot())
	w.win.SetMainMenu(w.menu)
}

// updateMenu greys out what cannot be done. The menu is built anew only when that changes, since it closes when it is.
func (w *window) updateMenu(n session.Snapshot) {
	if w.updateMenuItems(n) {
		w.menu.Refresh()
	}
}

func (w *window) updateMenuItems(n session.Snapshot) (changed bool) {
	for i, disabled := range map[*fyne.MenuItem]bool{w.menuSave: !n.CanSave, w.menuReveal: n.Saved == "", w.menuStylize: !n.CanStylize, w.menuCancel: !n.Busy} {
		changed = changed || i.Disabled != disabled
		i.Disabled = disabled
	}
	return changed
}

func (w *window) about() {
	if w.dialogOpen() {
		return
	}
	w.inFront(dialog.NewInformation("Gesso "+w.version, "Gives a photo the look of a painting, on your own computer.\nApache License 2.0", w.win), func() {})
}

//go:build !headless

package window

import (
	"fmt"
	"path/filepath"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/driver/desktop"

	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

// menuItems are those that change: greyed out, or with items below them.
type menuItems struct {
	save, reveal, copy, share, stylize, enqueue, cancel, undo, redo, own *fyne.MenuItem
	recent                                                               *fyne.MenuItem
	presets                                                              *fyne.Menu
	main                                                                 *fyne.MainMenu
	recentPaths                                                          []string
}

func shortcut(k fyne.KeyName, extra fyne.KeyModifier) fyne.Shortcut {
	return &desktop.CustomShortcut{KeyName: k, Modifier: fyne.KeyModifierShortcutDefault | extra}
}

func menuItem(label string, s fyne.Shortcut, f func()) *fyne.MenuItem {
	i := fyne.NewMenuItem(label, f)
	i.Shortcut = s
	return i
}

func (w *window) makeMenu() {
	s, m, line := w.session, &w.menu, fyne.NewMenuItemSeparator()
	m.save = menuItem(tr("Save…"), shortcut(fyne.KeyS, 0), w.openSave)
	m.reveal = menuItem(tr("Show in Folder"), shortcut(fyne.KeyR, fyne.KeyModifierShift), func() { w.reveal(s.Snapshot().Saved) })
	m.copy = menuItem(tr("Copy Picture"), &fyne.ShortcutCopy{Clipboard: w.app.Clipboard()}, w.inText(&fyne.ShortcutCopy{Clipboard: w.app.Clipboard()}, w.copyPicture))
	m.share = fyne.NewMenuItem(tr("Share…"), w.sharePicture)
	m.stylize = menuItem(tr("Stylize"), shortcut(fyne.KeyReturn, 0), s.Stylize)
	m.enqueue = menuItem(tr("Add to Queue"), shortcut(fyne.KeyReturn, fyne.KeyModifierShift), s.Enqueue)
	m.cancel = menuItem(tr("Cancel"), shortcut(fyne.KeyPeriod, 0), s.Cancel)
	m.undo = menuItem(tr("Undo"), &fyne.ShortcutUndo{}, w.inText(&fyne.ShortcutUndo{}, s.Undo))
	m.redo = menuItem(tr("Redo"), &fyne.ShortcutRedo{}, w.inText(&fyne.ShortcutRedo{}, s.Redo))
	paste := &fyne.ShortcutPaste{Clipboard: w.app.Clipboard()}
	m.own = menuItem(tr("Add Painting to My Styles"), nil, s.AddOwnStyle)
	m.recent = fyne.NewMenuItem(tr("Open Recent"), nil)
	m.presets = fyne.NewMenu(tr("Presets"))
	quit := menuItem(tr("Quit"), shortcut(fyne.KeyQ, 0), w.quit)
	quit.IsQuit = true
	mode := func(label string, v view.Mode) *fyne.MenuItem {
		return fyne.NewMenuItem(label, func() { w.compare.SetMode(v) })
	}
	saving := []*fyne.MenuItem{m.save, m.reveal}
	if shares {
		saving = append(saving, m.share)
	}
	m.main = fyne.NewMainMenu(
		fyne.NewMenu(tr("File"), slices.Concat([]*fyne.MenuItem{
			menuItem(tr("Open Photo…"), shortcut(fyne.KeyO, 0), w.openPhoto), m.recent,
			menuItem(tr("Open Painting…"), shortcut(fyne.KeyO, fyne.KeyModifierShift), w.openPainting),
			menuItem(tr("Open Folder…"), nil, w.openFolder), line,
		}, saving, []*fyne.MenuItem{line, menuItem(tr("Settings…"), shortcut(fyne.KeyComma, 0), w.openSettings), line, quit})...),
		fyne.NewMenu(tr("Edit"), m.undo, m.redo, line, m.copy, menuItem(tr("Paste Picture"), paste, w.inText(paste, w.paste)), m.own),
		fyne.NewMenu(tr("Image"), m.stylize, m.enqueue, m.cancel, line, menuItem(tr("Adjust"), shortcut(fyne.KeyJ, 0), w.adjust.toggle), menuItem(tr("Choose Mask…"), nil, w.openMask)),
		m.presets,
		fyne.NewMenu(tr("View"),
			mode(tr("Side by side"), view.SideBySide), mode(tr("Split"), view.Split), mode(tr("Blink"), view.Blink), mode(tr("Likeness"), view.Likeness), line,
			menuItem(tr("Zoom In"), shortcut(fyne.KeyEqual, 0), func() { w.compare.Zoom(zoomStep) }),
			menuItem(tr("Zoom Out"), shortcut(fyne.KeyMinus, 0), func() { w.compare.Zoom(1 / zoomStep) }),
			menuItem(tr("Fit"), shortcut(fyne.Key0, 0), w.compare.Fit), menuItem(tr("Actual Size"), shortcut(fyne.Key1, 0), w.compare.Actual), line,
			menuItem(tr("Full Screen"), shortcut(fyne.KeyF, fyne.KeyModifierControl|fyne.KeyModifierShift), func() { w.win.SetFullScreen(!w.win.FullScreen()) })),
		fyne.NewMenu(tr("Window"),
			menuItem(tr("Queue"), shortcut(fyne.Key2, 0), w.showQueue), menuItem(tr("History"), shortcut(fyne.Key3, 0), w.showHistory),
			menuItem(tr("Watch Folders"), shortcut(fyne.Key4, 0), w.showFolders)),
		fyne.NewMenu(tr("Help"), fyne.NewMenuItem(tr("About Gesso"), w.about)))
	w.fillPresets()
	w.updateMenuItems(s.Snapshot())
	w.win.SetMainMenu(m.main)
}

// inText gives a shortcut to the text that has the focus, for the menu gets it first; f is run where none has.
func (w *window) inText(s fyne.Shortcut, f func()) func() {
	return func() {
		if text, ok := w.win.Canvas().Focused().(fyne.Shortcutable); ok {
			text.TypedShortcut(s)
			return
		}
		f()
	}
}

// updateMenu greys out what cannot be done. The menu is built anew only when that changes, since it closes when it is.
func (w *window) updateMenu(n session.Snapshot) {
	if w.updateMenuItems(n) {
		w.menu.main.Refresh()
	}
}

func (w *window) updateMenuItems(n session.Snapshot) (changed bool) {
	m := &w.menu
	for i, disabled := range map[*fyne.MenuItem]bool{
		m.save: !n.CanSave, m.copy: !n.CanSave, m.share: !n.CanSave, m.reveal: n.Saved == "", m.stylize: !n.CanStylize, m.cancel: !n.Busy, m.enqueue: !n.CanEnqueue,
		m.own: !n.Style.Ready(), m.recent: len(n.Recent) == 0,
	} {
		changed = changed || i.Disabled != disabled
		i.Disabled = disabled
	}
	if m.recent.ChildMenu == nil || !slices.Equal(m.recentPaths, n.Recent) {
		m.recentPaths = n.Recent
		m.recent.ChildMenu = fyne.NewMenu("")
		for _, path := range n.Recent {
			m.recent.ChildMenu.Items = append(m.recent.ChildMenu.Items, fyne.NewMenuItem(filepath.Base(path), func() { w.session.OpenContent(path) }))
		}
		changed = true
	}
	return changed
}

// quit asks before work is left undone: what waits in the queue goes on the next time, a picture that was not saved is lost.
func (w *window) quit() {
	n := w.session.Snapshot()
	var question string
	switch {
	case n.Busy:
		question = tr("A picture is being painted. Quit and lose it?")
	case n.Queue.Waiting > 0 && !n.Queue.Paused:
		question = tr("%d pictures wait in the queue. They go on when Gesso is opened again.", n.Queue.Waiting)
	default:
		w.app.Quit()
		return
	}
	if w.dialogOpen() {
		return
	}
	d := dialog.NewConfirm(tr("Quit Gesso?"), question, func(yes bool) {
		if yes {
			w.app.Quit()
		}
	}, w.win)
	d.SetConfirmText(tr("Quit"))
	d.SetDismissText(tr("Go On"))
	w.inFront(d, func() {})
}

func (w *window) about() {
	if w.dialogOpen() {
		return
	}
	text := tr("Gives a photo the look of a painting, on your own computer.") + "\n" + tr("Apache License 2.0")
	w.inFront(dialog.NewInformation(fmt.Sprintf("Gesso %s", w.version), text, w.win), func() {})
}

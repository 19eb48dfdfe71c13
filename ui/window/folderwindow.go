//go:build !headless

package window

import (
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

// folderWindow lists the watch folders, with the log of the chosen one.
type folderWindow struct {
	w *window
	*panel
	folders []session.Folder
	chosen  string
	list    *widget.List
	log     *widget.List
	lines   []string
	empty   *view.Text
	note    *view.Text
}

func (w *window) showFolders() {
	if w.folders == nil {
		w.folders = newFolderWindow(w)
	}
	w.folders.front(w.folders.update)
}

func newFolderWindow(w *window) *folderWindow {
	f := &folderWindow{
		w: w, panel: w.newPanel(tr("Watch Folders"), fyne.NewSize(720, 560)), note: view.NewNote(""),
		empty: view.NewNote(tr("Nothing is watched yet. Add a folder: every picture that comes into it is stylized once.")).Align(fyne.TextAlignCenter),
	}
	f.list = widget.NewList(func() int { return len(f.folders) },
		func() fyne.CanvasObject { return view.NewTaskRow() },
		func(i widget.ListItemID, o fyne.CanvasObject) { o.(*view.TaskRow).SetState(f.row(f.folders[i])) })
	f.list.OnSelected = func(i widget.ListItemID) { f.chosen = f.folders[i].ID; f.update() }
	f.log = widget.NewList(func() int { return len(f.lines) },
		func() fyne.CanvasObject {
			return container.New(layout.NewCustomPaddedLayout(2, 2, 8, 8), view.NewCaption(""))
		},
		func(i widget.ListItemID, o fyne.CanvasObject) {
			o.(*fyne.Container).Objects[0].(*view.Text).SetText(f.lines[len(f.lines)-1-i])
		})
	f.log.OnSelected = func(i widget.ListItemID) { f.log.Unselect(i) }
	add := widget.NewButtonWithIcon(tr("Add Folder…"), theme.ContentAddIcon(), f.add)
	add.Importance = widget.HighImportance
	log := container.NewBorder(container.New(layout.NewCustomPaddedLayout(8, 4, 0, 0), view.NewTitle(tr("Log"))), nil, nil, nil,
		container.NewStack(view.NewGround(view.ColorWell), f.log))
	split := container.NewVSplit(orEmpty(f.list, f.empty), log)
	split.Offset = 0.6
	f.show(container.NewBorder(nil, container.New(layout.NewCustomPaddedLayout(8, 0, 0, 0), container.NewBorder(nil, nil, nil, add, f.note)), nil, nil, split))
	return f
}

func (f *folderWindow) update() {
	f.folders = f.w.session.Folders()
	setVisible(f.empty, len(f.folders) == 0)
	f.list.Refresh()
	f.lines = nil
	for _, o := range f.folders {
		if o.ID == f.chosen || len(f.folders) == 1 {
			f.lines = o.Log
		}
	}
	f.log.Refresh()
	n := f.w.session.Snapshot()
	f.note.SetText(statusWords(n.Status))
}

// add asks for the folder to watch, then for the one where pictures go.
func (f *folderWindow) add() {
	if _, ok := f.w.session.Settings(); !ok {
		f.note.Set(tr("Add a painting, choose a style or write a prompt first."), widget.WarningImportance)
		return
	}
	f.w.chooseFolderIn(f.win, picturesDir(), func(dir string) {
		f.note.SetText(tr("Now choose the folder for the stylized pictures."))
		f.w.chooseFolderIn(f.win, dir, func(output string) { f.w.session.AddFolder(dir, output) })
	})
}

// row is a folder as it is shown, with what can be done with it.
func (f *folderWindow) row(o session.Folder) view.TaskState {
	s := f.w.session
	r := view.TaskState{Name: filepath.Base(o.Dir) + " → " + o.Output, Fraction: -1, Tone: widget.LowImportance}
	state, icon, tip := tr("Stopped"), theme.MediaPlayIcon(), tr("Watch this folder")
	if o.On {
		state, icon, tip = tr("Watching"), theme.MediaPauseIcon(), tr("Stop watching this folder")
	}
	words := []string{state, o.Style, tr("%d done", o.Done), tr("%d waiting", o.Waiting)}
	if o.Failed > 0 {
		words = append(words, tr("%d failed", o.Failed))
	}
	if o.Error != "" {
		words, r.Tone = append([]string{explain(o.Error)}, words...), widget.DangerImportance
	}
	r.Detail = strings.Join(words, "  ·  ")
	r.Buttons = []view.RowButton{{Icon: icon, Tip: tip, Run: func() { s.SetFolder(o.ID, !o.On) }}}
	if o.Failed > 0 {
		r.Buttons = append(r.Buttons, view.RowButton{Icon: theme.ViewRefreshIcon(), Tip: tr("Try again what failed"), Run: func() { s.RetryFolder(o.ID) }})
	}
	r.Buttons = append(r.Buttons, []view.RowButton{
		{Icon: theme.FolderOpenIcon(), Tip: tr("Show in Folder"), Run: func() { f.w.reveal(filepath.Join(o.Output, "x")) }},
		{Icon: theme.DeleteIcon(), Tip: tr("Take the folder off this list; the pictures stay"), Run: func() { s.RemoveFolder(o.ID) }},
	}...)
	return r
}

//go:build !headless

package window

import (
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/ui/window/view"
)

// saveForm asks for a file's name and folder. Fyne's own dialog empties the chosen file before it calls back, which would lose a picture
// when the save then fails; this one touches nothing and says in place what would happen.
type saveForm struct {
	w      *window
	dialog *dialog.CustomDialog
	name   *view.Entry
	folder string
	where  *view.Text
	note   *view.Text
	save   *widget.Button
	exists bool
}

// openSave asks where to save.
func (w *window) openSave() {
	if !w.session.Snapshot().CanSave || w.dialogOpen() {
		return
	}
	path := w.session.SuggestedPath()
	f := &saveForm{w: w, name: view.NewEntry(), folder: filepath.Dir(path), where: view.NewPlain(""), note: view.NewNote("")}
	f.name.SetText(filepath.Base(path))
	f.name.OnChanged = func(string) { f.check() }
	f.name.OnSubmitted = func(string) { f.confirm() }
	f.save = widget.NewButton(tr("Save"), f.confirm)
	f.save.Importance = widget.HighImportance
	choose := widget.NewButtonWithIcon(tr("Choose…"), theme.FolderOpenIcon(), f.chooseFolder)
	group := func(title string, o fyne.CanvasObject) fyne.CanvasObject {
		return container.New(layout.NewCustomPaddedVBoxLayout(6), view.NewTitle(title), o)
	}
	body := container.New(layout.NewCustomPaddedVBoxLayout(16),
		group(tr("Name"), f.name),
		group(tr("Folder"), container.NewBorder(nil, nil, nil, choose, container.New(middle{}, f.where))),
		container.New(room{height: 32}, f.note))
	f.dialog = dialog.NewCustomWithoutButtons(tr("Save Picture"), body, w.win)
	f.dialog.SetButtons([]fyne.CanvasObject{widget.NewButton(tr("Cancel"), f.dialog.Hide), f.save})
	f.name.OnEscape = w.escape
	f.check()
	f.dialog.Resize(fyne.NewSize(480, 0))
	w.saving = f
	w.inFront(f.dialog, func() { w.saving = nil })
	w.win.Canvas().Focus(f.name)
}

func (f *saveForm) path() string { return filepath.Join(f.folder, f.name.Text) }

// check says what saving under the present name would do.
func (f *saveForm) check() {
	f.where.SetText(f.folder)
	var problem string
	if f.name.Text == "" {
		f.exists, problem = false, tr("Give the picture a name that ends in .jpg or .png.")
	} else {
		f.exists, problem = f.w.session.CheckSave(f.path())
		problem = explain(problem)
	}
	f.save.SetText(tr("Save"))
	setEnabled(f.save, problem == "")
	switch {
	case problem != "":
		f.note.Set(problem, widget.DangerImportance)
	case f.exists:
		f.note.Set(tr("%s exists already. Replacing it cannot be undone.", f.name.Text), widget.WarningImportance)
		f.save.SetText(tr("Replace"))
	default:
		f.note.Set(tr("JPEG for .jpg, lossless for .png. The settings are kept in the file."), widget.LowImportance)
	}
}

func (f *saveForm) confirm() {
	f.check() // the disk may have changed since the last key
	if f.save.Disabled() {
		return
	}
	f.w.session.Save(f.path(), f.exists)
	f.dialog.Hide()
}

func (f *saveForm) chooseFolder() {
	d := dialog.NewFolderOpen(func(l fyne.ListableURI, err error) {
		switch {
		case err != nil:
			f.note.Set(err.Error(), widget.DangerImportance)
		case l != nil:
			f.folder = l.Path()
			f.check()
		}
	}, f.w.win)
	if l, err := storage.ListerForURI(storage.NewFileURI(f.folder)); err == nil {
		d.SetLocation(l)
	}
	f.w.inFront(d, func() {})
}

// room keeps a height for an object that may need less.
type room struct{ height float32 }

func (l room) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(o[0].MinSize().Width, max(l.height, o[0].MinSize().Height))
}

func (room) Layout(o []fyne.CanvasObject, s fyne.Size) { place(o[0], 0, 0, s.Width, s.Height) }

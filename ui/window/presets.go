//go:build !headless

package window

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/pipeline/preset"
	"github.com/gesso-app/gesso/ui/window/view"
)

// fillPresets lists the presets in their menu; the first nine have a shortcut.
func (w *window) fillPresets() {
	line := fyne.NewMenuItemSeparator()
	items := []*fyne.MenuItem{
		menuItem(tr("Save as Preset…"), shortcut(fyne.KeyS, fyne.KeyModifierShift), w.savePreset),
		fyne.NewMenuItem(tr("Manage Presets…"), w.managePresets), line,
	}
	all, err := w.presets.List()
	if err != nil {
		w.session.Say(err.Error())
	}
	digits := []fyne.KeyName{fyne.Key1, fyne.Key2, fyne.Key3, fyne.Key4, fyne.Key5, fyne.Key6, fyne.Key7, fyne.Key8, fyne.Key9}
	for i, p := range all {
		var s fyne.Shortcut
		if i < len(digits) {
			s = shortcut(digits[i], fyne.KeyModifierAlt)
		}
		items = append(items, menuItem(p.Name, s, func() { w.session.Apply(p.Config(), p.Name) }))
	}
	w.menu.presets.Items = items
}

func (w *window) presetsChanged() {
	w.fillPresets()
	w.menu.main.Refresh()
}

// savePreset asks for a name and keeps the present settings, with the style's code in place of its picture.
func (w *window) savePreset() {
	if w.dialogOpen() {
		return
	}
	if _, ok := w.session.Settings(); !ok {
		w.session.Say(tr("Add a painting, choose a style or write a prompt first."))
		return
	}
	w.askName(tr("Save as Preset"), "", tr("Save"), func(name string, overwrite bool) {
		w.writePreset(name, overwrite, func(err error) {
			if err != nil {
				w.session.Say(err.Error())
				return
			}
			w.presetsChanged()
			w.session.Say(tr("Saved the preset %s.", name))
		})
	})
}

// writePreset keeps the present settings under a name. Reading the style may take a while; done is called on the UI goroutine.
func (w *window) writePreset(name string, overwrite bool, done func(error)) {
	c, ok := w.session.Settings()
	if !ok {
		done(errors.New(tr("Add a painting, choose a style or write a prompt first.")))
		return
	}
	p := &preset.Preset{Name: name, Settings: c}
	if c.StyleImagePath == "" {
		done(w.presets.Save(p, overwrite))
		return
	}
	go func() {
		code, err := w.session.StyleCode(context.Background())
		if err == nil {
			p.Settings.StyleCode, p.Settings.StyleImagePath, p.StyleImage = code, "", c.StyleImagePath
			err = w.presets.Save(p, overwrite)
		}
		w.do(func() { done(err) })
	}()
}

// askName asks for a preset's name and says in place what is wrong with it.
func (w *window) askName(title, name, verb string, done func(name string, overwrite bool)) {
	entry, note := view.NewEntry(), view.NewNote("")
	entry.SetText(name)
	ok := widget.NewButton(verb, nil)
	ok.Importance = widget.HighImportance
	exists := false
	check := func() {
		text := strings.TrimSpace(entry.Text)
		err := preset.CheckName(text)
		old, missing := w.presets.Get(text)
		exists = missing == nil && !old.Builtin && !strings.EqualFold(text, name)
		setEnabled(ok, err == nil && text != "")
		switch {
		case text == "":
			note.Set("", widget.LowImportance)
		case err != nil:
			note.Set(err.Error(), widget.DangerImportance)
		case exists:
			note.Set(tr("There is a preset of this name: it will be replaced."), widget.WarningImportance)
		default:
			note.Set("", widget.LowImportance)
		}
	}
	entry.OnChanged = func(string) { check() }
	body := container.New(layout.NewCustomPaddedVBoxLayout(8), view.NewTitle(tr("Name")), entry, container.New(room{height: 32}, note))
	d := dialog.NewCustomWithoutButtons(title, body, w.win)
	confirm := func() {
		check()
		if !ok.Disabled() {
			d.Hide()
			done(strings.TrimSpace(entry.Text), exists)
		}
	}
	ok.OnTapped, entry.OnSubmitted, entry.OnEscape = confirm, func(string) { confirm() }, w.escape
	d.SetButtons([]fyne.CanvasObject{widget.NewButton(tr("Cancel"), d.Hide), ok})
	check()
	d.Resize(fyne.NewSize(400, 0))
	w.inFront(d, func() {})
	w.win.Canvas().Focus(entry)
}

// importPreset takes in a preset's file, or the recipe of a picture.
func (w *window) importPreset(path string) {
	f, err := os.Open(path)
	if err != nil {
		w.session.Say(err.Error())
		return
	}
	defer f.Close()
	p, err := w.presets.Import(f, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), "", false)
	if err != nil {
		w.session.Say(err.Error())
		return
	}
	w.presetsChanged()
	w.session.Apply(p.Config(), p.Name)
}

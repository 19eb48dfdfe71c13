//go:build !headless

package window

import (
	"fmt"
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/pipeline/preset"
	"github.com/gesso-app/gesso/ui/window/view"
)

// presetManager lists the presets, with what can be done with each.
type presetManager struct {
	w       *window
	dialog  *dialog.CustomDialog
	list    *widget.List
	note    *view.Text
	all     []*preset.Preset
	at      int            // the chosen one, -1 for none
	deleted *preset.Preset // can be brought back

	apply, rename, duplicate, update, remove, export, undo *widget.Button
}

func (w *window) managePresets() {
	if w.dialogOpen() {
		return
	}
	m := &presetManager{w: w, at: -1, note: view.NewNote("")}
	m.list = widget.NewList(func() int { return len(m.all) },
		func() fyne.CanvasObject {
			return container.New(layout.NewCustomPaddedLayout(4, 4, 8, 8), container.NewBorder(nil, nil, nil, view.NewCaption(""), view.NewPlain("")))
		},
		func(i widget.ListItemID, o fyne.CanvasObject) {
			row := o.(*fyne.Container).Objects[0].(*fyne.Container)
			row.Objects[0].(*view.Text).SetText(m.all[i].Name)
			detail := ""
			if m.all[i].Builtin {
				detail = tr("comes with Gesso")
			}
			row.Objects[1].(*view.Text).SetText(detail)
		})
	m.list.OnSelected = func(i widget.ListItemID) { m.at = i; m.check() }
	button := func(label string, f func(*preset.Preset) error) *widget.Button {
		return widget.NewButton(label, func() {
			if m.at < 0 || m.at >= len(m.all) {
				return
			}
			m.say(f(m.all[m.at]))
		})
	}
	m.apply = button(tr("Apply"), func(p *preset.Preset) error { m.dialog.Hide(); w.session.Apply(p.Config(), p.Name); return nil })
	m.apply.Importance = widget.HighImportance
	m.rename = button(tr("Rename…"), func(p *preset.Preset) error { m.named(p, true); return nil })
	m.duplicate = button(tr("Duplicate…"), func(p *preset.Preset) error { m.named(p, false); return nil })
	m.update = button(tr("Take Present Settings"), m.takeSettings)
	m.remove = button(tr("Delete"), m.deletePreset)
	m.export = button(tr("Export…"), m.exportPreset)
	m.undo = widget.NewButton(tr("Undo Delete"), func() { m.say(m.bringBack()) })
	side := container.New(layout.NewCustomPaddedVBoxLayout(6), m.apply, m.rename, m.duplicate, m.update, m.export, m.remove, m.undo,
		widget.NewButton(tr("Import…"), m.importFile))
	body := container.NewBorder(nil, container.New(room{height: 32}, m.note), nil, container.New(layout.NewCustomPaddedLayout(0, 0, 12, 0), side), m.list)
	m.dialog = dialog.NewCustom(tr("Presets"), tr("Done"), body, w.win)
	m.reload("")
	m.dialog.Resize(fyne.NewSize(560, 480))
	w.inFront(m.dialog, func() { w.manager = nil })
	w.manager = m
}

// reload reads the presets again and chooses the one of that name.
func (m *presetManager) reload(name string) {
	all, err := m.w.presets.List()
	m.all, m.at = all, -1
	m.list.UnselectAll()
	m.list.Refresh()
	for i, p := range all {
		if p.Name == name {
			m.list.Select(i)
		}
	}
	m.say(err)
	m.check()
	m.w.presetsChanged()
}

func (m *presetManager) say(err error) {
	if err != nil {
		m.note.Set(err.Error(), widget.DangerImportance)
	} else {
		m.note.SetText("")
	}
}

func (m *presetManager) check() {
	chosen := m.at >= 0 && m.at < len(m.all)
	own := chosen && !m.all[m.at].Builtin
	for b, yes := range map[*widget.Button]bool{
		m.apply: chosen, m.duplicate: chosen, m.export: chosen, m.rename: own, m.update: own, m.remove: own, m.undo: m.deleted != nil,
	} {
		setEnabled(b, yes)
	}
}

// named copies a preset under another name; the old one goes if it is renamed.
func (m *presetManager) named(p *preset.Preset, rename bool) {
	title := tr("Duplicate Preset")
	if rename {
		title = tr("Rename Preset")
	}
	m.w.askName(title, p.Name, title, func(name string, overwrite bool) {
		if name == p.Name {
			return
		}
		copied := &preset.Preset{Name: name, Description: p.Description, Settings: p.Settings, StyleImage: p.StyleImage}
		err := m.w.presets.Save(copied, overwrite)
		if err == nil && rename {
			err = m.w.presets.Delete(p.Name)
		}
		m.reload(name)
		m.say(err)
	})
}

func (m *presetManager) takeSettings(p *preset.Preset) error {
	m.w.writePreset(p.Name, true, func(err error) {
		m.reload(p.Name)
		m.say(err)
	})
	return nil
}

func (m *presetManager) deletePreset(p *preset.Preset) error {
	if err := m.w.presets.Delete(p.Name); err != nil {
		return err
	}
	m.deleted = &preset.Preset{Name: p.Name, Description: p.Description, Settings: p.Settings, StyleImage: p.StyleImage}
	m.reload("")
	return nil
}

func (m *presetManager) bringBack() error {
	p := m.deleted
	if p == nil {
		return nil
	}
	if err := m.w.presets.Save(p, false); err != nil {
		return err
	}
	m.deleted = nil
	m.reload(p.Name)
	return nil
}

// exportPreset writes a preset's file into a folder that is asked for.
func (m *presetManager) exportPreset(p *preset.Preset) error {
	data, err := p.JSON()
	if err != nil {
		return err
	}
	m.w.chooseFolder(picturesDir(), func(folder string) {
		path := filepath.Join(folder, p.Name+".json")
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err == nil {
			_, err = f.Write(data)
			if end := f.Close(); err == nil {
				err = end
			}
		}
		if err != nil {
			m.say(fmt.Errorf("export the preset: %w", err))
			return
		}
		m.note.Set(tr("Saved %s in %s.", filepath.Base(path), folder), widget.SuccessImportance)
	})
	return nil
}

func (m *presetManager) importFile() {
	d := dialog.NewFileOpen(func(r fyne.URIReadCloser, err error) {
		if err != nil || r == nil {
			m.say(err)
			return
		}
		path := r.URI().Path()
		_ = r.Close() // it is read by its name
		m.w.importPreset(path)
		m.reload("")
	}, m.w.win)
	d.SetFilter(storage.NewExtensionFileFilter([]string{".json"}))
	m.w.inFront(d, func() {})
}

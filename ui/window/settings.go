//go:build !headless

package window

import (
	"fmt"
	"runtime"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/assets"
	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

// themes are the choices of Preferences.Theme with their names.
var themes = []struct{ id, name string }{{"system", "As the system"}, {"light", "Light"}, {"dark", "Dark"}} // names are texts for tr

// settingsForm shows the preferences. What is changed counts at once.
type settingsForm struct {
	w      *window
	p      session.Preferences
	note   *view.Text
	folder *view.Text
	naming *view.Entry
	reset  *widget.Button
}

func (w *window) openSettings() {
	if w.dialogOpen() {
		return
	}
	f := &settingsForm{w: w, p: w.session.Preferences(), note: view.NewNote(""), folder: view.NewPlain(""), naming: view.NewEntry()}
	d := dialog.NewCustom(tr("Settings"), tr("Done"), f.layout(), w.win)
	f.naming.OnEscape = w.escape
	d.Resize(fyne.NewSize(560, 0))
	w.inFront(d, func() {})
}

// take keeps the preferences and says what is wrong with them.
func (f *settingsForm) take() {
	f.showFolder()
	if err := f.w.session.SetPreferences(f.p); err != nil {
		f.note.Set(capital(err.Error()), widget.DangerImportance)
		return
	}
	f.note.SetText("")
	f.w.applyPreferences()
}

func (f *settingsForm) showFolder() {
	f.folder.SetText(f.p.OutputFolder)
	if f.p.OutputFolder == "" {
		f.folder.SetText(tr("Beside the photo"))
	}
	setVisible(f.reset, f.p.OutputFolder != "")
}

// choice is a list of which one is chosen.
func choice[T comparable](values []T, name func(T) string, at T, chosen func(T)) fyne.CanvasObject {
	s := widget.NewSelect(nil, nil)
	for _, v := range values {
		s.Options = append(s.Options, name(v))
	}
	s.SetSelectedIndex(slices.Index(values, at))
	s.OnChanged = func(string) { chosen(values[s.SelectedIndex()]) }
	return container.NewStack(s, view.NewOutline())
}

// slide is a slider with its value beside it.
func slide(low, high, step, at float64, show func(float64) string, moved func(float64)) fyne.CanvasObject {
	value := view.NewPlain(show(at)).Align(fyne.TextAlignTrailing)
	s := widget.NewSlider(low, high)
	s.Step, s.Value = step, at
	s.OnChanged = func(v float64) { value.SetText(show(v)) }
	s.OnChangeEnded = moved
	return container.NewBorder(nil, nil, nil, container.NewGridWrap(fyne.NewSize(56, 32), container.New(middle{}, value)), view.OnRail(s))
}

func (f *settingsForm) layout() fyne.CanvasObject {
	f.reset = widget.NewButtonWithIcon("", theme.CancelIcon(), func() { f.p.OutputFolder = ""; f.take() })
	f.reset.Importance = widget.LowImportance
	choose := widget.NewButton(tr("Choose…"), func() {
		f.w.chooseFolder(picturesDir(), func(folder string) { f.p.OutputFolder = folder; f.take() })
	})
	folder := container.NewBorder(nil, nil, nil, container.NewHBox(f.reset, choose), container.New(middle{}, f.folder))
	f.naming.SetText(string(f.p.Naming))
	f.naming.OnChanged = func(text string) { f.p.Naming = batch.Template(text); f.take() }
	formats := map[batch.Format]string{batch.FormatAuto: tr("As the photo"), batch.FormatJPEG: "JPEG", batch.FormatPNG: "PNG"}
	var themeIDs []string
	names := map[string]string{}
	for _, t := range themes {
		themeIDs, names[t.id] = append(themeIDs, t.id), tr(t.name)
	}
	languages := append([]string{""}, assets.Languages()...)
	row := func(label string, o fyne.CanvasObject) []fyne.CanvasObject {
		return []fyne.CanvasObject{container.New(middle{}, view.NewPlain(label).Align(fyne.TextAlignTrailing)), o}
	}
	var cells []fyne.CanvasObject
	add := func(label string, o fyne.CanvasObject) { cells = append(cells, row(label, o)...) }
	add(tr("Save pictures"), folder)
	add(tr("Name them"), f.naming)
	add(tr("Format"), choice(batch.Formats, func(v batch.Format) string { return formats[v] }, f.p.Format, func(v batch.Format) { f.p.Format = v; f.take() }))
	add(tr("JPEG quality"), slide(50, 100, 1, float64(f.p.Quality), func(v float64) string { return fmt.Sprintf("%.0f", v) },
		func(v float64) { f.p.Quality = int(v); f.take() }))
	metadata := widget.NewCheck(tr("Keep the photo’s metadata and the settings in the file"), nil)
	metadata.Checked = f.p.Metadata
	metadata.OnChanged = func(on bool) { f.p.Metadata = on; f.take() }
	add(tr("Metadata"), metadata)
	gates := gateNames(f.p.MinSSIM)
	add(tr("Quality gate"), choice(pipeline.Gates, func(g pipeline.Gate) string { return gates[slices.Index(pipeline.Gates, g)] }, f.p.Gate, func(g pipeline.Gate) { f.p.Gate = g; f.take() }))
	add(tr("SSIM threshold"), slide(0, 1, 0.01, f.p.MinSSIM, func(v float64) string { return fmt.Sprintf("%.2f", v) },
		func(v float64) { f.p.MinSSIM = v; f.take() }))
	if runtime.GOOS == "darwin" {
		units := []string{native.UnitsAll.String(), native.UnitsCPUAndNeuralEngine.String(), native.UnitsCPUAndGPU.String(), native.UnitsCPUOnly.String()}
		words := []string{tr("All"), tr("CPU and Neural Engine"), tr("CPU and GPU"), tr("CPU only")}
		add(tr("Compute units"), choice(units, func(u string) string { return words[slices.Index(units, u)] }, f.p.Units, func(u string) {
			f.p.Units = u
			f.take()
			f.note.SetText(tr("This counts when Gesso is opened the next time."))
		}))
	}
	add(tr("Appearance"), choice(themeIDs, func(id string) string { return names[id] }, f.p.Theme, func(id string) { f.p.Theme = id; f.take() }))
	add(tr("Language"), choice(languages, func(id string) string {
		if id == "" {
			return tr("As the system")
		}
		return assets.LanguageName(id)
	}, f.p.Language, func(id string) {
		f.p.Language = id
		f.take()
		f.note.SetText(tr("The language changes when Gesso is opened the next time."))
	}))
	add(tr("Cache"), f.cache())
	f.showFolder()
	help := view.NewCaption("{name} {style} {strength} {date} {n}")
	cells = append(cells[:4], append([]fyne.CanvasObject{layout.NewSpacer(), help}, cells[4:]...)...)
	return container.New(layout.NewCustomPaddedVBoxLayout(12), container.New(form{gap: 12}, cells...), container.New(room{height: 32}, f.note))
}

// cache is the size of the program's own files, with a button that removes those that can be made again.
func (f *settingsForm) cache() fyne.CanvasObject {
	size := view.NewPlain("")
	show := func() { // measured off this goroutine
		bytes := f.w.session.CacheSize()
		f.w.do(func() { size.SetText(fmt.Sprintf("%.1f MB", float64(bytes)/1e6)) })
	}
	clearing := widget.NewButton(tr("Clear"), nil)
	clearing.OnTapped = func() {
		clearing.Disable()
		go func() {
			err := f.w.session.ClearCache()
			show()
			f.w.do(func() {
				clearing.Enable()
				if err != nil {
					f.note.Set(capital(err.Error()), widget.DangerImportance)
					return
				}
				f.note.Set(tr("The cache was cleared."), widget.LowImportance)
			})
		}()
	}
	go show()
	return container.NewBorder(nil, nil, nil, clearing, container.New(middle{}, size))
}

// applyPreferences shows what they say of the window.
func (w *window) applyPreferences() {
	t := view.Theme{}
	switch w.session.Preferences().Theme {
	case "light":
		v := theme.VariantLight
		t.Variant = &v
	case "dark":
		v := theme.VariantDark
		t.Variant = &v
	}
	w.app.Settings().SetTheme(t)
}

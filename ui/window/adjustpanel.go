//go:build !headless

package window

import (
	"fmt"
	"path/filepath"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/pipeline/adjust"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

// matches are the choices of adjust.ColourMatch; the empty one leaves the colours as they are painted.
var matches = []string{"", adjust.ToStyle, adjust.ToPhoto}

// adjustPanel holds what is done after the style, and the mask. Folded, which it is at first, it is a word in the panes' corner; open, it stands in the
// panes' place.
type adjustPanel struct {
	w           *window
	panes, body fyne.CanvasObject
	open, fold  *widget.Button
	sliders     map[string]*widget.Slider
	values      map[string]*view.Text
	match       *widget.Select
	choose      *widget.Button
	name        *view.Text
	clear       *widget.Button
	feather     *widget.Slider
	width       *view.Text
	invert      *widget.Check
	edge        []fyne.CanvasObject // what there is only with a mask
	quiet       bool                // the controls are being set to what the session has, which is not to hear of it
}

func newAdjustPanel(w *window) *adjustPanel {
	a := &adjustPanel{w: w, sliders: map[string]*widget.Slider{}, values: map[string]*view.Text{}}
	turn := func(text string, icon fyne.Resource) *widget.Button {
		b := widget.NewButtonWithIcon(text, icon, a.toggle)
		b.Importance, b.IconPlacement = widget.LowImportance, widget.ButtonIconTrailingText
		return b
	}
	a.open, a.fold = turn(tr("Adjust"), theme.MenuExpandIcon()), turn(tr("Done"), theme.MenuDropDownIcon())
	a.match = widget.NewSelect([]string{tr("As painted"), tr("Of the style"), tr("Of the photo")}, nil)
	a.choose = widget.NewButton(tr("Choose…"), w.openMask)
	a.name = view.NewPlain("")
	a.clear = widget.NewButtonWithIcon("", theme.CancelIcon(), func() { w.session.SetMask(session.Mask{}) })
	a.clear.Importance = widget.LowImportance
	a.feather = widget.NewSlider(0, session.FeatherMost)
	a.width = view.NewPlain("").Align(fyne.TextAlignTrailing)
	a.invert = widget.NewCheck(tr("Stylize outside of it"), nil)
	a.body = a.layout()
	a.body.Hide()
	return a
}

// stack lays the panes and the panel in one place.
func (a *adjustPanel) stack(panes fyne.CanvasObject) fyne.CanvasObject {
	a.panes = panes
	return container.NewStack(panes, a.body)
}

func (a *adjustPanel) layout() fyne.CanvasObject {
	row := func(label string, value, o fyne.CanvasObject) fyne.CanvasObject {
		name := container.NewGridWrap(fyne.NewSize(88, 32), container.New(middle{}, view.NewPlain(label)))
		if value != nil {
			value = container.NewGridWrap(fyne.NewSize(40, 32), container.New(middle{}, value))
		}
		return container.NewBorder(nil, nil, name, value, container.New(middle{}, o))
	}
	rows := container.New(layout.NewCustomPaddedVBoxLayout(4))
	slide := func(label, op string, low, high float64) {
		s, v := widget.NewSlider(low, high), view.NewPlain("").Align(fyne.TextAlignTrailing)
		s.Step = 0.01
		a.sliders[op], a.values[op] = s, v
		rows.Add(row(label, v, view.OnRail(s)))
	}
	slide(tr("Detail"), adjust.Detail, 0, 1)
	slide(tr("Sharpen"), adjust.Sharpen, 0, 2)
	slide(tr("Contrast"), adjust.Contrast, -1, 1)
	slide(tr("Saturation"), adjust.Saturation, -1, 1)
	slide(tr("Grain"), adjust.Grain, 0, 1)
	rows.Add(row(tr("Colours"), nil, container.NewStack(a.match, view.NewOutline())))
	rows.Add(row(tr("Mask"), nil, container.NewBorder(nil, nil, nil, container.NewHBox(a.clear, a.choose), container.New(middle{}, a.name))))
	a.edge = []fyne.CanvasObject{row(tr("Soft edge"), a.width, view.OnRail(a.feather)), container.New(outdent(7), a.invert)}
	for _, o := range a.edge {
		rows.Add(o)
	}
	return container.New(border{gap: 6}, corner(tr("Adjust"), a.fold), container.NewVScroll(rows))
}

// corner is a title with a button at its right, which is higher than the title and reaches over it.
func corner(title string, b *widget.Button) fyne.CanvasObject {
	return container.New(cornered{}, view.NewTitle(title), b)
}

// cornered is as high as its first object; the second stands at its right.
type cornered struct{}

func (cornered) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(o[0].MinSize().Width+o[1].MinSize().Width, o[0].MinSize().Height)
}

func (cornered) Layout(o []fyne.CanvasObject, s fyne.Size) {
	place(o[0], 0, 0, s.Width, s.Height)
	b := o[1].MinSize()
	place(o[1], s.Width-b.Width, whole((s.Height-b.Height)/2), b.Width, b.Height)
}

func (a *adjustPanel) connect(s *session.Session) {
	for op, slider := range a.sliders {
		slider.OnChanged = func(v float64) {
			if !a.quiet {
				a.values[op].SetText(hundredths(v))
				s.SetAdjustment(op, v)
			}
		}
	}
	a.match.OnChanged = func(string) {
		if !a.quiet {
			s.SetColourMatch(matches[a.match.SelectedIndex()])
		}
	}
	mask := func(f func(*session.Mask)) {
		if !a.quiet {
			m := s.Snapshot().Mask
			f(&m)
			s.SetMask(m)
		}
	}
	a.feather.OnChanged = func(v float64) { mask(func(m *session.Mask) { m.Feather = v }) }
	a.invert.OnChanged = func(on bool) { mask(func(m *session.Mask) { m.Invert = on }) }
}

// toggle opens the panel or folds it.
func (a *adjustPanel) toggle() {
	setVisible(a.panes, a.body.Visible())
	setVisible(a.body, !a.panes.Visible())
}

func (a *adjustPanel) update(n session.Snapshot) {
	a.quiet = true
	defer func() { a.quiet = false }()
	done := len(n.Post)
	if n.Mask.Path != "" {
		done++
	}
	if text := tr("Adjust"); done > 0 {
		a.open.SetText(fmt.Sprintf("%s (%d)", text, done))
	} else {
		a.open.SetText(text)
	}
	for op, slider := range a.sliders {
		v := n.Adjustment(op)
		if slider.Value != v {
			slider.SetValue(v)
		}
		a.values[op].SetText(hundredths(v))
	}
	if i := slices.Index(matches, n.ColourMatch()); a.match.SelectedIndex() != i {
		a.match.SetSelectedIndex(i)
	}
	a.name.SetText(tr("None"))
	if n.Mask.Path != "" {
		a.name.SetText(filepath.Base(n.Mask.Path))
	}
	masked := n.Mask.Path != ""
	setVisible(a.clear, masked)
	for _, o := range a.edge {
		setVisible(o, masked)
	}
	if a.feather.Value != n.Mask.Feather {
		a.feather.SetValue(n.Mask.Feather)
	}
	a.width.SetText(fmt.Sprintf("%.0f px", n.Mask.Feather))
	if a.invert.Checked != n.Mask.Invert {
		a.invert.SetChecked(n.Mask.Invert)
	}
}

// openMask lets the user choose a mask.
func (w *window) openMask() {
	n := w.session.Snapshot()
	at := n.Mask.Path
	if at == "" {
		at = n.Content.Path
	}
	w.openDialog(tr("Choose Mask"), at, func(path string) {
		m := w.session.Snapshot().Mask
		m.Path = path
		w.session.SetMask(m)
	})
}

// hundredths is an amount as it is shown, 1 as 100.
func hundredths(v float64) string { return fmt.Sprintf("%.0f", 100*v) }

//go:build !headless

package view

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Part is a style of a mix.
type Part struct {
	ID, Name string
	Weight   float64 // above 0, up to 1
}

// Mixer has a slider for each style of a mix. Its height is that of one row, whether it has any or not.
type Mixer struct {
	widget.BaseWidget
	OnWeight func(id string, weight float64)
	OnRemove func(id string)

	parts []Part
	cells []*mixCell
	row   *fyne.Container
}

type mixCell struct {
	id      string
	slider  *widget.Slider
	percent *Text
	box     fyne.CanvasObject
}

// equal gives each object the same width, up to 300.
type equal struct{ gap float32 }

func (equal) MinSize(o []fyne.CanvasObject) fyne.Size {
	if len(o) == 0 {
		return fyne.Size{}
	}
	return fyne.NewSize(0, o[0].MinSize().Height)
}

func (l equal) Layout(o []fyne.CanvasObject, s fyne.Size) {
	n := float32(len(o))
	w := min(whole((s.Width-(n-1)*l.gap)/n), 300)
	for i, c := range o {
		c.Move(fyne.NewPos(float32(i)*(w+l.gap), 0))
		c.Resize(fyne.NewSize(w, s.Height))
	}
}

// mixLayout puts a name, a slider, a percentage and a button into one line.
type mixLayout struct{}

func (mixLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(136, 22) }

func (mixLayout) Layout(o []fyne.CanvasObject, s fyne.Size) {
	const percent, button, gap = 36, 22, 6
	rest := s.Width - percent - button - 3*gap
	name := whole(rest * 0.55)
	x := float32(0)
	for i, w := range []float32{name, rest - name, percent, button} {
		h := o[i].MinSize().Height
		if i == 3 {
			h = button
		}
		o[i].Move(fyne.NewPos(x, whole((s.Height-h)/2)))
		o[i].Resize(fyne.NewSize(w, h))
		x += w + gap
	}
}

// NewMixer returns an empty one.
func NewMixer() *Mixer {
	m := &Mixer{row: container.New(equal{gap: 16})}
	m.ExtendBaseWidget(m)
	return m
}

// SetParts shows the mix. Sliders in motion are not set back.
func (m *Mixer) SetParts(parts []Part) {
	same := len(parts) == len(m.cells)
	for i := range parts {
		same = same && m.cells[i].id == parts[i].ID
	}
	m.parts = parts
	if !same {
		m.cells = nil
		m.row.RemoveAll()
		for _, p := range parts {
			c := m.cell(p)
			m.cells = append(m.cells, c)
			m.row.Add(c.box)
		}
	}
	sum := 0.0
	for _, p := range parts {
		sum += p.Weight
	}
	for i, p := range parts {
		if c := m.cells[i]; c.slider.Value != p.Weight {
			c.slider.SetValue(p.Weight)
		}
		m.cells[i].percent.SetText(fmt.Sprintf("%.0f %%", 100*p.Weight/sum))
	}
}

// Parts is what is shown.
func (m *Mixer) Parts() []Part { return m.parts }

func (m *Mixer) cell(p Part) *mixCell {
	c := &mixCell{id: p.ID, slider: widget.NewSlider(0.05, 1), percent: NewCaption("").Align(fyne.TextAlignTrailing)}
	c.slider.Step = 0.05
	c.slider.Value = p.Weight
	c.slider.OnChanged = func(v float64) {
		if m.OnWeight != nil {
			m.OnWeight(p.ID, v)
		}
	}
	remove := widget.NewButtonWithIcon("", theme.CancelIcon(), func() {
		if m.OnRemove != nil {
			m.OnRemove(p.ID)
		}
	})
	remove.Importance = widget.LowImportance
	c.box = container.New(mixLayout{}, NewCaption(p.Name), OnRail(c.slider), c.percent, remove)
	return c
}

// CreateRenderer implements fyne.Widget.
func (m *Mixer) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(m.row) }

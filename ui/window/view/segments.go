//go:build !headless

package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"
)

// Segment is a button of Segments.
type Segment struct{ Name, Tip string }

// Segments is a row of buttons of which one is chosen.
type Segments struct {
	widget.BaseWidget
	OnChosen func(i int)

	buttons []*Button
	chosen  int
}

// NewSegments returns a row with the first button chosen.
func NewSegments(all ...Segment) *Segments {
	s := &Segments{}
	for i, n := range all {
		s.buttons = append(s.buttons, NewButton(n.Name, nil, n.Tip, func() {
			s.Choose(i)
			if s.OnChosen != nil {
				s.OnChosen(i)
			}
		}))
	}
	s.ExtendBaseWidget(s)
	s.mark()
	return s
}

// Choose marks button i without calling OnChosen.
func (s *Segments) Choose(i int) {
	if i != s.chosen {
		s.chosen = i
		s.mark()
	}
}

// Chosen is the number of the chosen button.
func (s *Segments) Chosen() int { return s.chosen }

// Tap does what a click on button i does.
func (s *Segments) Tap(i int) { s.buttons[i].OnTapped() }

func (s *Segments) mark() {
	for i, b := range s.buttons {
		b.Importance = widget.LowImportance
		if i == s.chosen {
			b.Importance = widget.MediumImportance
		}
		b.Refresh()
	}
}

// CreateRenderer implements fyne.Widget.
func (s *Segments) CreateRenderer() fyne.WidgetRenderer {
	row := container.New(layout.NewCustomPaddedHBoxLayout(2))
	for _, b := range s.buttons {
		row.Add(b)
	}
	return widget.NewSimpleRenderer(row)
}

//go:build !headless

package window

import (
	"math"

	"fyne.io/fyne/v2"
)

// side puts the first object on the left with a fixed width, the second beside it.
type side struct{ width float32 }

func (l side) MinSize(o []fyne.CanvasObject) fyne.Size {
	a, b := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(l.width+b.Width, max(a.Height, b.Height))
}

func (l side) Layout(o []fyne.CanvasObject, s fyne.Size) {
	place(o[0], 0, 0, l.width, s.Height)
	place(o[1], l.width, 0, s.Width-l.width, s.Height)
}

// bottom puts the first object at the bottom with its least height, the second above it.
type bottom struct{ gap float32 }

func (l bottom) MinSize(o []fyne.CanvasObject) fyne.Size {
	a, b := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(max(a.Width, b.Width), a.Height+l.gap+b.Height)
}

func (l bottom) Layout(o []fyne.CanvasObject, s fyne.Size) {
	h := ceil(o[0].MinSize().Height)
	place(o[1], 0, 0, s.Width, s.Height-h-l.gap)
	place(o[0], 0, s.Height-h, s.Width, h)
}

// border puts the first object at the top with its least height, the second below it.
type border struct{ gap float32 }

func (l border) MinSize(o []fyne.CanvasObject) fyne.Size { return bottom(l).MinSize(o) }

func (l border) Layout(o []fyne.CanvasObject, s fyne.Size) {
	h := ceil(o[0].MinSize().Height)
	place(o[0], 0, 0, s.Width, h)
	place(o[1], 0, h+l.gap, s.Width, s.Height-h-l.gap)
}

// halves puts objects below each other with equal heights.
type halves struct{ gap float32 }

func (l halves) MinSize(o []fyne.CanvasObject) fyne.Size {
	var s fyne.Size
	for _, c := range o {
		s = s.Max(c.MinSize())
	}
	n := float32(len(o))
	return fyne.NewSize(s.Width, n*s.Height+(n-1)*l.gap)
}

func (l halves) Layout(o []fyne.CanvasObject, s fyne.Size) {
	n := float32(len(o))
	h := whole((s.Height - (n-1)*l.gap) / n)
	for i, c := range o {
		place(c, 0, float32(i)*(h+l.gap), s.Width, h)
	}
}

// columns puts two objects side by side; the first has a share of the width.
type columns struct{ gap, first float32 }

func (l columns) MinSize(o []fyne.CanvasObject) fyne.Size {
	a, b := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(a.Width+l.gap+b.Width, max(a.Height, b.Height))
}

func (l columns) Layout(o []fyne.CanvasObject, s fyne.Size) {
	w := whole((s.Width - l.gap) * l.first)
	place(o[0], 0, 0, w, s.Height)
	place(o[1], w+l.gap, 0, s.Width-l.gap-w, s.Height)
}

// middle centres its object's height and gives it the whole width.
type middle struct{}

func (middle) MinSize(o []fyne.CanvasObject) fyne.Size { return o[0].MinSize() }

func (middle) Layout(o []fyne.CanvasObject, s fyne.Size) {
	h := o[0].MinSize().Height
	place(o[0], 0, whole((s.Height-h)/2), s.Width, h)
}

// outdent moves its object to the left by as much as the object is padded there.
type outdent float32

func (outdent) MinSize(o []fyne.CanvasObject) fyne.Size { return o[0].MinSize() }

func (l outdent) Layout(o []fyne.CanvasObject, s fyne.Size) {
	place(o[0], -float32(l), 0, s.Width+float32(l), s.Height)
}

func place(o fyne.CanvasObject, x, y, w, h float32) {
	o.Move(fyne.NewPos(x, y))
	o.Resize(fyne.NewSize(max(w, 0), max(h, 0)))
}

// whole and ceil keep positions on whole units: text drawn between two pixels is blurred.
func whole(v float32) float32 { return float32(int(v)) }

func ceil(v float32) float32 { return float32(math.Ceil(float64(v))) }

// form puts objects in two columns: labels as wide as the widest, and what they name.
type form struct{ gap float32 }

func (l form) measure(o []fyne.CanvasObject) (label float32, rows []float32, width float32) {
	for i := 0; i+1 < len(o); i += 2 {
		a, b := o[i].MinSize(), o[i+1].MinSize()
		label, width = max(label, a.Width), max(width, b.Width)
		rows = append(rows, ceil(max(a.Height, b.Height)))
	}
	return max(label, 128), rows, max(width, 280)
}

func (l form) MinSize(o []fyne.CanvasObject) fyne.Size {
	label, rows, width := l.measure(o)
	h := -l.gap
	for _, r := range rows {
		h += r + l.gap
	}
	return fyne.NewSize(label+16+width, h)
}

func (l form) Layout(o []fyne.CanvasObject, s fyne.Size) {
	label, rows, _ := l.measure(o)
	y := float32(0)
	for i, h := range rows {
		place(o[2*i], 0, y, label, h)
		place(o[2*i+1], label+16, y, s.Width-label-16, h)
		y += h + l.gap
	}
}

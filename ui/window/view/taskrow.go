//go:build !headless

package view

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// RowButton is a button at the end of a row.
type RowButton struct {
	Icon fyne.Resource
	Tip  string // what it does
	Run  func()
}

// TaskState is what a TaskRow shows.
type TaskState struct {
	Name, Detail string
	Tone         widget.Importance // of Detail
	Fraction     float64           // of the bar, below 0 for none
	Thumb        image.Image
	Buttons      []RowButton // four at most
}

// TaskRow is a line of the queue: a small picture, a name, what goes on, and a few buttons.
type TaskRow struct {
	widget.BaseWidget
	state TaskState
}

// NewTaskRow returns an empty row.
func NewTaskRow() *TaskRow {
	r := &TaskRow{}
	r.ExtendBaseWidget(r)
	return r
}

// SetState shows s.
func (r *TaskRow) SetState(s TaskState) {
	r.state = s
	r.Refresh()
}

// State returns what is shown.
func (r *TaskRow) State() TaskState { return r.state }

const rowButtons = 4

// CreateRenderer implements fyne.Widget.
func (r *TaskRow) CreateRenderer() fyne.WidgetRenderer {
	n := &rowRenderer{r: r, well: canvas.NewRectangle(nil), picture: canvas.NewImageFromImage(nil), name: NewPlain(""), detail: NewCaption(""), bar: NewProgress()}
	n.well.CornerRadius = 4
	n.picture.FillMode = canvas.ImageFillContain
	for i := range rowButtons {
		n.buttons = append(n.buttons, NewQuiet("", nil, "", func() {
			if i < len(r.state.Buttons) {
				r.state.Buttons[i].Run()
			}
		}))
	}
	n.Refresh()
	return n
}

type rowRenderer struct {
	r            *TaskRow
	well         *canvas.Rectangle
	picture      *canvas.Image
	name, detail *Text
	bar          *Progress
	buttons      []*Button
}

const (
	rowHeight = 56
	rowThumb  = 64
)

func (n *rowRenderer) Destroy() {}

func (n *rowRenderer) MinSize() fyne.Size { return fyne.NewSize(320, rowHeight) }

func (n *rowRenderer) Objects() []fyne.CanvasObject {
	o := []fyne.CanvasObject{n.well, n.picture, n.name, n.detail, n.bar}
	for _, b := range n.buttons {
		o = append(o, b)
	}
	return o
}

func (n *rowRenderer) Layout(s fyne.Size) {
	const inset, side = 4, 30
	n.well.Move(fyne.NewPos(inset, inset))
	n.well.Resize(fyne.NewSize(rowThumb, rowHeight-2*inset))
	n.picture.Move(n.well.Position())
	n.picture.Resize(n.well.Size())
	x, right := float32(inset+rowThumb+10), s.Width-inset
	for i := len(n.r.state.Buttons) - 1; i >= 0; i-- {
		right -= side
		n.buttons[i].Move(fyne.NewPos(right, whole((rowHeight-side)/2)))
		n.buttons[i].Resize(fyne.NewSquareSize(side))
	}
	w := right - x - 8
	n.name.Move(fyne.NewPos(x, 9))
	n.name.Resize(fyne.NewSize(w, 18))
	n.detail.Move(fyne.NewPos(x, 28))
	n.detail.Resize(fyne.NewSize(w, 16))
	n.bar.Move(fyne.NewPos(x, 47))
	n.bar.Resize(fyne.NewSize(w, 4))
}

func (n *rowRenderer) Refresh() {
	s := n.r.state
	th, v := n.r.Theme(), fyne.CurrentApp().Settings().ThemeVariant()
	n.well.FillColor = th.Color(ColorWell, v)
	n.well.Refresh()
	show(n.picture, s.Thumb != nil)
	if n.picture.Image != s.Thumb { // its pixels go to the graphics card again when it is refreshed
		n.picture.Image = s.Thumb
		n.picture.Refresh()
	}
	n.name.SetText(s.Name)
	n.detail.Set(s.Detail, s.Tone)
	n.bar.Set(s.Fraction)
	for i, b := range n.buttons {
		show(b, i < len(s.Buttons))
		if i < len(s.Buttons) {
			b.SetIcon(s.Buttons[i].Icon)
			b.SetToolTip(s.Buttons[i].Tip)
		}
	}
	n.Layout(n.r.Size())
}

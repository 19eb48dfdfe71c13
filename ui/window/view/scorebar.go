//go:build !headless

package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tooltip "github.com/dweymouth/fyne-tooltip/widget"
)

// Score is one cell of a ScoreBar.
type Score struct {
	Label   string
	Value   string
	Caption string // plain words on what the number means
	Tip     string // more of them, for a tooltip
	Tone    widget.Importance
}

// ScoreBar shows a few numbers in equal cells. A click asks why they are what they are.
type ScoreBar struct {
	tooltip.ToolTipWidget
	OnTapped func()

	scores []Score
	at     int // the cell below the pointer
}

// NewScoreBar returns a bar with these cells; their number stays.
func NewScoreBar(scores []Score) *ScoreBar {
	b := &ScoreBar{scores: scores}
	b.ExtendBaseWidget(b)
	return b
}

// SetScores shows scores.
func (b *ScoreBar) SetScores(scores []Score) {
	b.scores = scores
	b.Refresh()
}

// Scores returns what is shown.
func (b *ScoreBar) Scores() []Score { return b.scores }

// Tapped implements fyne.Tappable.
func (b *ScoreBar) Tapped(*fyne.PointEvent) {
	b.MouseOut() // the tooltip has done its part
	if b.OnTapped != nil {
		b.OnTapped()
	}
}

// MouseIn implements desktop.Hoverable.
func (b *ScoreBar) MouseIn(e *desktop.MouseEvent) {
	b.at = b.cell(e.Position.X)
	b.SetToolTip(b.scores[b.at].Tip)
	b.ToolTipWidget.MouseIn(e)
}

// MouseMoved implements desktop.Hoverable: each cell has a tooltip of its own.
func (b *ScoreBar) MouseMoved(e *desktop.MouseEvent) {
	if b.cell(e.Position.X) != b.at {
		b.MouseOut()
		b.MouseIn(e)
		return
	}
	b.ToolTipWidget.MouseMoved(e)
}

// cell is the number of the cell at x.
func (b *ScoreBar) cell(x float32) int {
	n := len(b.scores)
	return min(max(int(x/b.Size().Width*float32(n)), 0), n-1)
}

// CreateRenderer implements fyne.Widget.
func (b *ScoreBar) CreateRenderer() fyne.WidgetRenderer {
	r := &scoreRenderer{b: b, ground: canvas.NewRectangle(nil)}
	r.ground.CornerRadius = 6
	for range b.scores {
		c := &scoreCell{
			label: newText("", theme.SizeNameCaptionText, widget.LowImportance, fyne.TextStyle{Bold: true}, cut),
			value: newText("", SizeValue, widget.MediumImportance, fyne.TextStyle{}, cut), caption: NewNote(""), line: canvas.NewRectangle(nil),
		}
		r.cells = append(r.cells, c)
	}
	r.Refresh()
	return r
}

type scoreCell struct {
	label, value, caption *Text
	line                  *canvas.Rectangle
}

type scoreRenderer struct {
	b      *ScoreBar
	ground *canvas.Rectangle
	cells  []*scoreCell
}

func (r *scoreRenderer) Destroy() {}

func (r *scoreRenderer) MinSize() fyne.Size { return fyne.NewSize(float32(len(r.cells))*104, 96) }

func (r *scoreRenderer) Objects() []fyne.CanvasObject {
	o := []fyne.CanvasObject{r.ground}
	for i, c := range r.cells {
		o = append(o, c.label, c.value, c.caption)
		if i > 0 {
			o = append(o, c.line)
		}
	}
	return o
}

func (r *scoreRenderer) Layout(s fyne.Size) {
	r.ground.Resize(s)
	w := s.Width / float32(len(r.cells))
	for i, c := range r.cells {
		x := whole(float32(i)*w) + 12
		inner := fyne.NewSize(w-20, 16)
		c.label.Move(fyne.NewPos(x, 10))
		c.label.Resize(inner)
		c.value.Move(fyne.NewPos(x, 27))
		c.value.Resize(fyne.NewSize(inner.Width, 28))
		c.caption.Move(fyne.NewPos(x, 58))
		c.caption.Resize(fyne.NewSize(inner.Width, 36))
		c.line.Move(fyne.NewPos(x-12, 12))
		c.line.Resize(fyne.NewSize(1, s.Height-24))
	}
}

func (r *scoreRenderer) Refresh() {
	th, v := r.b.Theme(), fyne.CurrentApp().Settings().ThemeVariant()
	r.ground.FillColor = th.Color(ColorPanel, v)
	r.ground.Refresh()
	for i, c := range r.cells {
		s := r.b.scores[i]
		c.label.SetText(s.Label)
		c.value.Set(s.Value, s.Tone)
		c.caption.SetText(s.Caption)
		c.line.FillColor = th.Color(theme.ColorNameSeparator, v)
		c.line.Refresh()
	}
}

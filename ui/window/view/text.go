//go:build !headless

package view

import (
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Text is text without padding around it, so that it lines up with what stands above and below. It is no label of Fyne's in a theme of its own: Fyne
// loads the fonts anew, several megabytes, for each part of a window that has another theme.
type Text struct {
	widget.BaseWidget
	text       string
	size       fyne.ThemeSizeName
	importance widget.Importance
	style      fyne.TextStyle
	align      fyne.TextAlign
	fit        fitting
}

// fitting is what happens to text that is longer than its room.
type fitting int

const (
	keep fitting = iota
	cut          // with an ellipsis
	wrap
)

func newText(text string, size fyne.ThemeSizeName, importance widget.Importance, style fyne.TextStyle, fit fitting) *Text {
	t := &Text{text: text, size: size, importance: importance, style: style, fit: fit}
	t.ExtendBaseWidget(t)
	return t
}

// NewTitle names a group of controls.
func NewTitle(text string) *Text {
	return newText(text, theme.SizeNameText, widget.MediumImportance, fyne.TextStyle{Bold: true}, keep)
}

// NewCaption is small print in the second colour. It is cut with an ellipsis where there is no room.
func NewCaption(text string) *Text {
	return newText(text, theme.SizeNameCaptionText, widget.LowImportance, fyne.TextStyle{}, cut)
}

// NewPlain is text of the normal size. It is cut with an ellipsis where there is no room.
func NewPlain(text string) *Text {
	return newText(text, theme.SizeNameText, widget.MediumImportance, fyne.TextStyle{}, cut)
}

// NewNote is small print that wraps.
func NewNote(text string) *Text {
	return newText(text, theme.SizeNameCaptionText, widget.LowImportance, fyne.TextStyle{}, wrap)
}

// NewParagraph is text of the normal size that wraps.
func NewParagraph(text string) *Text {
	return newText(text, theme.SizeNameText, widget.MediumImportance, fyne.TextStyle{}, wrap)
}

// Align sets where the text stands in its room and returns t.
func (t *Text) Align(a fyne.TextAlign) *Text {
	t.align = a
	return t
}

// String returns what is shown.
func (t *Text) String() string { return t.text }

// Set shows text in the colour of importance: Low for the second colour, Danger, Warning and Success for those.
func (t *Text) Set(text string, importance widget.Importance) {
	if t.text == text && t.importance == importance {
		return
	}
	t.text, t.importance = text, importance
	t.Refresh()
}

// SetText shows text in the colour that it has.
func (t *Text) SetText(text string) { t.Set(text, t.importance) }

func (t *Text) color() color.Color {
	name := theme.ColorNameForeground
	switch t.importance {
	case widget.LowImportance:
		name = ColorSecond
	case widget.DangerImportance:
		name = theme.ColorNameError
	case widget.WarningImportance:
		name = theme.ColorNameWarning
	case widget.SuccessImportance:
		name = theme.ColorNameSuccess
	}
	return t.Theme().Color(name, fyne.CurrentApp().Settings().ThemeVariant())
}

func (t *Text) measure(s string) fyne.Size {
	return fyne.MeasureText(s, t.Theme().Size(t.size), t.style)
}

// lines are those in which the text is shown in a room of this width.
func (t *Text) lines(width float32) []string {
	if t.fit == keep || width <= 0 || t.measure(t.text).Width <= width && !strings.Contains(t.text, "\n") {
		return []string{t.text}
	}
	if t.fit == wrap {
		return wrapped(t.text, func(s string) bool { return t.measure(s).Width <= width })
	}
	runes := []rune(t.text)
	low, high := 0, len(runes) // so many fit, so many do not
	for high-low > 1 {
		if mid := (low + high) / 2; t.measure(string(runes[:mid])+"…").Width <= width {
			low = mid
		} else {
			high = mid
		}
	}
	return []string{strings.TrimRight(string(runes[:low]), " ") + "…"}
}

// CreateRenderer implements fyne.Widget.
func (t *Text) CreateRenderer() fyne.WidgetRenderer {
	r := &textRenderer{t: t}
	r.fill()
	return r
}

type textRenderer struct {
	t     *Text
	texts []fyne.CanvasObject
}

// lineGap is between wrapped lines.
const lineGap = 2

func (r *textRenderer) Destroy() {}

func (r *textRenderer) Objects() []fyne.CanvasObject { return r.texts }

func (r *textRenderer) MinSize() fyne.Size {
	t := r.t
	s := t.measure(t.text)
	switch t.fit {
	case cut:
		s.Width = min(s.Width, t.measure("…").Width)
	case wrap:
		s.Width = min(s.Width, t.measure("MM").Width)
		n := float32(len(t.lines(t.Size().Width)))
		s.Height = n*t.measure("M").Height + (n-1)*lineGap
	}
	return s
}

func (r *textRenderer) Layout(size fyne.Size) {
	r.fill()
	y := float32(0)
	for _, o := range r.texts {
		h := o.MinSize().Height
		o.Move(fyne.NewPos(0, whole(y)))
		o.Resize(fyne.NewSize(size.Width, h))
		y += h + lineGap
	}
}

func (r *textRenderer) Refresh() {
	r.Layout(r.t.Size())
	for _, o := range r.texts {
		o.Refresh()
	}
	canvas.Refresh(r.t)
}

// fill makes one object of each line, and takes those that are there.
func (r *textRenderer) fill() {
	t := r.t
	lines := t.lines(t.Size().Width)
	for len(r.texts) < len(lines) {
		r.texts = append(r.texts, canvas.NewText("", nil))
	}
	r.texts = r.texts[:len(lines)]
	for i, l := range lines {
		c := r.texts[i].(*canvas.Text)
		c.Text, c.Color, c.TextSize, c.TextStyle, c.Alignment = l, t.color(), t.Theme().Size(t.size), t.style, t.align
	}
}

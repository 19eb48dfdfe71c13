//go:build !headless

package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Text is a label without padding around it.
type Text struct {
	widget.BaseWidget
	label *widget.Label
}

func newText(text string, size fyne.ThemeSizeName, importance widget.Importance, style fyne.TextStyle) *Text {
	t := &Text{label: widget.NewLabelWithStyle(text, fyne.TextAlignLeading, style)}
	t.label.SizeName, t.label.Importance = size, importance
	t.ExtendBaseWidget(t)
	return t
}

// CreateRenderer implements fyne.Widget.
func (t *Text) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(container.NewThemeOverride(t.label, flat{}))
}

// NewTitle names a group of controls.
func NewTitle(text string) *Text {
	return newText(text, theme.SizeNameText, widget.MediumImportance, fyne.TextStyle{Bold: true})
}

// NewCaption is small print in the second colour. It is cut with an ellipsis where there is no room.
func NewCaption(text string) *Text {
	t := newText(text, theme.SizeNameCaptionText, widget.LowImportance, fyne.TextStyle{})
	t.label.Truncation = fyne.TextTruncateEllipsis
	return t
}

// NewPlain is text of the normal size. It is cut with an ellipsis where there is no room.
func NewPlain(text string) *Text {
	t := newText(text, theme.SizeNameText, widget.MediumImportance, fyne.TextStyle{})
	t.label.Truncation = fyne.TextTruncateEllipsis
	return t
}

// NewNote is small print that wraps.
func NewNote(text string) *Text {
	t := newText(text, theme.SizeNameCaptionText, widget.LowImportance, fyne.TextStyle{})
	t.label.Wrapping = fyne.TextWrapWord
	return t
}

// Align sets where the text stands in its room and returns t.
func (t *Text) Align(a fyne.TextAlign) *Text {
	t.label.Alignment = a
	return t
}

// String returns what is shown.
func (t *Text) String() string { return t.label.Text }

// Set shows text in the colour of importance: Low for the second colour, Danger, Warning and Success for those.
func (t *Text) Set(text string, importance widget.Importance) {
	if t.label.Text == text && t.label.Importance == importance {
		return
	}
	t.label.Importance = importance
	t.label.SetText(text)
}

// SetText shows text in the colour that it has.
func (t *Text) SetText(text string) { t.Set(text, t.label.Importance) }

// NewParagraph is text of the normal size that wraps.
func NewParagraph(text string) *Text {
	t := newText(text, theme.SizeNameText, widget.MediumImportance, fyne.TextStyle{})
	t.label.Wrapping = fyne.TextWrapWord
	return t
}

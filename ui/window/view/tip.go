//go:build !headless

package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
	fynetooltip "github.com/dweymouth/fyne-tooltip"
	tooltip "github.com/dweymouth/fyne-tooltip/widget"
)

// Button is a button that says in a tooltip what it does.
type Button = tooltip.Button

// NewButton returns a button with a tooltip; icon may be nil, and text empty.
func NewButton(text string, icon fyne.Resource, tip string, f func()) *Button {
	b := tooltip.NewButtonWithIcon(text, icon, f)
	b.SetToolTip(tip)
	return b
}

// NewQuiet is NewButton without a ground, until the pointer is over it.
func NewQuiet(text string, icon fyne.Resource, tip string, f func()) *Button {
	b := NewButton(text, icon, tip, f)
	b.Importance = widget.LowImportance
	return b
}

// WithTips lays the place where tooltips are shown over a window's content. Each window that has tooltips needs it.
func WithTips(content fyne.CanvasObject, w fyne.Window) fyne.CanvasObject {
	return fynetooltip.AddWindowToolTipLayer(content, w.Canvas())
}

// ForgetTips frees what WithTips holds, once the window is closed for good.
func ForgetTips(w fyne.Window) { fynetooltip.DestroyWindowToolTipLayer(w.Canvas()) }

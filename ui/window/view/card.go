//go:build !headless

package view

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"
)

// Card is a picture with two lines of text, of a grid.
type Card struct {
	widget.BaseWidget
	frame        *Ground
	picture      *canvas.Image
	name, detail *Text
}

// NewCard returns an empty one.
func NewCard() *Card {
	c := &Card{frame: NewGround(ColorWell), picture: canvas.NewImageFromImage(nil), name: NewPlain(""), detail: NewCaption("")}
	c.picture.FillMode = canvas.ImageFillContain
	c.ExtendBaseWidget(c)
	return c
}

// Set shows a picture, which may be nil, and its texts; a chosen card has a frame.
func (c *Card) Set(name, detail string, img image.Image, chosen bool) {
	c.name.SetText(name)
	c.detail.SetText(detail)
	c.picture.Image = img
	show(c.picture, img != nil)
	c.picture.Refresh()
	c.frame.fill = ColorWell
	if chosen {
		c.frame.fill = ColorAccent
	}
	c.frame.Refresh()
}

// CreateRenderer implements fyne.Widget.
func (c *Card) CreateRenderer() fyne.WidgetRenderer {
	picture := container.NewGridWrap(fyne.NewSize(192, 136), container.NewStack(c.frame, container.New(layout.NewCustomPaddedLayout(4, 4, 4, 4), c.picture)))
	return widget.NewSimpleRenderer(container.New(layout.NewCustomPaddedVBoxLayout(2), picture, c.name, c.detail))
}

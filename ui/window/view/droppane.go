//go:build !headless

package view

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// PaneState is what a DropPane shows.
type PaneState struct {
	Image  image.Image // nil for none
	Name   string
	Detail string
	Error  string // one sentence; it takes the picture's place
	Busy   bool   // the picture is being read
	Dimmed bool   // the picture is not used at the moment; Detail says why
}

// DropPane is a target for a picture: a permanent outline with a hint, or the picture with its name. Files are dropped on windows in Fyne,
// so the window routes drops by position; a click or the space or return key asks for a file.
type DropPane struct {
	widget.BaseWidget
	// OnOpen is called when the user wants to choose a picture, OnClear to take it away.
	OnOpen, OnClear func()

	hint           string
	state          PaneState
	hover, focused bool
}

// NewDropPane returns an empty pane. The hint is one short sentence.
func NewDropPane(hint string) *DropPane {
	p := &DropPane{hint: hint}
	p.ExtendBaseWidget(p)
	return p
}

// SetState shows s.
func (p *DropPane) SetState(s PaneState) {
	if s == p.state {
		return
	}
	p.state = s
	p.Refresh()
}

// State returns what is shown.
func (p *DropPane) State() PaneState { return p.state }

// Tapped implements fyne.Tappable.
func (p *DropPane) Tapped(*fyne.PointEvent) {
	if p.OnOpen != nil {
		p.OnOpen()
	}
}

// Cursor implements desktop.Cursorable.
func (p *DropPane) Cursor() desktop.Cursor { return desktop.PointerCursor }

// MouseIn implements desktop.Hoverable.
func (p *DropPane) MouseIn(*desktop.MouseEvent) { p.hover = true; p.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (p *DropPane) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (p *DropPane) MouseOut() { p.hover = false; p.Refresh() }

// FocusGained implements fyne.Focusable.
func (p *DropPane) FocusGained() { p.focused = true; p.Refresh() }

// FocusLost implements fyne.Focusable.
func (p *DropPane) FocusLost() { p.focused = false; p.Refresh() }

// TypedRune implements fyne.Focusable.
func (p *DropPane) TypedRune(rune) {}

// TypedKey implements fyne.Focusable.
func (p *DropPane) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		p.Tapped(nil)
	case fyne.KeyDelete, fyne.KeyBackspace:
		if p.OnClear != nil && p.state.Name != "" {
			p.OnClear()
		}
	}
}

// CreateRenderer implements fyne.Widget.
func (p *DropPane) CreateRenderer() fyne.WidgetRenderer {
	r := &paneRenderer{
		p: p, well: canvas.NewRectangle(nil), picture: canvas.NewImageFromImage(nil), icon: widget.NewIcon(nil),
		hint: NewNote("").Align(fyne.TextAlignCenter), name: NewPlain(""), detail: NewCaption(""),
		clear: widget.NewButtonWithIcon("", theme.CancelIcon(), func() {
			if p.OnClear != nil {
				p.OnClear()
			}
		}),
	}
	r.well.CornerRadius = 6
	r.picture.FillMode = canvas.ImageFillContain
	r.clear.Importance = widget.LowImportance
	r.Refresh()
	return r
}

type paneRenderer struct {
	p            *DropPane
	well         *canvas.Rectangle
	picture      *canvas.Image
	icon         *widget.Icon
	hint         *Text
	name, detail *Text
	clear        *widget.Button
}

const (
	paneInset = 8
	paneFoot  = 44 // name and detail
)

func (r *paneRenderer) Destroy() {}

func (r *paneRenderer) MinSize() fyne.Size { return fyne.NewSize(160, 112) }

func (r *paneRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.well, r.picture, r.icon, r.hint, r.name, r.detail, r.clear}
}

func (r *paneRenderer) Layout(s fyne.Size) {
	r.well.Resize(s)
	inner := s.Width - 2*paneInset
	r.picture.Move(fyne.NewSquareOffsetPos(paneInset))
	r.picture.Resize(fyne.NewSize(inner, s.Height-paneInset-paneFoot-4))

	hintWidth := s.Width - 4*paneInset
	r.hint.Resize(fyne.NewSize(hintWidth, 16))
	hint := r.hint.MinSize().Height
	room := s.Height
	if r.name.Visible() {
		room -= paneFoot
	}
	icon, gap := float32(24), float32(8)
	if icon+gap+hint > room-gap { // the words are more
		icon, gap = 0, 0
	}
	top := whole(max((room-icon-gap-hint)/2, 4))
	r.icon.Resize(fyne.NewSquareSize(icon))
	r.icon.Move(fyne.NewPos(whole((s.Width-icon)/2), top))
	r.hint.Resize(fyne.NewSize(hintWidth, hint))
	r.hint.Move(fyne.NewPos(2*paneInset, top+icon+gap))

	const button = 28
	foot := whole(s.Height - paneFoot)
	text := inner - 4
	if r.clear.Visible() {
		text -= button + 4
	}
	r.name.Resize(fyne.NewSize(text, 18))
	r.name.Move(fyne.NewPos(paneInset+4, foot+3))
	r.detail.Resize(fyne.NewSize(text, 16))
	r.detail.Move(fyne.NewPos(paneInset+4, foot+21))
	r.clear.Resize(fyne.NewSquareSize(button))
	r.clear.Move(fyne.NewPos(s.Width-button-6, foot+(paneFoot-button)/2))
}

func (r *paneRenderer) Refresh() {
	p, s := r.p, r.p.state
	th, v := p.Theme(), fyne.CurrentApp().Settings().ThemeVariant()
	r.well.FillColor = th.Color(ColorWell, v)
	r.well.StrokeWidth = 1
	edge := ColorOutline
	if s.Error != "" {
		edge = theme.ColorNameError
	}
	if p.hover || p.focused {
		edge = ColorAccent
	}
	if p.focused {
		r.well.StrokeWidth = 2
	}
	r.well.StrokeColor = th.Color(edge, v)
	r.well.Refresh()

	picture := s.Image != nil && s.Error == ""
	if picture && r.picture.Image != s.Image {
		r.picture.Image = s.Image
	}
	r.picture.Translucency = 0
	if s.Dimmed || s.Busy {
		r.picture.Translucency = 0.65
	}
	show(r.picture, picture)
	r.picture.Refresh()

	switch {
	case s.Error != "":
		r.icon.SetResource(theme.NewErrorThemedResource(theme.ErrorIcon()))
		r.hint.Set(s.Error, widget.DangerImportance)
	case s.Busy:
		r.icon.SetResource(theme.NewDisabledResource(theme.FileImageIcon()))
		r.hint.Set(Tr("Opening…"), widget.LowImportance)
	default:
		r.icon.SetResource(theme.NewDisabledResource(theme.FileImageIcon()))
		r.hint.Set(p.hint, widget.LowImportance)
	}
	show(r.icon, !picture)
	show(r.hint, !picture)

	r.name.SetText(s.Name)
	r.detail.SetText(s.Detail)
	show(r.name, s.Name != "")
	show(r.detail, s.Name != "")
	show(r.clear, s.Name != "")
	r.Layout(p.Size())
}

func show(o fyne.CanvasObject, yes bool) {
	if yes != o.Visible() {
		if yes {
			o.Show()
		} else {
			o.Hide()
		}
	}
}

// whole drops the fraction of a position: text drawn between two pixels is blurred.
func whole(v float32) float32 { return float32(int(v)) }

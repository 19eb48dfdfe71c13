//go:build !headless

package view

import (
	"image"
	"image/draw"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/ui/window/zoom"
)

// CompareState is what a Compare shows.
type CompareState struct {
	Before, After, Map        *zoom.Pyramid // nil for none
	Size                      image.Point   // the photo's size in pixels, which 100 % refers to
	BeforeDetail, AfterDetail string        // beside the words Before and After
	BeforeHint, AfterHint     string        // in place of a missing picture
	Faded                     bool          // After does not go with the settings at the moment
}

// Mode is how a Compare lays out the two pictures.
type Mode int

// The modes. Without a stylized picture the photo is shown side by side with the hint, whatever the mode.
const (
	SideBySide Mode = iota // one beside the other
	Split                  // one picture, parted by a divider that can be moved
	Blink                  // the stylized picture, and the photo while the pointer or the space bar is held
	Likeness               // the map of where the stylized picture is like the photo
)

// Compare shows the photo and the stylized picture on a neutral ground. They zoom and move together: the wheel zooms about the pointer, a drag
// moves, a double click goes from the whole picture to 100 % and back.
type Compare struct {
	widget.BaseWidget
	OnZoom    func() // the zoom or the mode has changed
	OnDragOut func() // the stylized picture is being dragged away: while it is seen whole a drag does not move it

	do      func(func()) // runs a function on the UI goroutine some time later
	state   CompareState
	mode    Mode
	fit     bool
	view    zoom.View
	divider float64 // 0..1 across the viewport
	held    bool    // Blink shows the photo
	grabbed bool    // the divider is being dragged
	dragged bool    // OnDragOut was told of the present drag
	r       *compareRenderer

	wanted, shown shot // what the viewports are to show, and what they do show
	drawing       bool
}

// shot is all that decides the viewports' pixels.
type shot struct {
	before, after *zoom.Pyramid // after is the map in the mode Likeness
	ref           image.Point
	view          zoom.View
	w, h          int
	mode          Mode
	divider       int
	held          bool
}

// NewCompare returns an empty one. Pixels are drawn on other goroutines; do hands them to the UI goroutine.
func NewCompare(do func(func())) *Compare {
	c := &Compare{do: do, fit: true, divider: 0.5}
	c.ExtendBaseWidget(c)
	return c
}

// SetState shows s. Another photo is shown whole.
func (c *Compare) SetState(s CompareState) {
	if s == c.state {
		return
	}
	if s.Size != c.state.Size {
		c.fit = true
	}
	c.state = s
	c.changed()
}

// State returns what is shown.
func (c *Compare) State() CompareState { return c.state }

// Mode returns the mode.
func (c *Compare) Mode() Mode { return c.mode }

// SetMode lays the pictures out anew.
func (c *Compare) SetMode(m Mode) {
	c.mode, c.held = m, false
	c.changed()
}

// Hold shows the photo in place of the stylized picture, in the mode Blink.
func (c *Compare) Hold(on bool) {
	if c.held != on && c.mode == Blink {
		c.held = on
		c.changed()
	}
}

// Held is whether the photo is shown in the mode Blink.
func (c *Compare) Held() bool { return c.held }

// Divider is where Split parts the viewport, 0..1.
func (c *Compare) Divider() float64 { return c.divider }

// Percent is the zoom: 100 where a pixel of the photo is a pixel of the screen.
func (c *Compare) Percent() float64 { return 100 * c.settled().Scale }

// Fits is whether the whole picture is kept in sight.
func (c *Compare) Fits() bool { return c.fit }

// Fit shows the whole picture.
func (c *Compare) Fit() {
	c.fit = true
	c.changed()
}

// Zoom changes the zoom by the factor k about the viewport's centre.
func (c *Compare) Zoom(k float64) { c.zoom(k, 0, 0) }

// Actual shows the picture at 100 %.
func (c *Compare) Actual() { c.zoom(1/c.settled().Scale, 0, 0) }

func (c *Compare) zoom(k, dx, dy float64) {
	if c.state.Before == nil {
		return
	}
	c.view = c.settled().Zoom(k, dx, dy, c.state.Size)
	c.fit = false
	c.changed()
}

// settled is the view with the picture kept in the viewport.
func (c *Compare) settled() zoom.View {
	w, h := c.pixels()
	if c.fit || c.state.Size == (image.Point{}) {
		return zoom.Fit(c.state.Size, w, h)
	}
	return c.view.Clamp(c.state.Size, w, h)
}

// single is whether one viewport shows both pictures.
func (c *Compare) single() bool { return c.mode != SideBySide && c.state.After != nil }

// pixels is a viewport's size in pixels of the screen.
func (c *Compare) pixels() (w, h int) {
	if c.r == nil {
		return 1, 1
	}
	s, k := c.r.viewport().size, c.density()
	return max(int(s.Width*k), 1), max(int(s.Height*k), 1)
}

func (c *Compare) density() float32 {
	if canvas := fyne.CurrentApp().Driver().CanvasForObject(c); canvas != nil {
		return canvas.Scale()
	}
	return 1
}

func (c *Compare) changed() {
	if c.r != nil {
		c.Refresh()
	}
	if c.OnZoom != nil {
		c.OnZoom()
	}
}

// request has the viewports drawn. It runs on the UI goroutine; while one drawing is on its way only the last request is kept.
func (c *Compare) request() {
	w, h := c.pixels()
	c.wanted = shot{c.state.Before, c.state.After, c.state.Size, c.settled(), w, h, SideBySide, 0, false}
	if c.single() {
		if c.mode == Likeness {
			c.wanted.after = c.state.Map
		}
		c.wanted.mode, c.wanted.held = c.mode, c.held
		if c.mode == Split {
			c.wanted.divider = int(c.divider * float64(w))
		}
	}
	if c.drawing || c.wanted == c.shown {
		return
	}
	c.drawing = true
	s := c.wanted
	go func() {
		before, after := s.draw()
		c.do(func() {
			c.drawing, c.shown = false, s
			if c.r != nil {
				c.r.present(before, after)
			}
			c.request()
		})
	}()
}

// draw makes the pixels of the two viewports; nil where there is nothing to show.
func (s shot) draw() (before, after *image.NRGBA) {
	pixels := func(p *zoom.Pyramid) *image.NRGBA {
		if p == nil || s.ref == (image.Point{}) {
			return nil
		}
		return p.Draw(s.view, s.ref, s.w, s.h)
	}
	switch s.mode {
	case SideBySide:
		return pixels(s.before), pixels(s.after)
	case Likeness:
		return nil, pixels(s.after)
	case Blink:
		if s.held {
			return nil, pixels(s.before)
		}
		return nil, pixels(s.after)
	}
	before, after = pixels(s.before), pixels(s.after)
	draw.Draw(after, image.Rect(0, 0, s.divider, s.h), before, image.Point{}, draw.Src)
	return nil, after
}

// grip is how near to the divider, in units of the canvas, the pointer takes hold of it.
const grip = 10

// offset is where p lies from the centre of the viewport below it, in pixels.
func (c *Compare) offset(p fyne.Position) (dx, dy float64) {
	v := c.r.viewport()
	if second := c.r.after.box(); !c.single() && p.X >= second.at.X {
		v = second
	}
	k := c.density()
	return float64((p.X - v.at.X - v.size.Width/2) * k), float64((p.Y - v.at.Y - v.size.Height/2) * k)
}

// Scrolled implements fyne.Scrollable.
func (c *Compare) Scrolled(e *fyne.ScrollEvent) {
	if e.Scrolled.DY == 0 || c.r == nil {
		return
	}
	k := 1.15
	if e.Scrolled.DY < 0 {
		k = 1 / k
	}
	dx, dy := c.offset(e.Position)
	c.zoom(k, dx, dy)
}

// Dragged implements fyne.Draggable.
func (c *Compare) Dragged(e *fyne.DragEvent) {
	if c.r == nil || c.state.Before == nil {
		return
	}
	if c.grabbed {
		v := c.r.viewport()
		c.divider = float64(min(max((e.Position.X-v.at.X)/v.size.Width, 0), 1))
		c.changed()
		return
	}
	if c.fit {
		if !c.dragged && c.OnDragOut != nil && c.onAfter(e.Position) {
			c.dragged = true
			c.OnDragOut()
		}
		return
	}
	k := float64(c.density())
	c.view = c.settled().Pan(k*float64(e.Dragged.DX), k*float64(e.Dragged.DY), c.state.Size)
	c.changed()
}

// DragEnd implements fyne.Draggable.
func (c *Compare) DragEnd() { c.grabbed, c.dragged = false, false }

// MouseDown implements desktop.Mouseable.
func (c *Compare) MouseDown(e *desktop.MouseEvent) {
	c.grabbed, c.dragged = c.onDivider(e.Position), false // a drag that another program took has no end here
	c.Hold(true)
}

// MouseUp implements desktop.Mouseable.
func (c *Compare) MouseUp(*desktop.MouseEvent) {
	c.grabbed = false
	c.Hold(false)
}

func (c *Compare) onDivider(p fyne.Position) bool {
	if c.mode != Split || !c.single() || c.r == nil {
		return false
	}
	v := c.r.viewport()
	d := p.X - v.at.X - float32(c.divider)*v.size.Width
	return d > -grip && d < grip
}

// onAfter is whether p is on the stylized picture.
func (c *Compare) onAfter(p fyne.Position) bool {
	return c.state.After != nil && p.X >= c.r.after.box().at.X
}

// DoubleTapped implements fyne.DoubleTappable.
func (c *Compare) DoubleTapped(e *fyne.PointEvent) {
	if c.r == nil {
		return
	}
	if c.fit {
		dx, dy := c.offset(e.Position)
		c.zoom(1/c.settled().Scale, dx, dy)
	} else {
		c.Fit()
	}
}

// CreateRenderer implements fyne.Widget.
func (c *Compare) CreateRenderer() fyne.WidgetRenderer {
	c.r = newCompareRenderer(c)
	c.r.Refresh()
	return c.r
}

//go:build !headless

package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"

	"github.com/gesso-app/gesso/ui/window/view"
)

// panel is a window beside the main one. It is hidden when it is closed, and follows the session only while it is open.
type panel struct {
	win  fyne.Window
	open bool
}

func (w *window) newPanel(title string, size fyne.Size) *panel {
	p := &panel{win: w.app.NewWindow(title)}
	p.win.SetPadded(false)
	p.win.Resize(size)
	p.win.SetCloseIntercept(p.hide)
	w.panelKeys(p)
	return p
}

func (p *panel) hide() {
	p.open = false
	p.win.Hide()
}

// panelKeys gives a panel the keys that lead to the other windows, which have their place in the main window's menu, and those that close it.
func (w *window) panelKeys(p *panel) {
	c := p.win.Canvas()
	for k, f := range map[fyne.KeyName]func(){
		fyne.Key2: w.showQueue, fyne.Key3: w.showHistory, fyne.Key4: w.showFolders, fyne.KeyW: p.hide, fyne.KeyQ: w.quit,
	} {
		c.AddShortcut(shortcut(k, 0), func(fyne.Shortcut) { f() })
	}
	c.SetOnTypedKey(func(e *fyne.KeyEvent) {
		if e.Name == fyne.KeyEscape && c.Overlays().Top() == nil {
			p.hide()
		}
	})
}

// show sets what the panel holds.
func (p *panel) show(body fyne.CanvasObject) {
	p.win.SetContent(view.WithTips(container.New(layout.NewCustomPaddedLayout(16, 16, 16, 16), body), p.win))
}

// front brings the panel to the front, up to date.
func (p *panel) front(update func()) {
	p.open = true
	update()
	p.win.Show()
	p.win.RequestFocus()
}

// orEmpty lays a list on the panels' ground, with a sentence for when there is nothing in it.
func orEmpty(list fyne.CanvasObject, empty *view.Text) fyne.CanvasObject {
	return container.NewStack(view.NewGround(view.ColorPanel), list, container.NewCenter(container.NewGridWrap(fyne.NewSize(380, 40), empty)))
}

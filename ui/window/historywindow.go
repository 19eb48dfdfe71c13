//go:build !headless

package window

import (
	"context"
	"fmt"
	"image"
	"path/filepath"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
	"github.com/gesso-app/gesso/ui/window/zoom"
)

// historyWindow shows the saved pictures of this and earlier sessions.
type historyWindow struct {
	w *window
	*panel
	entries []session.Entry
	grid    *widget.GridWrap
	chosen  []int64 // identifiers, in the order in which they were chosen
	thumbs  map[int64]image.Image
	loading map[int64]bool
	empty   *view.Text
	detail  *view.Text

	reuse, compare, reveal, forget, sheet *widget.Button
}

func (w *window) showHistory() {
	if w.history == nil {
		w.history = newHistoryWindow(w)
	}
	w.history.front(w.history.update)
}

func newHistoryWindow(w *window) *historyWindow {
	h := &historyWindow{
		w: w, panel: w.newPanel(tr("History"), fyne.NewSize(880, 600)), thumbs: map[int64]image.Image{}, loading: map[int64]bool{},
		empty:  view.NewNote(tr("Pictures that you save are listed here.")).Align(fyne.TextAlignCenter),
		detail: view.NewPlain(""),
	}
	h.grid = widget.NewGridWrap(func() int { return len(h.entries) },
		func() fyne.CanvasObject { return view.NewCard() },
		func(i widget.GridWrapItemID, o fyne.CanvasObject) { h.fill(h.entries[i], o.(*view.Card)) })
	h.grid.OnSelected = func(i widget.GridWrapItemID) {
		h.grid.Unselect(i)
		h.choose(h.entries[i].ID)
	}
	h.reuse = widget.NewButton(tr("Use Settings"), func() { w.session.Reuse(h.picked()[0]) })
	h.reuse.Importance = widget.HighImportance
	h.compare = widget.NewButton(tr("Compare Two"), h.compareTwo)
	h.reveal = widget.NewButton(tr("Show in Folder"), func() { w.reveal(h.picked()[0].Output) })
	h.forget = widget.NewButton(tr("Remove from List"), func() { w.session.Forget(h.chosen...) })
	h.sheet = widget.NewButton(tr("Contact Sheet…"), h.contactSheet)
	foot := container.NewBorder(nil, nil, nil, container.NewHBox(h.forget, h.sheet, h.reveal, h.compare, h.reuse), container.New(middle{}, h.detail))
	h.show(container.NewBorder(nil, foot, nil, nil, orEmpty(container.NewPadded(h.grid), h.empty)))
	return h
}

func (h *historyWindow) update() {
	entries := h.w.session.History()
	same := slices.EqualFunc(entries, h.entries, func(a, b session.Entry) bool { return a.ID == b.ID })
	h.entries = entries
	h.chosen = slices.DeleteFunc(h.chosen, func(id int64) bool {
		return !slices.ContainsFunc(entries, func(e session.Entry) bool { return e.ID == id })
	})
	if !same {
		h.grid.Refresh()
	}
	setVisible(h.empty, len(entries) == 0)
	h.check()
}

func (h *historyWindow) check() {
	picked := h.picked()
	setEnabled(h.reuse, len(picked) == 1)
	setEnabled(h.reveal, len(picked) == 1)
	setEnabled(h.compare, len(picked) == 2)
	setEnabled(h.forget, len(picked) > 0)
	setEnabled(h.sheet, len(h.entries) > 0)
	switch len(picked) {
	case 0:
		h.detail.SetText("")
	case 1:
		e := picked[0]
		h.detail.SetText(fmt.Sprintf("%s  ·  %d × %d  ·  SSIM %.2f", e.Style, e.Width, e.Height, e.SSIM))
	default:
		h.detail.SetText(tr("%d pictures", len(picked)))
	}
}

// picked are the chosen entries.
func (h *historyWindow) picked() (out []session.Entry) {
	for _, id := range h.chosen {
		for _, e := range h.entries {
			if e.ID == id {
				out = append(out, e)
			}
		}
	}
	return out
}

func (h *historyWindow) choose(id int64) {
	if i := slices.Index(h.chosen, id); i >= 0 {
		h.chosen = slices.Delete(h.chosen, i, i+1)
	} else {
		h.chosen = append(h.chosen, id)
	}
	h.check()
	h.grid.Refresh()
}

// fill shows an entry; its small picture is read on another goroutine.
func (h *historyWindow) fill(e session.Entry, t *view.Card) {
	t.Set(filepath.Base(e.Output), fmt.Sprintf("%s  ·  %s", e.At().Format("2006-01-02 15:04"), percent(e.Config.StyleStrength)),
		h.thumbs[e.ID], slices.Contains(h.chosen, e.ID))
	if _, ok := h.thumbs[e.ID]; ok || h.loading[e.ID] {
		return
	}
	h.loading[e.ID] = true
	go func() {
		img := h.w.session.Thumb(e)
		h.w.do(func() {
			h.thumbs[e.ID] = img
			delete(h.loading, e.ID)
			h.grid.Refresh()
		})
	}()
}

// compareTwo shows two pictures over each other in a window of their own.
func (h *historyWindow) compareTwo() {
	picked := h.picked()
	go func() {
		var large []*zoom.Pyramid
		for _, e := range picked {
			p, err := picture.Open(context.Background(), e.Output, picture.DefaultLimits)
			if err != nil {
				h.w.do(func() { h.detail.Set(err.Error(), widget.DangerImportance) })
				return
			}
			large = append(large, zoom.NewPyramid(p.Image))
		}
		h.w.do(func() {
			c := view.NewCompare(h.w.do)
			bar := newZoomBar(c)
			win := h.w.app.NewWindow(tr("Compare"))
			win.SetPadded(false)
			win.SetContent(view.WithTips(container.New(layout.NewCustomPaddedLayout(16, 16, 16, 16), container.New(border{gap: 8}, bar.row, c)), win))
			win.SetOnClosed(func() { view.ForgetTips(win) })
			win.Canvas().SetOnTypedRune(bar.typed)
			win.Resize(fyne.NewSize(1100, 700))
			a, b := picked[0], picked[1]
			c.SetState(view.CompareState{
				Before: large[0], Size: image.Pt(a.Width, a.Height), BeforeDetail: filepath.Base(a.Output), After: large[1], AfterDetail: filepath.Base(b.Output),
			})
			win.Show()
		})
	}()
}

// contactSheet draws the chosen pictures, or all, on one sheet in a folder that is asked for.
func (h *historyWindow) contactSheet() {
	entries := h.picked()
	if len(entries) == 0 {
		entries = h.entries
	}
	h.w.chooseFolderIn(h.win, picturesDir(), func(folder string) {
		h.w.session.Sheet(entries, filepath.Join(folder, "contact-sheet.jpg"))
	})
}

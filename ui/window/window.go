//go:build !headless

package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	tooltip "github.com/dweymouth/fyne-tooltip/widget"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/preset"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

// window holds the widgets. All methods run on the UI goroutine.
type window struct {
	app     fyne.App
	win     fyne.Window
	version string
	session *session.Session

	photo, painting *view.DropPane
	prompt          *view.Entry
	clearPrompt     *widget.Button
	strength        *tooltip.Slider
	percent         *view.Text
	brush           *tooltip.Slider
	breadth         *view.Text
	colour          *tooltip.Check
	gate            *tooltip.Select
	stylize, cancel *view.Button
	adjust          *adjustPanel

	compare  *view.Compare
	zoom     *zoomBar
	styles   *styleBar
	scores   *view.ScoreBar
	progress *view.Progress
	status   *view.Text

	save, copy, share *view.Button

	menu    menuItems
	presets *preset.Store
	manager *presetManager // nil unless it is open
	saving  *saveForm      // nil unless it is open
	fronts  []func()       // close the open dialogs, the one in front last
	do      func(func())   // runs a function on the UI goroutine

	waiting int  // pictures of the queue that waited at the last look
	behind  bool // the program is in the background
	dock    dock

	queue   *queueWindow   // nil until it is shown
	history *historyWindow // nil until it is shown
	folders *folderWindow  // nil until it is shown
}

// Where the window's size is remembered.
const (
	keyWidth  = "window.width"
	keyHeight = "window.height"
)

// sidebarWidth is a multiple of the grid's 8.
const sidebarWidth = 304

// newWindow makes the window; do runs a function on the UI goroutine.
func newWindow(a fyne.App, version string, do func(func())) *window {
	w := &window{app: a, version: version, win: a.NewWindow("Gesso"), do: do, presets: &preset.Store{}}
	w.photo = view.NewDropPane(tr("Drop a photo here, or click to choose one"))
	w.painting = view.NewDropPane(tr("Drop a painting here, or click to choose one"))
	w.prompt = view.NewEntry()
	w.prompt.SetPlaceHolder(tr("van Gogh, starry night"))
	w.clearPrompt = widget.NewButtonWithIcon("", theme.CancelIcon(), func() { w.prompt.SetText("") })
	w.clearPrompt.Importance = widget.LowImportance
	w.clearPrompt.Hide()
	w.prompt.ActionItem = w.clearPrompt
	w.strength = tooltip.NewSlider(0, 1)
	w.strength.SetToolTip(tr("How far to go from the photo to the painting"))
	w.strength.Step = 0.01
	w.percent = view.NewPlain("").Align(fyne.TextAlignTrailing)
	w.brush = tooltip.NewSlider(session.BrushFine, session.BrushBroad)
	w.brush.SetToolTip(tr("How broad the strokes are, beside those that fit the photo’s size"))
	w.brush.Step = 0.25
	w.breadth = view.NewPlain("").Align(fyne.TextAlignTrailing)
	w.colour = tooltip.NewCheck(tr("Keep the photo’s colours"), nil)
	w.colour.SetToolTip(tr("Takes the strokes and the lightness of the painting, and leaves the photo its colours"))
	w.gate = tooltip.NewSelect(nil, nil)
	w.gate.SetToolTip(tr("What happens where the picture is less like the photo than the threshold: nothing, a warning, or less strength"))
	w.stylize = view.NewButton(tr("Stylize"), nil, tr("Makes the picture at full size"), nil)
	w.stylize.Importance = widget.HighImportance
	w.cancel = view.NewButton(tr("Cancel"), nil, tr("Ends the picture that is being made; nothing is saved"), nil)
	w.adjust = newAdjustPanel(w)
	w.compare = view.NewCompare(do)
	w.zoom = newZoomBar(w.compare)
	w.styles = newStyleBar(w)
	w.scores = view.NewScoreBar(scores(nil, 0))
	w.progress = view.NewProgress()
	w.status = view.NewPlain("")
	w.save = view.NewButton(tr("Save…"), theme.DocumentSaveIcon(), tr("Saves the picture at full size, with its settings"), nil)
	w.copy = view.NewQuiet("", theme.ContentCopyIcon(), tr("Copies the picture"), nil)
	w.share = view.NewQuiet("", theme.MailForwardIcon(), tr("Sends the picture to another program"), nil)
	setVisible(w.share, shares)

	w.win.SetPadded(false)
	w.win.SetContent(view.WithTips(w.layout(), w.win))
	p := a.Preferences()
	w.win.Resize(fyne.NewSize(float32(p.FloatWithFallback(keyWidth, 1280)), float32(p.FloatWithFallback(keyHeight, 800))))
	w.win.CenterOnScreen()
	w.win.SetMaster()
	return w
}

// connect gives the widgets their meaning and shows the session's state.
func (w *window) connect(s *session.Session) {
	w.session = s
	w.photo.OnOpen, w.photo.OnClear = w.openPhoto, func() { s.Clear(true) }
	w.painting.OnOpen, w.painting.OnClear = w.openPainting, func() { s.Clear(false) }
	w.prompt.OnChanged = s.SetPrompt
	w.prompt.OnSubmitted = func(string) { s.Stylize() }
	w.strength.OnChanged = func(v float64) {
		w.percent.SetText(percent(v))
		s.SetStrength(v)
	}
	w.brush.OnChanged = func(v float64) {
		w.breadth.SetText(breadth(v))
		s.SetBrush(v)
	}
	w.colour.OnChanged = s.SetPreserveColour
	w.adjust.connect(s)
	w.styles.connect(s)
	w.compare.OnDragOut = w.dragOut
	w.zoom.onMode = func(m view.Mode) { s.SetMapped(m == view.Likeness) }
	w.gate.Options = gateNames(s.Snapshot().MinSSIM)
	w.gate.OnChanged = func(string) { s.SetGate(pipeline.Gates[w.gate.SelectedIndex()]) }
	w.stylize.OnTapped, w.cancel.OnTapped, w.save.OnTapped = s.Stylize, s.Cancel, w.openSave
	w.copy.OnTapped, w.share.OnTapped, w.scores.OnTapped = w.copyPicture, w.sharePicture, w.showWhy
	w.win.SetOnDropped(w.drop)
	w.win.SetCloseIntercept(w.quit)
	w.prompt.OnEscape = w.escape
	w.win.Canvas().SetOnTypedKey(func(e *fyne.KeyEvent) {
		if e.Name == fyne.KeyEscape {
			w.escape()
		}
	})
	w.win.Canvas().SetOnTypedRune(w.zoom.typed)
	w.makeMenu()
	w.update()
}

// update shows the session's state: the newest one, so that a slider in motion is never set back to where it was.
func (w *window) update() {
	n := w.session.Snapshot()
	w.photo.SetState(paneState(n.Content, session.FromPainting))
	w.painting.SetState(paneState(n.Style, n.Source))
	w.styles.update(n)
	if w.prompt.Text != n.Prompt {
		w.prompt.SetText(n.Prompt)
	}
	setVisible(w.clearPrompt, n.Prompt != "")
	if w.strength.Value != n.Strength {
		w.strength.SetValue(n.Strength)
	}
	w.percent.SetText(percent(n.Strength))
	if w.brush.Value != n.Brush {
		w.brush.SetValue(n.Brush)
	}
	w.breadth.SetText(breadth(n.Brush))
	if w.colour.Checked != n.PreserveColour {
		w.colour.SetChecked(n.PreserveColour)
	}
	for i, g := range pipeline.Gates {
		if g == n.Gate && w.gate.SelectedIndex() != i {
			w.gate.SetSelectedIndex(i)
		}
	}
	w.adjust.update(n)
	setEnabled(w.stylize, n.CanStylize)
	setEnabled(w.cancel, n.Busy && !n.Cancelling)
	for _, b := range []*view.Button{w.save, w.copy, w.share} {
		setEnabled(b, n.CanSave)
	}

	w.compare.SetState(compareState(n))
	w.scores.SetScores(scores(n.Result, n.MinSSIM))
	if n.Busy {
		w.progress.Set(n.Fraction)
	} else {
		w.progress.Set(-1)
	}
	w.status.Set(statusText(n))
	w.updatePanels(n)
	w.updateMenu(n)
}

func (w *window) layout() fyne.CanvasObject {
	group := func(title, content fyne.CanvasObject) fyne.CanvasObject {
		return container.New(layout.NewCustomPaddedVBoxLayout(6), title, content)
	}
	panes := w.adjust.stack(container.New(halves{gap: 16},
		container.New(border{gap: 6}, corner(tr("Photo"), w.adjust.open), w.photo),
		container.New(border{gap: 6}, view.NewTitle(tr("Painting")), w.painting)))
	slider := func(title string, value *view.Text, s fyne.CanvasObject, below ...fyne.CanvasObject) fyne.CanvasObject {
		rows := []fyne.CanvasObject{container.NewGridWithColumns(2, view.NewTitle(title), value), view.OnRail(s)}
		return container.New(layout.NewCustomPaddedVBoxLayout(2), append(rows, below...)...)
	}
	ends := container.NewGridWithColumns(2, view.NewCaption(tr("Photo")), view.NewCaption(tr("Painting")).Align(fyne.TextAlignTrailing))
	controls := container.New(layout.NewCustomPaddedVBoxLayout(12),
		group(view.NewTitle(tr("Or a prompt")), w.prompt),
		slider(tr("Strength"), w.percent, w.strength, ends),
		slider(tr("Brush"), w.breadth, w.brush, container.New(outdent(7), w.colour)),
		group(view.NewTitle(tr("Quality gate")), container.NewStack(w.gate, view.NewOutline())),
		container.New(columns{gap: 8, first: 0.66}, w.stylize, w.cancel))
	sidebar := container.NewStack(view.NewGround(view.ColorPanel), container.New(layout.NewCustomPaddedLayout(16, 16, 16, 16),
		container.New(bottom{gap: 16}, controls, panes)))

	foot := container.New(layout.NewCustomPaddedVBoxLayout(8),
		w.progress,
		container.NewBorder(nil, nil, nil, container.New(layout.NewCustomPaddedHBoxLayout(4), w.share, w.copy, w.save), container.New(middle{}, w.status)))
	main := container.New(layout.NewCustomPaddedLayout(16, 16, 16, 16),
		container.New(bottom{gap: 12}, container.New(layout.NewCustomPaddedVBoxLayout(10), w.styles.box, w.scores, foot),
			container.New(border{gap: 8}, w.zoom.row, w.compare)))
	return container.New(side{width: sidebarWidth}, sidebar, main)
}

func setEnabled(d fyne.Disableable, yes bool) {
	if yes == d.Disabled() {
		if yes {
			d.Enable()
		} else {
			d.Disable()
		}
	}
}

func setVisible(o fyne.CanvasObject, yes bool) {
	if yes != o.Visible() {
		if yes {
			o.Show()
		} else {
			o.Hide()
		}
	}
}

//go:build !headless

package window

import (
	"fmt"
	"path/filepath"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

// queueWindow lists the pictures of the queue.
type queueWindow struct {
	w *window
	*panel
	tasks              []session.Task
	list               *widget.List
	title, detail      *view.Text
	empty              *view.Text
	bar                *view.Progress
	pause, stop, clear *widget.Button
}

// showQueue opens the window of the queue, or brings it to the front.
func (w *window) showQueue() {
	if w.queue == nil {
		w.queue = newQueueWindow(w)
	}
	w.queue.front(w.queue.update)
}

func newQueueWindow(w *window) *queueWindow {
	q := &queueWindow{
		w: w, panel: w.newPanel(tr("Queue"), fyne.NewSize(640, 560)),
		title: view.NewTitle(""), detail: view.NewCaption(""), bar: view.NewProgress(),
		empty: view.NewNote(tr("Drop several photos, or a folder, to stylize them one after the other.")).Align(fyne.TextAlignCenter),
	}
	q.list = widget.NewList(func() int { return len(q.tasks) },
		func() fyne.CanvasObject { return view.NewTaskRow() },
		func(i widget.ListItemID, o fyne.CanvasObject) { o.(*view.TaskRow).SetState(q.row(q.tasks[i])) })
	q.list.OnSelected = func(i widget.ListItemID) { q.list.Unselect(i) }
	q.pause = widget.NewButton(tr("Pause"), func() { w.session.PauseQueue(!w.session.Queue().Paused) })
	q.stop = widget.NewButton(tr("Cancel All"), w.session.StopQueue)
	q.clear = widget.NewButton(tr("Clear Finished"), w.session.ClearQueue)
	head := container.New(layout.NewCustomPaddedVBoxLayout(2), q.title, q.detail)
	foot := container.NewHBox(q.clear, layout.NewSpacer(), q.stop, q.pause)
	body := container.NewBorder(container.New(layout.NewCustomPaddedVBoxLayout(8), head, q.bar), foot, nil, nil,
		orEmpty(q.list, q.empty))
	q.show(body)
	q.win.SetOnDropped(func(_ fyne.Position, uris []fyne.URI) { w.dropMany(uris) })
	return q
}

func (q *queueWindow) update() {
	n := q.w.session.Queue()
	q.tasks = n.Tasks
	q.list.Refresh()
	setVisible(q.empty, len(n.Tasks) == 0)
	q.title.SetText(queueTitle(n))
	q.detail.SetText(queueDetail(n))
	q.bar.Set(queueFraction(n))
	q.pause.SetText(tr("Pause"))
	if n.Paused {
		q.pause.SetText(tr("Resume"))
	}
	setEnabled(q.pause, n.Waiting > 0)
	setEnabled(q.stop, n.Waiting > 0)
	setEnabled(q.clear, len(n.Tasks) > n.Waiting)
}

func queueTitle(n session.Queue) string {
	switch {
	case len(n.Tasks) == 0:
		return tr("The queue is empty")
	case n.Waiting == 0:
		return tr("Finished: %d", len(n.Tasks))
	case n.Paused:
		return tr("Paused: %d of %d pictures wait", n.Waiting, len(n.Tasks))
	}
	return tr("%d of %d pictures", len(n.Tasks)-n.Waiting, len(n.Tasks))
}

func queueDetail(n session.Queue) string {
	text := ""
	if n.Failed > 0 {
		text = tr("%d failed", n.Failed)
	}
	if n.Remaining > 0 && !n.Paused {
		if text != "" {
			text += "  ·  "
		}
		text += tr("about %s left", seconds(n.Remaining.Round(time.Second)))
	}
	return text
}

// queueFraction is how much of the queue is done, -1 while there is nothing to do.
func queueFraction(n session.Queue) float64 {
	if n.Waiting == 0 {
		return -1
	}
	return (float64(len(n.Tasks)-n.Waiting) + n.Fraction) / float64(len(n.Tasks))
}

// row is a task as it is shown, with what can be done with it.
func (q *queueWindow) row(t session.Task) view.TaskState {
	s := q.w.session
	r := view.TaskState{Name: t.Name(), Fraction: -1, Thumb: t.Thumb, Tone: widget.LowImportance}
	cancel := view.RowButton{Icon: theme.CancelIcon(), Tip: tr("Cancel"), Run: func() { s.CancelTask(t.ID) }}
	again := view.RowButton{Icon: theme.ViewRefreshIcon(), Tip: tr("Try again"), Run: func() { s.RetryTask(t.ID) }}
	move := func(icon fyne.Resource, tip string, by int) view.RowButton {
		return view.RowButton{Icon: icon, Tip: tip, Run: func() { s.MoveTask(t.ID, by) }}
	}
	switch t.State {
	case session.TaskWaiting:
		r.Detail = tr("Waiting")
		r.Buttons = []view.RowButton{move(theme.MoveUpIcon(), tr("Earlier"), -1), move(theme.MoveDownIcon(), tr("Later"), 1), cancel}
	case session.TaskRunning:
		r.Detail, r.Fraction = fmt.Sprintf("%s… %s", tr(phases[t.Phase]), percent(t.Fraction)), t.Fraction
		r.Buttons = []view.RowButton{cancel}
	case session.TaskDone:
		r.Detail = fmt.Sprintf("%s  ·  SSIM %.2f", filepath.Base(t.Output), t.SSIM)
		r.Buttons = []view.RowButton{{Icon: theme.FolderOpenIcon(), Tip: tr("Show in Folder"), Run: func() { q.w.reveal(t.Output) }}}
	case session.TaskFailed:
		r.Detail, r.Tone = explain(t.Error), widget.DangerImportance
		r.Buttons = []view.RowButton{again}
	case session.TaskCancelled:
		r.Detail = tr("Cancelled")
		r.Buttons = []view.RowButton{again}
	}
	return r
}

// updatePanels shows the session's state in the other windows that are open, and says when the queue has ended behind the user's back.
func (w *window) updatePanels(n session.Snapshot) {
	if w.queue != nil && w.queue.open {
		w.queue.update()
	}
	if w.history != nil && w.history.open {
		w.history.update()
	}
	if w.folders != nil && w.folders.open {
		w.folders.update()
	}
	w.updateDock(n)
	if w.waiting > 0 && n.Queue.Waiting == 0 && w.behind {
		text := tr("%d pictures are done.", n.Queue.Done)
		if n.Queue.Failed > 0 {
			text += " " + tr("%d failed", n.Queue.Failed) + "."
		}
		w.app.SendNotification(fyne.NewNotification("Gesso", text))
	}
	w.waiting = n.Queue.Waiting
}

//go:build !headless

package window

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

// showWhy explains the scores of the picture that is shown: where it is least like the photo, and what can be done about it.
func (w *window) showWhy() {
	n := w.session.Snapshot()
	if n.Result == nil || w.dialogOpen() {
		return
	}
	go func() { // the map of a large picture takes a moment
		y, err := w.session.Why()
		w.do(func() {
			switch {
			case err != nil:
				w.session.Say(capital(err.Error()))
			case !w.dialogOpen():
				w.openWhy(y)
			}
		})
	}()
}

// cropSide is the side of the crops, in units of the canvas.
const cropSide = 176

func (w *window) openWhy(y session.Why) {
	crops := container.NewHBox()
	for _, c := range []struct {
		title string
		img   image.Image
	}{{tr("Photo"), y.Before}, {tr("Picture"), y.After}, {tr("Likeness"), y.Map}} {
		img := canvas.NewImageFromImage(c.img)
		img.FillMode = canvas.ImageFillContain
		img.SetMinSize(fyne.NewSquareSize(cropSide))
		crops.Add(container.New(layout.NewCustomPaddedVBoxLayout(4), view.NewCaption(c.title), container.NewStack(view.NewGround(view.ColorWell), img)))
	}
	rows := container.New(layout.NewCustomPaddedVBoxLayout(10), view.NewTitle(tr("Where the picture is least like the photo")), crops)
	for _, s := range reasons(y) {
		rows.Add(view.NewParagraph(s))
	}
	d := dialog.NewCustomWithoutButtons(tr("Why these scores?"), container.New(layout.NewCustomPaddedLayout(0, 12, 0, 0), rows), w.win)
	whole := widget.NewButton(tr("Show the Map"), func() {
		d.Hide()
		w.compare.SetMode(view.Likeness)
	})
	done := widget.NewButton(tr("Done"), d.Hide)
	done.Importance = widget.HighImportance
	d.SetButtons([]fyne.CanvasObject{whole, done})
	w.inFront(d, func() {})
}

// reasons are the scores in sentences, each with what can be done about it.
func reasons(y session.Why) []string {
	m, min := y.Scores, y.MinSSIM
	var out []string
	switch {
	case m.SSIMScore >= min:
		out = append(out, tr("SSIM %.2f meets the threshold of %.2f: the photo’s lines and tones are where they were.", m.SSIMScore, min))
	case y.Gate == pipeline.GateHold:
		out = append(out, tr("SSIM %.2f is as near to %.2f as it comes: lower the threshold.", m.SSIMScore, min))
	default:
		out = append(out, tr("SSIM %.2f is below the threshold of %.2f, as with most paintings: strokes and colours replace the photo’s own detail. Less strength, a finer brush or the gate that holds SSIM bring it back.", m.SSIMScore, min))
	}
	if m.StrengthUsed > 0 && m.StrengthUsed < y.Strength {
		out = append(out, tr("The gate took strength %.2f in place of %.2f.", m.StrengthUsed, y.Strength))
	}
	if m.ContentPreservation == m.ContentPreservation { // not NaN
		out = append(out, tr("%s of what the photo shows is still recognized in the picture.", percent(m.ContentPreservation)))
	}
	if m.StyleLoss == m.StyleLoss {
		out = append(out, tr("Style loss %.3f: more strength brings it nearer to 0, and takes SSIM along.", m.StyleLoss))
	}
	return out
}

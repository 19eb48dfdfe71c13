//go:build !headless

package window

import (
	"fmt"
	"image"
	"math"
	"strings"
	"time"

	"fyne.io/fyne/v2/widget"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

func percent(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }

// gateNames are the choices of the gate, in the order of pipeline.Gates.
func gateNames(minSSIM float64) []string {
	names := make([]string, len(pipeline.Gates))
	for i, g := range pipeline.Gates {
		switch g {
		case pipeline.GateOff:
			names[i] = tr("Off")
		case pipeline.GateWarn:
			names[i] = tr("Warn below SSIM %.2f", minSSIM)
		case pipeline.GateHold:
			names[i] = tr("Hold SSIM at %.2f or above", minSSIM)
		}
	}
	return names
}

// breadth is the brush in words: how much broader the strokes are than what fits the photo.
func breadth(octaves float64) string {
	if octaves == 0 {
		return tr("Fits the photo")
	}
	return fmt.Sprintf("× %.2g", math.Exp2(octaves))
}

// paneState is a pane of which the style comes from source.
func paneState(p session.Pane, source session.Source) view.PaneState {
	unused := source != session.FromPainting
	s := view.PaneState{Name: p.Name, Error: explain(p.Error), Busy: p.Loading, Dimmed: unused}
	if p.Thumb != nil { // a nil *image.NRGBA must not become an image that is not nil
		s.Image = p.Thumb
	}
	switch {
	case source == session.FromPrompt && p.Path != "":
		s.Detail = tr("Not used: the prompt gives the style")
	case source == session.FromStyles && p.Path != "":
		s.Detail = tr("Not used: a style is chosen below")
	case source == session.FromPreset && p.Path != "":
		s.Detail = tr("Not used: a preset gives the style")
	case p.Error != "":
		s.Detail = tr("Choose another picture")
	case p.Loading:
		s.Detail = tr("Opening…")
	case p.Width > 0:
		s.Detail = fmt.Sprintf("%d × %d, %s", p.Width, p.Height, formatName(p.Format))
	}
	return s
}

func formatName(f string) string {
	if f == "webp" {
		return "WebP"
	}
	return strings.ToUpper(f)
}

func compareState(n session.Snapshot) view.CompareState {
	var s view.CompareState
	c := n.Content
	if c.Large != nil && c.Error == "" {
		s.Before, s.Size = c.Large, image.Pt(c.Width, c.Height)
		s.BeforeDetail = fmt.Sprintf("%d × %d", c.Width, c.Height)
	} else {
		s.BeforeHint = tr("The photo is shown here.")
	}
	switch {
	case n.Busy:
		s.AfterHint = tr("Painting…")
	case n.CanStylize:
		s.AfterHint = tr("Press Stylize to paint the photo.")
	case !c.Ready():
		s.AfterHint = tr("The stylized picture is shown here, beside the photo.")
	default:
		s.AfterHint = tr("Add a painting, or write a prompt.")
	}
	if r := n.Result; r != nil {
		s.After, s.Map = r.After, r.Map
		var words []string
		if r.Preview {
			words = append(words, tr("Preview"))
		} else {
			words = append(words, fmt.Sprintf("%d × %d", r.Scores.Width, r.Scores.Height))
		}
		if r.Style != "" {
			words = append(words, r.Style)
		}
		if r.Stale && !n.CanStylize && !n.Busy {
			words = append(words, tr("Earlier settings"))
		}
		s.AfterDetail = strings.Join(words, "  ·  ")
		s.Faded = n.Busy && (r.Stale || r.Preview)
	}
	return s
}

// none stands for a number that is not there yet.
const none = "–"

// What is much and little of the photo's content that is still recognized: between them nothing is said.
const (
	contentMuch   = 0.75
	contentLittle = 0.4
)

// scores are the cells of the score bar; minSSIM is the gate's threshold.
func scores(r *session.Result, minSSIM float64) []view.Score {
	s := []view.Score{
		{
			Label: tr("SSIM"), Caption: tr("Likeness to the photo, up to 1"),
			Tip: tr("Compares the structure of the picture with the photo’s: 1 is the same. A strong style lies between 0.2 and 0.5. Click to see why."),
		},
		{
			Label: tr("Style loss"), Caption: tr("Distance to the style, from 0"),
			Tip: tr("How far the picture’s textures and colours are from the style’s: lower is more like the painting."),
		},
		{
			Label: tr("Content kept"), Caption: tr("Share of the photo’s structure"),
			Tip: tr("How much of what the photo shows is still recognized in the picture."),
		},
		{
			Label: tr("ANE share"), Caption: tr("Planned share, on Macs only"),
			Tip: tr("How much of the networks’ work Core ML plans to do on the Neural Engine. It is a plan, not a measurement."),
		},
		{
			Label: tr("Time"), Caption: tr("From opening to the result"),
			Tip: tr("From opening the photo to the finished picture with its scores, without saving."),
		},
	}
	for i := range s {
		s[i].Value, s[i].Tone = none, widget.LowImportance
	}
	if r == nil {
		return s
	}
	for i := range s {
		s[i].Tone = widget.MediumImportance
	}
	m := r.Scores
	s[0].Value = number(m.SSIMScore, "%.2f")
	switch {
	case m.SSIMScore >= minSSIM:
		s[0].Tone = widget.SuccessImportance
	case m.GateNote != "":
		s[0].Tone = widget.WarningImportance
	}
	s[1].Value = number(m.StyleLoss, "%.3f")
	if !math.IsNaN(m.ContentPreservation) {
		s[2].Value = percent(m.ContentPreservation)
		switch {
		case m.ContentPreservation >= contentMuch:
			s[2].Tone = widget.SuccessImportance
		case m.ContentPreservation < contentLittle:
			s[2].Tone = widget.WarningImportance
		}
	}
	s[3].Value = percent(m.ANEShare)
	s[4].Value = seconds(m.ProcessingTime)
	return s
}

func number(v float64, format string) string {
	if math.IsNaN(v) {
		return none
	}
	return fmt.Sprintf(format, v)
}

func seconds(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return tr("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
}

var phases = map[pipeline.Phase]string{
	pipeline.PhaseOpen:    "Opening the pictures",
	pipeline.PhaseStyle:   "Reading the style",
	pipeline.PhaseStylize: "Painting",
	pipeline.PhaseMeasure: "Measuring",
	pipeline.PhaseSave:    "Saving",
}

// statusText is the line at the bottom: what goes on, or what happened last, or what can be done next.
func statusText(n session.Snapshot) (string, widget.Importance) {
	switch {
	case n.Cancelling:
		return tr("Cancelling…"), widget.MediumImportance
	case n.Busy:
		return fmt.Sprintf("%s… %s", tr(phases[n.Phase]), percent(n.Fraction)), widget.MediumImportance
	case n.Status.Text != "":
		return statusWords(n.Status), map[session.Tone]widget.Importance{
			session.ToneNeutral: widget.MediumImportance, session.ToneGood: widget.SuccessImportance,
			session.ToneWarn: widget.WarningImportance, session.ToneBad: widget.DangerImportance,
		}[n.Status.Tone]
	case n.Previewing:
		return tr("Updating the preview…"), widget.LowImportance
	case n.Result != nil && n.Result.Preview && n.CanStylize:
		return tr("This is a preview. Stylize makes the picture at full size."), widget.LowImportance
	}
	return missing(n), widget.LowImportance
}

// statusWords is a status in the window's language, as far as it has one.
func statusWords(s session.Status) string {
	if s.Format == "" {
		return explain(s.Text)
	}
	return tr(s.Format, s.Args...)
}

// missing is what has to be done before a picture can be made, empty when nothing is in the way.
func missing(n session.Snapshot) string {
	switch {
	case n.CanStylize || n.Content.Loading || n.Style.Loading:
		return ""
	case n.Content.Error != "":
		return tr("Choose another photo to go on.")
	case n.Content.Path == "":
		return tr("Add a photo to begin.")
	case n.Style.Error != "":
		return tr("Choose another painting to go on, or write a prompt.")
	}
	return tr("Add a painting to go on, or write a prompt.")
}

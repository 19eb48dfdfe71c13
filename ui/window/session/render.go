package session

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/quality"
	"github.com/gesso-app/gesso/ui/window/zoom"
)

// key is everything that decides a picture, files' contents included; two equal keys mean the same picture.
type key struct {
	content, style               string
	contentVersion, styleVersion int
	settings                     settings
}

// work is a picture being made.
type work struct {
	job       Job
	key       key
	preview   bool
	cancelled bool
	phase     pipeline.Phase
	fraction  float64
}

// made is a picture that was made.
type made struct {
	key       key
	rendering *pipeline.Rendering
	result    Result
	mapping   bool // its map is drawn or being drawn
}

// Stylize makes the picture at full size. It does nothing while one is being made or when an input is missing.
func (s *Session) Stylize() {
	s.edit(func() {
		if !s.ready() || (s.work != nil && !s.work.preview) {
			return
		}
		s.stopPreview()
		s.status = Status{}
		s.start(false)
	})
}

// Cancel ends the picture being made.
func (s *Session) Cancel() {
	s.edit(func() {
		if s.work == nil || s.work.preview || s.work.cancelled {
			return
		}
		s.work.cancelled = true
		s.work.job.Cancel()
	})
}

// source is what gives the style. s.mu is held here and below.
func (s *Session) source() Source {
	switch {
	case strings.TrimSpace(s.settings.prompt) != "":
		return FromPrompt
	case s.settings.styles[0].ID != "":
		return FromStyles
	case s.settings.code != nil:
		return FromPreset
	}
	return FromPainting
}

func (s *Session) ready() bool {
	return s.content.Ready() && (s.source() != FromPainting || s.style.Ready())
}

func (s *Session) key() key {
	k := key{content: s.content.Path, contentVersion: s.content.version, settings: s.settings}
	k.settings.prompt = strings.TrimSpace(k.settings.prompt)
	if s.source() == FromPainting {
		k.style, k.styleVersion = s.style.Path, s.style.version
	}
	return k
}

func (k key) config() pipeline.Config {
	c := pipeline.DefaultConfig()
	c.ContentImagePath, c.StyleImagePath, c.StylePrompt, c.StyleCode = k.content, k.style, k.settings.prompt, k.settings.code
	k.settings.styles.into(&c)
	c.StyleStrength, c.PreserveColour = k.settings.strength, k.settings.colour
	k.settings.steps.into(&c)
	k.settings.mask.into(&c)
	c.Gate, c.MinSSIM, c.Quality, c.UseANE = k.settings.gate, k.settings.minSSIM, k.settings.quality, k.settings.useANE
	return c
}

// settingsChanged shows the full-size picture again when it is the one that was asked for, or else makes a preview soon.
func (s *Session) settingsChanged(after time.Duration) {
	s.stopPreview()
	s.status = Status{}
	if s.full != nil && s.full.key == s.key() {
		s.shown = s.full
		s.drawMap()
		return
	}
	if !s.ready() || (s.work != nil && !s.work.preview) {
		return // a full-size picture being made looks at the settings again when it ends
	}
	if s.shown != nil && s.shown.key == s.key() {
		return
	}
	var t *time.Timer
	t = time.AfterFunc(after, func() {
		s.edit(func() {
			if s.timer != t {
				return // another change came while this one was on its way
			}
			s.timer = nil
			if s.ready() && s.work == nil {
				s.start(true)
			}
		})
	})
	s.timer = t
}

// stopPreview drops a preview that is due or being made: it would show settings of the past.
func (s *Session) stopPreview() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if s.work != nil && s.work.preview {
		s.work.job.Cancel()
		s.work = nil
	}
}

func (s *Session) start(preview bool) {
	k := s.key()
	c := k.config()
	w, h := s.content.Width, s.content.Height
	if preview {
		c.Size = s.o.PreviewSize
		w, h = c.Size, c.Size
	}
	if k.settings.brush != 0 {
		c.BrushScale = brushScale(k.settings.brush, w, h)
	}
	job := &work{key: k, preview: preview, job: s.o.Engine.Render(c), phase: pipeline.PhaseOpen}
	s.work = job
	s.spawn(func() { s.follow(job) })
}

// follow waits for w on its own goroutine, where the pictures for display are made too.
func (s *Session) follow(w *work) {
	for p := range w.job.Progress() {
		s.edit(func() { w.phase, w.fraction = p.Phase, p.Fraction })
	}
	<-w.job.Done()
	r, err := w.job.Rendering()
	var m *made
	if err == nil {
		m = &made{key: w.key, result: display(r, w.preview), rendering: r}
	}
	s.edit(func() {
		if s.work != w {
			return
		}
		s.work = nil
		switch {
		case err == nil:
			s.finished(m)
		case errors.Is(err, context.Canceled):
			if !w.preview {
				s.status = said(ToneNeutral, "Cancelled. Nothing was saved.")
			}
		default:
			s.status = Status{Text: sentence(err), Tone: ToneBad}
		}
	})
}

// finished takes in a picture. The photo may have been changed for another while it was made; then it is of no use.
func (s *Session) finished(m *made) {
	if m.key.content != s.content.Path {
		return
	}
	s.shown = m
	if !m.result.Preview {
		s.full = m
	}
	s.drawMap()
	if m.key != s.key() {
		s.settingsChanged(s.o.PreviewDelay)
		return
	}
	if m.result.Scores.GateNote != "" {
		s.status = gateStatus(m.rendering.Config, m.result.Scores)
	} else if m.result.Scores.Heat != "" {
		s.status = said(ToneNeutral, "The machine is hot, and slow until it has cooled.")
	}
}

// gateStatus is what the gate has to say of a picture (pipeline.Result.GateNote), in words that can be translated.
func gateStatus(c pipeline.Config, r pipeline.Result) Status {
	switch {
	case c.Gate != pipeline.GateHold:
		return said(ToneNeutral, "SSIM %.2f is below %.2f: lower the strength, or let the gate hold it.", r.SSIMScore, c.MinSSIM)
	case r.SSIMScore < c.MinSSIM:
		return said(ToneNeutral, "SSIM %.2f is as near to %.2f as it comes: lower the threshold.", r.SSIMScore, c.MinSSIM)
	case r.DetailKept > 0:
		return said(ToneNeutral, "Held: strength %.2f instead of %.2f and %.0f %% of the photo’s own luminance, so that SSIM stays at %.2f or above.",
			r.StrengthUsed, c.StyleStrength, 100*r.DetailKept, c.MinSSIM)
	}
	return said(ToneNeutral, "Held: strength %.2f instead of %.2f, so that SSIM stays at %.2f or above.", r.StrengthUsed, c.StyleStrength, c.MinSSIM)
}

// drawMap draws the map of the picture that is shown, if it is wanted and not there yet. s.mu is held.
func (s *Session) drawMap() {
	m := s.shown
	if !s.mapped || m == nil || m.mapping {
		return
	}
	m.mapping = true
	s.spawn(func() {
		grey, err := quality.SSIMMap(m.rendering.Content.Image, m.rendering.Image)
		if err != nil {
			return // a picture of a few pixels has no map
		}
		p := zoom.NewPyramid(quality.Heat(grey))
		s.edit(func() { m.result.Map = p })
	})
}

func display(r *pipeline.Rendering, preview bool) Result {
	out := Result{After: zoom.NewPyramid(r.Image), Preview: preview, Scores: r.Result, At: time.Now()}
	if r.Config.StyleImagePath == "" {
		out.Style = r.Result.Style
	}
	return out
}

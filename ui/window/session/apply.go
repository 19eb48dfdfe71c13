package session

import (
	"bytes"
	"context"
	"errors"
	"math"
	"path/filepath"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/pipeline/preset"
)

// Apply takes the settings of c: a preset's, or those with which an earlier picture was made. The photo stays.
func (s *Session) Apply(c pipeline.Config, name string) {
	s.edit(func() {
		if problem := unknownStyle(c); problem != "" {
			s.status = Status{Text: problem, Tone: ToneBad}
			return
		}
		n := s.settings
		n.prompt, n.code, n.styles = c.StylePrompt, c.StyleCode, mix{}
		if m, ok := (mix{}).from(c); ok {
			n.styles = m
		}
		n.strength, n.colour, n.gate, n.minSSIM, n.brush = c.StyleStrength, c.PreserveColour, c.Gate, c.MinSSIM, 0
		n.steps, n.mask = stepsOf(c), Mask{c.MaskPath, c.MaskFeather, c.MaskInvert}
		if c.BrushScale > 0 {
			n.brush = min(max(math.Log2(c.BrushScale/pipeline.FittingBrush(s.photoSize())), BrushFine), BrushBroad)
		}
		s.remember("apply")
		s.settings = n
		if c.StyleImagePath != "" && c.StyleImagePath != s.style.Path {
			s.open(&s.style, c.StyleImagePath, filepath.Base(c.StyleImagePath), true)
		} else {
			s.settingsChanged(s.o.PreviewDelay)
		}
		s.status = said(ToneNeutral, "These are the settings of %s.", name)
	})
}

// photoSize is the photo's, or that of a usual one.
func (s *Session) photoSize() (w, h int) {
	if s.content.Width > 0 {
		return s.content.Width, s.content.Height
	}
	return 1536, 1024
}

// Settings are the present ones as a Config without the photo. ok is false while nothing gives a style.
func (s *Session) Settings() (c pipeline.Config, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.template()
}

// template is the present settings for any photo. s.mu is held.
func (s *Session) template() (c pipeline.Config, ok bool) {
	if s.source() == FromPainting && !s.style.Ready() {
		return c, false
	}
	k := s.key()
	k.content = ""
	c = k.config()
	if s.settings.brush != 0 {
		c.BrushScale = brushScale(s.settings.brush, s.content.Width, s.content.Height)
	}
	return c, true
}

// brushScale is Config.BrushScale for octaves of the brush on a photo.
func brushScale(octaves float64, w, h int) float64 {
	return min(max(0.5, pipeline.FittingBrush(w, h)*math.Exp2(octaves)), 16)
}

// Recipe reads the settings with which Gesso made a picture. ok is false when it is none of Gesso's or cannot be read.
func Recipe(path string) (c pipeline.Config, ok bool) {
	raw, err := picture.Recipe(path)
	if err != nil {
		return c, false
	}
	p, err := preset.Parse(bytes.NewReader(raw), filepath.Base(path))
	if err != nil {
		return c, false
	}
	return p.Config(), true
}

var errNoStyle = errors.New("add a painting, choose a style or write a prompt first")

// StyleCode reads the present style, so that a preset works where the picture is not.
func (s *Session) StyleCode(ctx context.Context) (*pipeline.StyleCode, error) {
	c, ok := s.Settings()
	if !ok {
		return nil, errNoStyle
	}
	return s.o.Engine.StyleCode(ctx, c)
}

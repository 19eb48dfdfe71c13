package session

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline/picture"
)

// OwnStyle is a picture that the user has added to the styles: a copy, so that it stays when the original goes.
type OwnStyle struct {
	Path, Name string
	Thumb      image.Image
}

const (
	ownStyleSide  = 1024 // pixels, more than the style network looks at
	ownStyleThumb = 224
)

func (s *Session) ownFolder() string { return filepath.Join(s.o.StateFolder, "styles") }

// loadOwn reads the styles of earlier sessions.
func (s *Session) loadOwn() {
	if s.o.StateFolder == "" {
		return
	}
	paths, err := filepath.Glob(filepath.Join(s.ownFolder(), "*.jpg"))
	if err != nil || len(paths) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spawn(func() {
		var own []OwnStyle
		for _, path := range paths {
			if p, err := s.o.Open(s.ctx, path); err == nil { // one that is broken is not shown
				own = append(own, OwnStyle{path, stem(path), p.Resize(ownStyleThumb).Image})
			}
		}
		s.edit(func() { s.own = append(own, s.own...) })
	})
}

// AddOwnStyle adds the opened painting to the styles.
func (s *Session) AddOwnStyle() {
	s.edit(func() {
		if !s.style.Ready() || s.o.StateFolder == "" {
			s.status = said(ToneWarn, "Open a painting first.")
			return
		}
		from, name := s.style.Path, stem(s.style.Name)
		s.spawn(func() {
			o, err := s.copyStyle(from, name)
			s.edit(func() {
				if err != nil {
					s.status = Status{Text: sentence(err), Tone: ToneBad}
					return
				}
				s.own = append([]OwnStyle{o}, s.own...)
				s.status = said(ToneGood, "%s is one of your styles now.", o.Name)
			})
		})
	})
}

func (s *Session) copyStyle(from, name string) (OwnStyle, error) {
	p, err := s.o.Open(s.ctx, from)
	if err != nil {
		return OwnStyle{}, err
	}
	if err := os.MkdirAll(s.ownFolder(), 0o700); err != nil {
		return OwnStyle{}, fmt.Errorf("make the folder for your styles: %w", err)
	}
	name = strings.Trim(name, ". ")
	for n := 1; ; n++ {
		path := filepath.Join(s.ownFolder(), name+".jpg")
		if n > 1 {
			path = filepath.Join(s.ownFolder(), fmt.Sprintf("%s %d.jpg", name, n))
		}
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		small := p.Resize(ownStyleSide)
		if err := picture.Save(s.ctx, path, small.Image, picture.SaveOptions{Quality: 95}); err != nil {
			return OwnStyle{}, err
		}
		return OwnStyle{path, stem(path), small.Resize(ownStyleThumb).Image}, nil
	}
}

// RemoveOwnStyle takes one of the user's styles away, and out of the mix.
func (s *Session) RemoveOwnStyle(path string) {
	s.change("styles", s.o.PreviewDelay, func(n *settings) {
		n.styles = mix{}.with(slices.DeleteFunc(n.styles.list(), func(p Share) bool { return p.ID == path }))
	})
	s.edit(func() {
		i := slices.IndexFunc(s.own, func(o OwnStyle) bool { return o.Path == path })
		if i < 0 {
			return
		}
		if err := os.Remove(path); err != nil {
			s.status = Status{Text: sentence(err), Tone: ToneBad}
			return
		}
		s.own = slices.Delete(slices.Clone(s.own), i, i+1)
	})
}

// ToggleFavourite makes a style one of the favourites, or no longer.
func (s *Session) ToggleFavourite(id string) {
	s.edit(func() {
		f := slices.Clone(s.preferences.Favourites)
		if i := slices.Index(f, id); i >= 0 {
			f = slices.Delete(f, i, i+1)
		} else {
			f = append(f, id)
		}
		s.preferences.Favourites = f
		s.keep(s.preferencesFile)
	})
}

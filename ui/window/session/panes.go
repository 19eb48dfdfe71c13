package session

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/gesso-app/gesso/ui/window/zoom"
)

// pane is a Pane with what only the session needs.
type pane struct {
	Pane
	version int // counts pictures that were read, so that a replaced file makes a result stale
	cancel  context.CancelFunc
	load    int // the latest load; an older one that ends later is dropped
}

// OpenContent opens the photo.
func (s *Session) OpenContent(path string) {
	s.edit(func() { s.open(&s.content, path, filepath.Base(path), true) })
}

// OpenStyle opens the painting. It takes the place of a prompt and of a built-in style.
func (s *Session) OpenStyle(path string) {
	s.edit(func() {
		s.remember("source")
		s.settings.prompt, s.settings.styles, s.settings.code = "", mix{}, nil
		s.open(&s.style, path, filepath.Base(path), true)
	})
}

// OpenSamples opens the program's own photo and painting under the names to be shown, and makes no preview: the first picture is made
// when it is asked for.
func (s *Session) OpenSamples(photo, photoName, painting, paintingName string) {
	s.edit(func() {
		s.open(&s.content, photo, photoName, false)
		s.open(&s.style, painting, paintingName, false)
	})
}

// Clear empties a pane: the photo's, or else the painting's.
func (s *Session) Clear(content bool) {
	s.edit(func() {
		p := s.pane(content)
		if p.cancel != nil {
			p.cancel()
		}
		p.load++
		p.Pane = Pane{}
		p.version++
		if content {
			s.full, s.shown = nil, nil
		}
		s.watchFiles()
		s.settingsChanged(s.o.PreviewDelay)
	})
}

func (s *Session) pane(content bool) *pane {
	if content {
		return &s.content
	}
	return &s.style
}

// replaced is told by the watch that a file has changed on disk.
func (s *Session) replaced(path string) {
	s.edit(func() {
		for _, p := range []*pane{&s.content, &s.style} {
			if p.Path == path {
				s.open(p, path, p.Name, s.shown != nil)
			}
		}
	})
}

// open starts reading a picture into p. s.mu is held.
func (s *Session) open(p *pane, path, name string, preview bool) {
	if p.cancel != nil {
		p.cancel()
	}
	ctx, cancel := context.WithCancel(s.ctx)
	p.cancel = cancel
	p.load++
	load, again := p.load, p.Path == path
	if again {
		p.Loading = true // the old picture stays in sight until the new one is there
	} else {
		p.Pane = Pane{Path: path, Name: name, Loading: true}
		if p == &s.content {
			s.full, s.shown = nil, nil
			s.settings.mask = Mask{}
		}
	}
	s.status = Status{}
	s.stopPreview()
	s.watchFiles()
	content := p == &s.content
	s.spawn(func() {
		defer cancel()
		n := Pane{Path: path, Name: name}
		pic, err := s.o.Open(ctx, path)
		if err != nil {
			n.Error = sentence(err)
		} else {
			b := pic.Bounds()
			n.Format, n.Width, n.Height = pic.Format, b.Dx(), b.Dy()
			n.Thumb = pic.Resize(ThumbSize).Image
			if content {
				n.Large = zoom.NewPyramid(pic.Image)
			}
		}
		s.edit(func() {
			if p.load != load {
				return
			}
			p.Pane = n
			p.version++
			if content && n.Error == "" {
				s.noteRecent(path)
			}
			if p == &s.content && n.Error != "" {
				s.full, s.shown = nil, nil
			}
			if preview {
				said := s.status // while the picture was being read: it is news still
				s.settingsChanged(s.o.PreviewDelay)
				s.status = said
			}
		})
	})
}

// noteRecent puts a photo at the front of the recent ones. s.mu is held.
func (s *Session) noteRecent(path string) {
	if s.Private(path) || len(s.preferences.Recent) > 0 && s.preferences.Recent[0] == path {
		return
	}
	r := slices.DeleteFunc(slices.Clone(s.preferences.Recent), func(q string) bool { return q == path })
	r = slices.Insert(r, 0, path)
	s.preferences.Recent = r[:min(len(r), recentMost)]
	s.keep(s.preferencesFile)
}

// watchFiles tells the watch which files are open. s.mu is held.
func (s *Session) watchFiles() {
	if s.files == nil {
		return
	}
	// A folder that cannot be watched, on some network file systems, only means that a change is not seen until the file is opened again.
	_ = s.files.Set(s.content.Path, s.style.Path)
}

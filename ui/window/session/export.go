package session

import (
	"image"
	"path/filepath"

	"github.com/gesso-app/gesso/ui/window/zoom"
)

// Export is the finished picture for other programs: to be copied, shared or dragged out.
type Export struct {
	Image *image.NRGBA  // must not be changed
	Large *zoom.Pyramid // the same, for small copies
	Name  string        // of its file, as it is offered to be saved
	// Write writes the picture's file, as Save does, and replaces one that is there. It blocks; any goroutine may call it.
	Write func(path string) error
}

// Export returns the full-size picture; ok is false while none goes with the present settings (Snapshot.CanSave).
func (s *Session) Export() (e Export, ok bool) {
	s.mu.Lock()
	m := s.full
	if s.closed || m == nil || m.key != s.key() {
		s.mu.Unlock()
		return e, false
	}
	r := s.toSave(m.rendering)
	s.mu.Unlock()
	return Export{
		Image: r.Image, Large: m.result.After, Name: filepath.Base(s.SuggestedPath()),
		Write: func(path string) error { return s.o.Engine.Save(s.ctx, r, path, true) },
	}, true
}

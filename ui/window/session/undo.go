package session

import (
	"slices"
	"time"
)

// undoMost is how many steps can be undone.
const undoMost = 100

// together is how soon a change of the same kind must follow to be undone with the one before: a slider in motion, a word being typed.
const together = time.Second

// history holds the settings before each change, and those that were undone.
type history struct {
	undo, redo []settings
	kind       string // of the latest change
	at         time.Time
}

// change runs f on a copy of the settings and takes it, if it differs. kind tells changes apart for Undo. The preview comes after a while.
func (s *Session) change(kind string, after time.Duration, f func(*settings)) {
	s.edit(func() {
		n := s.settings
		f(&n)
		if n == s.settings {
			return
		}
		s.remember(kind)
		s.settings = n
		s.settingsChanged(after)
	})
}

// remember notes the present settings before a change. s.mu is held.
func (s *Session) remember(kind string) {
	h, now := &s.past, time.Now()
	if kind != h.kind || now.Sub(h.at) > together {
		h.undo = append(h.undo, s.settings)
		if len(h.undo) > undoMost {
			h.undo = slices.Delete(h.undo, 0, 1)
		}
	}
	h.redo, h.kind, h.at = nil, kind, now
}

// Undo goes back to the settings before the latest change. Pictures that were opened stay.
func (s *Session) Undo() {
	s.edit(func() { s.step(&s.past.undo, &s.past.redo) })
}

// Redo takes back an Undo.
func (s *Session) Redo() {
	s.edit(func() { s.step(&s.past.redo, &s.past.undo) })
}

func (s *Session) step(from, to *[]settings) {
	n := len(*from) - 1
	if n < 0 {
		return
	}
	*to = append(*to, s.settings)
	s.settings = (*from)[n]
	*from = (*from)[:n]
	s.past.kind = ""
	s.settingsChanged(s.o.PreviewDelay)
}

package session

import (
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/pipeline/sheet"
)

// Entry is a picture that was saved, in this session or an earlier one.
type Entry struct {
	ID      int64           `json:"id"` // nanoseconds since 1970
	Output  string          `json:"output"`
	Config  pipeline.Config `json:"settings"`
	Style   string          `json:"style"`
	SSIM    float64         `json:"ssim"`
	Content float64         `json:"content"`
	Seconds float64         `json:"seconds"`
	Width   int             `json:"width"`
	Height  int             `json:"height"`
}

// At is when it was saved.
func (e Entry) At() time.Time { return time.Unix(0, e.ID) }

// historyMost is how many pictures are remembered.
const historyMost = 400

// noteResult remembers a picture that was saved. thumb is a small one.
func (s *Session) noteResult(r *pipeline.Rendering, thumb image.Image) {
	e := Entry{
		ID: time.Now().UnixNano(), Output: r.Result.OutputPath, Config: r.Config, Style: r.Result.Style,
		SSIM: finite(r.Result.SSIMScore), Content: finite(r.Result.ContentPreservation), Seconds: r.Result.ProcessingTime.Seconds(), Width: r.Result.Width, Height: r.Result.Height,
	}
	if s.o.StateFolder != "" {
		path := s.thumbPath(e.ID)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = imaging.Save(thumb, path, imaging.JPEGQuality(85))
		}
		if err != nil {
			s.edit(func() { s.status = Status{Text: sentence(fmt.Errorf("keep the history: %w", err)), Tone: ToneWarn} })
		}
	}
	s.edit(func() {
		s.entries = append(s.entries, e)
		if n := len(s.entries) - historyMost; n > 0 {
			for _, old := range s.entries[:n] {
				s.dropThumb(old.ID)
			}
			s.entries = slices.Clone(s.entries[n:])
		}
		s.keep(s.entriesFile)
	})
}

func (s *Session) thumbPath(id int64) string {
	return filepath.Join(s.o.StateFolder, "history", fmt.Sprintf("%d.jpg", id))
}

func (s *Session) dropThumb(id int64) {
	if s.o.StateFolder != "" {
		_ = os.Remove(s.thumbPath(id)) // one that stays costs a few kilobytes
	}
}

// History returns the saved pictures, the latest first.
func (s *Session) History() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.entries)
	slices.Reverse(out)
	return out
}

// Thumb reads the small picture of an entry; nil when there is none. It looks at the disk.
func (s *Session) Thumb(e Entry) image.Image {
	if s.o.StateFolder == "" {
		return nil
	}
	p, err := picture.Open(s.ctx, s.thumbPath(e.ID), picture.DefaultLimits)
	if err != nil {
		return nil
	}
	return p.Image
}

// Forget takes entries out of the history; the pictures stay where they are.
func (s *Session) Forget(ids ...int64) {
	s.edit(func() {
		s.entries = slices.DeleteFunc(slices.Clone(s.entries), func(e Entry) bool {
			if !slices.Contains(ids, e.ID) {
				return false
			}
			s.dropThumb(e.ID)
			return true
		})
		s.keep(s.entriesFile)
	})
}

// Reuse opens the photo of an entry with the settings it was made with.
func (s *Session) Reuse(e Entry) {
	if _, err := os.Stat(e.Config.ContentImagePath); err == nil {
		s.OpenContent(e.Config.ContentImagePath)
	}
	s.Apply(e.Config, filepath.Base(e.Output))
}

// Sheet draws the small pictures of entries on one sheet and saves it.
func (s *Session) Sheet(entries []Entry, path string) {
	s.edit(func() {
		s.status = said(ToneNeutral, "Drawing the contact sheet…")
		s.spawn(func() {
			err := s.drawSheet(entries, path)
			s.edit(func() {
				if err != nil {
					s.status = Status{Text: sentence(err), Tone: ToneBad}
				} else {
					s.status = said(ToneGood, "Saved %s in %s.", filepath.Base(path), filepath.Dir(path))
				}
			})
		})
	})
}

func (s *Session) drawSheet(entries []Entry, path string) error {
	var cells []sheet.Cell
	for _, e := range entries {
		if t := s.Thumb(e); t != nil {
			cells = append(cells, sheet.Cell{Image: t, Lines: []string{filepath.Base(e.Output), fmt.Sprintf("%s, SSIM %.2f", e.Style, e.SSIM)}})
		}
	}
	if len(cells) == 0 {
		return errors.New("there are no pictures for a contact sheet")
	}
	img, err := sheet.Draw(cells, min(5, len(cells)), 240, 180)
	if err != nil {
		return err
	}
	return picture.Save(s.ctx, path, img, picture.SaveOptions{Quality: 90})
}

// finite is v, or 0 where JSON has no number for it.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// restoreHistory reads the history of the last time.
func (s *Session) restoreHistory() error {
	s.entriesFile = s.keeper("history.json", func() any { return slices.Clone(s.entries) })
	return readKept(s.entriesFile, &s.entries)
}

package session

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// SuggestedPath is a file that does not exist yet, named as the preferences say: after the photo and its style.
func (s *Session) SuggestedPath() string {
	s.mu.Lock()
	c := s.key().config()
	s.mu.Unlock()
	for n := 1; ; n++ {
		path := s.outputPath(c, n)
		if _, err := os.Lstat(path); err != nil {
			return path
		}
	}
}

// CheckSave says whether a picture can be saved as path, before anything is written: problem is one sentence, empty when it can be, and
// exists means that a file would be replaced. It looks at the disk, which takes a moment on a network drive.
func (s *Session) CheckSave(path string) (exists bool, problem string) {
	if err := picture.CheckOutput(path); err != nil {
		return false, sentence(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, ""
	}
	n := s.Snapshot()
	for _, in := range []string{n.Content.Path, n.Style.Path} {
		if other, err := os.Stat(in); err == nil && os.SameFile(info, other) {
			return true, filepath.Base(path) + " is the picture that you opened. Choose another name."
		}
	}
	return true, ""
}

// Save writes the full-size picture to path. How it ended is in Snapshot.Status.
func (s *Session) Save(path string, overwrite bool) {
	s.edit(func() {
		if s.full == nil || s.full.key != s.key() || s.saving {
			s.status = said(ToneWarn, "Stylize the photo first: there is no full-size picture to save.")
			return
		}
		s.saving = true
		s.status = said(ToneNeutral, "Saving %s…", filepath.Base(path))
		r := s.toSave(s.full.rendering)
		s.spawn(func() {
			err := s.o.Engine.Save(s.ctx, r, path, overwrite)
			if err == nil {
				s.noteResult(r, (&picture.Picture{Image: r.Image}).Resize(taskThumb).Image)
			}
			s.edit(func() {
				s.saving = false
				switch {
				case errors.Is(err, picture.ErrExists):
					s.status = said(ToneBad, "%s exists already. Save again under another name, or replace it.", filepath.Base(path))
				case errors.Is(err, pipeline.ErrSameFile):
					s.status = said(ToneBad, "%s is the picture that you opened. Choose another name.", filepath.Base(path))
				case err != nil:
					s.status = Status{Text: sentence(err), Tone: ToneBad}
				default:
					s.saved = path
					s.status = said(ToneGood, "Saved %s in %s.", filepath.Base(path), filepath.Dir(path))
				}
			})
		})
	})
}

// toSave is r as the preferences want its file. s.mu is held.
func (s *Session) toSave(r *pipeline.Rendering) *pipeline.Rendering {
	n := *r
	n.Bare = !s.preferences.Metadata
	return &n
}

// within is whether path lies under folder.
func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func stem(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// slug makes a few words of a prompt fit for a file's name.
func slug(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) > 4 {
		words = words[:4]
	}
	return strings.Join(words, "-")
}

// sentence is an error's text as a sentence for people. A picture is called by its name alone: where it lies is known to who opened it.
func sentence(err error) string {
	if p := (*picture.Error)(nil); errors.As(err, &p) {
		return fullStop(filepath.Base(p.Path) + " " + p.Reason)
	}
	return fullStop(err.Error())
}

// fullStop makes a whole sentence of s.
func fullStop(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	s = capital(s)
	if !strings.ContainsAny(s[len(s)-1:], ".!?") {
		s += "."
	}
	return s
}

// capital starts s with a capital letter, unless it starts with a file's name.
func capital(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if strings.ContainsAny(first, "./_") {
		return s
	}
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// Private is whether path is one of the program's own files, which nobody wants to be shown the folder of.
func (s *Session) Private(path string) bool {
	return s.o.PrivateFolder != "" && within(s.o.PrivateFolder, path)
}

// Say shows a sentence that comes from the window, such as on a drop.
func (s *Session) Say(text string) {
	s.edit(func() { s.status = Status{Text: text, Tone: ToneNeutral} })
}

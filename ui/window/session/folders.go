package session

import (
	"path/filepath"
	"slices"

	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/unattended"
)

// Folder is a folder of which every picture that comes into it is stylized once.
type Folder struct {
	ID      string
	Dir     string
	Output  string
	Style   string // in words
	On      bool   // it is watched, or will be as soon as it can
	Done    int
	Waiting int // and being worked on
	Failed  int
	Error   string   // one sentence: why nothing is made, or what failed last
	Log     []string // the latest last
}

// restoreFolders takes up the watch folders of the last time; those that were on are watched again.
func (s *Session) restoreFolders() (err error) {
	if s.o.Watch.Open == nil || s.o.StateFolder == "" {
		return nil
	}
	o := s.o.Watch
	o.Path, o.Changed = filepath.Join(s.o.StateFolder, "watches.json"), s.touch
	s.watches, err = unattended.OpenWatches(o)
	return err
}

// AddFolder watches dir with the present settings; pictures go to output. What is there already is left alone.
func (s *Session) AddFolder(dir, output string) {
	s.edit(func() {
		c, ok := s.template()
		Mask{}.into(&c) // it is the open photo's
		switch {
		case s.watches == nil:
			return
		case !ok:
			s.status = said(ToneWarn, "Add a painting or choose a style first: the folder is watched with the present settings.")
			return
		case filepath.Clean(dir) == filepath.Clean(output):
			s.status = said(ToneWarn, "The pictures must go to another folder than the one that is watched.")
			return
		case slices.ContainsFunc(s.watches.Status(), func(w unattended.WatchStatus) bool { return w.Dir == dir && w.Output == output }):
			s.status = said(ToneWarn, "%s is watched already.", dir)
			return
		}
		s.attempt(func() error {
			_, err := s.watches.Add(unattended.Watch{Dir: dir, Output: output, Settings: &c, Recursive: true, On: true})
			return err
		})
	})
}

// SetFolder starts or stops watching a folder.
func (s *Session) SetFolder(id string, on bool) {
	s.edit(func() { s.attempt(func() error { return s.watches.Switch(id, on) }) })
}

// RetryFolder tries again what failed in a folder.
func (s *Session) RetryFolder(id string) {
	s.edit(func() { s.attempt(func() error { return s.watches.Retry(id) }) })
}

// RemoveFolder stops watching a folder and forgets it. Pictures that were made stay.
func (s *Session) RemoveFolder(id string) {
	s.edit(func() { s.attempt(func() error { return s.watches.Remove(id) }) })
}

// attempt changes the watch folders on a goroutine, as that waits for disks and engines; what goes wrong is said. s.mu is held.
func (s *Session) attempt(f func() error) {
	if s.watches == nil {
		return
	}
	s.spawn(func() {
		if err := f(); err != nil {
			s.edit(func() { s.status = Status{Text: sentence(err), Tone: ToneBad} })
		}
	})
}

// Folders returns the watch folders.
func (s *Session) Folders() []Folder {
	if s.watches == nil {
		return nil
	}
	all := s.watches.Status()
	out := make([]Folder, len(all))
	for i, w := range all {
		f := Folder{
			ID: w.ID, Dir: w.Dir, Output: w.Output, Style: w.Preset, On: w.On, Error: fullStop(w.LastError),
			Done: w.Counts[journal.Done], Waiting: w.Counts[journal.Pending] + w.Counts[journal.Running] + w.Counts[journal.Publishing], Failed: w.Counts[journal.Failed],
		}
		if w.Settings != nil {
			f.Style = styleName(*w.Settings)
		}
		for _, l := range w.Log {
			f.Log = append(f.Log, l.Time.Format("15:04:05")+"  "+l.Text)
		}
		out[i] = f
	}
	return out
}

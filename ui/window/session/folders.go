package session

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/journal"
)

// Watcher is a watch folder at work; *watch.Service is one.
type Watcher interface {
	// Run works until ctx ends, which is no error. It is called once.
	Run(ctx context.Context) error
	Status(ctx context.Context, maxErrors int) (journal.Status, error)
	// Trouble is why no pictures are made for the time being, or empty.
	Trouble() string
}

// Folder is a folder of which every picture that comes into it is stylized once.
type Folder struct {
	ID     int64           `json:"id"`
	Dir    string          `json:"folder"`
	Output string          `json:"output"`
	Config pipeline.Config `json:"settings"`
	Style  string          `json:"style"` // in words
	On     bool            `json:"on"`

	Done    int      `json:"-"`
	Waiting int      `json:"-"` // and being worked on
	Failed  int      `json:"-"`
	Error   string   `json:"-"` // one sentence: why nothing is made, or what failed last
	Log     []string `json:"-"` // the latest last
}

// logMost is how many lines of a folder's log are kept.
const logMost = 200

// folder is a Folder with what only the session needs.
type folder struct {
	Folder
	cancel context.CancelFunc // nil while it is not watched
	ended  chan struct{}
}

// lookEvery is how often a watch folder's counts are read.
const lookEvery = time.Second

// AddFolder watches dir with the present settings; pictures go to output. What is there already is left alone.
func (s *Session) AddFolder(dir, output string) {
	s.edit(func() {
		c, ok := s.template()
		switch {
		case !ok:
			s.status = said(ToneWarn, "Add a painting or choose a style first: the folder is watched with the present settings.")
			return
		case filepath.Clean(dir) == filepath.Clean(output):
			s.status = said(ToneWarn, "The pictures must go to another folder than the one that is watched.")
			return
		case slices.ContainsFunc(s.folders, func(f *folder) bool { return f.Dir == dir && f.Output == output }):
			s.status = said(ToneWarn, "%s is watched already.", dir)
			return
		}
		f := &folder{Folder: Folder{ID: time.Now().UnixNano(), Dir: dir, Output: output, Config: c, Style: styleName(c)}}
		s.folders = append(s.folders, f)
		s.watch(f)
	})
}

// SetFolder starts or stops watching a folder.
func (s *Session) SetFolder(id int64, on bool) {
	s.edit(func() {
		f := s.folder(id)
		switch {
		case f == nil || on == (f.cancel != nil):
		case on:
			s.watch(f)
		default:
			f.On = false
			f.cancel()
			f.cancel = nil
			s.keep(s.foldersFile)
		}
	})
}

// RemoveFolder stops watching a folder and forgets it. Pictures that were made stay.
func (s *Session) RemoveFolder(id int64) {
	s.edit(func() {
		f := s.folder(id)
		if f == nil {
			return
		}
		if f.cancel != nil {
			f.cancel()
		}
		s.folders = slices.DeleteFunc(slices.Clone(s.folders), func(o *folder) bool { return o == f })
		s.keep(s.foldersFile)
	})
}

// Folders returns the watch folders.
func (s *Session) Folders() []Folder {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Folder, len(s.folders))
	for i, f := range s.folders {
		out[i] = f.Folder
		out[i].Log = slices.Clone(f.Log)
	}
	return out
}

func (s *Session) folder(id int64) *folder {
	if i := slices.IndexFunc(s.folders, func(f *folder) bool { return f.ID == id }); i >= 0 {
		return s.folders[i]
	}
	return nil
}

// watch starts working on f, once what it did before has ended. s.mu is held.
func (s *Session) watch(f *folder) {
	if s.o.Watch == nil {
		return
	}
	before := f.ended
	ctx, cancel := context.WithCancel(s.ctx)
	f.On, f.cancel, f.Error, f.ended = true, cancel, "", make(chan struct{})
	ended, config := f.ended, f.Folder
	s.keep(s.foldersFile)
	s.spawn(func() {
		defer close(ended)
		defer cancel()
		if before != nil {
			<-before
		}
		err := s.workFolder(ctx, f, config)
		s.edit(func() {
			if f.ended != ended {
				return // it was started again
			}
			f.cancel = nil
			if err != nil && ctx.Err() == nil {
				f.On, f.Error = false, sentence(err)
			}
		})
	})
}

// workFolder watches until ctx ends.
func (s *Session) workFolder(ctx context.Context, f *folder, config Folder) error {
	w, err := s.o.Watch(ctx, config, func(e batch.Event) { s.logEvent(f, e) })
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		for {
			s.count(ctx, f, w)
			select {
			case <-time.After(lookEvery):
			case <-stop:
				s.count(context.WithoutCancel(ctx), f, w)
				return
			}
		}
	}()
	defer func() { <-looked }()
	defer close(stop)
	return w.Run(ctx)
}

// count reads how far a folder's work is.
func (s *Session) count(ctx context.Context, f *folder, w Watcher) {
	st, err := w.Status(ctx, 1)
	trouble := w.Trouble()
	if err != nil {
		return // the journal is busy, or closed already: the next look will tell
	}
	s.edit(func() {
		f.Done, f.Waiting, f.Failed = st.Counts[journal.Done], st.Counts[journal.Pending]+st.Counts[journal.Running], st.Counts[journal.Failed]
		f.Error = fullStop(trouble)
		if f.Error == "" && len(st.Errors) > 0 {
			f.Error = fullStop(filepath.Base(st.Errors[0].Source.Path) + ": " + st.Errors[0].Reason)
		}
	})
}

func (s *Session) logEvent(f *folder, e batch.Event) {
	line := fmt.Sprintf("%s  %s  %s", time.Now().Format("15:04:05"), filepath.Base(e.Job.Source.Path), e.State)
	if e.Job.Reason != "" {
		line += ": " + e.Job.Reason
	}
	s.edit(func() {
		f.Log = append(f.Log, line)
		if n := len(f.Log) - logMost; n > 0 {
			f.Log = slices.Delete(f.Log, 0, n)
		}
	})
}

// restoreFolders takes up the watch folders of the last time; those that were on are watched again.
func (s *Session) restoreFolders() error {
	s.foldersFile = s.keeper("folders.json", func() any {
		out := make([]Folder, len(s.folders))
		for i, f := range s.folders {
			out[i] = f.Folder
		}
		return out
	})
	var kept []Folder
	if err := readKept(s.foldersFile, &kept); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range kept {
		f := &folder{Folder: k}
		s.folders = append(s.folders, f)
		if k.On {
			s.watch(f)
		}
	}
	return nil
}

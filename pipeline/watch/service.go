package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/journal"
)

// Settings are all that a watch folder needs. Dir, Output, Recipe and Open must be set.
type Settings struct {
	Dir, Output string
	MoveDone    string // folder for sources whose picture is made; default: they stay
	OnError     string // folder for sources that are set aside; default: they stay
	Recursive   bool   // outputs then lie in folders as their sources do
	Existing    bool   // take what is there when the watch begins for the first time

	Recipe    batch.Recipe
	Template  batch.Template
	Collision batch.Collision
	KeepTimes bool

	Open    func(context.Context) (batch.Engine, error)
	Engines int
	Jobs    int

	JournalPath string // default journal.PathFor(Output)
	Retry       bool   // try again what was set aside before

	Settle, Rescan, Backoff time.Duration // as in FolderOptions and batch.Options

	Log   *slog.Logger
	Event func(batch.Event)
	Ready func() // called when what comes from now on will be taken
}

// Service watches a folder and makes its pictures. The command and the window run the same.
type Service struct {
	folder  *Folder
	runner  *batch.Runner
	journal *journal.Journal
	paths   []string // Dir, Output
}

// Start opens the journal and an engine and checks the settings, so that what would keep every picture from being made is known at once.
func Start(ctx context.Context, s Settings) (_ *Service, err error) {
	if err := s.resolve(); err != nil {
		return nil, err
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	key, err := s.Recipe.Key()
	if err != nil {
		return nil, err
	}
	if s.JournalPath == "" {
		if s.JournalPath, err = journal.PathFor(s.Output); err != nil {
			return nil, err
		}
	}
	j, err := journal.Open(ctx, s.JournalPath, s.Dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.Close())
		}
	}()
	if at := j.Replaced(); at != "" {
		s.Log.Warn("the journal was damaged; pictures that are there already are found again", "put_aside", at)
	}
	if err := s.makeOutput(ctx, j); err != nil {
		return nil, err
	}
	if s.Retry {
		if err := j.Restart(ctx, s.Dir, key, journal.Failed); err != nil {
			return nil, err
		}
	}
	runner, err := batch.New(batch.Options{
		Journal: j, Scope: s.Dir, Recipe: s.Recipe, Key: key, Output: s.Output,
		Open: s.Open, Engines: s.Engines, Jobs: s.Jobs,
		Template: s.Template, Collision: s.Collision, KeepTimes: s.KeepTimes,
		Locate:  func(job *journal.Job) (string, int64) { return below(s.Dir, job.Source.Path), job.ID },
		Patient: true, Adopt: true, SkipOwn: true, MoveDone: s.MoveDone, OnError: s.OnError,
		Settle: s.Settle, Backoff: s.Backoff, Log: s.Log, Event: s.Event,
	})
	if err != nil {
		return nil, err
	}
	if err := runner.Check(ctx); err != nil {
		return nil, errors.Join(err, runner.Close())
	}
	folder := NewFolder(FolderOptions{
		Dir: s.Dir, Recursive: s.Recursive, Existing: s.Existing, Exclude: []string{s.Output, s.MoveDone, s.OnError},
		Journal: j, Key: key, Settle: s.Settle, Rescan: s.Rescan, Log: s.Log, Wake: runner.Wake, Ready: s.Ready,
	})
	return &Service{folder, runner, j, []string{s.Dir, s.Output}}, nil
}

// Run works until ctx ends, which is no error; then what was begun waits for the next time. It is called once.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.folder.Run(ctx) })
	g.Go(func() error { return s.runner.Run(ctx, false) })
	return errors.Join(g.Wait(), s.journal.Close())
}

// Status is what the journal says, of all who work with it.
func (s *Service) Status(ctx context.Context, maxErrors int) (journal.Status, error) {
	return s.journal.Status(ctx, maxErrors)
}

// Trouble is why no pictures are made for the time being, or empty.
func (s *Service) Trouble() string { return s.runner.Trouble() }

// JournalPath is where the journal lies.
func (s *Service) JournalPath() string { return s.journal.Path() }

// Looks is how often the whole folder was looked at since the start.
func (s *Service) Looks() int64 { return s.folder.Looks() }

// Check finds what in the folders would keep a watch from starting. It changes nothing on disk.
func (s Settings) Check() error { return s.resolve() }

// resolve gives every folder one name, and checks that they do not contradict each other.
func (s *Settings) resolve() error {
	info, err := os.Stat(s.Dir)
	if err != nil {
		return fmt.Errorf("watch a folder: %w", err)
	}
	if !info.IsDir() {
		return &pipeline.FieldError{Field: "folder", Value: s.Dir, Want: "name a folder to watch"}
	}
	if s.Output == "" {
		return &pipeline.FieldError{Field: "output", Value: "empty", Want: "name the folder for the pictures"}
	}
	for _, p := range []*string{&s.Dir, &s.Output, &s.MoveDone, &s.OnError} {
		if *p == "" {
			continue
		}
		if *p, err = journal.Resolve(*p); err != nil {
			return err
		}
	}
	for name, p := range map[string]string{"move_done": s.MoveDone, "on_error": s.OnError} {
		if p != "" && (p == s.Dir || p == s.Output) {
			return &pipeline.FieldError{Field: name, Value: p, Want: "it cannot be the watched folder or the output"}
		}
	}
	return nil
}

// makeOutput makes the output folder the first time. Later a missing one is a volume that is not there, and nothing is written in its place.
func (s *Settings) makeOutput(ctx context.Context, j *journal.Journal) error {
	info, err := os.Stat(s.Output)
	if err == nil && !info.IsDir() {
		return &pipeline.FieldError{Field: "output", Value: s.Output, Want: "it is no folder"}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	used, err := j.Status(ctx, 0)
	if err != nil || len(used.Counts) > 0 {
		return err
	}
	if err := os.Mkdir(s.Output, 0o777); err != nil {
		return fmt.Errorf("make the folder for the pictures: %w", err)
	}
	return nil
}

// below is the folder of a file relative to dir, or empty.
func below(dir, path string) string {
	rel, err := filepath.Rel(dir, filepath.Dir(path))
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return ""
	}
	return rel
}

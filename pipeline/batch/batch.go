package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/journal"
)

// DefaultScope is a batch's in the journal of its output folder.
const DefaultScope = "batch"

// ErrBusy says that a batch of the same scope and recipe fills the folder already, in this process or in another.
var ErrBusy = errors.New("another batch fills the folder with the same settings: wait for its end, or name another folder")

// Settings are all that a batch of photos needs. Items, Output, Recipe and Open must be set.
type Settings struct {
	Items  []Item // what List finds
	Output string // folder of the outputs; it is made if its parent is there
	Recipe Recipe
	// Scope tells batches of one output folder and recipe apart; default DefaultScope.
	Scope string
	// Resume goes on with an earlier batch of the scope and recipe: what is done stays done, and what failed is tried again. Without it all is made
	// anew.
	Resume bool

	Open    func(context.Context) (Engine, error)
	Engines int // as in Options
	Jobs    int // as in Options

	Template  Template
	Collision Collision
	KeepTimes bool

	JournalPath string // default journal.PathFor(Output)

	Log      *slog.Logger
	Event    func(Event)                           // as in Options
	Progress func(*journal.Job, pipeline.Progress) // as in Options
}

// Batch is a set of photos that is worked off to its end: the command's many photos and the window's queue. One that is cut short, however it is,
// goes on where it was with Settings.Resume.
type Batch struct {
	settings Settings
	key      string
	journal  *journal.Journal
	runner   *Runner
	release  func()
}

// Start opens the journal, notes the photos in it and checks the settings; no picture is made yet. It makes the output folder. The error wraps
// ErrBusy while another such batch runs. Close is to be called.
func Start(ctx context.Context, s Settings) (_ *Batch, err error) {
	if s.Scope == "" {
		s.Scope = DefaultScope
	}
	if s.Output, err = makeFolder(s.Output); err != nil {
		return nil, err
	}
	if s.JournalPath == "" {
		if s.JournalPath, err = journal.PathFor(s.Output); err != nil {
			return nil, err
		}
	}
	b := &Batch{settings: s}
	if b.key, err = s.Recipe.Key(); err != nil {
		return nil, err
	}
	if b.journal, err = journal.Open(ctx, s.JournalPath, s.Scope); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if err := b.note(ctx); err != nil {
		return nil, err
	}
	b.runner, err = New(Options{
		Journal: b.journal, Scope: s.Scope, Recipe: s.Recipe, Key: b.key, Output: s.Output, Open: s.Open, Engines: s.Engines, Jobs: s.Jobs,
		Template: s.Template, Collision: s.Collision, KeepTimes: s.KeepTimes, Adopt: s.Resume, Log: s.Log, Event: s.Event, Progress: s.Progress,
	})
	if err != nil {
		return nil, err
	}
	b.runner.Locate, err = b.locate(ctx)
	return b, err
}

// makeFolder makes the output folder and gives it its one name.
func makeFolder(output string) (string, error) {
	if output == "" {
		return "", &pipeline.FieldError{Field: "output_path", Value: "no folder", Want: "name the folder for the pictures"}
	}
	if err := os.Mkdir(output, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("make the folder for the pictures: %w", err)
	}
	if info, err := os.Stat(output); err != nil || !info.IsDir() {
		return "", &pipeline.FieldError{Field: "output_path", Value: output, Want: "for many photos it is a folder"}
	}
	return journal.Resolve(output)
}

// note puts the photos into the journal. Until Close no other batch of the scope and recipe fills the folder: the two would take each other's photos.
func (b *Batch) note(ctx context.Context) (err error) {
	s := b.settings
	scope, err := journal.Hash(strings.NewReader(s.Scope))
	if err != nil {
		return err
	}
	if b.release, err = b.journal.Hold(b.key + scope[:8]); errors.Is(err, journal.ErrHeld) {
		return fmt.Errorf("%s: %w", s.Output, ErrBusy)
	} else if err != nil {
		return err
	}
	again := []journal.State{}
	if s.Resume {
		again = []journal.State{journal.Failed, journal.Gone}
	}
	if err := b.journal.Restart(ctx, s.Scope, b.key, again...); err != nil {
		return err
	}
	sources := make([]journal.Source, len(s.Items))
	for i, x := range s.Items {
		sources[i] = x.Source
	}
	_, err = b.journal.Observe(ctx, s.Scope, b.key, sources, time.UnixMilli(0))
	return err
}

// locate tells each job's folder and number.
func (b *Batch) locate(ctx context.Context) (func(*journal.Job) (string, int64), error) {
	dirs := map[string]string{}
	for _, x := range b.settings.Items {
		dirs[x.Source.Path] = x.Dir
	}
	numbers := map[string]int64{}
	err := b.journal.Jobs(ctx, b.settings.Scope, b.key, func(job *journal.Job) bool {
		if numbers[job.Source.Path] == 0 {
			numbers[job.Source.Path] = int64(len(numbers) + 1)
		}
		return true
	})
	return func(job *journal.Job) (string, int64) { return dirs[job.Source.Path], numbers[job.Source.Path] }, err
}

// Run makes the pictures and returns when none is left to make, or when ctx ends, which is no error: then what was begun waits. A photo that fails is
// told by Rows and stops nothing. It is called once.
func (b *Batch) Run(ctx context.Context) error { return b.runner.Run(ctx, true) }

// Rows reports on the photos of this batch in their order, at any time from Start to Close.
func (b *Batch) Rows(ctx context.Context) ([]Row, error) {
	named := map[string]bool{}
	for _, x := range b.settings.Items {
		named[x.Source.Path] = true
	}
	return Report(ctx, b.journal, b.settings.Scope, b.key, func(job *journal.Job) bool { return named[job.Source.Path] })
}

// Forget makes the journal forget the photos of the scope and the recipe that no process works on; the pictures stay.
func (b *Batch) Forget(ctx context.Context) error {
	return b.journal.Restart(ctx, b.settings.Scope, b.key)
}

// Close frees what Start took.
func (b *Batch) Close() error {
	err := b.journal.Close()
	if b.release != nil {
		b.release()
		b.release = nil
	}
	if b.runner != nil {
		err = errors.Join(err, b.runner.Close())
	}
	return err
}

package unattended

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/preset"
	"github.com/gesso-app/gesso/pipeline/watch"
)

// Watch is a watch folder as the user has set it up.
type Watch struct {
	ID     string `json:"id"` // given by Add
	Dir    string `json:"folder"`
	Output string `json:"output"`
	// Preset names the settings, which are read when the watch begins; or Settings holds them, whose photo's and output's paths do not matter.
	Preset    string           `json:"preset,omitempty"`
	Settings  *pipeline.Config `json:"settings,omitempty"`
	Recursive bool             `json:"recursive,omitempty"` // outputs then lie in folders as their photos do
	Existing  bool             `json:"existing,omitempty"`  // what is there when it begins for the first time is taken too
	MoveDone  string           `json:"move_done,omitempty"` // folder for photos whose picture is made; default: they stay
	OnError   string           `json:"on_error,omitempty"`  // folder for photos that are set aside; default: they stay
	Files     Files            `json:"files,omitzero"`
	On        bool             `json:"on"`
}

// WatchState is what a watch is doing.
type WatchState string

// The states of a watch.
const (
	WatchOff      WatchState = "off"
	WatchStarting WatchState = "starting" // until all that comes is taken
	WatchOn       WatchState = "watching"
	WatchWaiting  WatchState = "waiting" // a full disk or a missing volume keeps it from working; it goes on by itself
	WatchFailed   WatchState = "failed"  // it could not begin, and tries again by itself
)

// WatchStatus is a watch with how it gets on. It is a value: nothing in it changes.
type WatchStatus struct {
	Watch
	State     WatchState
	Counts    map[journal.State]int // of all that goes into the output folder, whoever makes it
	Current   []string              // photos being worked on
	PerHour   float64               // pictures, over the last ten minutes
	Last      time.Time             // when the last picture was made; zero before the first
	LastError string                // of the watch, or else of the last photo that failed; empty when all is well
	Log       []Line                // since the program's start, oldest first, at most 200
}

// WatchOptions are what watches need. Path and Open must be set.
type WatchOptions struct {
	Path    string                                // of the list; its folder is made
	Presets *preset.Store                         // default: there are none
	Open    func(context.Context) (Engine, error) // one engine serves all watches; it is open while one of them is on

	Changed func()        // told that Status is another, from any goroutine; it must not call Close; default: nobody
	Log     *slog.Logger  // gets the messages of all watches, with the attribute watch; default: nothing
	Refresh time.Duration // least time between looks at the journals; default 1 s
	Again   time.Duration // how long a watch that could not begin waits; default 15 s

	Settle, Rescan time.Duration                                      // as in watch.Settings
	Journal        func(outputFolder string) (path string, err error) // default journal.PathFor
}

// Watches are the user's watch folders. Those that are on run until Close, and again after the next OpenWatches. Methods may be called from any
// goroutine.
type Watches struct {
	o      WatchOptions
	list   list[Watch]
	engine *shared
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	changing sync.Mutex // held while the list and what runs change together
	mu       sync.Mutex
	entries  []*watching
	closed   bool
}

// watching is a watch and what runs of it. Its fields are guarded by Watches.mu.
type watching struct {
	Watch
	state   WatchState
	fault   string // why it could not begin
	service *watch.Service
	status  journal.Status
	seen    time.Time // when status was taken
	news    bool      // something has happened since
	log     ring
	stop    context.CancelFunc // nil when it is off
	stopped chan struct{}
}

// ErrNoWatch says that there is no watch of that identifier.
var ErrNoWatch = errors.New("there is no such watch folder")

// OpenWatches reads the list and starts the watches that are on.
func OpenWatches(o WatchOptions) (*Watches, error) {
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Refresh <= 0 {
		o.Refresh = time.Second
	}
	if o.Again <= 0 {
		o.Again = 15 * time.Second
	}
	if o.Journal == nil {
		o.Journal = journal.PathFor
	}
	o.Log = discard(o.Log)
	w := &Watches{o: o, list: list[Watch]{o.Path}, engine: &shared{open: o.Open}}
	all, err := w.list.read()
	if err != nil {
		return nil, err
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	for _, x := range all {
		e := &watching{Watch: x, state: WatchOff, news: true}
		w.entries = append(w.entries, e)
		if x.On {
			w.start(e, false)
		}
	}
	w.wg.Go(w.refresh)
	return w, nil
}

// Close stops all watches and waits for them; photos that were begun wait for the next time. The list stays as it is.
func (w *Watches) Close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.cancel()
	w.wg.Wait()
}

// Add checks a watch, gives it an identifier and puts it into the list; if it is on, it starts. A style that is read from pictures is read first, so
// that they are not needed later.
func (w *Watches) Add(x Watch) (id string, err error) {
	x.ID = newID()
	if err := w.check(&x); err != nil {
		return "", err
	}
	w.changing.Lock()
	defer w.changing.Unlock()
	if err := w.store(func(all []Watch) ([]Watch, error) { return append(all, x), nil }); err != nil {
		return "", err
	}
	w.mu.Lock()
	e := &watching{Watch: x, state: WatchOff, news: true}
	w.entries = append(w.entries, e)
	if x.On {
		w.start(e, false)
	}
	w.mu.Unlock()
	w.o.Changed()
	return x.ID, nil
}

// Set checks a watch and puts it in the place of the one with its identifier. One that runs is stopped first, and started anew if it is on.
func (w *Watches) Set(x Watch) error {
	if err := w.check(&x); err != nil {
		return err
	}
	return w.change(x.ID, false, func(now *Watch) { *now = x })
}

// Switch starts or stops a watch.
func (w *Watches) Switch(id string, on bool) error {
	return w.change(id, false, func(now *Watch) { now.On = on })
}

// Retry starts a watch anew, so that it tries again what was set aside.
func (w *Watches) Retry(id string) error {
	return w.change(id, true, func(now *Watch) { now.On = true })
}

// Remove stops a watch and takes it off the list. Its pictures, and the memory of what was made, stay.
func (w *Watches) Remove(id string) error {
	w.changing.Lock()
	defer w.changing.Unlock()
	e, err := w.find(id)
	if err != nil {
		return err
	}
	if err := w.store(func(all []Watch) ([]Watch, error) {
		return slices.DeleteFunc(all, func(x Watch) bool { return x.ID == id }), nil
	}); err != nil {
		return err
	}
	w.halt(e)
	w.mu.Lock()
	w.entries = slices.DeleteFunc(w.entries, func(x *watching) bool { return x == e })
	w.mu.Unlock()
	w.o.Changed()
	return nil
}

// Status is how all watches get on, in the order of the list.
func (w *Watches) Status() []WatchStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]WatchStatus, len(w.entries))
	for i, e := range w.entries {
		s := WatchStatus{
			Watch: e.Watch, State: e.state, Counts: map[journal.State]int{}, PerHour: e.status.PerHour(), Last: e.status.Last, LastError: e.fault, Log: e.log.all(),
		}
		if e.status.Window == 0 { // no status was taken yet
			s.PerHour = 0
		}
		for state, n := range e.status.Counts {
			s.Counts[state] = n
		}
		for _, job := range e.status.Current {
			s.Current = append(s.Current, job.Source.Path)
		}
		if e.service != nil && s.LastError == "" {
			if s.LastError = e.service.Trouble(); s.LastError != "" {
				s.State = WatchWaiting
			}
		}
		if s.LastError == "" && len(e.status.Errors) > 0 {
			s.LastError = e.status.Errors[0].Reason
		}
		all[i] = s
	}
	return all
}

// check makes the folders' names absolute and finds what would keep the watch from starting.
func (w *Watches) check(x *Watch) (err error) {
	for _, p := range []*string{&x.Dir, &x.Output, &x.MoveDone, &x.OnError} {
		if *p == "" {
			continue
		}
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
	}
	s := watch.Settings{Dir: x.Dir, Output: x.Output, MoveDone: x.MoveDone, OnError: x.OnError}
	if err := s.Check(); err != nil {
		return err
	}
	r, err := w.recipe(*x)
	if err != nil || x.Settings == nil || !r.NeedsPictures() {
		return err
	}
	code, err := w.engine.code(w.ctx, *x.Settings)
	if err != nil {
		return err
	}
	c := *x.Settings
	c.StyleImagePath, c.StyleName, c.StylePrompt, c.StyleMix, c.StyleCode = "", "", "", nil, code
	x.Settings = &c
	return nil
}

func (w *Watches) recipe(x Watch) (batch.Recipe, error) {
	switch {
	case (x.Preset == "") == (x.Settings == nil):
		return batch.Recipe{}, &pipeline.FieldError{Field: "preset", Value: strconv.Quote(x.Preset), Want: "give either a preset or settings"}
	case x.Settings != nil:
		return x.Files.recipe(*x.Settings)
	case w.o.Presets == nil:
		return batch.Recipe{}, fmt.Errorf("%q: %w", x.Preset, preset.ErrNotFound)
	}
	p, err := w.o.Presets.Get(x.Preset)
	if err != nil {
		return batch.Recipe{}, err
	}
	return x.Files.recipe(p.Config())
}

// store changes the list on disk.
func (w *Watches) store(f func([]Watch) ([]Watch, error)) error {
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return errors.New("the watch folders are closed")
	}
	_, err := w.list.change(f)
	return err
}

func (w *Watches) find(id string) (*watching, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.entries {
		if e.ID == id {
			return e, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", id, ErrNoWatch)
}

// change applies f to a watch, on disk first, and lets it run accordingly.
func (w *Watches) change(id string, retry bool, f func(*Watch)) error {
	w.changing.Lock()
	defer w.changing.Unlock()
	e, err := w.find(id)
	if err != nil {
		return err
	}
	x := e.Watch
	f(&x)
	if err := w.store(func(all []Watch) ([]Watch, error) {
		if i := slices.IndexFunc(all, func(y Watch) bool { return y.ID == id }); i >= 0 {
			all[i] = x
			return all, nil
		}
		return append(all, x), nil // another program took it off the list
	}); err != nil {
		return err
	}
	w.halt(e)
	w.mu.Lock()
	e.Watch, e.news = x, true
	if x.On {
		w.start(e, retry)
	}
	w.mu.Unlock()
	w.o.Changed()
	return nil
}

// halt stops a watch and waits for it.
func (w *Watches) halt(e *watching) {
	w.mu.Lock()
	stop, stopped := e.stop, e.stopped
	e.stop = nil
	w.mu.Unlock()
	if stop == nil {
		return
	}
	stop()
	<-stopped
}

// start lets a watch run. w.mu is held, or w is not yet anyone else's.
func (w *Watches) start(e *watching, retry bool) {
	if w.closed {
		return
	}
	ctx, stop := context.WithCancel(w.ctx)
	e.stop, e.stopped, e.state, e.fault = stop, make(chan struct{}), WatchStarting, ""
	x, stopped := e.Watch, e.stopped
	w.wg.Go(func() {
		defer close(stopped)
		defer stop()
		for ctx.Err() == nil {
			err := w.run(ctx, e, x, retry)
			w.mu.Lock()
			e.service, e.state, e.news = nil, WatchOff, true
			if err != nil && ctx.Err() == nil {
				e.state, e.fault = WatchFailed, err.Error()
				e.log.add(Line{time.Now(), slog.LevelError, "cannot watch: " + e.fault})
			}
			w.mu.Unlock()
			w.o.Changed()
			select {
			case <-ctx.Done():
			case <-time.After(w.o.Again):
				retry = false
			}
		}
		w.mu.Lock()
		e.state, e.fault = WatchOff, ""
		w.mu.Unlock()
	})
}

// run watches until ctx ends. An error says that it could not begin, or cannot go on.
func (w *Watches) run(ctx context.Context, e *watching, x Watch, retry bool) error {
	recipe, err := w.recipe(x)
	if err != nil {
		return err
	}
	if recipe.NeedsPictures() {
		code, err := w.engine.code(ctx, recipe.Config)
		if err != nil {
			return err
		}
		if recipe, err = recipe.Fix(code); err != nil {
			return err
		}
	}
	path, err := w.o.Journal(x.Output)
	if err != nil {
		return err
	}
	told := func() {
		w.mu.Lock()
		e.news = true
		w.mu.Unlock()
	}
	s, err := watch.Start(ctx, watch.Settings{
		Dir: x.Dir, Output: x.Output, MoveDone: x.MoveDone, OnError: x.OnError, Recursive: x.Recursive, Existing: x.Existing,
		Recipe: recipe, Template: x.Files.Template, Collision: x.Files.Collision, KeepTimes: x.Files.KeepTimes,
		Open: w.engine.lend, JournalPath: path, Retry: retry, Settle: w.o.Settle, Rescan: w.o.Rescan,
		Log: slog.New(&tee{&e.log, w.o.Log.With("watch", x.ID).Handler(), told}),
		Event: func(ev batch.Event) {
			e.log.add(eventLine(ev))
			told()
		},
		Ready: func() {
			e.log.add(Line{time.Now(), slog.LevelInfo, "watching"})
			w.mu.Lock()
			if e.state == WatchStarting {
				e.state = WatchOn
			}
			w.mu.Unlock()
			w.o.Changed()
		},
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	e.service, e.state, e.fault, e.news = s, WatchStarting, "", true
	w.mu.Unlock()
	w.o.Changed()
	return s.Run(ctx)
}

// refresh looks into the journals of watches of which there is news, and from time to time into those of all that run.
func (w *Watches) refresh() {
	const anyway = 5 * time.Second
	tick := time.NewTicker(w.o.Refresh)
	defer tick.Stop()
	for {
		w.mu.Lock()
		var due []*watching
		for _, e := range w.entries {
			if e.news || e.service != nil && time.Since(e.seen) > anyway {
				e.news, e.seen = false, time.Now()
				due = append(due, e)
			}
		}
		w.mu.Unlock()
		for _, e := range due {
			w.look(e)
		}
		if len(due) > 0 {
			w.o.Changed()
		}
		select {
		case <-w.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look takes the status of a watch's journal.
func (w *Watches) look(e *watching) {
	w.mu.Lock()
	output := e.Output
	w.mu.Unlock()
	path, err := w.o.Journal(output)
	if err != nil {
		return // the watch itself tells
	}
	s, err := journal.Peek(w.ctx, path, 1)
	if err != nil {
		return // there is none before the first photo
	}
	w.mu.Lock()
	e.status = s
	w.mu.Unlock()
}

package unattended

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/journal"
)

// Order is a number of photos that are to be made into pictures the same way.
type Order struct {
	ID       string          `json:"id"` // given by Add
	Title    string          `json:"title,omitempty"`
	Photos   []Photo         `json:"photos"`
	Output   string          `json:"output"`   // folder
	Settings pipeline.Config `json:"settings"` // its photo's and its output's paths do not matter; once work has begun, StyleCode stands for pictures
	Files    Files           `json:"files,omitzero"`
	Added    time.Time       `json:"added"`
	Finished time.Time       `json:"finished,omitzero"` // when no photo was left to make
	Rows     []batch.Row     `json:"rows,omitempty"`    // the report, once finished
}

// Photo is a file with the folder below the output's, if any, into which its picture goes.
type Photo struct {
	Path string `json:"path"`
	Dir  string `json:"folder,omitempty"`
}

// OrderState is what becomes of an order.
type OrderState string

// The states of an order.
const (
	OrderWaiting  OrderState = "waiting"
	OrderRunning  OrderState = "running"
	OrderFinished OrderState = "finished" // some of its photos may have failed
	OrderFailed   OrderState = "failed"   // it could not begin; Retry lets it
)

// PhotoStatus is how far a photo is.
type PhotoStatus struct {
	Path     string
	State    journal.State // journal.Pending where nothing was begun
	Fraction float64       // of the picture being made, 0..1
	Output   string        // the picture, when it is done
	Reason   string        // why it failed, was skipped or waits
	Scores   *batch.Scores // of a picture that is done
}

// OrderStatus is an order with how it gets on. It is a value: nothing in it changes.
type OrderStatus struct {
	Order
	State  OrderState
	Photos []PhotoStatus // in the order's order
	Done   int           // photos that need nothing more and did not fail
	Failed int
	Error  string // why the order could not begin, or why it waits
}

// QueueOptions are what a queue needs. Path and Open must be set.
type QueueOptions struct {
	Path    string // of the list; its folder is made
	Open    func(context.Context) (Engine, error)
	Engines int // as in batch.Options
	Jobs    int // as in batch.Options
	Paused  bool

	Changed func()                                             // told that Status is another, from any goroutine; it must not call Close; default: nobody
	Log     *slog.Logger                                       // default: nothing
	Refresh time.Duration                                      // least time between two Changed for progress alone; default 200 ms
	Journal func(outputFolder string) (path string, err error) // default journal.PathFor
}

// Queue works off orders one after the other, in the order in which they came. What is not done when the program ends, however it ends, is done after
// the next OpenQueue, and nothing twice. Methods may be called from any goroutine.
type Queue struct {
	o      QueueOptions
	list   list[Order]
	engine *shared
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	wake   chan struct{}

	mu      sync.Mutex
	orders  []*ordered
	paused  bool
	closed  bool
	stop    context.CancelFunc // of the order that runs, nil when none does
	running *ordered
	told    time.Time
}

// ordered is an order with what is known of its photos. Its fields are guarded by Queue.mu.
type ordered struct {
	Order
	photos  map[string]*PhotoStatus
	err     string
	trouble func() string // nil unless it runs
	removed bool
}

// ErrNoOrder says that there is no order of that identifier.
var ErrNoOrder = errors.New("there is no such order")

// PhotosOf finds the photos that files, folders and patterns name, as batch.List does, without those in the output folder.
func PhotosOf(arguments []string, recursive bool, output string) (photos []Photo, err error) {
	if output, err = journal.Resolve(output); err != nil {
		return nil, err
	}
	items, err := batch.List(arguments, recursive, output)
	for _, x := range items {
		photos = append(photos, Photo{x.Source.Path, x.Dir})
	}
	return photos, err
}

// OpenQueue reads the list and goes on with what is not done.
func OpenQueue(o QueueOptions) (*Queue, error) {
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Refresh <= 0 {
		o.Refresh = 200 * time.Millisecond
	}
	if o.Journal == nil {
		o.Journal = journal.PathFor
	}
	o.Log = discard(o.Log)
	q := &Queue{o: o, list: list[Order]{o.Path}, engine: &shared{open: o.Open}, wake: make(chan struct{}, 1), paused: o.Paused}
	all, err := q.list.read()
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		q.orders = append(q.orders, newOrdered(x))
	}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	q.wg.Go(q.work)
	return q, nil
}

func newOrdered(x Order) *ordered {
	e := &ordered{Order: x, photos: map[string]*PhotoStatus{}}
	for _, p := range x.Photos {
		e.photos[p.Path] = &PhotoStatus{Path: p.Path, State: journal.Pending}
	}
	e.take(x.Rows)
	return e
}

// take puts what a report says into the photos' states.
func (e *ordered) take(rows []batch.Row) {
	for _, r := range rows {
		if p := e.photos[r.Source]; p != nil {
			*p = PhotoStatus{Path: r.Source, State: r.State, Output: r.Output, Reason: r.Reason, Scores: r.Scores}
		}
	}
}

// Close stops the work and waits for it; pictures that were begun wait for the next time.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.cancel()
	q.wg.Wait()
}

// Add checks an order, gives it an identifier and puts it at the end.
func (q *Queue) Add(x Order) (id string, err error) {
	x.ID, x.Added, x.Finished, x.Rows = newID(), time.Now(), time.Time{}, nil
	if len(x.Photos) == 0 {
		return "", &pipeline.FieldError{Field: "photos", Value: "none", Want: "name photos"}
	}
	if x.Output == "" {
		return "", &pipeline.FieldError{Field: "output", Value: "empty", Want: "name the folder for the pictures"}
	}
	if x.Output, err = filepath.Abs(x.Output); err != nil {
		return "", err
	}
	x.Photos = slices.Clone(x.Photos)
	for i := range x.Photos {
		if x.Photos[i].Path, err = filepath.Abs(x.Photos[i].Path); err != nil {
			return "", err
		}
	}
	if _, err := x.Files.recipe(x.Settings); err != nil {
		return "", err
	}
	if err := q.store(func(all []Order) ([]Order, error) { return append(all, x), nil }); err != nil {
		return "", err
	}
	q.mu.Lock()
	q.orders = append(q.orders, newOrdered(x))
	q.mu.Unlock()
	q.next()
	return x.ID, nil
}

// Remove takes an order off the list, and stops it if it runs. Its pictures stay.
func (q *Queue) Remove(id string) error {
	if err := q.store(func(all []Order) ([]Order, error) {
		return slices.DeleteFunc(all, func(x Order) bool { return x.ID == id }), nil
	}); err != nil {
		return err
	}
	return q.edit(id, func(e *ordered) {
		e.removed = true
		q.orders = slices.DeleteFunc(q.orders, func(x *ordered) bool { return x == e })
		if q.running == e {
			q.stop()
		}
	})
}

// Retry works on an order again: on the photos that failed, or all of it if it could not begin.
func (q *Queue) Retry(id string) error {
	again := func(x *Order) { x.Finished, x.Rows = time.Time{}, nil }
	if err := q.storeOne(id, again); err != nil {
		return err
	}
	return q.edit(id, func(e *ordered) {
		again(&e.Order)
		e.err = ""
		for _, p := range e.photos {
			if p.State == journal.Failed {
				p.State, p.Reason = journal.Pending, ""
			}
		}
	})
}

// Pause stops or goes on with the work.
func (q *Queue) Pause(on bool) {
	q.mu.Lock()
	q.paused = on
	if on && q.stop != nil {
		q.stop()
	}
	q.mu.Unlock()
	q.next()
}

// Paused tells whether the work is stopped.
func (q *Queue) Paused() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.paused
}

// Status is how all orders get on, in their order.
func (q *Queue) Status() []OrderStatus {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make([]OrderStatus, len(q.orders))
	for i, e := range q.orders {
		s := OrderStatus{Order: e.Order, State: OrderWaiting, Error: e.err}
		switch {
		case !e.Finished.IsZero():
			s.State = OrderFinished
		case q.running == e:
			s.State = OrderRunning
			if e.trouble != nil && s.Error == "" {
				s.Error = e.trouble()
			}
		case e.err != "":
			s.State = OrderFailed
		}
		for _, p := range e.Order.Photos {
			f := *e.photos[p.Path]
			switch f.State {
			case journal.Failed:
				s.Failed++
			case journal.Done, journal.Repeat, journal.Skipped, journal.Ignored:
				s.Done++
			}
			s.Photos = append(s.Photos, f)
		}
		all[i] = s
	}
	return all
}

// store changes the list on disk.
func (q *Queue) store(f func([]Order) ([]Order, error)) error {
	q.mu.Lock()
	closed := q.closed
	q.mu.Unlock()
	if closed {
		return errors.New("the queue is closed")
	}
	_, err := q.list.change(f)
	return err
}

func (q *Queue) storeOne(id string, f func(*Order)) error {
	return q.store(func(all []Order) ([]Order, error) {
		i := slices.IndexFunc(all, func(x Order) bool { return x.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("%s: %w", id, ErrNoOrder)
		}
		f(&all[i])
		return all, nil
	})
}

// edit changes what is known of an order and looks for work.
func (q *Queue) edit(id string, f func(*ordered)) error {
	q.mu.Lock()
	i := slices.IndexFunc(q.orders, func(e *ordered) bool { return e.ID == id })
	if i >= 0 {
		f(q.orders[i])
	}
	q.mu.Unlock()
	if i < 0 {
		return fmt.Errorf("%s: %w", id, ErrNoOrder)
	}
	q.next()
	return nil
}

// next looks for work and tells of a change.
func (q *Queue) next() {
	select {
	case q.wake <- struct{}{}:
	default: // it will look anyway
	}
	q.o.Changed()
}

// work is the queue's goroutine.
func (q *Queue) work() {
	for q.ctx.Err() == nil {
		e, ctx := q.begin()
		if e == nil {
			select {
			case <-q.wake:
			case <-q.ctx.Done():
			}
			continue
		}
		q.o.Changed()
		rows, finished, err := q.run(ctx, e)
		q.end(ctx, e, rows, finished, err)
		q.o.Changed()
	}
}

// begin picks the order to work on.
func (q *Queue) begin() (*ordered, context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.paused || q.closed {
		return nil, nil
	}
	i := slices.IndexFunc(q.orders, func(e *ordered) bool { return e.Finished.IsZero() && e.err == "" })
	if i < 0 {
		return nil, nil
	}
	ctx, stop := context.WithCancel(q.ctx)
	q.running, q.stop = q.orders[i], stop
	return q.running, ctx
}

// end notes what became of the order that ran.
func (q *Queue) end(ctx context.Context, e *ordered, rows []batch.Row, finished bool, err error) {
	now := time.Now()
	stopped := ctx.Err() != nil
	if finished && !stopped {
		err = errors.Join(err, q.storeOne(e.ID, func(x *Order) { x.Finished, x.Rows = now, rows }))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stop()
	q.running, q.stop, e.trouble = nil, nil, nil
	e.take(rows)
	for _, p := range e.photos {
		p.Fraction = 0
	}
	switch {
	case e.removed || stopped:
	case err != nil:
		e.err = err.Error()
		q.o.Log.Error("an order waits for people", "order", e.ID, "error", err)
	case finished:
		e.Finished, e.Rows = now, rows
	}
}

// run works on an order until nothing is left of it or ctx ends.
func (q *Queue) run(ctx context.Context, e *ordered) (rows []batch.Row, finished bool, err error) {
	x, err := q.prepared(ctx, e)
	if err != nil {
		return nil, false, err
	}
	recipe, err := x.Files.recipe(x.Settings)
	if err != nil {
		return nil, false, err
	}
	path, err := q.o.Journal(x.Output)
	if err != nil {
		return nil, false, err
	}
	b, err := batch.Start(ctx, batch.Settings{
		Items: items(x.Photos), Output: x.Output, Recipe: recipe, Scope: "order " + x.ID, Resume: true, Open: q.engine.lend, Engines: q.o.Engines, Jobs: q.o.Jobs,
		Template: x.Files.Template, Collision: x.Files.Collision, KeepTimes: x.Files.KeepTimes, JournalPath: path, Log: q.o.Log.With("order", x.ID),
		Event:    func(ev batch.Event) { q.event(e, ev) },
		Progress: func(job *journal.Job, p pipeline.Progress) { q.progress(e, job.Source.Path, p.Fraction) },
	})
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	q.mu.Lock()
	e.trouble = b.Trouble
	q.mu.Unlock()
	err = b.Run(ctx)
	after := context.WithoutCancel(ctx)
	rows, readErr := b.Rows(after)
	return rows, err == nil && readErr == nil && ctx.Err() == nil, errors.Join(err, readErr)
}

// prepared is the order with its style read: from then on it does not need the style's pictures, after a restart neither.
func (q *Queue) prepared(ctx context.Context, e *ordered) (Order, error) {
	q.mu.Lock()
	x := e.Order
	q.mu.Unlock()
	if !x.Settings.NeedsStylePictures() {
		return x, nil
	}
	code, err := q.engine.code(ctx, x.Settings)
	if err != nil {
		return x, err
	}
	x.Settings.StyleImagePath, x.Settings.StyleName, x.Settings.StylePrompt, x.Settings.StyleMix, x.Settings.StyleCode = "", "", "", nil, code
	if err := q.storeOne(x.ID, func(y *Order) { y.Settings = x.Settings }); err != nil {
		return x, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	e.Settings = x.Settings
	return x, nil
}

// items are the photos as they are now; what is not there is in the list, to be reported.
func items(photos []Photo) []batch.Item {
	all := make([]batch.Item, len(photos))
	for i, p := range photos {
		all[i] = batch.Item{Source: journal.Source{Path: p.Path}, Dir: p.Dir}
		if info, err := os.Stat(p.Path); err == nil {
			all[i].Source = journal.SourceOf(p.Path, info)
		}
	}
	return all
}

// event notes what happened to a photo.
func (q *Queue) event(e *ordered, ev batch.Event) {
	q.mu.Lock()
	if p := e.photos[ev.Job.Source.Path]; p != nil {
		*p = PhotoStatus{Path: p.Path, State: ev.State, Output: ev.Job.Output, Reason: ev.Job.Reason}
		switch ev.State {
		case journal.Done:
			var scores batch.Scores
			if json.Unmarshal(ev.Job.Result, &scores) == nil { // one that was there already has none
				p.Scores = &scores
			}
		case journal.Running, journal.Pending:
			p.Output = ""
		}
	}
	q.mu.Unlock()
	q.o.Changed()
}

// progress notes how far a photo is.
func (q *Queue) progress(e *ordered, path string, fraction float64) {
	q.mu.Lock()
	if p := e.photos[path]; p != nil {
		p.Fraction = fraction
	}
	tell := time.Since(q.told) >= q.o.Refresh
	if tell {
		q.told = time.Now()
	}
	q.mu.Unlock()
	if tell {
		q.o.Changed()
	}
}

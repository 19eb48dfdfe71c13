// Package batch makes the pictures that a journal asks for: a few workers claim jobs, decode photos, share the engines, encode, and give each
// finished file its name in steps of which any may be the last before the machine goes down. Watch folders and batches of files both run on it.
// It must not import ui.
package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/disk"
	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// Options say what a Runner does. Journal, Scope, Recipe, Key, Output and Open must be set; for the rest zero is a useful value.
type Options struct {
	Journal *journal.Journal
	Scope   string // of the journal: the watched folder, or the batch
	Recipe  Recipe
	Key     string // Recipe.Key()
	Output  string // the folder of the outputs, absolute

	Open    func(context.Context) (Engine, error)
	Engines int // how many work at once; default 1
	Jobs    int // pictures that are worked on at once, one in each step; default Engines + 2

	Template  Template  // default DefaultTemplate
	Collision Collision // default CollisionNumber
	KeepTimes bool      // outputs get the time of their source
	// Locate tells the folder below Output for a source, and its number for {n}; default: none, and the job's number in the journal.
	Locate func(*journal.Job) (dir string, n int64)

	// Patient waits for full disks and vanished volumes to come back, and takes a source that is missing for one that was taken away. Without it
	// they are failures.
	Patient bool
	// Adopt takes a picture that is there already for the result if it carries the same source and recipe: the journal was lost, or its end.
	Adopt bool
	// SkipOwn leaves alone sources that are Gesso's own pictures.
	SkipOwn bool

	MoveDone string // folder to which sources go when their picture is made; default: they stay
	OnError  string // folder to which sources go that are set aside, each with a text that says why; default: they stay

	Attempts int           // after so many a source is set aside; default 3
	Backoff  time.Duration // before the second attempt, four times as long before each further one; default 2 s
	Settle   time.Duration // how long a file must not change before it is taken; default 2 s
	MinFree  uint64        // bytes that must stay free on the output's disk; default 200 MB
	Pixels   int64         // of all photos that are worked on at once, to bound memory; default 400 million

	Disk   disk.Disk      // default disk.OS()
	Limits picture.Limits // default picture.DefaultLimits
	Log    *slog.Logger   // default: nothing is logged
	Event  func(Event)    // told what happens, from any goroutine; default: nobody
	// Progress is told how far a picture is, on the goroutine that makes it; default: nobody. The job must not be kept.
	Progress func(*journal.Job, pipeline.Progress)
	Now      func() time.Time // default time.Now
}

// Event is something that happened to a job. The job must not be kept.
type Event struct {
	Job *journal.Job
	// State is the job's new state; journal.Pending means that it waits for another attempt, for the reason in Job.Reason.
	State journal.State
}

func (o *Options) setDefaults() {
	o.Engines = max(o.Engines, 1)
	if o.Jobs <= 0 {
		o.Jobs = o.Engines + 2
	}
	if o.Template == "" {
		o.Template = DefaultTemplate
	}
	if o.Collision == "" {
		o.Collision = CollisionNumber
	}
	if o.Locate == nil {
		o.Locate = func(j *journal.Job) (string, int64) { return "", j.ID }
	}
	if o.Attempts <= 0 {
		o.Attempts = 3
	}
	if o.Backoff <= 0 {
		o.Backoff = 2 * time.Second
	}
	if o.Settle <= 0 {
		o.Settle = 2 * time.Second
	}
	if o.MinFree == 0 {
		o.MinFree = 200e6
	}
	if o.Pixels == 0 {
		o.Pixels = 400e6
	}
	if o.Disk.Stat == nil {
		o.Disk = disk.OS()
	}
	if o.Limits == (picture.Limits{}) {
		o.Limits = picture.DefaultLimits
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Event == nil {
		o.Event = func(Event) {}
	}
	if o.Progress == nil {
		o.Progress = func(*journal.Job, pipeline.Progress) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Runner works off the jobs of one scope and recipe. Several, in one process or in many, may share a journal.
type Runner struct {
	Options
	engines *pool
	memory  *semaphore.Weighted
	wake    chan struct{}
	idled   chan struct{} // a worker has found no job
	prefix  string        // of the names of this journal's temporary files

	mu         sync.Mutex
	until      time.Time // no work before it: the machine or a volume is in trouble
	trouble    string
	delay      time.Duration
	unresolved []*journal.Job // whose state cannot be settled yet: their volume is not there, or the journal takes no writes
	mounted    bool           // the output was seen on another file system than the root folder
	left       bool           // a temporary file could not be removed
}

// poll is how often a runner that waits looks into the journal, which another process may have changed.
const poll = time.Second

// recoverEvery is how often a runner looks for jobs of processes that have ended.
const recoverEvery = 5 * time.Second

// New checks the options and returns a Runner.
func New(o Options) (*Runner, error) {
	o.setDefaults()
	if err := o.Recipe.Validate(); err != nil {
		return nil, err
	}
	if err := o.Template.Validate(); err != nil {
		return nil, err
	}
	switch o.Collision {
	case CollisionNumber, CollisionSkip, CollisionOverwrite:
	default:
		return nil, fmt.Errorf("the policy on collisions is number, skip or overwrite, not %q", o.Collision)
	}
	return &Runner{
		Options: o, engines: newPool(o.Engines, o.Open), memory: semaphore.NewWeighted(o.Pixels), wake: make(chan struct{}, o.Jobs), idled: make(chan struct{}, 1),
		prefix: TempPrefix + o.Journal.ID() + "-",
	}, nil
}

// TempPrefix begins the names of all temporary files of unattended work.
const TempPrefix = ".gesso-job-"

// Wake makes the runner look for jobs at once.
func (r *Runner) Wake() {
	for range r.Jobs {
		select {
		case r.wake <- struct{}{}:
		default: // all are being woken already
			return
		}
	}
}

// Check opens an engine, so that what keeps all pictures from being made is known before any is tried.
func (r *Runner) Check(ctx context.Context) error {
	return r.engines.use(ctx, func(Engine) error { return nil })
}

// Close frees the engines of a Runner that was not run.
func (r *Runner) Close() error { return r.engines.close() }

// Run works until ctx ends, which is no error, or, if drain is true, until no job is left; jobs that other processes work on are waited for.
// Jobs that were begun when ctx ends wait again, as if nothing had been.
func (r *Runner) Run(ctx context.Context, drain bool) (err error) {
	defer func() { err = errors.Join(err, r.engines.close()) }()
	if err := r.recover(ctx, true); err != nil && !r.Patient {
		return err
	} else if err != nil && ctx.Err() == nil {
		r.pause(err.Error())
	}
	r.tidyAll(ctx)
	work, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for range r.Jobs {
		wg.Go(func() { r.worker(work) })
	}
	defer wg.Wait()
	defer stop()
	for looked := time.Now(); ; {
		if drain {
			_, pending, running, err := r.Journal.Next(ctx, r.Scope, r.Key)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil && !r.Patient {
				return err
			}
			if err == nil && !pending && running == 0 {
				return nil
			}
		}
		wait, idled := time.After(recoverEvery), r.idled
		if drain {
			wait = time.After(poll / 5)
		} else {
			idled = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-idled:
		case <-wait:
		}
		if time.Since(looked) >= recoverEvery {
			looked = time.Now()
			if err := r.recover(ctx, false); err != nil && ctx.Err() == nil {
				r.Log.Warn("cannot look for jobs of ended processes", "error", err)
			}
			r.tidyAll(ctx)
		}
	}
}

// worker claims jobs until ctx ends.
func (r *Runner) worker(ctx context.Context) {
	for ctx.Err() == nil {
		if !r.ready(ctx) {
			continue
		}
		job, err := r.Journal.Claim(ctx, r.Scope, r.Key)
		switch {
		case ctx.Err() != nil:
			if job != nil {
				r.release(job, r.Now(), "")
			}
		case err != nil:
			r.pause(err.Error())
		case job == nil:
			r.idle(ctx)
		default:
			r.process(ctx, job)
		}
	}
}

// idle waits until there may be a job.
func (r *Runner) idle(ctx context.Context) {
	select {
	case r.idled <- struct{}{}:
	default:
	}
	wait := poll
	if next, pending, _, err := r.Journal.Next(ctx, r.Scope, r.Key); err == nil && pending {
		wait = min(wait, max(next.Sub(r.Now()), 20*time.Millisecond))
	}
	select {
	case <-ctx.Done():
	case <-r.wake:
	case <-time.After(wait):
	}
}

// ready waits while the machine or a volume is in trouble.
func (r *Runner) ready(ctx context.Context) bool {
	r.mu.Lock()
	wait := r.until.Sub(r.Now())
	r.mu.Unlock()
	if wait <= 0 {
		return true
	}
	select {
	case <-ctx.Done():
	case <-time.After(min(wait, poll)):
	}
	return false
}

// maxDelay is the longest that a runner waits before it tries a volume in trouble again.
const maxDelay = time.Minute

// pause stops all workers for a while that doubles each time, until something goes well.
func (r *Runner) pause(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	if now.Before(r.until) {
		return // another worker met it as well
	}
	r.delay = min(max(2*r.delay, r.Backoff/4, 50*time.Millisecond), maxDelay)
	r.until = now.Add(r.delay)
	if r.trouble != reason {
		r.Log.Warn("work waits", "reason", reason, "retry_in", r.delay)
	}
	r.trouble = reason
}

// well says that work goes on.
func (r *Runner) well() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trouble != "" {
		r.Log.Info("work goes on", "after", r.trouble)
	}
	r.trouble, r.delay, r.until = "", 0, time.Time{}
}

// Trouble is why the work waits, or empty.
func (r *Runner) Trouble() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

// temp is the name of a job's temporary file: the same after a restart, so that it is found and removed.
func (r *Runner) temp(job *journal.Job) string {
	return filepath.Join(r.Output, fmt.Sprintf("%s%d.tmp", r.prefix, job.ID))
}

// unmounted tells whether the output was on a volume of its own before, and now is on that of the root folder: then what is there is the empty
// folder on which the volume was mounted.
func (r *Runner) unmounted() bool {
	a, errA := r.Disk.Volume(r.Output)
	b, errB := r.Disk.Volume(filepath.VolumeName(r.Output) + string(filepath.Separator))
	if errA != nil || errB != nil {
		return false // what is wrong, the next step tells
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mounted = r.mounted || a != b
	return r.mounted && a == b
}

// discard removes a temporary file; if that fails, it is tried again later.
func (r *Runner) discard(temp string) {
	if err := r.Disk.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		r.mu.Lock()
		r.left = true
		r.mu.Unlock()
	}
}

// there tells whether there is a file at path.
func (r *Runner) there(path string) bool {
	_, err := r.Disk.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}

package pipeline

import (
	"context"
	"errors"
	"sync"
)

// JobKind is what becomes of a job's picture.
type JobKind int

// The kinds of job.
const (
	JobRender JobKind = iota // the Rendering is kept, no file is written
	JobRun                   // the picture is saved to Config.OutputPath
	jobDo                    // something else is done with the engine
)

// ErrQueueClosed means that the queue takes no more jobs.
var ErrQueueClosed = errors.New("the queue is closed")

// Queue runs jobs one after the other on a goroutine that owns the engine. The engine is opened with the first job and kept; when opening
// fails, that job gets the error and the next one tries again. While the machine is hot it rests before a JobRun.
type Queue struct {
	open   func(context.Context) (*Transfer, error)
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	wake   chan struct{}

	mu   sync.Mutex
	jobs []*Job
}

// Job is a picture in the queue. Its methods may be called from any goroutine.
type Job struct {
	Config Config
	Kind   JobKind

	ctx       context.Context
	cancel    context.CancelFunc
	done      chan struct{}
	progress  chan Progress
	rendering *Rendering
	err       error
	do        func(context.Context, *Transfer) error // of a jobDo
}

// NewQueue starts the goroutine. open is called on it.
func NewQueue(open func(context.Context) (*Transfer, error)) *Queue {
	ctx, cancel := context.WithCancel(context.Background())
	q := &Queue{open: open, ctx: ctx, cancel: cancel, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	go q.loop()
	return q
}

// Submit appends a job and returns at once. A closed queue gives a job that has ended with ErrQueueClosed.
func (q *Queue) Submit(c Config, kind JobKind) *Job {
	return q.submit(&Job{Config: c, Kind: kind})
}

// Do runs f with the engine when the jobs before it have ended, and returns its error. Ending ctx ends the wait, and f's own context.
func (q *Queue) Do(ctx context.Context, f func(context.Context, *Transfer) error) error {
	j := q.submit(&Job{Kind: jobDo, do: f})
	stop := context.AfterFunc(ctx, j.Cancel)
	defer stop()
	<-j.done
	return j.err
}

func (q *Queue) submit(j *Job) *Job {
	j.done, j.progress = make(chan struct{}), make(chan Progress, 1)
	j.ctx, j.cancel = context.WithCancel(q.ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ctx.Err() != nil {
		j.finish(nil, ErrQueueClosed)
		return j
	}
	q.jobs = append(q.jobs, j)
	select {
	case q.wake <- struct{}{}:
	default: // it is already being woken
	}
	return j
}

// Close cancels every job and waits until the goroutine has ended and the engine is freed. It may be called again.
func (q *Queue) Close() {
	q.cancel()
	<-q.done
}

func (q *Queue) loop() {
	defer close(q.done)
	var engine *Transfer
	defer func() {
		if engine != nil {
			_ = engine.Close() // nothing is left to do about it
		}
	}()
	for {
		j := q.next()
		if j == nil {
			return
		}
		if err := j.ctx.Err(); err != nil {
			j.finish(nil, err)
			continue
		}
		if engine == nil {
			var err error
			if engine, err = q.open(j.ctx); err != nil {
				engine = nil
				j.finish(nil, err)
				continue
			}
		}
		j.finish(j.run(engine))
	}
}

// next waits for a job; nil means that the queue is closed and every waiting job has ended.
func (q *Queue) next() *Job {
	for {
		q.mu.Lock()
		if q.ctx.Err() != nil {
			for _, j := range q.jobs {
				j.finish(nil, q.ctx.Err())
			}
			q.jobs = nil
			q.mu.Unlock()
			return nil
		}
		if len(q.jobs) > 0 {
			j := q.jobs[0]
			q.jobs = q.jobs[1:]
			q.mu.Unlock()
			return j
		}
		q.mu.Unlock()
		select {
		case <-q.wake:
		case <-q.ctx.Done():
		}
	}
}

func (j *Job) run(t *Transfer) (*Rendering, error) {
	switch j.Kind {
	case JobRender:
		return t.Render(j.ctx, j.Config, j.report)
	case jobDo:
		return nil, j.do(j.ctx, t)
	}
	if err := t.cooling.rest(j.ctx); err != nil { // nobody looks at the screen for it
		return nil, err
	}
	r, err := t.Run(j.ctx, j.Config, j.report)
	if err != nil {
		return nil, err
	}
	return &Rendering{Config: j.Config, Result: r}, nil
}

// report keeps the latest progress for whoever listens.
func (j *Job) report(p Progress) {
	select {
	case <-j.progress:
	default:
	}
	j.progress <- p // only this goroutine sends, so there is room
}

func (j *Job) finish(r *Rendering, err error) {
	j.rendering, j.err = r, err
	j.cancel()
	close(j.progress)
	close(j.done)
}

// Cancel ends the job: a waiting one is dropped when its turn comes, a running network is told to stop.
func (j *Job) Cancel() { j.cancel() }

// Done is closed when the job has ended.
func (j *Job) Done() <-chan struct{} { return j.done }

// Progress gives the latest progress and is closed when the job has ended. It has one reader.
func (j *Job) Progress() <-chan Progress { return j.progress }

// Rendering waits for the job's end and returns what it made; of a JobRun only Config and Result are set.
func (j *Job) Rendering() (*Rendering, error) {
	<-j.done
	return j.rendering, j.err
}

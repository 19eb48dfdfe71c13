package session

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// TaskState is how far a picture of the queue is.
type TaskState string

// The states.
const (
	TaskWaiting   TaskState = "waiting"
	TaskRunning   TaskState = "running"
	TaskDone      TaskState = "done"
	TaskFailed    TaskState = "failed"
	TaskCancelled TaskState = "cancelled"
)

// Over is whether nothing more will happen by itself.
func (t TaskState) Over() bool { return t == TaskDone || t == TaskFailed || t == TaskCancelled }

// Task is a picture of the queue.
type Task struct {
	ID     int64
	Config pipeline.Config // with the photo, without the output
	State  TaskState
	Error  string // one sentence
	Output string // the file that was written
	SSIM   float64

	Phase    pipeline.Phase
	Fraction float64     // 0..1, while it runs
	Thumb    image.Image // of the stylized picture, once it was made in this session
}

// Name is the photo's.
func (t Task) Name() string { return filepath.Base(t.Config.ContentImagePath) }

// Queue is what the window shows of the queue.
type Queue struct {
	Tasks   []Task
	Waiting int // those that run and those that wait for their turn
	Done    int
	Failed  int
	Paused  bool
	Running bool
	// Fraction is how much of the running one is done, 0..1.
	Fraction float64
	// Remaining is about how long the waiting ones take, 0 while that is not known.
	Remaining time.Duration
}

type queue struct {
	tasks   []Task
	next    int64
	paused  bool
	job     Job   // the running task's
	running int64 // its identifier, 0 when none runs
	took    []time.Duration
	file    *keeper
}

// OpenMany opens a photo; several, or folders, go into the queue.
func (s *Session) OpenMany(paths []string) {
	if len(paths) == 1 {
		if info, err := os.Stat(paths[0]); err == nil && !info.IsDir() {
			s.OpenContent(paths[0])
			return
		}
	}
	s.QueueMany(paths)
}

// QueueMany puts photos, and those in folders, into the queue with the present settings.
func (s *Session) QueueMany(paths []string) {
	s.edit(func() {
		c, ok := s.template()
		if !ok {
			s.status = said(ToneWarn, "Add a painting or choose a style first: then drop the photos again.")
			return
		}
		s.status = said(ToneNeutral, "Looking for photos…")
		s.spawn(func() {
			items, err := batch.List(paths, true)
			s.edit(func() {
				switch {
				case err != nil:
					s.status = Status{Text: sentence(err), Tone: ToneBad}
				case len(items) == 0:
					s.status = said(ToneWarn, "There are no pictures among these files.")
				default:
					Mask{}.into(&c) // it is the open photo's
					for _, i := range items {
						c := c
						c.ContentImagePath = i.Source.Path
						s.add(c)
					}
					s.status = said(ToneNeutral, "%d photos are in the queue.", len(items))
				}
			})
		})
	})
}

// Enqueue puts the opened photo into the queue with the present settings.
func (s *Session) Enqueue() {
	s.edit(func() {
		c, ok := s.template()
		if !ok || !s.content.Ready() {
			return
		}
		c.ContentImagePath = s.content.Path
		s.add(c)
		s.status = said(ToneNeutral, "%s is in the queue.", s.content.Name)
	})
}

func (s *Session) add(c pipeline.Config) {
	q := &s.queue
	q.next++
	q.tasks = append(q.tasks, Task{ID: q.next, Config: c, State: TaskWaiting})
	s.queueChanged()
	s.pump()
}

// task finds a task. s.mu is held here and below.
func (q *queue) task(id int64) *Task {
	if i := slices.IndexFunc(q.tasks, func(t Task) bool { return t.ID == id }); i >= 0 {
		return &q.tasks[i]
	}
	return nil
}

// pump starts the first waiting task if none runs.
func (s *Session) pump() {
	q := &s.queue
	if q.paused || q.running != 0 || s.closed {
		return
	}
	i := slices.IndexFunc(q.tasks, func(t Task) bool { return t.State == TaskWaiting })
	if i < 0 {
		return
	}
	t := &q.tasks[i]
	t.State, t.Error, t.Fraction, t.Phase = TaskRunning, "", 0, pipeline.PhaseOpen
	q.running, q.job = t.ID, s.o.Engine.Batch(t.Config)
	id, job, c := t.ID, q.job, t.Config
	s.spawn(func() { s.makeTask(id, job, c) })
}

// makeTask follows a task to its end, on its own goroutine.
func (s *Session) makeTask(id int64, job Job, c pipeline.Config) {
	began := time.Now()
	for p := range job.Progress() {
		s.edit(func() {
			if t := s.queue.task(id); t != nil {
				t.Phase, t.Fraction = p.Phase, p.Fraction
			}
		})
	}
	<-job.Done()
	r, err := job.Rendering()
	var thumb image.Image
	if err == nil {
		s.mu.Lock()
		r = s.toSave(r)
		s.mu.Unlock()
		err = s.saveTask(r, c)
	}
	if err == nil {
		thumb = (&picture.Picture{Image: r.Image}).Resize(taskThumb).Image
		s.noteResult(r, thumb)
	}
	s.edit(func() {
		q := &s.queue
		q.running, q.job = 0, nil
		if t := q.task(id); t != nil {
			switch {
			case err == nil:
				t.State, t.Output, t.SSIM, t.Thumb = TaskDone, r.Result.OutputPath, r.Result.SSIMScore, thumb
				q.took = append(q.took, time.Since(began))
			case errors.Is(err, context.Canceled):
				t.State = TaskCancelled
			default:
				t.State, t.Error = TaskFailed, sentence(err)
			}
		}
		s.queueChanged()
		s.pump()
	})
}

const taskThumb = 192

// saveTask writes a picture beside its photo, or where the settings say, under a name that is free.
func (s *Session) saveTask(r *pipeline.Rendering, c pipeline.Config) error {
	for n := 1; ; n++ {
		path := s.outputPath(c, n)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make the folder for the pictures: %w", err)
		}
		err := s.o.Engine.Save(s.ctx, r, path, false)
		if !errors.Is(err, picture.ErrExists) && !errors.Is(err, pipeline.ErrSameFile) {
			return err
		}
	}
}

// CancelTask ends a task or takes it out of its turn.
func (s *Session) CancelTask(id int64) {
	s.edit(func() {
		q := &s.queue
		t := q.task(id)
		switch {
		case t == nil:
		case t.State == TaskRunning:
			q.job.Cancel()
		case t.State == TaskWaiting:
			t.State = TaskCancelled
			s.queueChanged()
		}
	})
}

// RetryTask gives a task that has failed or was cancelled another turn.
func (s *Session) RetryTask(id int64) {
	s.edit(func() {
		if t := s.queue.task(id); t != nil && (t.State == TaskFailed || t.State == TaskCancelled) {
			t.State, t.Error = TaskWaiting, ""
			s.queueChanged()
			s.pump()
		}
	})
}

// MoveTask moves a task by so many places, towards the front when by is negative.
func (s *Session) MoveTask(id int64, by int) {
	s.edit(func() {
		q := &s.queue
		i := slices.IndexFunc(q.tasks, func(t Task) bool { return t.ID == id })
		if i < 0 {
			return
		}
		j := min(max(i+by, 0), len(q.tasks)-1)
		t := q.tasks[i]
		q.tasks = slices.Insert(slices.Delete(q.tasks, i, i+1), j, t)
		s.queueChanged()
	})
}

// ClearQueue takes out what is over.
func (s *Session) ClearQueue() {
	s.edit(func() {
		s.queue.tasks = slices.DeleteFunc(s.queue.tasks, func(t Task) bool { return t.State.Over() })
		s.queueChanged()
	})
}

// StopQueue cancels the running task and all that wait.
func (s *Session) StopQueue() {
	s.edit(func() {
		q := &s.queue
		for i := range q.tasks {
			if q.tasks[i].State == TaskWaiting {
				q.tasks[i].State = TaskCancelled
			}
		}
		if q.job != nil {
			q.job.Cancel()
		}
		s.queueChanged()
	})
}

// PauseQueue lets the running task end and starts no other, or goes on.
func (s *Session) PauseQueue(on bool) {
	s.edit(func() {
		s.queue.paused = on
		s.pump()
	})
}

// counts is the queue without its tasks.
func (q *queue) counts() Queue {
	v := Queue{Paused: q.paused, Running: q.running != 0}
	for _, t := range q.tasks {
		switch t.State {
		case TaskDone:
			v.Done++
		case TaskFailed:
			v.Failed++
		case TaskWaiting, TaskRunning:
			v.Waiting++
			v.Fraction += t.Fraction // 0 but for the one that runs
		}
	}
	if n := len(q.took); n > 0 && v.Waiting > 0 {
		last := q.took[max(n-8, 0):]
		var sum time.Duration
		for _, d := range last {
			sum += d
		}
		v.Remaining = sum / time.Duration(len(last)) * time.Duration(v.Waiting)
	}
	return v
}

// Queue returns the queue's state.
func (s *Session) Queue() Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue.counts()
	q.Tasks = slices.Clone(s.queue.tasks)
	return q
}

package session

import (
	"encoding/json"
	"fmt"

	"github.com/gesso-app/gesso/pipeline"
)

// queueDocument is the queue as it is kept. Tasks share their settings, of which a style's code is most.
type queueDocument struct {
	Version  int               `json:"version"`
	Settings []json.RawMessage `json:"settings"`
	Tasks    []keptTask        `json:"tasks"`
}

type keptTask struct {
	Photo    string    `json:"photo"`
	Settings int       `json:"settings"` // index
	State    TaskState `json:"state"`
	Error    string    `json:"error,omitempty"`
	Output   string    `json:"output,omitempty"`
	SSIM     float64   `json:"ssim,omitempty"`
}

// document returns what is kept of the queue.
func (q *queue) document() any {
	d := queueDocument{Version: 1}
	seen := map[string]int{}
	for _, t := range q.tasks {
		c := t.Config
		c.ContentImagePath = ""
		raw, err := json.Marshal(c)
		if err != nil {
			continue // no setting that Validate has passed is a number that JSON does not know
		}
		i, ok := seen[string(raw)]
		if !ok {
			i = len(d.Settings)
			seen[string(raw)] = i
			d.Settings = append(d.Settings, raw)
		}
		d.Tasks = append(d.Tasks, keptTask{t.Config.ContentImagePath, i, t.State, t.Error, t.Output, t.SSIM})
	}
	return d
}

// restoreQueue takes up the queue of the last time. Its pictures wait until they are told to go on.
func (s *Session) restoreQueue() error {
	q := &s.queue
	q.file = s.keeper("queue.json", q.document)
	var d queueDocument
	if err := readKept(q.file, &d); err != nil {
		return err
	}
	configs := make([]pipeline.Config, len(d.Settings))
	for i, raw := range d.Settings {
		if err := json.Unmarshal(raw, &configs[i]); err != nil {
			return fmt.Errorf("the queue of the last time cannot be read: %w", err)
		}
	}
	waiting := 0
	for _, k := range d.Tasks {
		if k.Settings < 0 || k.Settings >= len(configs) {
			continue
		}
		c := configs[k.Settings]
		c.ContentImagePath = k.Photo
		q.next++
		t := Task{ID: q.next, Config: c, State: k.State, Error: k.Error, Output: k.Output, SSIM: k.SSIM}
		if t.State == TaskRunning || t.State == TaskWaiting {
			t.State = TaskWaiting
			waiting++
		}
		q.tasks = append(q.tasks, t)
	}
	if waiting > 0 {
		q.paused = true
		s.status = said(ToneNeutral, "%d pictures wait in the queue from the last time.", waiting)
	}
	return nil
}

// queueChanged keeps the queue. s.mu is held.
func (s *Session) queueChanged() { s.keep(s.queue.file) }

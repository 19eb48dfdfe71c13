package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
)

// batchJob waits for the job of the queue with this number, from 0.
func (e *fakeEngine) batchJob(t *testing.T, n int) *fakeJob {
	t.Helper()
	var j *fakeJob
	require.Eventually(t, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		if len(e.batch) <= n {
			return false
		}
		j = e.batch[n]
		return true
	}, 5*time.Second, time.Millisecond, "no job %d of the queue", n)
	return j
}

// photos writes n photos and returns their folder.
func (r *rig) photos(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(r.dir, "shoot")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for i := range n {
		writePicture(t, filepath.Join(dir, fmt.Sprintf("%02d.png", i)), 16, 12)
	}
	return dir
}

func states(q Queue) (out []TaskState) {
	for _, t := range q.Tasks {
		out = append(out, t.State)
	}
	return out
}

func (r *rig) queued(t *testing.T, ok func(Queue) bool) Queue {
	t.Helper()
	var q Queue
	require.Eventually(t, func() bool { q = r.Queue(); return ok(q) }, 5*time.Second, time.Millisecond)
	return q
}

func TestAFolderBecomesAQueue(t *testing.T) {
	r := ready(t)
	r.ChooseStyle("udnie")
	r.OpenMany([]string{r.photos(t, 3)})
	first := r.engine.batchJob(t, 0)
	require.Equal(t, "00.png", filepath.Base(first.config.ContentImagePath))
	require.Equal(t, "udnie", first.config.StyleName)
	require.Equal(t, []TaskState{TaskRunning, TaskWaiting, TaskWaiting}, states(r.Queue()))
	first.paint(pipeline.Result{SSIMScore: 0.4})
	r.engine.batchJob(t, 1).end(nil, errBroken)
	r.engine.batchJob(t, 2).paint(pipeline.Result{})
	q := r.queued(t, func(q Queue) bool { return q.Waiting == 0 })
	require.Equal(t, []TaskState{TaskDone, TaskFailed, TaskDone}, states(q))
	require.Equal(t, "Read network: it is broken.", q.Tasks[1].Error)
	require.NotNil(t, q.Tasks[0].Thumb)
	require.Equal(t, []string{"00-udnie.jpg", "02-udnie.jpg"}, []string{filepath.Base(r.engine.saved[0]), filepath.Base(r.engine.saved[1])})
	require.Len(t, r.History(), 2)

	r.RetryTask(q.Tasks[1].ID)
	r.engine.batchJob(t, 3).paint(pipeline.Result{})
	r.queued(t, func(q Queue) bool { return q.Done == 3 })
	r.ClearQueue()
	require.Empty(t, r.Queue().Tasks)
}

func TestQueueWithoutAStyle(t *testing.T) {
	r := start(t)
	r.OpenMany([]string{r.photos(t, 2)})
	require.Contains(t, r.Snapshot().Status.Text, "choose a style first")
	require.Empty(t, r.Queue().Tasks)
}

func TestOnePhotoIsOpenedInstead(t *testing.T) {
	r := start(t)
	r.OpenMany([]string{r.photo})
	r.wait(t, func(n Snapshot) bool { return n.Content.Ready() })
	require.Empty(t, r.Queue().Tasks)
}

func TestQueueIsReorderedAndCancelled(t *testing.T) {
	r := ready(t)
	r.OpenMany([]string{r.photos(t, 4)})
	first := r.engine.batchJob(t, 0)
	q := r.Queue()
	r.MoveTask(q.Tasks[3].ID, -2)
	r.CancelTask(q.Tasks[2].ID)
	r.CancelTask(q.Tasks[0].ID)
	first.ended(t)
	second := r.engine.batchJob(t, 1)
	require.Equal(t, "03.png", filepath.Base(second.config.ContentImagePath))
	r.PauseQueue(true)
	second.paint(pipeline.Result{})
	r.queued(t, func(q Queue) bool { return q.Done == 1 && !q.Running && q.Waiting == 1 })
	r.PauseQueue(false)
	r.engine.batchJob(t, 2)
	r.StopQueue()
	r.queued(t, func(q Queue) bool { return q.Waiting == 0 })
}

// TestQueueOutlivesTheProgram closes a session in the middle of its work and starts another one.
func TestQueueOutlivesTheProgram(t *testing.T) {
	r := start(t)
	state := filepath.Join(r.dir, "state")
	open := func() (*Session, *fakeEngine) {
		e := &fakeEngine{}
		s := New(Options{Engine: e, StateFolder: state, PreviewDelay: time.Hour})
		t.Cleanup(s.Close)
		return s, e
	}
	s, e := open()
	s.ChooseStyle("great-wave")
	s.SetStrength(0.9)
	s.OpenMany([]string{r.photos(t, 3)})
	e.batchJob(t, 0).paint(pipeline.Result{SSIMScore: 0.5})
	e.batchJob(t, 1)
	s.Close()

	s, e = open()
	q := s.Queue()
	require.Equal(t, []TaskState{TaskDone, TaskWaiting, TaskWaiting}, states(q))
	require.True(t, q.Paused)
	require.Contains(t, s.Snapshot().Status.Text, "2 pictures wait")
	require.Len(t, s.History(), 1)
	require.NotNil(t, s.Thumb(s.History()[0]))
	s.PauseQueue(false)
	c := e.batchJob(t, 0).config
	require.Equal(t, "01.png", filepath.Base(c.ContentImagePath))
	require.Equal(t, "great-wave", c.StyleName)
	require.InDelta(t, 0.9, c.StyleStrength, 1e-9)
}

func TestBrokenStateIsSetAside(t *testing.T) {
	state := t.TempDir()
	for _, name := range []string{"queue.json", "history.json", "preferences.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(state, name), []byte("{"), 0o600))
	}
	s := New(Options{Engine: &fakeEngine{}, StateFolder: state})
	defer s.Close()
	require.Contains(t, s.Snapshot().Status.Text, "set aside")
	for _, name := range []string{"queue.json.broken", "history.json.broken", "preferences.json.broken"} {
		require.FileExists(t, filepath.Join(state, name))
	}
}

func TestAFullDiskIsSaid(t *testing.T) {
	r := ready(t)
	r.engine.save = errors.New("write picture: no space left on device")
	r.OpenMany([]string{r.photos(t, 2)})
	r.engine.batchJob(t, 0).paint(pipeline.Result{})
	q := r.queued(t, func(q Queue) bool { return q.Failed == 1 })
	require.Equal(t, "Write picture: no space left on device.", q.Tasks[0].Error)
}

func TestPreferencesName(t *testing.T) {
	r := ready(t)
	p := r.Preferences()
	p.Naming, p.Format, p.OutputFolder = "{style}/{name}-{strength}", "png", filepath.Join(r.dir, "out")
	require.NoError(t, r.SetPreferences(p))
	r.ChooseStyle("udnie")
	require.Equal(t, filepath.Join(r.dir, "out", "udnie", "photo-0.70.png"), r.SuggestedPath())
	p.Naming = "{name}/../x"
	require.Error(t, r.SetPreferences(p))
	p.Naming, p.Quality = "{name}", 0
	require.Error(t, r.SetPreferences(p))
}

func TestStyleCodeNeedsAStyle(t *testing.T) {
	r := start(t)
	_, err := r.StyleCode(context.Background())
	require.ErrorIs(t, err, errNoStyle)
	r.ChooseStyle("udnie")
	code, err := r.StyleCode(context.Background())
	require.NoError(t, err)
	require.Equal(t, "A style", code.Title)
}

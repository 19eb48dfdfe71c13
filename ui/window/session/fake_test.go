package session

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// fakeEngine hands its jobs to the test, which ends them.
type fakeEngine struct {
	mu     sync.Mutex
	jobs   []*fakeJob
	batch  []*fakeJob
	saved  []string
	save   error
	closed bool
}

type fakeJob struct {
	config    pipeline.Config
	done      chan struct{}
	progress  chan pipeline.Progress
	once      sync.Once
	rendering *pipeline.Rendering
	err       error
}

func (e *fakeEngine) Render(c pipeline.Config) Job {
	j := &fakeJob{config: c, done: make(chan struct{}), progress: make(chan pipeline.Progress)}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.jobs = append(e.jobs, j)
	return j
}

// Batch has its own list, in the order of the jobs.
func (e *fakeEngine) Batch(c pipeline.Config) Job {
	j := &fakeJob{config: c, done: make(chan struct{}), progress: make(chan pipeline.Progress)}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.batch = append(e.batch, j)
	return j
}

func (e *fakeEngine) StyleCode(context.Context, pipeline.Config) (*pipeline.StyleCode, error) {
	return &pipeline.StyleCode{Title: "A style", Code: make(pipeline.Floats, 128)}, nil
}

func (e *fakeEngine) Save(_ context.Context, _ *pipeline.Rendering, path string, _ bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.saved = append(e.saved, path)
	return e.save
}

func (e *fakeEngine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for _, j := range slices.Concat(e.jobs, e.batch) {
		j.end(nil, context.Canceled)
	}
}

func (e *fakeEngine) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.jobs)
}

// job waits for the job with this number, from 0.
func (e *fakeEngine) job(t *testing.T, n int) *fakeJob {
	t.Helper()
	require.Eventually(t, func() bool { return e.count() > n }, 5*time.Second, time.Millisecond, "no job %d", n)
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.jobs[n]
}

func (j *fakeJob) end(r *pipeline.Rendering, err error) {
	j.once.Do(func() {
		j.rendering, j.err = r, err
		close(j.progress)
		close(j.done)
	})
}

// paint ends the job with a picture.
func (j *fakeJob) paint(result pipeline.Result) {
	p := &picture.Picture{Image: plain(64, 48, color.White)}
	result.Width, result.Height = 64, 48
	j.end(&pipeline.Rendering{Config: j.config, Content: p, Image: plain(64, 48, color.Black), Result: result}, nil)
}

func (j *fakeJob) Cancel()                                 { j.end(nil, context.Canceled) }
func (j *fakeJob) Done() <-chan struct{}                   { return j.done }
func (j *fakeJob) Progress() <-chan pipeline.Progress      { return j.progress }
func (j *fakeJob) Rendering() (*pipeline.Rendering, error) { return j.rendering, j.err }

// ended is whether the job was cancelled.
func (j *fakeJob) ended(t *testing.T) {
	t.Helper()
	select {
	case <-j.done:
		require.ErrorIs(t, j.err, context.Canceled)
	case <-time.After(5 * time.Second):
		t.Fatal("the job was not cancelled")
	}
}

func plain(w, h int, c color.Color) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, c)
		}
	}
	return m
}

func writePicture(t *testing.T, path string, w, h int) {
	t.Helper()
	f, err := os.Create(path + ".tmp")
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, plain(w, h, color.Gray{128})))
	require.NoError(t, f.Close())
	require.NoError(t, os.Rename(path+".tmp", path))
}

type rig struct {
	*Session
	engine          *fakeEngine
	dir             string
	photo, painting string
}

// start returns a session with no pictures and the paths of two.
func start(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{engine: &fakeEngine{}, dir: dir, photo: filepath.Join(dir, "photo.png"), painting: filepath.Join(dir, "painting.png")}
	writePicture(t, r.photo, 64, 48)
	writePicture(t, r.painting, 32, 32)
	r.Session = New(Options{Engine: r.engine, PreviewDelay: 20 * time.Millisecond, Settle: 30 * time.Millisecond})
	t.Cleanup(r.Close)
	return r
}

// ready returns a session with both pictures open and no preview under way.
func ready(t *testing.T) *rig {
	t.Helper()
	r := start(t)
	r.OpenSamples(r.photo, "Sample photo", r.painting, "Sample painting")
	r.wait(t, func(n Snapshot) bool { return n.CanStylize })
	return r
}

// wait returns the first state for which ok is true.
func (r *rig) wait(t *testing.T, ok func(Snapshot) bool) Snapshot {
	t.Helper()
	var n Snapshot
	require.Eventually(t, func() bool { n = r.Snapshot(); return ok(n) }, 5*time.Second, time.Millisecond)
	return n
}

// stylized makes the full-size picture with the job of this number.
func (r *rig) stylized(t *testing.T, job int) Snapshot {
	t.Helper()
	r.Stylize()
	r.engine.job(t, job).paint(pipeline.Result{SSIMScore: 0.3})
	return r.wait(t, func(n Snapshot) bool { return n.CanSave })
}

var errBroken = errors.New("read network: it is broken")

package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/disk"
	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// ownNamespace stands in the XMP of every picture that Gesso has written.
const ownNamespace = "https://gesso.app/ns/1.0/"

// troubleError is the machine's or a volume's fault.
type troubleError struct{ error }

func (e *troubleError) Unwrap() error { return e.error }

// process works on a job and leaves it in the journal in the state that it has then.
func (r *Runner) process(ctx context.Context, job *journal.Job) {
	r.Log.Debug("begins", "source", job.Source.Path, "attempt", job.Attempts+1)
	r.Event(Event{job, journal.Running})
	err := r.makePicture(ctx, job)
	var trouble *troubleError
	var engine *engineError
	switch {
	case err == nil:
		r.well()
	case errors.Is(err, journal.ErrLost):
		r.Log.Warn("another process has taken the job", "source", job.Source.Path)
	case ctx.Err() != nil:
		r.release(job, r.Now(), "")
	case r.Patient && (errors.As(err, &trouble) || errors.As(err, &engine)):
		r.release(job, r.Now(), err.Error())
		r.pause(err.Error())
	default:
		r.failed(job, err)
	}
}

// makePicture is the way from the source to the published file. An error leaves the job running.
func (r *Runner) makePicture(ctx context.Context, job *journal.Job) error {
	data, err := r.take(job)
	if err != nil || data == nil {
		return err
	}
	hash, err := journal.Hash(bytes.NewReader(data))
	if err != nil {
		return err
	}
	same, wait, err := r.Journal.Identify(ctx, job, hash, r.there)
	switch {
	case err != nil:
		return r.journalTrouble(err)
	case wait:
		return r.journalTrouble(r.Journal.Release(context.WithoutCancel(ctx), job, r.Now().Add(poll), ""))
	case same != nil:
		return r.finish(job, journal.Repeat, "the same picture as "+same.Source.Path)
	}
	if err := r.room(int64(len(data))); err != nil {
		return err
	}
	if done, err := r.adopt(ctx, job, data); done || err != nil {
		return err
	}
	if skipped, err := r.skip(ctx, job, data); skipped || err != nil {
		return err
	}
	release, err := r.reserve(ctx, data)
	if err != nil {
		return err
	}
	defer release()
	content, err := picture.Decode(ctx, bytes.NewReader(data), job.Source.Path, r.Limits)
	if err != nil {
		return err
	}
	if r.SkipOwn && bytes.Contains(content.Meta.XMP, []byte(ownNamespace)) {
		return r.finish(job, journal.Ignored, "one of Gesso's own pictures")
	}
	c := r.Recipe.Config
	c.ContentImagePath = job.Source.Path
	var made *pipeline.Rendering
	err = r.engines.use(ctx, func(e Engine) (err error) {
		made, err = e.RenderPicture(ctx, c, content, func(p pipeline.Progress) { r.Progress(job, p) })
		return err
	})
	if err != nil {
		return err
	}
	return r.write(ctx, job, made)
}

// take reads the source. No data and no error mean that the job has been put back or ended: the source changed or vanished.
func (r *Runner) take(job *journal.Job) ([]byte, error) {
	info, err := r.Disk.Stat(job.Source.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, r.missing(job)
	}
	if err != nil {
		return nil, sourceError(job, err)
	}
	if now := journal.SourceOf(job.Source.Path, info); now != job.Source {
		return nil, r.changed(job, now)
	}
	data, info, err := r.Disk.Read(job.Source.Path, r.Limits.Bytes)
	switch {
	case errors.Is(err, disk.ErrChanged):
		return nil, r.changed(job, journal.SourceOf(job.Source.Path, info))
	case errors.Is(err, fs.ErrNotExist):
		return nil, r.missing(job)
	case err != nil:
		return nil, sourceError(job, err)
	}
	if now := journal.SourceOf(job.Source.Path, info); now != job.Source {
		return nil, r.changed(job, now)
	}
	if len(data) == 0 {
		return nil, &picture.Error{Path: job.Source.Path, Reason: "is empty"}
	}
	return data, nil
}

func sourceError(job *journal.Job, err error) error {
	e := &picture.Error{Path: job.Source.Path, Reason: "cannot be read: " + disk.Plain(err), Err: err}
	if disk.Trouble(err, false) {
		return &troubleError{e}
	}
	return e
}

// changed puts the job back until its file has settled.
func (r *Runner) changed(job *journal.Job, now journal.Source) error {
	r.Log.Debug("is still being written", "source", job.Source.Path)
	return r.journalTrouble(r.Journal.Changed(context.Background(), job, now, r.Now().Add(r.Settle)))
}

// missing ends a job whose source is not there, unless it is the whole folder that is not there.
func (r *Runner) missing(job *journal.Job) error {
	if !r.Patient {
		return &picture.Error{Path: job.Source.Path, Reason: "does not exist", Err: fs.ErrNotExist}
	}
	if root := r.root(job); !r.there(root) {
		return &troubleError{fmt.Errorf("the folder %s is not there", root)}
	}
	return r.finish(job, journal.Gone, "")
}

// root is the watched folder.
func (r *Runner) root(job *journal.Job) string {
	if filepath.IsAbs(r.Scope) {
		return r.Scope
	}
	return filepath.Dir(job.Source.Path)
}

// room checks that the output's disk has space for a picture whose source has so many bytes.
func (r *Runner) room(size int64) error {
	if r.unmounted() {
		return &troubleError{fmt.Errorf("the volume of %s is not mounted", r.Output)}
	}
	free, err := r.Disk.Free(r.Output)
	if err != nil {
		return r.outputError(r.Output, err)
	}
	if need := r.MinFree + 4*uint64(size); free < need { // a PNG may be a few times as large as the JPEG that it was made from
		return &troubleError{fmt.Errorf("the disk of %s is full: %d MB are free, and %d MB are to stay free", r.Output, free/1e6, need/1e6)}
	}
	return nil
}

// reserve waits until there is memory for the photo.
func (r *Runner) reserve(ctx context.Context, data []byte) (release func(), err error) {
	pixels := int64(1)
	if c, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil { // what does not read, Decode tells
		pixels = min(max(int64(c.Width)*int64(c.Height), 1), r.Pixels)
	}
	if err := r.memory.Acquire(ctx, pixels); err != nil {
		return nil, err
	}
	return func() { r.memory.Release(pixels) }, nil
}

// failed counts an attempt: the job waits for the next one, or is set aside.
func (r *Runner) failed(job *journal.Job, cause error) {
	reason := cause.Error()
	ctx := context.Background()
	var trouble *troubleError
	again := r.Patient || errors.As(cause, &trouble) // in a batch all files are there, and a bad one stays bad
	if again && job.Attempts+1 < r.Attempts {
		wait := r.Backoff
		for range job.Attempts {
			wait *= 4
		}
		if err := r.Journal.Retry(ctx, job, r.Now().Add(wait), reason); err != nil {
			r.journalFailed(job, err)
			return
		}
		job.State, job.Reason = journal.Pending, reason
		r.Log.Info("will try again", "source", job.Source.Path, "attempt", job.Attempts+1, "in", wait, "reason", reason)
		r.Event(Event{job, journal.Pending})
		return
	}
	if err := r.finish(job, journal.Failed, reason); err != nil {
		r.journalFailed(job, err)
	}
}

// finish ends a job in a final state other than done, and looks after its source.
func (r *Runner) finish(job *journal.Job, state journal.State, reason string) error {
	tidied := !r.moves(state)
	if err := r.Journal.Finish(context.Background(), job, state, nil, reason, tidied); err != nil {
		return r.journalTrouble(err)
	}
	r.ended(job)
	return nil
}

// ended tells the world of a job's end.
func (r *Runner) ended(job *journal.Job) {
	attributes := []any{"source", job.Source.Path}
	switch job.State {
	case journal.Failed:
		r.Log.Error("is set aside", append(attributes, "attempts", job.Attempts, "reason", job.Reason)...)
	case journal.Done:
		r.Log.Info("is done", append(attributes, "output", job.Output)...)
	case journal.Gone:
		r.Log.Debug("is gone", attributes...)
	default:
		r.Log.Info("is "+string(job.State), append(attributes, "reason", job.Reason)...)
	}
	r.Event(Event{job, job.State})
	if !job.Tidied {
		r.tidy(job)
	}
}

// release puts a job back as if it had not been claimed.
func (r *Runner) release(job *journal.Job, ready time.Time, reason string) {
	if err := r.Journal.Release(context.Background(), job, ready, reason); err != nil {
		r.journalFailed(job, err)
	}
}

// journalTrouble makes an error of the journal one of the machine.
func (r *Runner) journalTrouble(err error) error {
	if err == nil || errors.Is(err, journal.ErrLost) {
		return err
	}
	return &troubleError{err}
}

// journalFailed is called when a job cannot be put back: its disk is full, say. The job stays this process's, so nobody else does it again, and
// it is put back when the journal takes writes again.
func (r *Runner) journalFailed(job *journal.Job, err error) {
	if errors.Is(err, journal.ErrLost) {
		return
	}
	r.pause(err.Error())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unresolved = append(r.unresolved, job)
}

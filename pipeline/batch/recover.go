package batch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gesso-app/gesso/pipeline/journal"
)

// recover takes over the jobs of ended processes, settles those whose file was about to get its name, and removes files that were left half
// written.
func (r *Runner) recover(ctx context.Context, start bool) error {
	publishing, ended, err := r.Journal.Recover(ctx)
	r.mu.Lock()
	jobs := append(r.unresolved, publishing...)
	r.unresolved = nil
	sweep := start || ended > 0 || r.left // looking into a large folder each time would cost too much
	r.left = false
	r.mu.Unlock()
	for _, job := range jobs {
		if err := r.resolve(job); err != nil {
			r.Log.Warn("cannot settle a job yet", "source", job.Source.Path, "error", err)
			r.mu.Lock()
			r.unresolved = append(r.unresolved, job)
			r.mu.Unlock()
		}
	}
	if err != nil || !sweep {
		return err
	}
	if err := r.sweep(ctx); err != nil {
		r.mu.Lock()
		r.left = true
		r.mu.Unlock()
		return err
	}
	return nil
}

// resolve finds out how far a job came. An error means that it cannot be told yet.
func (r *Runner) resolve(job *journal.Job) error {
	ctx := context.Background()
	if job.State != journal.Publishing {
		return ignoreLost(r.Journal.Release(ctx, job, r.Now(), ""))
	}
	if _, err := r.Disk.Stat(r.Output); err != nil {
		return fmt.Errorf("look into %s: %w", r.Output, err)
	}
	temp := r.temp(job)
	switch {
	case r.hashIs(job.Output, job.OutputHash):
	case r.hashIs(temp, job.OutputHash) && r.Disk.Place(temp, job.Output, false) == nil:
	default:
		if err := r.Disk.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return ignoreLost(r.Journal.Release(ctx, job, r.Now(), ""))
	}
	if err := r.Disk.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := r.Journal.Finish(ctx, job, journal.Done, nil, "", !r.moves(journal.Done))
	if err == nil {
		r.ended(job)
	}
	return ignoreLost(err)
}

func ignoreLost(err error) error {
	if errors.Is(err, journal.ErrLost) {
		return nil
	}
	return err
}

// sweep removes temporary files of jobs that nobody works on.
func (r *Runner) sweep(ctx context.Context) error {
	for _, dir := range []string{r.Output, r.MoveDone, r.OnError} {
		if dir == "" {
			continue
		}
		entries, err := r.Disk.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look into %s: %w", dir, err)
		}
		for _, e := range entries {
			rest, ours := strings.CutPrefix(e.Name(), r.prefix)
			id, err := strconv.ParseInt(strings.TrimSuffix(rest, ".tmp"), 10, 64)
			if !ours || err != nil {
				continue
			}
			busy, err := r.Journal.Owned(ctx, id)
			if err != nil {
				return err
			}
			if busy {
				continue
			}
			if err := r.Disk.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove what was left half written: %s: %w", e.Name(), err)
			}
		}
	}
	return nil
}

// moves tells whether the source of a job that ends in a state is to be moved.
func (r *Runner) moves(state journal.State) bool {
	switch state {
	case journal.Done, journal.Repeat, journal.Skipped:
		return r.MoveDone != ""
	case journal.Failed:
		return r.OnError != ""
	}
	return false
}

// tidy moves the source of an ended job. What fails is tried again later.
func (r *Runner) tidy(job *journal.Job) {
	if err := r.move(job); err != nil {
		r.Log.Warn("cannot move a source yet", "source", job.Source.Path, "error", err)
		return
	}
	if err := r.Journal.Tidy(context.Background(), job); err != nil {
		r.Log.Warn("cannot note a moved source yet", "source", job.Source.Path, "error", err)
		return
	}
	job.Tidied = true
}

func (r *Runner) move(job *journal.Job) error {
	if !r.moves(job.State) {
		return nil
	}
	info, err := r.Disk.Stat(job.Source.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is moved already, or someone took it
	}
	if err != nil {
		return err
	}
	if journal.SourceOf(job.Source.Path, info) != job.Source {
		return nil // another picture by now
	}
	root := r.MoveDone
	if job.State == journal.Failed {
		root = r.OnError
	}
	below, _ := r.Locate(job)
	temp := filepath.Join(root, fmt.Sprintf("%s%d.tmp", r.prefix, job.ID))
	target, err := r.Disk.Move(job.Source.Path, filepath.Join(root, below), temp)
	if err != nil || job.State != journal.Failed {
		return err
	}
	return r.note(target+".txt", job.Reason+"\n")
}

// note writes a small text file beside a source that was set aside.
func (r *Runner) note(path, text string) error {
	f, err := r.Disk.Create(path)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(text))
	return errors.Join(err, f.Close())
}

// tidyAll goes on with what an ended process, or a full disk, left.
func (r *Runner) tidyAll(ctx context.Context) {
	for after := int64(0); ctx.Err() == nil; {
		jobs, err := r.Journal.Untidy(ctx, r.Scope, r.Key, after, 500)
		if err != nil || len(jobs) == 0 {
			return // it is tried again soon
		}
		for _, job := range jobs {
			after = job.ID
			r.tidy(job)
		}
	}
}

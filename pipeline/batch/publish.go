package batch

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/disk"
	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// origin is what an output's recipe says beside the settings, so that an output is known again without a journal.
type origin struct {
	Version string `json:"gesso_version"`
	Source  string `json:"source_sha256"`
	Recipe  string `json:"recipe_key"`
}

// write encodes the picture into a temporary file beside the outputs and publishes it.
func (r *Runner) write(ctx context.Context, job *journal.Job, made *pipeline.Rendering) error {
	output, err := r.outputPath(job, made.Content.Format)
	if err != nil {
		return err
	}
	if made.Result.OutputPath = output; ctx.Err() != nil {
		return ctx.Err()
	}
	temp := r.temp(job)
	hash, err := r.encode(ctx, job, made, temp, output)
	if err != nil {
		r.discard(temp)
		return err
	}
	// From here on the end of ctx waits: a picture that is made is kept.
	if err := r.publish(context.WithoutCancel(ctx), job, temp, output, hash, made.Result); err != nil {
		if job.State != journal.Publishing {
			r.discard(temp)
		}
		return err
	}
	return nil
}

// encode writes the temporary file and returns its hash.
func (r *Runner) encode(ctx context.Context, job *journal.Job, made *pipeline.Rendering, temp, output string) (hash string, err error) {
	c := made.Config
	c.OutputPath = output
	recipe, err := json.Marshal(struct {
		pipeline.Config
		origin
	}{c, origin{pipeline.Version, job.Hash, r.Key}})
	if err != nil {
		return "", err
	}
	o := picture.SaveOptions{Quality: c.Quality, Recipe: recipe, Colour: c.OutputColour, NoPrivate: c.StripPrivate}
	if r.Recipe.Metadata {
		o.Meta = made.Content.Meta
	}
	if err := r.Disk.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) { // of an attempt that ended with its process
		return "", r.outputError(output, err)
	}
	if err := r.Disk.Mkdir(filepath.Dir(output)); err != nil {
		return "", r.outputError(output, err)
	}
	f, err := r.Disk.Create(temp)
	if err != nil {
		return "", r.outputError(output, err)
	}
	sum := sha256.New()
	out := &outputWriter{ctx, f, nil}
	b := bufio.NewWriterSize(io.MultiWriter(out, sum), 1<<18)
	format := map[string]string{".jpg": "jpeg", ".png": "png", ".tif": "tiff", ".webp": "webp"}[filepath.Ext(output)]
	err = picture.Encode(b, format, made.Image, o)
	if err == nil {
		err = b.Flush()
	}
	if err == nil && ctx.Err() == nil {
		out.err = f.Sync()
	}
	if closeErr := f.Close(); out.err == nil {
		out.err = closeErr
	}
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case out.err != nil:
		return "", r.outputError(output, out.err)
	case err != nil:
		return "", &picture.Error{Path: output, Reason: "cannot be written: " + err.Error(), Err: err}
	}
	if r.KeepTimes {
		if err := r.Disk.Chtimes(temp, time.Unix(0, job.Source.Time)); err != nil {
			return "", r.outputError(output, err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// outputWriter ends with ctx, and tells the file's errors from the encoder's.
type outputWriter struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (o *outputWriter) Write(p []byte) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := o.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		o.err = err
	}
	return n, err
}

// maxNumber bounds the numbers that are tried for a free name.
const maxNumber = 100000

// publish gives the finished file its name. The journal knows the name and the content before the file system does, so that whoever comes after a
// crash can tell whether it happened.
func (r *Runner) publish(ctx context.Context, job *journal.Job, temp, output, hash string, result pipeline.Result) error {
	for n := 1; n < maxNumber; n++ {
		name := filepath.Join(filepath.Dir(output), disk.Numbered(filepath.Base(output), n))
		use, err := r.nameFor(ctx, job, name)
		switch {
		case err != nil:
			return err
		case use == nameTaken:
			continue
		case use == nameSkip:
			r.discard(temp)
			return r.finish(job, journal.Skipped, name+" is there already")
		}
		result.OutputPath = name
		b, err := json.Marshal(result)
		if err != nil {
			return err
		}
		if err := r.Journal.Publish(ctx, job, name, hash, b); errors.Is(err, journal.ErrTaken) {
			continue
		} else if err != nil {
			return r.journalTrouble(err)
		}
		if err := r.Disk.Place(temp, name, use == nameReplace); errors.Is(err, fs.ErrExist) {
			continue // someone else made a file of that name just now
		} else if err != nil {
			if r.Disk.Exists(name) && r.hashIs(name, hash) { // it has its name, and something after that failed
				r.discard(temp)
				return r.done(job)
			}
			job.State = journal.Running // whatever comes next, it is not published
			return r.outputError(name, err)
		}
		return r.done(job)
	}
	return &picture.Error{Path: output, Reason: "cannot be written: too many files of that name"}
}

// nameUse is what a name means for an output.
type nameUse int

const (
	nameFree    nameUse = iota
	nameReplace         // a file that the policy replaces
	nameSkip            // a file for which the policy passes the source over
	nameTaken           // the next number is to be tried
)

// nameFor tells what a job may do with a name.
func (r *Runner) nameFor(ctx context.Context, job *journal.Job, name string) (nameUse, error) {
	if _, err := r.Disk.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return nameFree, nil
	} else if err != nil {
		return nameTaken, r.outputError(name, err)
	}
	if r.Collision == CollisionNumber {
		return nameTaken, nil
	}
	owner, err := r.Journal.OwnerOf(ctx, name)
	switch {
	case err != nil:
		return nameTaken, r.journalTrouble(err)
	case owner != "" && owner != job.Source.Path, r.isSource(job, name):
		return nameTaken, nil // no policy loses the picture of another source, or the source
	case r.Collision == CollisionSkip:
		return nameSkip, nil
	}
	return nameReplace, nil
}

// isSource tells whether the output would replace its own source.
func (r *Runner) isSource(job *journal.Job, name string) bool {
	return picture.SameFile(name, job.Source.Path)
}

// done ends a job whose file has its name.
func (r *Runner) done(job *journal.Job) error {
	err := r.Journal.Finish(context.Background(), job, journal.Done, nil, "", !r.moves(journal.Done))
	if errors.Is(err, journal.ErrLost) {
		return err
	}
	if err != nil { // the picture is there: it is noted as soon as the journal takes writes again
		r.journalFailed(job, err)
		return nil
	}
	r.ended(job)
	return nil
}

// outputPath is where the template puts the output.
func (r *Runner) outputPath(job *journal.Job, decoded string) (string, error) {
	dir, n := r.Locate(job)
	base := filepath.Base(job.Source.Path)
	name := r.Template.Expand(Fields{
		Name: strings.TrimSuffix(base, filepath.Ext(base)), Style: r.Recipe.style(), Strength: r.Recipe.Config.StyleStrength, Date: r.Now(), N: n,
	}, r.Recipe.extension(decoded))
	path := filepath.Join(r.Output, dir, name)
	if rel, err := filepath.Rel(r.Output, path); err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("the output %s would lie outside of %s", path, r.Output)
	}
	return path, nil
}

func (r *Runner) outputError(path string, err error) error {
	e := &picture.Error{Path: path, Reason: "cannot be written: " + disk.Plain(err), Err: err}
	if disk.Trouble(err, true) {
		return &troubleError{e}
	}
	return e
}

func (r *Runner) hashIs(path, hash string) bool {
	f, err := r.Disk.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	got, err := journal.Hash(f)
	return err == nil && got == hash
}

// kind tells JPEG from other formats before a photo is decoded.
func kind(data []byte) string {
	if bytes.HasPrefix(data, []byte("\xff\xd8\xff")) {
		return "jpeg"
	}
	return "other"
}

// skip passes a source over, before any work, if the policy says so.
func (r *Runner) skip(ctx context.Context, job *journal.Job, data []byte) (bool, error) {
	if r.Collision != CollisionSkip {
		return false, nil
	}
	output, err := r.outputPath(job, kind(data))
	if err != nil {
		return false, err
	}
	use, err := r.nameFor(ctx, job, output)
	if err != nil || use != nameSkip {
		return false, err
	}
	return true, r.finish(job, journal.Skipped, output+" is there already")
}

// adopt looks for a picture of this source by this recipe under the names that it would get: then the journal has lost it.
func (r *Runner) adopt(ctx context.Context, job *journal.Job, data []byte) (bool, error) {
	if !r.Adopt {
		return false, nil
	}
	output, err := r.outputPath(job, kind(data))
	if err != nil {
		return false, err
	}
	for n := 1; n < maxNumber; n++ {
		name := filepath.Join(filepath.Dir(output), disk.Numbered(filepath.Base(output), n))
		if !r.Disk.Exists(name) {
			return false, nil
		}
		raw, err := picture.Recipe(name)
		if err != nil {
			continue // another's
		}
		var o origin
		if json.Unmarshal(raw, &o) != nil || o.Source != job.Hash || o.Recipe != r.Key {
			continue
		}
		if owner, err := r.Journal.OwnerOf(ctx, name); err != nil || owner != "" {
			continue // a copy's
		}
		if err := r.Journal.Adopt(context.WithoutCancel(ctx), job, name, "the picture was there already", !r.moves(journal.Done)); err != nil {
			return false, r.journalTrouble(err)
		}
		r.ended(job)
		return true, nil
	}
	return false, nil
}

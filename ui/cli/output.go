package cli

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
)

// outputFlags say what outputs are named and written as: watch and transfer of many files share them.
type outputFlags struct {
	template  string
	collision string
	format    string
	strip     bool
	keepTimes bool
	jobs      int
	journal   string
}

func (o *outputFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.template, "name", string(batch.DefaultTemplate), "`template` of outputs' names, of {name}, {style}, {strength}, {seed}, {date} and {n} or {n:4}")
	f.StringVar(&o.collision, "on-collision", string(batch.CollisionNumber), "where a file has the name already: number, skip or overwrite")
	f.StringVar(&o.format, "format", string(batch.FormatAuto), "of outputs: auto (JPEG for JPEG, PNG for others), jpeg, png, tiff or webp; all but jpeg are without loss")
	f.BoolVar(&o.strip, "strip-metadata", false, "leave out the photo's EXIF, XMP and ICC profile")
	f.BoolVar(&o.keepTimes, "keep-times", false, "give outputs the time of their photos")
	f.IntVar(&o.jobs, "jobs", 0, "photos that are worked on at once, to read and write some while others are painted; 0 picks it")
	f.StringVar(&o.journal, "journal", "", "`file` that remembers what is done, on a local disk; default: one for each output folder in your state folder")
}

func (o *outputFlags) recipe(c pipeline.Config) (batch.Recipe, error) {
	if o.jobs < 0 || o.jobs > 256 {
		return batch.Recipe{}, &pipeline.FieldError{Field: "jobs", Value: o.jobs, Want: "it goes from 0 to 256"}
	}
	switch batch.Collision(o.collision) {
	case batch.CollisionNumber, batch.CollisionSkip, batch.CollisionOverwrite:
	default:
		return batch.Recipe{}, &pipeline.FieldError{Field: "on_collision", Value: o.collision, Want: "it is number, skip or overwrite"}
	}
	if err := batch.Template(o.template).Validate(); err != nil {
		return batch.Recipe{}, err
	}
	r := batch.Recipe{Config: c, Format: batch.Format(o.format), Metadata: !o.strip}
	return r, r.Validate()
}

// engines are the engines that a recipe's pictures are made with.
type engines struct {
	options pipeline.Options

	mu    sync.Mutex
	ready []*pipeline.Transfer // not given out yet
}

// openEngines opens count engines, which share the processor, and reads the style with the first, so that what would keep every picture from being
// made is known before any is tried. The recipe that it returns needs the style's pictures no more.
func openEngines(ctx context.Context, o pipeline.Options, r batch.Recipe, count int) (_ *engines, _ batch.Recipe, err error) {
	if o.Threads == 0 && count > 1 {
		o.Threads = max(1, runtime.GOMAXPROCS(0)/count)
	}
	e := &engines{options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	for range count { // they load side by side from here on
		t, err := pipeline.Open(ctx, o)
		if err != nil {
			return nil, r, err
		}
		e.ready = append(e.ready, t)
	}
	code, err := e.ready[0].StyleCode(ctx, r.Config)
	if err == nil && r.NeedsPictures() {
		r, err = r.Fix(code)
	}
	if err != nil {
		return nil, r, err
	}
	return e, r, nil
}

// open gives out the engines that are open, and then new ones.
func (e *engines) open(ctx context.Context) (batch.Engine, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.ready) > 0 {
		t := e.ready[0]
		e.ready = e.ready[1:]
		return t, nil
	}
	return pipeline.Open(ctx, e.options)
}

// close frees the engines that were not given out.
func (e *engines) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, t := range e.ready {
		errs = append(errs, t.Close())
	}
	e.ready = nil
	return errors.Join(errs...)
}

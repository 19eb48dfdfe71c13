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
	f.StringVar(&o.format, "format", string(batch.FormatAuto), "of outputs: auto (JPEG for JPEG, PNG for others), jpeg or png")
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

// engines opens engines for a recipe. The first one is open already.
type engines struct {
	options pipeline.Options

	mu    sync.Mutex
	first *pipeline.Transfer
}

// openEngines opens the first engine and reads the style with it, so that what would keep every picture from being made is known before any is
// tried. count is how many engines will share the processor. The recipe that it returns needs the style's pictures no more.
func openEngines(ctx context.Context, o pipeline.Options, r batch.Recipe, count int) (_ *engines, _ batch.Recipe, err error) {
	if o.Threads == 0 && count > 1 {
		o.Threads = max(1, runtime.GOMAXPROCS(0)/count)
	}
	e := &engines{options: o}
	if e.first, err = pipeline.Open(ctx, o); err != nil {
		return nil, r, err
	}
	code, err := e.first.StyleCode(ctx, r.Config)
	if err == nil && r.NeedsPictures() {
		r, err = r.Fix(code)
	}
	if err != nil {
		return nil, r, errors.Join(err, e.first.Close())
	}
	return e, r, nil
}

// open gives out the first engine, and then new ones.
func (e *engines) open(ctx context.Context) (batch.Engine, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t := e.first; t != nil {
		e.first = nil
		return t, nil
	}
	return pipeline.Open(ctx, e.options)
}

// close frees the first engine if it was not given out.
func (e *engines) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.first == nil {
		return nil
	}
	return e.first.Close()
}

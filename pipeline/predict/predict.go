// Package predict runs a Core ML model on files: NumPy arrays and pictures in, NumPy arrays and PNG files out. It must not import ui.
package predict

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gesso-app/gesso/native"
)

// Options says what is run on what.
type Options struct {
	Model    string            // a .mlpackage folder or a .mlmodel file
	Function string            // of a model with several; empty: the default one
	Inputs   map[string]string // files by the inputs' names: .npy, or for pictures PNG, JPEG or GIF as well
	Output   string            // the folder for the outputs, which is made
	Threads  int               // of the portable engine; 0 picks it
	Units    native.Units
}

// Report is what a run took and gave.
type Report struct {
	Model    string  `json:"model"`
	Function string  `json:"function,omitempty"`
	Engine   string  `json:"engine"`
	Open     float64 `json:"open_seconds"`
	Predict  float64 `json:"predict_seconds"`
	Inputs   []File  `json:"inputs"`
	Outputs  []File  `json:"outputs"`
}

// File is an input's or an output's file. Type is that of the elements in the file.
type File struct {
	Name  string `json:"name"`
	File  string `json:"file"`
	Type  string `json:"type"`
	Shape []int  `json:"shape"`
}

// InputError is a fault of what was given, not of the program or the machine.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }

func (e *InputError) Unwrap() error { return e.Err }

func refuse(format string, v ...any) error { return &InputError{fmt.Errorf(format, v...)} }

// Run opens the model, runs it once and writes all outputs. When it fails no file of it is left.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	r := &Report{Model: o.Model, Function: o.Function, Engine: native.Engine()}
	start := time.Now()
	m, err := native.Open(o.Model, native.Options{Function: o.Function, Threads: o.Threads, Units: o.Units})
	if err != nil {
		if errors.Is(err, native.ErrNoRuntime) {
			return nil, err
		}
		return nil, &InputError{err}
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	r.Open = time.Since(start).Seconds()
	for _, name := range slices.Sorted(maps.Keys(o.Inputs)) {
		if !slices.ContainsFunc(m.Inputs(), func(f native.Feature) bool { return f.Name == name }) {
			return nil, refuse("the model has no input %q: it takes %s", name, names(m.Inputs()))
		}
	}
	in := map[string]*native.Tensor{}
	defer func() { err = errors.Join(err, closeAll(in)) }()
	for _, f := range m.Inputs() {
		file, ok := o.Inputs[f.Name]
		if !ok {
			if f.Optional {
				continue
			}
			return nil, refuse("the input %q is missing: the model takes %s", f.Name, names(m.Inputs()))
		}
		t, kind, err := load(file, f)
		if err != nil {
			return nil, err
		}
		in[f.Name] = t
		r.Inputs = append(r.Inputs, File{f.Name, file, kind, t.Shape()})
	}
	start = time.Now()
	out, err := run(ctx, m, in)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAll(out)) }()
	r.Predict = time.Since(start).Seconds()
	return r, r.write(o.Output, m.Outputs(), out)
}

func names(features []native.Feature) string {
	var list []string
	for _, f := range features {
		list = append(list, fmt.Sprintf("%q", f.Name))
	}
	return strings.Join(list, ", ")
}

func closeAll(tensors map[string]*native.Tensor) error {
	var errs []error
	for _, t := range tensors {
		errs = append(errs, t.Close())
	}
	return errors.Join(errs...)
}

// run has the engine make the outputs if it can; otherwise their shapes must be known.
func run(ctx context.Context, m native.Model, in map[string]*native.Tensor) (map[string]*native.Tensor, error) {
	if r, ok := m.(native.Runner); ok {
		return r.Run(ctx, in)
	}
	out := map[string]*native.Tensor{}
	for _, f := range m.Outputs() {
		if f.Shape == nil || slices.Contains(f.Shape, 0) {
			return nil, errors.Join(fmt.Errorf("the size of the output %q is not known before the model runs, which this engine needs", f.Name), closeAll(out))
		}
		t, err := native.NewTensor(f.DType, f.Shape...)
		if err != nil {
			return nil, errors.Join(err, closeAll(out))
		}
		out[f.Name] = t
	}
	if err := m.Predict(ctx, in, out); err != nil {
		return nil, errors.Join(err, closeAll(out))
	}
	return out, nil
}

// write writes the outputs into the folder, by names that are made of theirs.
func (r *Report) write(dir string, features []native.Feature, out map[string]*native.Tensor) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &InputError{fmt.Errorf("make the folder for the outputs: %w", err)}
	}
	defer func() {
		if err != nil {
			for _, f := range r.Outputs {
				err = errors.Join(err, os.Remove(f.File))
			}
			r.Outputs = nil
		}
	}()
	taken := map[string]bool{}
	for _, f := range features {
		base := fileName(f.Name)
		for n := 2; taken[base]; n++ {
			base = fmt.Sprintf("%s-%d", fileName(f.Name), n)
		}
		taken[base] = true
		file, kind, err := save(filepath.Join(dir, base), f, out[f.Name])
		if err != nil {
			return fmt.Errorf("write the output %q: %w", f.Name, err)
		}
		r.Outputs = append(r.Outputs, File{f.Name, file, kind, out[f.Name].Shape()})
	}
	return nil
}

// fileName keeps of a name from a model what is safe as a file's: letters, digits, and - and _ and dots that do not lead.
func fileName(name string) string {
	safe := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			return c
		}
		return '_'
	}, name)
	if len(safe) > 100 {
		safe = safe[:100]
	}
	return cmp.Or(strings.TrimLeft(safe, "."), "output")
}

package convert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gesso-app/gesso/pipeline/convert/arch"
	"github.com/gesso-app/gesso/pipeline/convert/aten"
	"github.com/gesso-app/gesso/pipeline/convert/compress"
	"github.com/gesso-app/gesso/pipeline/convert/mil"
	"github.com/gesso-app/gesso/pipeline/convert/onnx"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// ErrExists means that something is at the output's path already.
var ErrExists = errors.New("the output exists")

// plan is what a source becomes: programs, each for a package.
type plan struct {
	format, architecture string
	warnings             []string
	parts                []part
	folder               bool              // the output is a folder of packages
	files                map[string]string // for that folder, by their names in it
	closer               io.Closer
}

// part is a program to be written.
type part struct {
	name     string // of a network of several packages; empty for one
	program  *mil.Program
	original string            // an ONNX file that can be run beside the package
	names    map[string]string // inputs' and outputs' names in the original
}

// Run converts a network. progress may be nil; it is called on this goroutine. When ctx ends, or anything fails, nothing is left.
func Run(ctx context.Context, o Options, progress func(Progress)) (*Result, error) {
	start := time.Now()
	if progress == nil {
		progress = func(Progress) {}
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := checkOutput(o); err != nil {
		return nil, err
	}
	progress(Progress{Phase: PhaseRead})
	p, err := read(o)
	if err != nil {
		return nil, err
	}
	defer p.closer.Close()
	r := &Result{ModelPath: o.ModelPath, OutputPath: o.OutputPath, Format: p.format, Architecture: p.architecture, Warnings: p.warnings}
	ctx, stop := context.WithCancel(ctx)
	hashing := sync.OnceValue(func() error { // beside the weights' writing, which waits for the disk
		sum, err := hash(ctx, o.ModelPath)
		r.SourceSHA256 = sum
		return err
	})
	hashed := make(chan struct{})
	go func() {
		defer close(hashed)
		_ = hashing() // it is asked for the error when the metadata is written
	}()
	defer func() { <-hashed }()
	defer stop()
	meta := func() (map[string]string, error) {
		if err := hashing(); err != nil {
			return nil, err
		}
		return provenance(o, r), nil
	}
	if err := write(ctx, o, p, r, meta, progress); err != nil {
		return nil, err
	}
	r.Time = time.Since(start)
	r.Seconds = r.Time.Seconds()
	return r, nil
}

func checkOutput(o Options) error {
	if _, err := os.Lstat(o.OutputPath); err == nil && !o.Force {
		return fmt.Errorf("%w: %s", ErrExists, o.OutputPath)
	}
	if st, err := os.Stat(filepath.Dir(o.OutputPath)); err != nil || !st.IsDir() {
		return fmt.Errorf("the folder %s of the output does not exist: %w", filepath.Dir(o.OutputPath), fs.ErrNotExist)
	}
	return nil
}

// read builds the programs of a source.
func read(o Options) (*plan, error) {
	st, err := os.Stat(o.ModelPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file or folder %s: %w", o.ModelPath, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	if !st.IsDir() && isONNX(o.ModelPath) {
		return readONNX(o)
	}
	if !st.IsDir() && aten.Is(o.ModelPath) {
		return readProgram(o)
	}
	if p, err := readDiffusion(o); err != nil || p != nil {
		return p, err
	}
	if len(o.LoRAs) > 0 {
		return nil, &FieldError{"lora", o.LoRAs[0].Path, "it is for Stable Diffusion, which " + o.ModelPath + " is not"}
	}
	return readWeights(o)
}

// readProgram reads a program of torch.export.
func readProgram(o Options) (*plan, error) {
	f, err := aten.Open(o.ModelPath)
	if err != nil {
		return nil, err
	}
	pl := &plan{format: "PyTorch, exported program", architecture: "graph", closer: f}
	var inputs []graphInput
	for _, in := range f.Inputs {
		inputs = append(inputs, graphInput{in.Name, in.Shape})
	}
	program, err := pl.graph(o, inputs, func(shapes [][]int) (*mil.Program, error) { return f.Build(shapes, mil.Options{Images: o.Images}) })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("convert %s: %w", o.ModelPath, err), f.Close())
	}
	pl.parts = []part{{program: program}}
	return pl, nil
}

// isONNX tells an ONNX file by its name, or by how it begins: its version of the format, and then a text or another field of a model.
func isONNX(path string) bool {
	if strings.EqualFold(filepath.Ext(path), ".onnx") {
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [3]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && head[0] == 0x08 && head[1] > 0 && head[1] < 0x20 && (head[2] == 0x12 || head[2] == 0x3a || head[2] == 0x42)
}

func readWeights(o Options) (*plan, error) {
	s, err := source.Open(o.ModelPath)
	if err != nil {
		return nil, err
	}
	n, err := arch.Recognise(s)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("convert %s: %w", o.ModelPath, err), s.Close())
	}
	p, err := n.Build(arch.Options{Sizes: o.Sizes}, mil.Options{Images: o.Images})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("convert %s: %w", o.ModelPath, err), s.Close())
	}
	return &plan{format: string(s.Format), architecture: n.Name, parts: []part{{program: p}}, closer: s}, nil
}

func readONNX(o Options) (*plan, error) {
	f, err := onnx.Open(o.ModelPath)
	if err != nil {
		return nil, err
	}
	pl := &plan{format: fmt.Sprintf("ONNX, opset %d", f.Opset), architecture: "graph", closer: f}
	program, err := pl.graph(o, inputsOf(f), func(shapes [][]int) (*mil.Program, error) { return f.Build(shapes, mil.Options{Images: o.Images}) })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("convert %s: %w", o.ModelPath, err), f.Close())
	}
	names := map[string]string{}
	for _, v := range slices.Concat(f.Inputs(), f.Graph.Outputs) {
		names[mil.Identifier(v.Name)] = v.Name
	}
	pl.parts = []part{{program: program, original: o.ModelPath, names: names}}
	return pl, nil
}

// graphInput is an input of a graph; a dimension of -1 is not fixed.
type graphInput struct {
	name  string
	shape []int
}

func inputsOf(f *onnx.File) (out []graphInput) {
	for _, v := range f.Inputs() {
		out = append(out, graphInput{v.Name, v.Shape})
	}
	return out
}

// graph builds a graph for each of the sizes that are asked for.
func (p *plan) graph(o Options, inputs []graphInput, build func([][]int) (*mil.Program, error)) (*mil.Program, error) {
	for name := range o.Shapes {
		if !slices.ContainsFunc(inputs, func(in graphInput) bool { return in.name == name || mil.Identifier(in.name) == name }) {
			var have []string
			for _, in := range inputs {
				have = append(have, in.name)
			}
			return nil, &FieldError{"input_shape", name, "the graph has no such input, but " + strings.Join(have, ", ")}
		}
	}
	sizes := o.Sizes
	if len(sizes) == 0 {
		sizes = [][2]int{{}}
	}
	var programs []*mil.Program
	for _, s := range sizes {
		var shapes [][]int
		for _, in := range inputs {
			shape, err := p.shapeOf(o, in, s)
			if err != nil {
				return nil, err
			}
			shapes = append(shapes, shape)
		}
		one, err := build(shapes)
		if err != nil {
			return nil, err
		}
		programs = append(programs, one)
	}
	return programs[0], programs[0].Vary(programs[1:]...)
}

// defaultSide is the height and width of a graph's pictures where neither it nor the options say any.
const defaultSide = 512

// shapeOf completes an input's shape: by the options, the size of pictures, a batch of 1, and 512 x 512 for what looks like a picture.
func (p *plan) shapeOf(o Options, in graphInput, size [2]int) ([]int, error) {
	for _, name := range []string{in.name, mil.Identifier(in.name)} {
		if s, ok := o.Shapes[name]; ok {
			if len(s) != len(in.shape) {
				return nil, &FieldError{"input_shape", s, fmt.Sprintf("the input %q has %d dimensions", in.name, len(in.shape))}
			}
			return s, nil
		}
	}
	shape := slices.Clone(in.shape)
	h, w := -1, -1
	if len(shape) == 4 {
		switch {
		case isColour(shape[1]) || (shape[1] < 0 && !isColour(shape[3])):
			h, w = 2, 3
		case isColour(shape[3]):
			h, w = 1, 2
		}
	}
	if h >= 0 && size != [2]int{} {
		shape[h], shape[w] = size[0], size[1]
	}
	for i, d := range shape {
		if d > 0 {
			continue
		}
		switch {
		case i == 0:
			shape[i] = 1
		case i == h || i == w:
			shape[i] = defaultSide
			p.warnings = append(p.warnings, fmt.Sprintf("the input %q does not say its size: %d is taken; --size gives another", in.name, defaultSide))
		case len(shape) == 4 && h == 2 && i == 1:
			shape[i] = 3
		default:
			return nil, fmt.Errorf("the input %q has the shape %v, in which -1 is not fixed: give it with --input-shape %s=", in.name, in.shape, in.name)
		}
	}
	return shape, nil
}

func isColour(channels int) bool { return channels == 1 || channels == 3 || channels == 4 }

// metadata gives a package's metadata when its weights have been written.
type metadata = func() (map[string]string, error)

// write writes all packages to a folder beside the output and then moves them to their place.
func write(ctx context.Context, o Options, p *plan, r *Result, meta metadata, progress func(Progress)) error {
	if p.folder {
		return writeFolder(ctx, o, p, r, meta, progress)
	}
	for i, part := range p.parts {
		path := o.OutputPath
		tell := func(phase Phase, f float64) {
			n := float64(len(p.parts))
			progress(Progress{phase, part.name, (float64(i) + f) / n})
		}
		made, err := writeOne(ctx, o, part, path, meta, tell)
		if err != nil {
			return err
		}
		r.Packages = append(r.Packages, *made)
	}
	return nil
}

// writeOne writes a package beside path, checks it there, and moves it to path.
func writeOne(ctx context.Context, o Options, p part, path string, meta metadata, tell func(Phase, float64)) (_ *Package, err error) {
	temp, err := os.MkdirTemp(filepath.Dir(path), ".gesso-convert-*")
	if err != nil {
		return nil, fmt.Errorf("convert to %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	format := mil.Format{
		Half: !o.Float32, Target: o.Target, Author: o.Author, License: o.License, Description: o.Description, Meta: meta,
		Progress: func(done, of int64) { tell(PhaseWrite, float64(done)/float64(of)) },
	}
	var c *compress.Compressor
	if o.Compress.Mode != compress.None {
		c = compress.New(o.Compress, max(o.Target, mil.IOS16))
		format.Compress = c
	}
	inner := filepath.Join(temp, filepath.Base(path))
	report, err := p.program.Write(ctx, inner, format)
	if err != nil {
		return nil, err
	}
	made := &Package{
		Name: p.name, Path: path, Target: fmt.Sprintf("iOS%d, macOS%d", report.Target, report.Target-3), Operations: report.Operations,
		Bytes: report.Weights, Inputs: map[string][]int{}, Outputs: map[string][]int{}, Names: map[string]string{}, Float32: report.Full,
	}
	for _, in := range p.program.Inputs {
		made.Inputs[in.Name] = in.Value.Shape
	}
	for _, out := range p.program.Outputs {
		made.Outputs[out.Name] = out.Value.Shape
	}
	for id, name := range p.names {
		if id != name {
			made.Names[id] = name
		}
	}
	if c != nil {
		made.Compressed = c.Report()
	}
	if o.Check {
		tell(PhaseCheck, 1)
		if made.Check, err = check(ctx, p, inner, temp); err != nil {
			return nil, err
		}
	}
	return made, place(inner, path, o.Force)
}

// place moves a finished package to its path. What is there is replaced only if it is asked for, and only if it is a package.
func place(from, to string, force bool) error {
	if _, err := os.Lstat(to); err == nil {
		if st, err := os.Stat(filepath.Join(to, "Manifest.json")); !force || err != nil || !st.Mode().IsRegular() {
			return fmt.Errorf("%w, and is no package: %s", ErrExists, to)
		}
	}
	return swap(from, to)
}

// swap moves a finished folder to its path. A folder cannot be renamed onto another: what is there stays until the new one has its place, and is left
// beside from, which is in a folder that is removed.
func swap(from, to string) error {
	if _, err := os.Lstat(to); err != nil {
		return os.Rename(from, to)
	}
	aside := from + ".old"
	if err := os.Rename(to, aside); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return errors.Join(err, os.Rename(aside, to))
	}
	return nil
}

// hash is the SHA-256 of a file; of a folder there is none.
func hash(ctx context.Context, path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}

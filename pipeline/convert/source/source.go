// Package source reads the files that networks' authors publish: safetensors, PyTorch's archives and folders of them. It gives tensors by name
// whose bytes are read when they are asked for, and never all at once. No file is trusted, and nothing in one is executed.
//
// It must not import an engine or ui.
package source

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Format names the kind of a file that tensors were read from.
type Format string

// The formats that are read.
const (
	Safetensors Format = "safetensors"
	PyTorch     Format = "PyTorch"             // a zip archive with a pickle
	PyTorchOld  Format = "PyTorch, before 1.6" // pickles one after the other
	TorchScript Format = "TorchScript"
)

// Limits on what a file may say of itself.
const (
	maxRank     = 16
	maxElements = 1 << 40
	maxTensors  = 1 << 18
)

// Tensor is an array in a file or in memory.
type Tensor struct {
	Name  string
	Shape []int
	DType DType
	open  func() (io.ReadCloser, error)
}

// New describes an array whose elements open gives: little-endian, row-major, as many bytes as Size says. open may be called several times, from
// several goroutines.
func New(name string, d DType, shape []int, open func() (io.ReadCloser, error)) *Tensor {
	return &Tensor{name, shape, d, open}
}

// Len is the number of elements.
func (t *Tensor) Len() int { return product(t.Shape) }

// Size is the number of bytes that Open gives.
func (t *Tensor) Size() int64 { return int64(t.Len()) * int64(t.DType.Size()) }

// Open gives the elements, little-endian and row-major. The caller closes it.
func (t *Tensor) Open() (io.ReadCloser, error) {
	r, err := t.open()
	if err != nil {
		return nil, fmt.Errorf("read the tensor %q: %w", t.Name, err)
	}
	return r, nil
}

// Bytes reads all elements as they are stored.
func (t *Tensor) Bytes() ([]byte, error) {
	r, err := t.Open()
	if err != nil {
		return nil, err
	}
	b := make([]byte, t.Size())
	_, err = io.ReadFull(r, b)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read the tensor %q: %w", t.Name, err)
	}
	return b, nil
}

// Floats reads all elements as float32.
func (t *Tensor) Floats() ([]float32, error) {
	r, err := t.Open()
	if err != nil {
		return nil, err
	}
	out := make([]float32, t.Len())
	err = t.DType.decode(r, out)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read the tensor %q: %w", t.Name, err)
	}
	return out, nil
}

// Renamed is the same array under another name.
func (t *Tensor) Renamed(name string) *Tensor { return &Tensor{name, t.Shape, t.DType, t.open} }

// Reshaped is the same elements in another shape, which must have as many.
func (t *Tensor) Reshaped(shape ...int) *Tensor {
	if product(shape) != t.Len() {
		panic(fmt.Sprintf("the tensor %q of shape %v cannot have the shape %v", t.Name, t.Shape, shape))
	}
	return &Tensor{t.Name, slices.Clone(shape), t.DType, t.open}
}

// Set is the tensors of a file or a folder. Close it after use: its tensors cannot be read after that.
type Set struct {
	Path    string
	Format  Format
	Tensors map[string]*Tensor
	Meta    map[string]string // what the file says of itself, such as safetensors' __metadata__

	closers []io.Closer
}

// Names are the tensors' names, sorted.
func (s *Set) Names() []string {
	out := make([]string, 0, len(s.Tensors))
	for n := range s.Tensors {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// Close closes the files. It may be called again.
func (s *Set) Close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	s.closers = nil
	return errors.Join(errs...)
}

func (s *Set) add(t *Tensor) error {
	if _, ok := s.Tensors[t.Name]; ok {
		return fmt.Errorf("the tensor %q is there twice", t.Name)
	}
	if len(s.Tensors) >= maxTensors {
		return fmt.Errorf("it holds more than %d tensors", maxTensors)
	}
	s.Tensors[t.Name] = t
	return nil
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// checked gives the number of elements of a shape that a file states.
func checked(shape []int64) ([]int, error) {
	if len(shape) > maxRank {
		return nil, fmt.Errorf("it has %d dimensions, more than %d", len(shape), maxRank)
	}
	out, n := make([]int, len(shape)), int64(1)
	for i, d := range shape {
		if d < 0 || d > math.MaxInt32 || (d > 0 && n > maxElements/d) {
			return nil, fmt.Errorf("its shape %v is out of range", shape)
		}
		n *= max(d, 1) // a dimension of 0 must not hide that another is out of range
		out[i] = int(d)
	}
	return out, nil
}

// section opens a part of a file.
func section(f io.ReaderAt, at, n int64) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(f, at, n)), nil }
}

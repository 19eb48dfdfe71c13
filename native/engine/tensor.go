package engine

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// DType is the type of a tensor's elements.
type DType int

// The element types.
const (
	Float32 DType = iota
	Float16
	Int32
	Uint8 // pixels
)

// Size is the size of an element in bytes.
func (d DType) Size() int {
	switch d {
	case Uint8:
		return 1
	case Float16:
		return 2
	default:
		return 4
	}
}

func (d DType) String() string {
	if d < Float32 || d > Uint8 {
		return fmt.Sprintf("DType(%d)", int(d))
	}
	return [...]string{"float32", "float16", "int32", "uint8"}[d]
}

// maxBytes bounds a tensor's memory.
const maxBytes = 1 << 36

// Tensor is a dense, row-major array in memory outside Go's heap, so that an engine may keep reading it during a call, whatever the garbage
// collector does. One goroutine at a time may use it.
type Tensor struct {
	dtype  DType
	shape  []int
	data   []byte
	memory *memory
	free   runtime.Cleanup
}

// memory is a tensor's mapping, which outlives the tensor while an engine holds it.
type memory struct {
	mu     sync.Mutex
	data   []byte // nil: unmapped
	holds  int
	closed bool
}

// drop unmaps the memory when the tensor is closed and nobody holds it. mu is held.
func (m *memory) drop() error {
	if !m.closed || m.holds > 0 || m.data == nil {
		return nil
	}
	data := m.data
	m.data = nil
	return unix.Munmap(data)
}

func (m *memory) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return m.drop()
}

// NewTensor returns a tensor of zeros. Every dimension is at least 1 and the whole at most 64 GiB.
func NewTensor(d DType, shape ...int) (*Tensor, error) {
	if d < Float32 || d > Uint8 {
		return nil, fmt.Errorf("tensor of unknown element type %d", d)
	}
	size := d.Size()
	for _, n := range shape {
		if n < 1 || n > math.MaxInt32 || size > maxBytes/n {
			return nil, fmt.Errorf("tensor of shape %v: a dimension is out of range", shape)
		}
		size *= n
	}
	data, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("allocate a tensor of shape %v: %w", shape, err)
	}
	t := &Tensor{dtype: d, shape: slices.Clone(shape), data: data, memory: &memory{data: data}}
	t.free = runtime.AddCleanup(t, func(m *memory) { _ = m.close() }, t.memory)
	return t, nil
}

// Shape returns the dimensions; do not change them.
func (t *Tensor) Shape() []int { return t.shape }

// DType returns the elements' type.
func (t *Tensor) DType() DType { return t.dtype }

// Len is the number of elements.
func (t *Tensor) Len() int { return len(t.data) / t.dtype.Size() }

// Bytes is the tensor's memory, which the slice does not keep: use it while the tensor is reachable and open. It is nil after Close.
func (t *Tensor) Bytes() []byte { return t.data }

// Float32s views the memory as float32, as Bytes does. It panics for another element type.
func (t *Tensor) Float32s() []float32 { return view[float32](t, Float32) }

// Int32s views the memory as int32, as Bytes does. It panics for another element type.
func (t *Tensor) Int32s() []int32 { return view[int32](t, Int32) }

func view[E any](t *Tensor, d DType) []E {
	if t.dtype != d {
		panic(fmt.Sprintf("a %v tensor is read as %v", t.dtype, d))
	}
	if len(t.data) == 0 {
		return nil
	}
	return unsafe.Slice((*E)(unsafe.Pointer(&t.data[0])), t.Len()) // mappings are aligned to pages
}

// Hold keeps the memory mapped until release is called, even when the tensor is closed or collected before: an engine may read it longer than
// a call lasts. release may be called on any goroutine, and again. The tensor must be open.
func (t *Tensor) Hold() (release func()) {
	m := t.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	m.holds++
	return sync.OnceFunc(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.holds--
		_ = m.drop() // a mapping that the kernel does not take back is nobody's any more
	})
}

// Close frees the memory, or leaves that to the last who holds it. It may be called again.
func (t *Tensor) Close() error {
	if t.data == nil {
		return nil
	}
	t.free.Stop()
	t.data = nil
	err := t.memory.close()
	if err != nil {
		return errors.Join(errors.New("free a tensor"), err)
	}
	return nil
}

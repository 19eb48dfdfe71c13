//go:build darwin || fakecoreml

package coreml

// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/gesso-app/gesso/native/engine"
)

// tensors are the inputs or outputs of calls as C sees them, in C's memory. Each holds its tensor's memory until C says that it is done with it.
type tensors struct {
	first *C.gesso_tensor
	all   []C.gesso_tensor
}

func newTensors(room int) (*tensors, error) {
	p := (*C.gesso_tensor)(C.gesso_alloc(C.size_t(room), C.sizeof_gesso_tensor))
	if p == nil {
		return nil, errors.New("there is no memory")
	}
	return &tensors{first: p, all: unsafe.Slice(p, room)[:0]}, nil
}

// add appends the tensor t of that name, a string of C's that lives as long as t.
func (ts *tensors) add(name *C.char, t *engine.Tensor) {
	c := C.gesso_tensor{
		name: name, dtype: C.int32_t(t.DType()), rank: C.int32_t(len(t.Shape())), data: unsafe.Pointer(&t.Bytes()[0]),
		hold: C.uint64_t(holds.put(t.Hold())),
	}
	for i, n := range t.Shape() {
		c.shape[i] = C.int64_t(n)
	}
	ts.all = append(ts.all, c)
}

// release lets go of the tensors that C was not given.
func (ts *tensors) release() {
	for _, c := range ts.all {
		gessoRelease(c.hold)
	}
}

func (ts *tensors) free() { C.gesso_free(unsafe.Pointer(ts.first)) }

// check tells why t cannot be given for f, or nil.
func check(f engine.Feature, t *engine.Tensor, kind string) error {
	switch {
	case t == nil:
		return fmt.Errorf("the %s %q is missing", kind, f.Name)
	case t.Bytes() == nil:
		return fmt.Errorf("the tensor of the %s %q is closed", kind, f.Name)
	case !takes(f, t.DType()):
		return fmt.Errorf("the %s %q is %v, not %v", kind, f.Name, f.DType, t.DType())
	case len(t.Shape()) > C.GESSO_RANK,
		kind == "input" && !f.Permits(t.Shape()),
		kind != "input" && !fits(f, t.Shape()):
		return fmt.Errorf("the %s %q cannot have the shape %v", kind, f.Name, t.Shape())
	}
	return nil
}

// bind checks the tensors of a call and adds them to in and out.
func (m *Model) bind(in, out map[string]*engine.Tensor, toIn, toOut *tensors) error {
	for _, f := range m.in {
		t := in[f.Name]
		if t == nil && f.Optional {
			continue
		}
		if err := check(f, t, "input"); err != nil {
			return fmt.Errorf("model %s: %w", m.path, err)
		}
		toIn.add(m.names[f.Name], t)
	}
	for _, f := range m.out {
		t := out[f.Name]
		if err := check(f, t, "output"); err != nil {
			return fmt.Errorf("model %s: %w", m.path, err)
		}
		toOut.add(m.names[f.Name], t)
	}
	return nil
}

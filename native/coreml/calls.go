//go:build darwin || fakecoreml

package coreml

// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/gesso-app/gesso/native/engine"
)

// registry numbers Go values for C, which cannot hold them. A number is taken once: what C says twice is ignored.
type registry[T any] struct {
	mu   sync.Mutex
	last uint64
	m    map[uint64]T
}

func (r *registry[T]) put(v T) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m == nil {
		r.m = map[uint64]T{}
	}
	r.last++
	r.m[r.last] = v
	return r.last
}

func (r *registry[T]) take(id uint64) (T, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.m[id]
	delete(r.m, id)
	return v, ok
}

func (r *registry[T]) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.m)
}

// answer is how a call ended. result is C's, of a kind that the caller knows.
type answer struct {
	result unsafe.Pointer
	err    error
}

var (
	calls registry[chan answer]
	holds registry[func()] // the tensors that Core ML may still read or write
)

// newCall returns a number for C, and where its answer will be.
func newCall() (C.uint64_t, chan answer) {
	ended := make(chan answer, 1)
	return C.uint64_t(calls.put(ended)), ended
}

//export gessoDone
func gessoDone(call C.uint64_t, result unsafe.Pointer, e *C.gesso_error) {
	if ended, ok := calls.take(uint64(call)); ok {
		ended <- answer{result, said(e)}
	}
}

//export gessoRelease
func gessoRelease(hold C.uint64_t) {
	if release, ok := holds.take(uint64(hold)); ok {
		release()
	}
}

// said returns C's error as Go's, or nil. Its memory stays C's.
func said(e *C.gesso_error) error {
	if e == nil || e.message == nil {
		return nil
	}
	message, domain := C.GoString(e.message), C.GoString(e.domain)
	if domain == "gesso" { // the bridge's own words
		return errors.New(message)
	}
	return &engine.Error{Domain: domain, Code: int(e.code), Message: message, Exception: e.exception != 0}
}

// doing says what failed, and with which model.
func doing(what, path string, err error) error {
	var e *engine.Error
	if errors.As(err, &e) && e.Doing == "" {
		e.Doing = what
		return fmt.Errorf("model %s: %w", path, err)
	}
	return fmt.Errorf("model %s: %s: %w", path, what, err)
}

// try runs a C function that sets an error, and returns it.
func try(f func(e *C.gesso_error)) error {
	var e C.gesso_error
	f(&e)
	err := said(&e)
	C.gesso_error_clear(&e)
	return err
}

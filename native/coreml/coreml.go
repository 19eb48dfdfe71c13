//go:build darwin || fakecoreml

package coreml

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/gesso-app/gesso/native/engine"
)

// Model is a network that Core ML has loaded. It is an engine.Model, Planner, Batcher and Stateful. Several goroutines may use it at once.
type Model struct {
	path, compiled  string
	config          config
	handle          unsafe.Pointer
	thread          thread
	in, out, states []engine.Feature
	names           map[string]*C.char // of all features
	plan            func() ([]engine.Operation, error)
	forget          func() // tells the cache that the compiled package is no longer in use

	mu     sync.Mutex
	closed bool
	flight sync.WaitGroup // calls under way
}

// Open loads the network in a .mlpackage folder, a .mlmodel file or a .mlmodelc folder. The first two are compiled once for each version of the
// system, into o.CacheDir.
func Open(path string, o engine.Options) (engine.Model, error) {
	c, err := cacheAt(o.CacheDir)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	for again := false; ; again = true {
		entry, err := c.compiled(path, compile)
		if err != nil {
			return nil, doing("compile", path, err)
		}
		m, err := load(path, entry.path, o)
		if err == nil {
			m.forget = entry.close
			return m, nil
		}
		entry.close()
		if again || !entry.reused || entry.remove() != nil { // a damaged cache is made anew, once
			return nil, doing("load", path, err)
		}
	}
}

// compile compiles a package and returns the temporary folder that Core ML put it in.
func compile(path string) (string, error) {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	call, ended := newCall()
	C.gesso_compile(p, call)
	a := <-ended
	if a.err != nil {
		return "", a.err
	}
	defer C.gesso_free(a.result)
	return C.GoString((*C.char)(a.result)), nil
}

func load(path, compiled string, o engine.Options) (*Model, error) {
	m := &Model{path: path, compiled: compiled, config: config{o}, thread: newThread(), names: map[string]*C.char{}}
	m.plan = sync.OnceValues(func() ([]engine.Operation, error) { return readPlan(m.compiled, m.config) })
	var err error
	_ = m.thread.do(context.Background(), func() { // nothing cancels it
		if m.handle, err = m.config.load(compiled); err == nil {
			m.in, m.out, m.states, err = features(m.handle)
		}
	})
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	for _, list := range [][]engine.Feature{m.in, m.out, m.states} {
		for _, f := range list {
			if m.names[f.Name] == nil {
				m.names[f.Name] = name(f.Name)
			}
		}
	}
	return m, nil
}

// name copies a string to memory that the bridge counts.
func name(s string) *C.char {
	c := C.CString(s)
	defer C.free(unsafe.Pointer(c))
	return C.gesso_copy(c)
}

// Inputs describes what the model takes.
func (m *Model) Inputs() []engine.Feature { return m.in }

// Outputs describes what the model gives.
func (m *Model) Outputs() []engine.Feature { return m.out }

// States describes the memory that the model may keep between predictions.
func (m *Model) States() []engine.Feature { return m.states }

// begin counts a call that needs the model. After it, m.flight.Done must be called.
func (m *Model) begin() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return fmt.Errorf("the model %s is closed", m.path)
	}
	m.flight.Add(1)
	return nil
}

// Predict runs the model once; engine.Model says more. The package's comment says what cancelling does.
func (m *Model) Predict(ctx context.Context, in, out map[string]*engine.Tensor) error {
	return m.predict(ctx, nil, in, out)
}

func (m *Model) predict(ctx context.Context, state unsafe.Pointer, in, out map[string]*engine.Tensor) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.begin(); err != nil {
		return err
	}
	defer m.flight.Done()
	return m.bound(len(m.in), len(m.out), func(i, o *tensors) error {
		if err := m.bind(in, out, i, o); err != nil {
			release(i, o)
			return err
		}
		call, ended := newCall()
		err := m.thread.do(ctx, func() {
			C.gesso_predict(m.handle, state, i.first, C.int32_t(len(i.all)), o.first, C.int32_t(len(o.all)), call)
		})
		if err != nil { // it was still waiting
			calls.take(uint64(call))
			release(i, o)
			return err
		}
		a := <-ended
		runtime.KeepAlive(in) // what is copied is read until now
		runtime.KeepAlive(out)
		return m.outcome(ctx, a.err)
	})
}

// PredictBatch runs the model on several inputs in one call, which Core ML may spread over its processors better than calls of their own.
func (m *Model) PredictBatch(ctx context.Context, in, out []map[string]*engine.Tensor) error {
	if len(in) != len(out) {
		return fmt.Errorf("model %s: a batch of %d inputs and %d outputs", m.path, len(in), len(out))
	}
	if err := ctx.Err(); err != nil || len(in) == 0 {
		return err
	}
	if err := m.begin(); err != nil {
		return err
	}
	defer m.flight.Done()
	return m.bound(len(in)*len(m.in), len(out)*len(m.out), func(i, o *tensors) error {
		var each int
		for k := range in {
			err := m.bind(in[k], out[k], i, o)
			if k == 0 {
				each = len(i.all)
			}
			if err == nil && len(i.all) != (k+1)*each { // an optional input is left out of some
				err = fmt.Errorf("model %s: the inputs of a batch differ in their number", m.path)
			}
			if err != nil {
				release(i, o)
				return err
			}
		}
		var err error
		stop := m.thread.do(ctx, func() {
			err = try(func(e *C.gesso_error) {
				n := C.int32_t(len(in))
				C.gesso_predict_batch(m.handle, n, i.first, C.int32_t(len(i.all))/n, o.first, C.int32_t(len(o.all))/n, e)
			})
		})
		if stop != nil {
			release(i, o)
			return stop
		}
		runtime.KeepAlive(in)
		runtime.KeepAlive(out)
		return m.outcome(ctx, err)
	})
}

// bound makes room for tensors around f.
func (m *Model) bound(in, out int, f func(in, out *tensors) error) error {
	i, err := newTensors(in)
	if err != nil {
		return err
	}
	defer i.free()
	o, err := newTensors(out)
	if err != nil {
		return err
	}
	defer o.free()
	return f(i, o)
}

// release lets go of what C was not given.
func release(in, out *tensors) {
	in.release()
	out.release()
}

// outcome is the error of a call that has ended.
func (m *Model) outcome(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return doing("predict", m.path, err)
	}
	return nil
}

// Close waits for the calls under way and frees the model. It may be called again.
func (m *Model) Close() error {
	m.mu.Lock()
	closed := m.closed
	m.closed = true
	m.mu.Unlock()
	if closed {
		return nil
	}
	m.flight.Wait()
	err := m.thread.do(context.Background(), func() {
		if m.handle != nil {
			C.gesso_unload(m.handle)
		}
	})
	m.thread.stop()
	for _, n := range m.names {
		C.gesso_free(unsafe.Pointer(n))
	}
	if m.forget != nil {
		m.forget()
	}
	return err
}

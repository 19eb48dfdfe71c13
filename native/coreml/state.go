//go:build darwin || fakecoreml

package coreml

// #include "bridge.h"
import "C"

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"github.com/gesso-app/gesso/native/engine"
)

// State is a model's memory between predictions (MLState), an engine.State.
type State struct {
	m      *Model
	mu     sync.Mutex // Core ML leaves it open what two calls on one state at once would do
	handle unsafe.Pointer
}

// NewState returns memory as the model begins with. It needs macOS 15.
func (m *Model) NewState() (engine.State, error) {
	if err := m.begin(); err != nil {
		return nil, err
	}
	defer m.flight.Done()
	if len(m.states) == 0 {
		return nil, fmt.Errorf("the model %s has no state", m.path)
	}
	s := &State{m: m}
	var err error
	_ = m.thread.do(context.Background(), func() { // nothing cancels it
		err = try(func(e *C.gesso_error) { s.handle = C.gesso_state_new(m.handle, e) })
	})
	if err != nil {
		return nil, doing("make a state", m.path, err)
	}
	return s, nil
}

// Predict runs the model once, which reads and writes the state.
func (s *State) Predict(ctx context.Context, in, out map[string]*engine.Tensor) error {
	return s.with(func() error { return s.m.predict(ctx, s.handle, in, out) })
}

// Read copies the state of that name into t.
func (s *State) Read(name string, t *engine.Tensor) error { return s.copy(name, t, 0) }

// Write copies t into the state of that name.
func (s *State) Write(name string, t *engine.Tensor) error { return s.copy(name, t, 1) }

func (s *State) copy(name string, t *engine.Tensor, write C.int) error {
	i := slices.IndexFunc(s.m.states, func(f engine.Feature) bool { return f.Name == name })
	if i < 0 {
		return fmt.Errorf("the model %s has no state %q", s.m.path, name)
	}
	if err := check(s.m.states[i], t, "state"); err != nil {
		return fmt.Errorf("model %s: %w", s.m.path, err)
	}
	return s.with(func() error {
		if err := s.m.begin(); err != nil {
			return err
		}
		defer s.m.flight.Done()
		ts, err := newTensors(1)
		if err != nil {
			return err
		}
		defer ts.free()
		defer ts.release()
		ts.add(s.m.names[name], t)
		err = try(func(e *C.gesso_error) { C.gesso_state_copy(s.handle, ts.first, write, e) })
		if err != nil {
			return doing("copy the state", s.m.path, err)
		}
		return nil
	})
}

func (s *State) with(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handle == nil {
		return fmt.Errorf("the state of the model %s is closed", s.m.path)
	}
	return f()
}

// Close frees the state. It may be called again.
func (s *State) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handle != nil {
		C.gesso_state_free(s.handle)
		s.handle = nil
	}
	return nil
}

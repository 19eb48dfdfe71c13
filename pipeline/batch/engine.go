package batch

import (
	"context"
	"errors"
	"sync"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// Engine makes pictures; a *pipeline.Transfer is one. One goroutine at a time uses it.
type Engine interface {
	// RenderPicture stylizes a decoded photo. When ctx ends it returns soon, with ctx's error.
	RenderPicture(ctx context.Context, c pipeline.Config, content *picture.Picture, progress func(pipeline.Progress)) (*pipeline.Rendering, error)
	Close() error
}

// pool lends engines, opening each when it is first needed.
type pool struct {
	open func(context.Context) (Engine, error)
	free chan Engine // nil stands for one that is not open

	mu     sync.Mutex
	opened []Engine
}

func newPool(n int, open func(context.Context) (Engine, error)) *pool {
	p := &pool{open: open, free: make(chan Engine, n)}
	for range n {
		p.free <- nil
	}
	return p
}

// use runs f with an engine.
func (p *pool) use(ctx context.Context, f func(Engine) error) error {
	var e Engine
	select {
	case e = <-p.free:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { p.free <- e }()
	if e == nil {
		opened, err := p.open(ctx)
		if err != nil {
			return &engineError{err}
		}
		e = opened
		p.mu.Lock()
		p.opened = append(p.opened, e)
		p.mu.Unlock()
	}
	return f(e)
}

// close frees the engines; none is in use.
func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, e := range p.opened {
		errs = append(errs, e.Close())
	}
	p.opened = nil
	return errors.Join(errs...)
}

// engineError is an engine that does not open: no picture's fault.
type engineError struct{ error }

func (e *engineError) Unwrap() error { return e.error }

// Package unattended keeps the watch folders of a program that people look at: a list that survives a restart, each entry with its state, counts, last
// error and log, as plain values. The work itself is done by packages watch and batch, so that the window and the command do the same.
// It must not import ui.
package unattended

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
)

// Engine makes pictures and reads styles; a *pipeline.Transfer is one. Several goroutines may use it at once; it may make them wait for each other.
type Engine interface {
	batch.Engine
	// StyleCode reads the style that c asks for.
	StyleCode(ctx context.Context, c pipeline.Config) (*pipeline.StyleCode, error)
}

// shared is one engine for all that want one at the same time. It is open as long as anyone holds it.
type shared struct {
	open func(context.Context) (Engine, error)

	mu     sync.Mutex
	engine Engine
	users  int
}

// get returns the engine; the caller closes what it gets.
func (s *shared) get(ctx context.Context) (*lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		e, err := s.open(ctx)
		if err != nil {
			return nil, err
		}
		s.engine = e
	}
	s.users++
	return &lease{Engine: s.engine, from: s}, nil
}

// lend is get for package batch.
func (s *shared) lend(ctx context.Context) (batch.Engine, error) {
	l, err := s.get(ctx)
	if err != nil {
		return nil, err // and no lease that is nil in an interface that is not
	}
	return l, nil
}

// lease is one user's hold on the engine.
type lease struct {
	Engine
	from *shared
	once sync.Once
}

// Close gives the engine back; the last one to do so closes it.
func (l *lease) Close() (err error) {
	l.once.Do(func() {
		s := l.from
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.users--; s.users == 0 {
			err = s.engine.Close()
			s.engine = nil
		}
	})
	return err
}

// code reads the style of c, if it is one of pictures, so that they are not needed any more.
func (s *shared) code(ctx context.Context, c pipeline.Config) (_ *pipeline.StyleCode, err error) {
	l, err := s.get(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return l.StyleCode(ctx, c)
}

// Files says what a photo's picture is called and written as: what transfer and watch have flags for.
type Files struct {
	Format        batch.Format    `json:"format,omitempty"`       // default batch.FormatAuto
	Template      batch.Template  `json:"name,omitempty"`         // default batch.DefaultTemplate
	Collision     batch.Collision `json:"on_collision,omitempty"` // default batch.CollisionNumber
	StripMetadata bool            `json:"strip_metadata,omitempty"`
	KeepTimes     bool            `json:"keep_times,omitempty"`
}

// recipe is what makes a picture of a photo.
func (f Files) recipe(c pipeline.Config) (batch.Recipe, error) {
	r := batch.Recipe{Config: c, Format: f.Format, Metadata: !f.StripMetadata}
	if r.Format == "" {
		r.Format = batch.FormatAuto
	}
	if err := r.Validate(); err != nil {
		return r, err
	}
	if f.Template != "" {
		return r, f.Template.Validate()
	}
	return r, nil
}

func discard(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

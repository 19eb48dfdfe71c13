//go:build darwin || fakecoreml

package coreml

import (
	"context"
	"runtime"
)

// thread runs functions one after the other on an operating-system thread of its own.
type thread chan func()

func newThread() thread {
	t := make(thread)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		for f := range t {
			f()
		}
	}()
	return t
}

// do runs f. When ctx ends before the thread takes f, f is not run and the error is ctx's; after that, f runs to its end.
func (t thread) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case t <- func() { defer close(done); f() }:
		<-done
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop ends the thread after what it runs. No more functions may be given to it.
func (t thread) stop() { close(t) }

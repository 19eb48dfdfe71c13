// Package parallel spreads work on the rows of pictures over all cores.
package parallel

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Rows calls f for the rows 0 to n-1, on all cores and with at least the given number of rows to each, and returns when all are done. If f panics, so
// does Rows, in the caller's goroutine.
func Rows(n, least int, f func(y int)) {
	workers := min(runtime.GOMAXPROCS(0), (n+least-1)/least)
	run(workers, func(w int) {
		for y := w * n / workers; y < (w+1)*n/workers; y++ {
			f(y)
		}
	})
}

// Strips calls f for strips of the given height of n rows, on all cores, each of which takes the next strip when it is done with one. If f panics, so
// does Strips, in the caller's goroutine.
func Strips(n, height int, f func(from, to int)) {
	var next atomic.Int64
	run(min(runtime.GOMAXPROCS(0), (n+height-1)/height), func(int) {
		for {
			from := int(next.Add(1)-1) * height
			if from >= n {
				return
			}
			f(from, min(from+height, n))
		}
	})
}

func run(workers int, f func(w int)) {
	var wg sync.WaitGroup
	var failure atomic.Value
	for w := range workers {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					failure.Store(fmt.Sprint(p)) // a string, as an atomic.Value takes one type only
				}
			}()
			f(w)
		})
	}
	wg.Wait()
	if p := failure.Load(); p != nil {
		panic(p)
	}
}

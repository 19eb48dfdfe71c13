package pipeline

import (
	"context"
	"sync"
	"time"

	"github.com/gesso-app/gesso/native"
)

// cooling lets work that nobody waits for rest between pictures while the machine is hot, so that the system need not slow everything else down.
type cooling struct {
	heat func() native.Thermal
	poll time.Duration // how often the heat is looked at during a rest

	mu     sync.Mutex
	worked time.Duration // what the last picture took
}

// done notes what a picture took.
func (c *cooling) done(worked time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.worked = worked
}

// rest waits before the next picture: as long as the last one took while the machine's heat is serious, four times as long while it is critical, a
// minute at most. It ends as soon as the machine has cooled, or with ctx, whose error it returns.
func (c *cooling) rest(ctx context.Context) error {
	c.mu.Lock()
	worked := c.worked
	c.mu.Unlock()
	tick := time.NewTicker(c.poll)
	defer tick.Stop()
	for start := time.Now(); time.Since(start) < restFor(c.heat(), worked); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return ctx.Err()
}

func restFor(heat native.Thermal, worked time.Duration) time.Duration {
	switch {
	case heat >= native.ThermalCritical:
		return min(4*worked, time.Minute)
	case heat >= native.ThermalSerious:
		return min(worked, time.Minute)
	}
	return 0
}

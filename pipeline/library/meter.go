package library

import (
	"sync"
	"time"
)

// meter tells how far a download is.
type meter struct {
	mu    sync.Mutex
	now   Progress
	tell  func(Progress)
	quit  chan struct{}
	ended sync.WaitGroup
}

const ticks = 250 * time.Millisecond

func newMeter(total int64, files int, tell func(Progress)) *meter {
	m := &meter{now: Progress{Total: total, Of: files}, tell: tell, quit: make(chan struct{})}
	if tell == nil {
		return m
	}
	m.ended.Go(func() {
		t := time.NewTicker(ticks)
		defer t.Stop()
		before, at := int64(-1), time.Now()
		for {
			select {
			case <-m.quit:
				return
			case now := <-t.C:
				p := m.read()
				if before >= 0 {
					rate := max(0, float64(p.Done-before)/now.Sub(at).Seconds())
					const keep = 0.9 // of what the rate was: it is steady over some seconds
					m.mu.Lock()
					m.now.Rate = keep*m.now.Rate + (1-keep)*rate
					if p.Rate == 0 {
						m.now.Rate = rate
					}
					if m.now.Rate > 0 {
						m.now.Remaining = time.Duration(float64(p.Total-p.Done) / m.now.Rate * float64(time.Second))
					}
					p = m.now
					m.mu.Unlock()
				}
				before, at = p.Done, now
				tell(p)
			}
		}
	})
	return m
}

func (m *meter) read() Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *meter) add(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Done += n
}

func (m *meter) file() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Files++
}

// stop tells how it ended; nothing is told after that.
func (m *meter) stop() {
	if m.tell != nil {
		close(m.quit)
		m.ended.Wait()
		m.tell(m.read())
		m.tell = nil
	}
}

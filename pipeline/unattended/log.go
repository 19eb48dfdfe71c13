package unattended

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/journal"
)

// Line is a message in the log of a watch.
type Line struct {
	Time  time.Time
	Level slog.Level
	Text  string
}

// keptLines is how many messages of a watch are kept for the window.
const keptLines = 200

// ring keeps the last messages.
type ring struct {
	mu    sync.Mutex
	lines []Line
}

func (r *ring) add(l Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, l)
	if len(r.lines) > keptLines {
		r.lines = append([]Line(nil), r.lines[len(r.lines)-keptLines:]...)
	}
}

// all returns the messages, oldest first.
func (r *ring) all() []Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Line(nil), r.lines...)
}

// eventLine is what happened to a photo: its name, its state and the reason, if any.
func eventLine(e batch.Event) Line {
	l := Line{time.Now(), slog.LevelInfo, filepath.Base(e.Job.Source.Path) + "  " + string(e.State)}
	if e.Job.Reason != "" && e.State != journal.Running {
		l.Text += ": " + e.Job.Reason
	}
	switch e.State {
	case journal.Failed:
		l.Level = slog.LevelError
	case journal.Pending: // it will be tried again
		l.Level = slog.LevelWarn
	}
	return l
}

// tee is a log of which what concerns no photo, as those have events, goes into a ring from info on. All goes further to another handler.
type tee struct {
	ring *ring
	next slog.Handler
	told func()
}

// Enabled tells whether anyone wants messages of that level.
func (t *tee) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || t.next.Enabled(ctx, level)
}

// Handle keeps a message and hands it on.
func (t *tee) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo {
		var b strings.Builder
		b.WriteString(r.Message)
		photo := false
		r.Attrs(func(a slog.Attr) bool {
			photo = photo || a.Key == "source"
			fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
			return true
		})
		if !photo {
			t.ring.add(Line{r.Time, r.Level, b.String()})
			t.told()
		}
	}
	if !t.next.Enabled(ctx, r.Level) {
		return nil
	}
	return t.next.Handle(ctx, r)
}

// WithAttrs is for the other handler alone: the ring belongs to one watch.
func (t *tee) WithAttrs(a []slog.Attr) slog.Handler { return &tee{t.ring, t.next.WithAttrs(a), t.told} }

// WithGroup is for the other handler alone.
func (t *tee) WithGroup(name string) slog.Handler {
	return &tee{t.ring, t.next.WithGroup(name), t.told}
}

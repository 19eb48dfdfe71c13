package session

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/journal"
)

// fakeWatch makes one picture and then waits.
type fakeWatch struct {
	event func(batch.Event)
	mu    sync.Mutex
	done  int
}

func (w *fakeWatch) Run(ctx context.Context) error {
	w.mu.Lock()
	w.done++
	w.mu.Unlock()
	w.event(batch.Event{Job: &journal.Job{Source: journal.Source{Path: "/in/a.jpg"}}, State: journal.Done})
	<-ctx.Done()
	return nil
}

func (w *fakeWatch) Status(context.Context, int) (journal.Status, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return journal.Status{
		Counts: map[journal.State]int{journal.Done: w.done, journal.Failed: 1},
		Errors: []*journal.Job{{Source: journal.Source{Path: "/in/bad.jpg"}, Reason: "it is not a picture"}},
	}, nil
}

func (w *fakeWatch) Trouble() string { return "" }

func TestWatchFolders(t *testing.T) {
	dir := t.TempDir()
	broken := errors.New("the folder is gone")
	open := func(fault error) *Session {
		s := New(Options{
			Engine: &fakeEngine{}, StateFolder: filepath.Join(dir, "state"), PreviewDelay: time.Hour,
			Watch: func(_ context.Context, f Folder, event func(batch.Event)) (Watcher, error) {
				require.Equal(t, "udnie", f.Config.StyleName)
				return &fakeWatch{event: event}, fault
			},
		})
		t.Cleanup(s.Close)
		return s
	}
	one := func(s *Session, ok func(Folder) bool) Folder {
		var f Folder
		require.Eventually(t, func() bool {
			all := s.Folders()
			if len(all) == 1 {
				f = all[0]
			}
			return len(all) == 1 && ok(f)
		}, 5*time.Second, time.Millisecond)
		return f
	}
	s := open(nil)
	s.AddFolder("/in", "/out")
	require.Empty(t, s.Folders(), "there is no style yet")
	s.ChooseStyle("udnie")
	s.AddFolder("/in", "/in")
	require.Empty(t, s.Folders(), "the output is the watched folder itself")
	s.AddFolder("/in", "/out")
	s.AddFolder("/in", "/out")
	f := one(s, func(f Folder) bool { return f.Done == 1 })
	require.True(t, f.On)
	require.Equal(t, 1, f.Failed)
	require.Equal(t, "bad.jpg: it is not a picture.", f.Error)
	require.Contains(t, f.Log[0], "a.jpg  done")
	s.Close()

	s = open(nil)
	f = one(s, func(f Folder) bool { return f.On && f.Done == 1 })
	s.SetFolder(f.ID, false)
	one(s, func(f Folder) bool { return !f.On })
	s.SetFolder(f.ID, true)
	one(s, func(f Folder) bool { return f.On })
	s.Close()

	s = open(broken)
	f = one(s, func(f Folder) bool { return !f.On })
	require.Equal(t, "The folder is gone.", f.Error)
	s.RemoveFolder(f.ID)
	require.Empty(t, s.Folders())
}

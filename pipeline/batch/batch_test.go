package batch

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/journal"
)

func TestBatchGoesOnWhereItWas(t *testing.T) {
	b := newBench(t)
	b.add(some(6))
	require.NoError(t, b.journal.Close())
	items, err := List([]string{b.in}, false)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	told := map[string]bool{}
	s := Settings{
		Items: items, Output: filepath.Join(b.out, "new"), Recipe: b.options.Recipe, Scope: "order 1", Template: "{n:2}", Jobs: 1,
		JournalPath: filepath.Join(t.TempDir(), "j.db"), Open: b.options.Open,
		Event: func(e Event) {
			if e.State == journal.Done && b.engine.rendered.Load() == 2 {
				cancel()
			}
		},
		Progress: func(j *journal.Job, _ pipeline.Progress) {
			mu.Lock()
			defer mu.Unlock()
			told[filepath.Base(j.Source.Path)] = true
		},
	}
	b.engine.progress = true
	first, err := Start(t.Context(), s)
	require.NoError(t, err)
	require.NoError(t, first.Run(ctx))
	rows, err := first.Rows(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 6)
	require.Equal(t, journal.Done, rows[1].State)
	require.Equal(t, journal.Pending, rows[2].State)
	_, err = Start(t.Context(), s)
	require.ErrorIs(t, err, ErrBusy)
	other := s
	other.Scope = "order 2"
	second, err := Start(t.Context(), other)
	require.NoError(t, err, "of another scope")
	require.NoError(t, second.Close())
	require.NoError(t, first.Close())

	s.Resume, s.Event = true, nil
	again, err := Start(t.Context(), s)
	require.NoError(t, err)
	require.NoError(t, again.Run(t.Context()))
	rows, err = again.Rows(t.Context())
	require.NoError(t, err)
	for i, r := range rows {
		require.Equal(t, journal.Done, r.State, r.Reason)
		require.Equal(t, filepath.Join(b.out, "new", []string{"01.jpg", "02.jpg", "03.jpg", "04.jpg", "05.jpg", "06.jpg"}[i]), r.Output)
	}
	require.EqualValues(t, 6, b.engine.rendered.Load())
	require.Len(t, told, 6)
	require.NoError(t, again.Forget(t.Context()))
	rows, err = again.Rows(t.Context())
	require.NoError(t, err)
	require.Empty(t, rows)
	require.NoError(t, again.Close())
	require.Len(t, b.outputs(), 6)
}

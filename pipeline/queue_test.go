package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQueueRunsInOrder(t *testing.T) {
	cache := t.TempDir()
	var opened atomic.Int32
	q := NewQueue(func(ctx context.Context) (*Transfer, error) {
		opened.Add(1)
		return Open(ctx, Options{CacheDir: cache})
	})
	defer q.Close()
	c := sample(t)
	render, run := q.Submit(c, JobRender), q.Submit(c, JobRun)
	last := Progress{}
	for p := range render.Progress() {
		last = p
	}
	require.Positive(t, last.Fraction)
	r, err := render.Rendering()
	require.NoError(t, err)
	require.NotNil(t, r.Image)
	r, err = run.Rendering()
	require.NoError(t, err)
	require.FileExists(t, r.Result.OutputPath)
	require.EqualValues(t, 1, opened.Load())
}

func TestQueueCancel(t *testing.T) {
	cache := t.TempDir()
	q := NewQueue(func(ctx context.Context) (*Transfer, error) { return Open(ctx, Options{CacheDir: cache}) })
	c := sample(t)
	c.Size = 0
	first, second := q.Submit(c, JobRun), q.Submit(c, JobRun)
	second.Cancel()
	first.Cancel()
	for _, j := range []*Job{first, second} {
		_, err := j.Rendering()
		require.ErrorIs(t, err, context.Canceled)
	}
	require.NoFileExists(t, c.OutputPath)
	waiting := q.Submit(c, JobRender)
	q.Close()
	_, err := waiting.Rendering()
	require.Error(t, err)
	_, err = q.Submit(c, JobRender).Rendering()
	require.ErrorIs(t, err, ErrQueueClosed)
	q.Close()
}

func TestQueueTriesTheEngineAgain(t *testing.T) {
	broken := errors.New("no engine")
	tries := 0
	q := NewQueue(func(context.Context) (*Transfer, error) { tries++; return nil, broken })
	defer q.Close()
	for range 2 {
		_, err := q.Submit(sample(t), JobRender).Rendering()
		require.ErrorIs(t, err, broken)
	}
	require.Equal(t, 2, tries)
}

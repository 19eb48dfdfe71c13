package watch

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const settle = 60 * time.Millisecond

func start(t *testing.T, paths ...string) (*Files, chan string) {
	t.Helper()
	got := make(chan string, 16)
	f, err := NewFiles(settle, func(p string) { got <- p })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	require.NoError(t, f.Set(paths...))
	return f, got
}

func expect(t *testing.T, got chan string, path string) {
	t.Helper()
	select {
	case p := <-got:
		require.Equal(t, path, p)
	case <-time.After(5 * time.Second):
		t.Fatalf("no report of %s", path)
	}
}

func expectNothing(t *testing.T, got chan string) {
	t.Helper()
	select {
	case p := <-got:
		t.Fatalf("unexpected report of %s", p)
	case <-time.After(4 * settle):
	}
}

func TestReportsReplacementOnce(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.jpg"), filepath.Join(dir, "b.jpg")
	require.NoError(t, os.WriteFile(a, []byte("one"), 0o600))
	_, got := start(t, a)

	require.NoError(t, os.WriteFile(b, []byte("two"), 0o600))
	require.NoError(t, os.Rename(b, a))
	expect(t, got, a)
	expectNothing(t, got)
}

func TestSettlesBeforeItReports(t *testing.T) {
	a := filepath.Join(t.TempDir(), "a.jpg")
	reports := make(chan time.Time, 16)
	const settle = 400 * time.Millisecond
	f, err := NewFiles(settle, func(string) { reports <- time.Now() })
	require.NoError(t, err)
	require.NoError(t, f.Set(a))
	type write struct{ start, end time.Time }
	var writes []write
	for range 6 {
		w := write{start: time.Now()}
		require.NoError(t, os.WriteFile(a, []byte("part"), 0o600))
		w.end = time.Now()
		writes = append(writes, w)
		time.Sleep(settle / 20)
	}
	select {
	case r := <-reports:
		// A busy machine may spread the writes over more than one burst, and deliver an event late: half the time is the tolerance.
		for _, w := range writes {
			if w.end.Before(r) {
				require.GreaterOrEqual(t, r.Sub(w.start), settle/2)
			}
		}
	case <-time.After(5 * time.Second):
		t.Fatal("no report")
	}
	require.NoError(t, f.Close())
}

func TestIgnoresNeighboursAndDroppedFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.jpg"), filepath.Join(dir, "b.jpg")
	f, got := start(t, a, "")
	require.NoError(t, os.WriteFile(b, nil, 0o600))
	expectNothing(t, got)

	require.NoError(t, f.Set(b))
	require.NoError(t, os.WriteFile(a, nil, 0o600))
	expectNothing(t, got)
	require.NoError(t, os.Remove(b))
	expect(t, got, b)
}

func TestFolderThatIsMissing(t *testing.T) {
	dir := t.TempDir()
	a := filepath.Join(dir, "a.jpg")
	f, got := start(t)
	require.ErrorContains(t, f.Set(filepath.Join(dir, "none", "x.jpg"), a), "none")
	require.NoError(t, os.WriteFile(a, nil, 0o600))
	expect(t, got, a)
}

func TestCloseTwice(t *testing.T) {
	f, err := NewFiles(0, func(string) {})
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
}

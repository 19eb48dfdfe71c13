package journal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	scope  = "/in"
	recipe = "r1"
)

// childVariable makes the test binary a process that claims a job of the journal named and waits to be killed.
const childVariable = "GESSO_TEST_JOURNAL"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		child(path)
	}
	os.Exit(m.Run())
}

func child(path string) {
	j, err := Open(context.Background(), path, scope)
	var job *Job
	if err == nil {
		job, err = j.Claim(context.Background(), scope, recipe)
	}
	if err == nil && os.Getenv(childVariable+"_PUBLISH") != "" {
		err = j.Publish(context.Background(), job, "/out/a.png", "abc", nil)
	}
	fmt.Println("claimed", job != nil, err)
	select {}
}

func open(t *testing.T, path string) *Journal {
	t.Helper()
	j, err := Open(t.Context(), path, scope)
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close() }) // some tests have closed it
	return j
}

func newJournal(t *testing.T) *Journal {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "folder", "a #?%.db"))
}

func observe(t *testing.T, j *Journal, names ...string) {
	t.Helper()
	var all []Source
	for _, n := range names {
		all = append(all, Source{Path: n, Size: 10, Time: 1000})
	}
	_, err := j.Observe(t.Context(), scope, recipe, all, time.UnixMilli(0))
	require.NoError(t, err)
}

func claim(t *testing.T, j *Journal) *Job {
	t.Helper()
	job, err := j.Claim(t.Context(), scope, recipe)
	require.NoError(t, err)
	return job
}

func nowhere(string) bool { return false }

func TestLifeOfAJob(t *testing.T) {
	j := newJournal(t)
	ctx := t.Context()
	observe(t, j, "/in/a.jpg")
	require.Nil(t, func() *Job { job, _ := j.Claim(ctx, scope, "another recipe"); return job }())
	job := claim(t, j)
	require.Equal(t, "/in/a.jpg", job.Source.Path)
	require.Equal(t, Running, job.State)
	require.Nil(t, claim(t, j), "a job is claimed once")

	same, wait, err := j.Identify(ctx, job, "hash", nowhere)
	require.NoError(t, err)
	require.Nil(t, same)
	require.False(t, wait)
	require.NoError(t, j.Publish(ctx, job, "/out/a.png", "abc", nil))
	yes, err := j.IsOutput(ctx, "/out/a.png")
	require.NoError(t, err)
	require.True(t, yes)
	require.NoError(t, j.Finish(ctx, job, Done, []byte(`{"ssim_score":0.5}`), "", false))
	require.ErrorIs(t, j.Finish(ctx, job, Failed, nil, "twice", true), ErrLost)

	untidy, err := j.Untidy(ctx, scope, recipe, 0, 10)
	require.NoError(t, err)
	require.Len(t, untidy, 1)
	require.Equal(t, `{"ssim_score":0.5}`, string(untidy[0].Result))
	require.NoError(t, j.Tidy(ctx, job))
	untidy, err = j.Untidy(ctx, scope, recipe, 0, 10)
	require.NoError(t, err)
	require.Empty(t, untidy)

	observe(t, j, "/in/a.jpg")
	require.Nil(t, claim(t, j), "the same file is done once")
	s, err := j.Status(ctx, 5)
	require.NoError(t, err)
	require.Equal(t, map[State]int{Done: 1}, s.Counts)
	require.Equal(t, 1, s.Recent)
	require.InDelta(t, 6, s.PerHour(), 1e-9)
}

func TestObserve(t *testing.T) {
	j := newJournal(t)
	ctx := t.Context()
	one := []Source{{"/in/a", 1, 1}}
	see := func(s ...Source) int {
		n, err := j.Observe(ctx, scope, recipe, s, time.UnixMilli(0))
		require.NoError(t, err)
		return n
	}
	require.Equal(t, 1, see(one...))
	require.Equal(t, 0, see(one...))
	require.Equal(t, 1, see(Source{"/in/a", 2, 2}), "it grew")
	job := claim(t, j)
	require.EqualValues(t, 2, job.Source.Size)
	require.Nil(t, claim(t, j), "the smaller state is forgotten")

	require.Equal(t, 1, see(Source{"/in/a", 3, 3}))
	require.Nil(t, claim(t, j), "a later state waits for the earlier one")
	require.NoError(t, j.Finish(ctx, job, Gone, nil, "", true))
	later := claim(t, j)
	require.EqualValues(t, 3, later.Source.Size)
	require.NoError(t, j.Changed(ctx, later, Source{"/in/a", 2, 2}, time.UnixMilli(0)), "a vanished state comes back")
	require.EqualValues(t, 2, claim(t, j).Source.Size)

	known, err := j.Known(ctx, scope, recipe)
	require.NoError(t, err)
	require.True(t, known.Has(Source{"/in/a", 2, 2}))
	require.False(t, known.Has(Source{"/in/a", 3, 3}))

	many := make([]Source, 5000)
	for i := range many {
		many[i] = Source{fmt.Sprint("/in/", i), 1, 1}
	}
	require.Equal(t, 5000, see(many...))
	n := 0
	require.NoError(t, j.Jobs(ctx, scope, recipe, func(*Job) bool { n++; return true }))
	require.Equal(t, 5001, n)
}

func TestBaseline(t *testing.T) {
	j := newJournal(t)
	has, err := j.HasBaseline(t.Context(), scope, recipe)
	require.NoError(t, err)
	require.False(t, has)
	require.NoError(t, j.Baseline(t.Context(), scope, recipe, []Source{{"/in/old", 10, 1000}}))
	has, err = j.HasBaseline(t.Context(), scope, recipe)
	require.NoError(t, err)
	require.True(t, has)
	observe(t, j, "/in/old")
	require.Nil(t, claim(t, j))
	_, err = j.Observe(t.Context(), scope, recipe, []Source{{"/in/old", 11, 1001}}, time.UnixMilli(0))
	require.NoError(t, err)
	require.NotNil(t, claim(t, j), "a new picture under an old name")
}

func TestRetryAndRelease(t *testing.T) {
	j := newJournal(t)
	ctx := t.Context()
	clock := time.UnixMilli(5_000_000)
	j.now = func() time.Time { return clock }
	observe(t, j, "/in/a")
	job := claim(t, j)
	require.NoError(t, j.Retry(ctx, job, clock.Add(time.Minute), "no good"))
	require.Nil(t, claim(t, j), "it waits")
	next, pending, running, err := j.Next(ctx, scope, recipe)
	require.NoError(t, err)
	require.True(t, pending)
	require.Zero(t, running)
	require.Equal(t, clock.Add(time.Minute), next)
	clock = clock.Add(time.Minute)
	job = claim(t, j)
	require.Equal(t, 1, job.Attempts)
	require.NoError(t, j.Release(ctx, job, clock, ""))
	job = claim(t, j)
	require.Equal(t, 1, job.Attempts)
	require.NoError(t, j.Finish(ctx, job, Failed, nil, "no good at all", true))
	s, err := j.Status(ctx, 5)
	require.NoError(t, err)
	require.Len(t, s.Errors, 1)
	require.Equal(t, "no good at all", s.Errors[0].Reason)
	require.Equal(t, 2, s.Errors[0].Attempts)

	require.NoError(t, j.Restart(ctx, scope, recipe, Failed))
	require.Zero(t, claim(t, j).Attempts)
	require.NoError(t, j.Restart(ctx, scope, recipe))
	require.Len(t, mustJobs(t, j), 1, "what is being worked on is not forgotten")
}

func mustJobs(t *testing.T, j *Journal) (all []*Job) {
	t.Helper()
	require.NoError(t, j.Jobs(t.Context(), scope, recipe, func(job *Job) bool { all = append(all, job); return true }))
	return all
}

// TestNextSeesOneState holds that a job which is claimed and put back all the time is never seen as neither waiting nor worked on: a batch would end.
func TestNextSeesOneState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	j, other := open(t, path), open(t, path)
	observe(t, j, "a.jpg")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			job, err := other.Claim(context.Background(), scope, recipe)
			if err == nil && job != nil {
				err = other.Release(context.Background(), job, time.UnixMilli(0), "")
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		_, pending, running, err := j.Next(t.Context(), scope, recipe)
		require.NoError(t, err)
		require.True(t, pending || running > 0)
	}
}

func TestIdentify(t *testing.T) {
	for _, c := range []struct {
		name    string
		second  Source
		there   bool // the first file
		gone    bool // the second file
		done    bool // the first job
		same    bool
		waiting bool
	}{
		{"touched", Source{"/in/a", 10, 2000}, true, false, true, true, false},
		{"renamed", Source{"/in/b", 10, 1000}, false, false, true, true, false},
		{"renamed while it is worked on", Source{"/in/b", 10, 1000}, false, false, false, false, true},
		{"renamed after it was read, and noticed under the new name first", Source{"/in/b", 10, 1000}, true, true, false, false, true},
		{"copied", Source{"/in/b", 10, 1000}, true, false, true, false, false},
		{"copied while it is worked on", Source{"/in/b", 10, 1000}, true, false, false, false, false},
		{"taken again, as like as two peas", Source{"/in/b", 10, 2000}, false, false, true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := newJournal(t)
			ctx := t.Context()
			observe(t, j, "/in/a")
			first := claim(t, j)
			_, _, err := j.Identify(ctx, first, "hash", nowhere)
			require.NoError(t, err)
			if c.done {
				require.NoError(t, j.Publish(ctx, first, "/out/a", "abc", nil))
				require.NoError(t, j.Finish(ctx, first, Done, nil, "", true))
			}
			_, err = j.Observe(ctx, scope, recipe, []Source{c.second}, time.UnixMilli(0))
			require.NoError(t, err)
			second := claim(t, j)
			require.NotNil(t, second)
			same, wait, err := j.Identify(ctx, second, "hash", func(path string) bool { return path == "/in/a" && c.there || path == c.second.Path && !c.gone })
			require.NoError(t, err)
			require.Equal(t, c.same, same != nil)
			require.Equal(t, c.waiting, wait)
		})
	}
}

func TestNamesAreTakenOnce(t *testing.T) {
	j := newJournal(t)
	ctx := t.Context()
	observe(t, j, "/in/a", "/in/b")
	a, b := claim(t, j), claim(t, j)
	require.NoError(t, j.Publish(ctx, a, "/out/x.png", "1", nil))
	require.ErrorIs(t, j.Publish(ctx, b, "/out/x.png", "2", nil), ErrTaken)
	require.NoError(t, j.Publish(ctx, b, "/out/x-2.png", "2", nil))
	owner, err := j.OwnerOf(ctx, "/out/x.png")
	require.NoError(t, err)
	require.Equal(t, a.Source.Path, owner)
}

func TestCloseGivesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	j := open(t, path)
	observe(t, j, "/in/a")
	require.NotNil(t, claim(t, j))
	require.NoError(t, j.Close())
	j = open(t, path)
	job := claim(t, j)
	require.NotNil(t, job)
	require.Zero(t, job.Attempts)
	require.Zero(t, job.Crashes)
}

func TestPathFor(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	require.NoError(t, os.Mkdir(real, 0o700))
	a, err := PathFor(real)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(a, state))
	if runtime.GOOS != "windows" {
		link := filepath.Join(dir, "link")
		require.NoError(t, os.Symlink(real, link))
		b, err := PathFor(link)
		require.NoError(t, err)
		require.Equal(t, a, b)
	}
	c, err := PathFor(filepath.Join(real, "not", "there"))
	require.NoError(t, err)
	require.NotEqual(t, a, c)
}

// BenchmarkObserve notes 100,000 new files, and then asks for them.
func BenchmarkObserve(b *testing.B) {
	many := make([]Source, 100000)
	for i := range many {
		many[i] = Source{fmt.Sprintf("/some/folder/with/a/usual/length/IMG_%06d.jpg", i), int64(i), int64(i)}
	}
	for b.Loop() {
		j, err := Open(b.Context(), filepath.Join(b.TempDir(), "j.db"), scope)
		require.NoError(b, err)
		_, err = j.Observe(b.Context(), scope, recipe, many, time.Now())
		require.NoError(b, err)
		known, err := j.Known(b.Context(), scope, recipe)
		require.NoError(b, err)
		require.Len(b, known, len(many))
		require.NoError(b, j.Close())
	}
}

package journal

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// start runs this test binary as a child that claims a job, and waits until it has.
func start(t *testing.T, path string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), childVariable+"="+path), env...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // it may have gone already
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "claimed true <nil>", strings.TrimSpace(line))
	return cmd
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed: the error says so
}

func TestRecoverAfterKill(t *testing.T) {
	j := newJournal(t)
	ctx := t.Context()
	clock := time.Now()
	j.now = func() time.Time { return clock }
	observe(t, j, "/in/a")
	for n := 1; n <= maxCrashes; n++ {
		cmd := start(t, j.Path())
		require.Nil(t, claim(t, j))
		left, _, err := j.Recover(ctx)
		require.NoError(t, err)
		require.Empty(t, left)
		require.Nil(t, claim(t, j), "a job of a living process is not taken")
		s, err := j.Status(ctx, 1)
		require.NoError(t, err)
		require.Len(t, s.Processes, 1)
		require.Equal(t, cmd.Process.Pid, s.Processes[0].PID)
		require.Len(t, s.Current, 1)

		kill(t, cmd)
		_, _, err = j.Recover(ctx)
		require.NoError(t, err)
		job := mustJobs(t, j)[0]
		require.Equal(t, n, job.Crashes)
		if n == maxCrashes {
			require.Equal(t, Failed, job.State)
			require.Contains(t, job.Reason, "ended 10 times")
			break
		}
		require.Equal(t, Pending, job.State)
		require.WithinDuration(t, clock.Add(time.Duration(n-1)*crashDelay), job.Ready, time.Millisecond)
		require.NoError(t, j.Release(ctx, claimAt(t, j, job.Ready, &clock), time.UnixMilli(0), ""))
	}
	files, err := filepath.Glob(escapeGlob(j.Path()) + ".owner-*")
	require.NoError(t, err)
	require.Len(t, files, 1, "only this process's")
}

// claimAt sets the clock so that the job is ready and claims it.
func claimAt(t *testing.T, j *Journal, ready time.Time, clock *time.Time) *Job {
	t.Helper()
	before := *clock
	*clock = ready
	defer func() { *clock = before }()
	job := claim(t, j)
	require.NotNil(t, job)
	return job
}

func TestRecoverPublishing(t *testing.T) {
	j := newJournal(t)
	observe(t, j, "/in/a")
	kill(t, start(t, j.Path(), childVariable+"_PUBLISH=1"))
	left, _, err := j.Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "/out/a.png", left[0].Output)
	require.Equal(t, "abc", left[0].OutputHash)
	again, _, err := j.Recover(t.Context())
	require.NoError(t, err)
	require.Empty(t, again, "it is handed out once")
	require.NoError(t, j.Finish(t.Context(), left[0], Done, nil, "", true))
}

func TestTwoProcessesShareTheWork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	a, b := open(t, path), open(t, path)
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprint("/in/", i))
	}
	observe(t, a, names...)
	observe(t, b, names...)
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for _, j := range []*Journal{a, b, a, b} {
		wg.Go(func() {
			for {
				job, err := j.Claim(context.Background(), scope, recipe)
				if err != nil || job == nil {
					return
				}
				if j.Finish(context.Background(), job, Done, nil, "", true) == nil {
					mu.Lock()
					seen[job.Source.Path]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, seen, 60)
	for path, n := range seen {
		require.Equal(t, 1, n, path)
	}
}

func TestDamagedJournalIsPutAside(t *testing.T) {
	for name, spoil := range map[string]func(*testing.T, string){
		"no database": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("this is no database ", 100)), 0o600))
		},
		"overwritten in the middle": func(t *testing.T, path string) {
			j := open(t, path)
			observe(t, j, "/in/a", "/in/b")
			require.NoError(t, j.Close())
			cmd := start(t, path) // a process that leaves without closing
			kill(t, cmd)
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			for i := 4096; i < len(b); i++ {
				b[i] = 0xa5
			}
			require.NoError(t, os.WriteFile(path, b, 0o600))
			require.NoError(t, os.RemoveAll(path+"-wal"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "j.db")
			spoil(t, path)
			j := open(t, path)
			require.FileExists(t, j.Replaced())
			observe(t, j, "/in/a")
			require.NotNil(t, claim(t, j))
		})
	}
}

func TestPeekChangesNothing(t *testing.T) {
	j := newJournal(t)
	_, err := Peek(t.Context(), j.Path()+"x", 3)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoFileExists(t, j.Path()+"x")
	observe(t, j, "a.jpg", "b.jpg")
	job, err := j.Claim(t.Context(), scope, recipe)
	require.NoError(t, err)
	require.NoError(t, j.Finish(t.Context(), job, Failed, nil, "torn", true))
	job, err = j.Claim(t.Context(), scope, recipe)
	require.NoError(t, err)
	for range 2 { // the second time, nothing of the first is there
		s, err := Peek(t.Context(), j.Path(), 3)
		require.NoError(t, err)
		require.Len(t, s.Processes, 1)
		require.Equal(t, map[State]int{Failed: 1, Running: 1}, s.Counts)
		require.Equal(t, job.Source.Path, s.Current[0].Source.Path)
		require.Equal(t, "torn", s.Errors[0].Reason)
	}
	require.NoError(t, j.Close())
	s, err := Peek(t.Context(), j.Path(), 3)
	require.NoError(t, err)
	require.Empty(t, s.Processes)
	require.Equal(t, map[State]int{Failed: 1, Pending: 1}, s.Counts)
}

func TestNewerJournalIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	j := open(t, path)
	_, err := j.db.Exec("PRAGMA user_version = 99")
	require.NoError(t, err)
	require.NoError(t, j.Close())
	_, err = Open(t.Context(), path, scope)
	require.ErrorContains(t, err, "newer Gesso")
	require.FileExists(t, path)
}

func TestFullDisk(t *testing.T) {
	j := newJournal(t)
	observe(t, j, "/in/a")
	_, err := j.db.Exec("PRAGMA max_page_count = 1")
	require.NoError(t, err)
	var many []Source
	for i := range 5000 {
		many = append(many, Source{fmt.Sprint("/in/some/longer/path/", i), 1, 1})
	}
	_, err = j.Observe(t.Context(), scope, recipe, many, time.UnixMilli(0))
	require.Error(t, err)
	require.True(t, IsFull(err), err)
	_, err = j.db.Exec("PRAGMA max_page_count = 1000000")
	require.NoError(t, err)
	require.Len(t, mustJobs(t, j), 1, "nothing is half written")
	n, err := j.Observe(t.Context(), scope, recipe, many, time.UnixMilli(0))
	require.NoError(t, err)
	require.Equal(t, 5000, n)
}

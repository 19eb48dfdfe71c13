//go:build unix

package watch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/batch"
)

// scanVariable makes the test binary a process that looks at a folder once.
const scanVariable = "GESSO_TEST_SCAN"

func scanProcess(root string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := Start(ctx, Settings{
		Dir: filepath.Join(root, "in"), Output: filepath.Join(root, "out"), Recursive: true, Existing: true,
		Recipe: testRecipe(), Open: func(context.Context) (batch.Engine, error) { return fastEngine{}, nil },
		JournalPath: filepath.Join(root, "journal.db"), Settle: time.Hour, Ready: cancel,
	})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// BenchmarkScan is the start over a folder with 100,000 files: the first, when all are new, and a later one, when all are known. It is the whole
// process, whose greatest memory is measured too:
//
//	go test ./pipeline/watch -run xxx -bench Scan -benchtime 1x
func BenchmarkScan(b *testing.B) {
	root := b.TempDir()
	for i := range 100000 {
		dir := filepath.Join(root, "in", fmt.Sprint(i%20))
		if i < 20 {
			require.NoError(b, os.MkdirAll(dir, 0o700))
		}
		require.NoError(b, os.WriteFile(filepath.Join(dir, fmt.Sprintf("IMG_%06d.jpg", i)), []byte("x"), 0o600))
	}
	self, err := os.Executable()
	require.NoError(b, err)
	scan := func(b *testing.B) {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), scanVariable+"="+root)
		cmd.Stderr = os.Stderr
		require.NoError(b, cmd.Run())
		peak := float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		if runtime.GOOS == "darwin" {
			peak /= 1024 // it counts bytes
		}
		b.ReportMetric(peak/1024, "MiB")
		b.ReportMetric((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), "cpu-s") // a busy machine makes the time longer, not this
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			_ = os.Remove(filepath.Join(root, "journal.db")) // none before the first time
			b.StartTimer()
			scan(b)
		}
	})
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			scan(b)
		}
	})
}

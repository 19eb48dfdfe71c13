package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/assets"
)

// BenchmarkBatch compares a batch with a process for each photo, over the same photos at the same size:
//
//	go test ./ui/cli -run xxx -bench Batch -benchtime 1x
//
// The metric "x" is how many times as many pictures the batch makes in the same time.
func BenchmarkBatch(b *testing.B) {
	for _, size := range []int{256, 512, 1024} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			const count = 12
			work := b.TempDir()
			var photos []string
			for i := range count {
				photos = append(photos, filepath.Join(work, fmt.Sprintf("p%02d.png", i)))
				require.NoError(b, writePNG(photos[i], 1200+i, 800))
			}
			painting := filepath.Join(work, "painting.jpg")
			require.NoError(b, os.WriteFile(painting, assets.SampleStyle(), 0o600))
			common := []string{"--style-image", painting, "--size", fmt.Sprint(size), "--gate", "off"}
			var single, batch time.Duration
			for n := 0; b.Loop(); n++ {
				start := time.Now()
				for i, photo := range photos {
					runGesso(b, work, append([]string{"transfer", "--content-image", photo, "--output", filepath.Join(work, fmt.Sprintf("single-%d-%d.jpg", n, i))}, common...)...)
				}
				single += time.Since(start)
				start = time.Now()
				runGesso(b, work, append(append([]string{"transfer", "--output", filepath.Join(work, fmt.Sprint("batch", n))}, common...), photos...)...)
				batch += time.Since(start)
			}
			b.ReportMetric(count*float64(b.N)/single.Seconds(), "single/s")
			b.ReportMetric(count*float64(b.N)/batch.Seconds(), "batch/s")
			b.ReportMetric(single.Seconds()/batch.Seconds(), "x")
		})
	}
}

// runGesso runs this test binary as the program.
func runGesso(tb testing.TB, dir string, args ...string) {
	tb.Helper()
	self, err := os.Executable()
	require.NoError(tb, err)
	cmd := exec.Command(self, args...)
	cmd.Args[0] = "gesso"
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(dir, "state"))
	for k, v := range programEnv() {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(tb, cmd.Run(), stderr.String())
}

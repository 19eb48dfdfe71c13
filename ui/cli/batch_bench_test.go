package cli

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/disintegration/imaging"
	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/assets"
)

// BenchmarkBatch compares a batch with a process for each photo, as a loop in a shell starts them, over the same photos:
//
//	go test ./ui/cli -run xxx -bench Batch -benchtime 3x
//
// The two take turns, so that what else the machine does hits both. The photos are cuts of the sample, as large as it is and enlarged. The metric x
// is how many times as many pictures the batch makes in the same time, and cpu-x in the same time of the processor, which a busy machine does
// not change.
func BenchmarkBatch(b *testing.B) {
	for _, c := range []struct{ count, width, size int }{
		{24, 600, 256}, // a size for contact sheets
		{24, 600, 512},
		{24, 600, 600}, // the sample's own
		{4, 1600, 1600},
	} {
		b.Run(fmt.Sprint(c.size), func(b *testing.B) {
			work := b.TempDir()
			photos := cuts(b, work, c.count, c.width)
			common := []string{"--style", "starry-night", "--gate", "off", "--size", fmt.Sprint(c.size)}
			var single, batch usage
			for n := 0; b.Loop(); n++ {
				for i, photo := range photos {
					out := filepath.Join(work, fmt.Sprintf("single-%d-%d.jpg", n, i))
					single.add(runGesso(b, work, append([]string{"transfer", "--content-image", photo, "--output", out}, common...)...))
				}
				batch.add(runGesso(b, work, append(append([]string{"transfer", "--output", filepath.Join(work, fmt.Sprint("batch", n))}, common...), photos...)...))
			}
			pictures := float64(c.count * b.N)
			b.ReportMetric(pictures/single.wall.Seconds(), "single/s")
			b.ReportMetric(pictures/batch.wall.Seconds(), "batch/s")
			b.ReportMetric(single.wall.Seconds()/batch.wall.Seconds(), "x")
			b.ReportMetric(single.cpu.Seconds()/batch.cpu.Seconds(), "cpu-x")
		})
	}
}

// cuts writes count pictures, each another part of the sample photo, brought to about the given width.
func cuts(tb testing.TB, dir string, count, width int) (paths []string) {
	tb.Helper()
	sample, err := jpeg.Decode(bytes.NewReader(assets.SamplePhoto()))
	require.NoError(tb, err)
	for i := range count {
		r := sample.Bounds()
		r = image.Rect(r.Min.X+i%7, r.Min.Y+i%5, r.Max.X-3*i%11, r.Max.Y-2*i%9)
		img := imaging.Resize(imaging.Crop(sample, r), width-i, 0, imaging.Lanczos)
		path := filepath.Join(dir, fmt.Sprintf("p%02d.jpg", i))
		require.NoError(tb, imaging.Save(img, path, imaging.JPEGQuality(92)))
		paths = append(paths, path)
	}
	return paths
}

// usage is what processes took.
type usage struct{ wall, cpu time.Duration }

func (u *usage) add(v usage) { u.wall, u.cpu = u.wall+v.wall, u.cpu+v.cpu }

// runGesso runs this test binary as the program.
func runGesso(tb testing.TB, dir string, args ...string) usage {
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
	start := time.Now()
	require.NoError(tb, cmd.Run(), stderr.String())
	return usage{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}

package portable

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage"
)

// benchVariable names the package of the benchmarks: by hand, one process for each number.
//
//	GESSO_BENCH_MODEL=big.mlpackage go test -run - -bench Open -benchtime 1x ./native/portable
const benchVariable = "GESSO_BENCH_MODEL"

func benchModel(b *testing.B) string {
	path := os.Getenv(benchVariable)
	if path == "" {
		b.Skip(benchVariable + " names no package")
	}
	require.NoError(b, environment())
	return path
}

// BenchmarkOpen reports how much of opening is ours, as a part of ONNX Runtime's own work on the session, and the greatest memory of the process
// (VmHWM) as a multiple of the package's size.
func BenchmarkOpen(b *testing.B) {
	path := benchModel(b)
	p, err := mlpackage.Open(path)
	require.NoError(b, err)
	s, err := p.Summarize()
	require.NoError(b, err)
	require.NoError(b, p.Close())
	before := peak(b)
	var lowering, whole time.Duration
	for b.Loop() {
		start := time.Now()
		p, err := mlpackage.Open(path)
		require.NoError(b, err)
		low, err := lower(p, p.Spec, "", false)
		require.NoError(b, err)
		lowering += time.Since(start)
		require.NoError(b, low.weights.close())
		require.NoError(b, p.Close())

		start = time.Now()
		m, err := Open(path, engine.Options{Threads: 1})
		require.NoError(b, err)
		whole += time.Since(start)
		require.NoError(b, m.Close())
	}
	n := float64(b.N)
	b.ReportMetric(float64(lowering.Milliseconds())/n, "ms-lowering")
	b.ReportMetric(float64(whole.Milliseconds())/n, "ms-open")
	b.ReportMetric(100*float64(lowering)/float64(whole-lowering), "%-of-session")
	b.ReportMetric(float64(peak(b)-before)/(1<<20), "MB-peak")
	b.ReportMetric(float64(peak(b)-before-200<<20)/float64(s.Bytes), "W-peak-less-200MB")
}

// BenchmarkPredict runs the package on zeros.
func BenchmarkPredict(b *testing.B) {
	m, err := Open(benchModel(b), engine.Options{})
	require.NoError(b, err)
	defer m.Close()
	in := map[string]*engine.Tensor{}
	for _, f := range m.Inputs() {
		if k, err := strconv.Atoi(os.Getenv("GESSO_BENCH_SHAPE")); err == nil && len(f.Shapes) > k {
			f.Shape = f.Shapes[k]
		}
		t, err := engine.NewTensor(f.DType, f.Shape...)
		require.NoError(b, err)
		defer t.Close()
		in[f.Name] = t
	}
	for b.Loop() {
		out, err := m.(engine.Runner).Run(b.Context(), in)
		require.NoError(b, err)
		for _, t := range out {
			require.NoError(b, t.Close())
		}
	}
	b.ReportMetric(float64(peak(b))/(1<<20), "MB-peak")
}

// peak is the greatest resident memory of this process, in bytes.
func peak(b *testing.B) int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.Fields(v)[0], 10, 64)
			require.NoError(b, err)
			return n << 10
		}
	}
	return 0
}

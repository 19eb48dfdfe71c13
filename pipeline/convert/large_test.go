package convert

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sparse writes a safetensors file of a TransformerNet whose residual blocks have that many channels; its weights are a hole of zeros.
func sparse(t *testing.T, path string, channels int) int64 {
	t.Helper()
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header, at := map[string]entry{}, int64(0)
	add := func(name string, shape ...int) {
		n := int64(4)
		for _, d := range shape {
			n *= int64(d)
		}
		header[name] = entry{"F32", shape, [2]int64{at, at + n}}
		at += n
	}
	layer := func(conv, norm string, out, in, k int) {
		add(conv+".conv2d.weight", out, in, k, k)
		add(conv+".conv2d.bias", out)
		if norm != "" {
			add(norm+".weight", out)
			add(norm+".bias", out)
		}
	}
	layer("conv1", "in1", 32, 3, 9)
	layer("conv2", "in2", 64, 32, 3)
	layer("conv3", "in3", channels, 64, 3)
	for i := range 5 {
		for j := range 2 {
			layer(fmt.Sprintf("res%d.conv%d", i+1, j+1), fmt.Sprintf("res%d.in%d", i+1, j+1), channels, channels, 3)
		}
	}
	layer("deconv1", "in4", 64, channels, 3)
	layer("deconv2", "in5", 32, 64, 3)
	layer("deconv3", "", 3, 32, 9)
	b, err := json.Marshal(header)
	require.NoError(t, err)
	f, err := os.Create(path)
	require.NoError(t, err)
	_, err = f.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(b))), b...))
	require.NoError(t, err)
	size := 8 + int64(len(b)) + at
	require.NoError(t, f.Truncate(size))
	require.NoError(t, f.Close())
	return size
}

// TestLargeFile converts 4 GB, in GESSO_LARGE's folder, and measures the memory and the time.
func TestLargeFile(t *testing.T) {
	dir := os.Getenv("GESSO_LARGE")
	if dir == "" {
		t.Skip("GESSO_LARGE names no folder with 3 GB of space")
	}
	path, out := filepath.Join(dir, "large.safetensors"), filepath.Join(dir, "large.mlpackage")
	size := sparse(t, path, 3344)
	t.Cleanup(func() {
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.RemoveAll(out))
	})
	start := time.Now()
	r, err := Run(t.Context(), Options{ModelPath: path, OutputPath: out, Sizes: [][2]int{{64, 64}}}, nil)
	require.NoError(t, err)
	took := time.Since(start).Seconds()
	peak := peakMemory(t)
	t.Logf("%.2f GB in %.1f s: %.0f MB/s, %.0f MB of memory at most, %.2f GB written", float64(size)/1e9, took, float64(size)/1e6/took, float64(peak)/1e6, float64(r.Packages[0].Bytes)/1e9)
	require.Less(t, peak, int64(1_500_000_000))
}

// peakMemory is the most memory that this process has had, in bytes.
func peakMemory(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			require.NoError(t, err)
			return n * 1024
		}
	}
	t.Skip("this system does not tell a process' memory")
	return 0
}

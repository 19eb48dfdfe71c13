package portable

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCores(t *testing.T) {
	dir := t.TempDir()
	for i, siblings := range []string{"0,2\n", "1,3\n", "0,2\n", "1,3\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("cpu%d", i)), []byte(siblings), 0o644))
	}
	require.Equal(t, 2, cores(filepath.Join(dir, "cpu[0-9]*")))
	require.Zero(t, cores(filepath.Join(dir, "none*")))
	require.Zero(t, cores("["), "a pattern that is none")
	n := threads()
	require.Positive(t, n)
	require.LessOrEqual(t, n, runtime.GOMAXPROCS(0))
}

package mlpackage

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCache opens a package whose files are links, as in a cache of Hugging Face's programs, and refuses links that lead out of one elsewhere.
func TestCache(t *testing.T) {
	matches, err := filepath.Glob(filepath.Join("..", "..", "assets", "networks", "*.mlpackage"))
	require.NoError(t, err)
	require.NotEmpty(t, matches)
	for _, c := range []struct {
		repository string
		ok         bool
	}{{"models--painter--model", true}, {"elsewhere", false}} {
		repo := filepath.Join(t.TempDir(), c.repository)
		blobs := filepath.Join(repo, "blobs")
		require.NoError(t, os.MkdirAll(blobs, 0o755))
		to := filepath.Join(repo, "snapshots", "0123", "x.mlpackage")
		n := 0
		require.NoError(t, filepath.WalkDir(matches[0], func(path string, d fs.DirEntry, err error) error {
			require.NoError(t, err)
			rel, err := filepath.Rel(matches[0], path)
			require.NoError(t, err)
			if d.IsDir() {
				return os.MkdirAll(filepath.Join(to, rel), 0o755)
			}
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			n++
			blob := filepath.Join(blobs, strconv.Itoa(n))
			require.NoError(t, os.WriteFile(blob, b, 0o600))
			link, err := filepath.Rel(filepath.Dir(filepath.Join(to, rel)), blob)
			require.NoError(t, err)
			return os.Symlink(link, filepath.Join(to, rel))
		}))
		p, err := Open(to)
		if !c.ok {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err)
		s, err := p.Summarize()
		require.NoError(t, err)
		require.Greater(t, s.Bytes, int64(1000))
		require.NoError(t, p.Close())
	}
}

package session

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
)

func TestClearCacheKeepsWhatIsInUse(t *testing.T) {
	cache := t.TempDir()
	networks, err := pipeline.UnpackNetworks(cache)
	require.NoError(t, err)
	write := func(path ...string) string {
		p := filepath.Join(append([]string{cache}, path...)...)
		require.NoError(t, os.MkdirAll(filepath.Dir(p), 0o700))
		require.NoError(t, os.WriteFile(p, make([]byte, 1000), 0o600))
		return p
	}
	sample, old, compiled, shared := write("samples", "photo.jpg"), write("networks", "old", "x"), write("coreml", "m.mlmodelc", "x"), write("shared", "a.jpg")
	pasted := filepath.Join(cache, "pasted.png")
	writePicture(t, pasted, 16, 16)

	s := New(Options{Engine: &fakeEngine{}, PrivateFolder: cache})
	t.Cleanup(s.Close)
	r := &rig{Session: s}
	r.OpenContent(pasted)
	r.wait(t, func(n Snapshot) bool { return n.Content.Ready() })
	before := s.CacheSize()
	require.Greater(t, before, int64(4000))
	require.NoError(t, s.ClearCache())
	require.Equal(t, before-3000, s.CacheSize())
	for _, p := range []string{sample, pasted, networks} {
		require.FileExists(t, filepath.Join(p, map[bool]string{true: filepath.Join("style.mlpackage", "Manifest.json")}[p == networks]))
	}
	for _, p := range []string{old, compiled, shared} {
		require.NoFileExists(t, p)
	}
}

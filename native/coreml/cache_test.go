//go:build fakecoreml

package coreml

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/coreml/fake"
	"github.com/gesso-app/gesso/native/engine"
)

// counting compiles as Core ML does, and counts.
func counting(t *testing.T, n *int) func(string) (string, error) {
	return func(path string) (string, error) {
		*n++
		out := filepath.Join(t.TempDir(), "x.mlmodelc")
		return out, os.CopyFS(out, os.DirFS(path))
	}
}

func packageOf(t *testing.T, content string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "m.mlpackage")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "Data"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Data", "weight.bin"), []byte(content), 0o600))
	return dir
}

func TestCacheKeys(t *testing.T) {
	dir := t.TempDir()
	c := cache{dir: dir, limit: 1 << 20, version: "14.5"}
	var n int
	get := func(c cache, path string) string {
		e, err := c.compiled(path, counting(t, &n))
		require.NoError(t, err)
		e.close()
		return e.path
	}
	one := get(c, packageOf(t, "one"))
	require.Equal(t, 1, n)
	require.Equal(t, one, get(c, packageOf(t, "one")), "what counts is the content")
	require.Equal(t, 1, n)
	require.NotEqual(t, one, get(c, packageOf(t, "two")))
	require.Equal(t, 2, n)
	c.version = "15.0"
	require.NotEqual(t, one, get(c, packageOf(t, "one")), "each version of the system compiles anew")
	require.Equal(t, 3, n)

	renamed := packageOf(t, "one")
	require.NoError(t, os.Rename(filepath.Join(renamed, "Data", "weight.bin"), filepath.Join(renamed, "Data", "other.bin")))
	get(c, renamed)
	require.Equal(t, 4, n, "names count too")

	file := filepath.Join(t.TempDir(), "m.mlmodel")
	require.NoError(t, os.WriteFile(file, []byte("one"), 0o600))
	key, err := c.key(file)
	require.NoError(t, err)
	require.Len(t, key, 40)

	broken := errors.New("broken")
	_, err = c.compiled(packageOf(t, "three"), func(string) (string, error) { return "", broken })
	require.ErrorIs(t, err, broken)
	list, err := filepath.Glob(filepath.Join(dir, ".compile-*"))
	require.NoError(t, err)
	require.Empty(t, list, "nothing unfinished is left")
}

func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	c := cache{dir: dir, limit: 2500, version: "15"}
	var n int
	content := make([]byte, 1000)
	entries := make([]*entry, 4)
	for i := range entries {
		content[0] = byte(i)
		var err error
		entries[i], err = c.compiled(packageOf(t, string(content)), counting(t, &n))
		require.NoError(t, err)
		if i > 0 {
			entries[i].close()
		}
		old := time.Now().Add(time.Duration(i-10) * time.Minute)
		require.NoError(t, os.Chtimes(entries[i].path, old, old))
	}
	require.DirExists(t, entries[0].path, "it is the oldest, but in use")
	require.NoDirExists(t, entries[1].path)
	require.NoDirExists(t, entries[2].path)
	require.DirExists(t, entries[3].path)
	entries[0].close()

	stale := filepath.Join(dir, ".compile-1.moved")
	require.NoError(t, os.Mkdir(stale, 0o755))
	old := time.Now().Add(-2 * staleWork)
	require.NoError(t, os.Chtimes(stale, old, old))
	content[0] = 9
	e, err := c.compiled(packageOf(t, string(content)), counting(t, &n))
	require.NoError(t, err)
	e.close()
	require.NoDirExists(t, stale)
	require.NoDirExists(t, entries[0].path)
	require.Empty(t, inUse.n)
}

// TestCacheAtOnce compiles a package on several goroutines at once.
func TestCacheAtOnce(t *testing.T) {
	play(t, fake.Modes{})
	dir := t.TempDir()
	var openers sync.WaitGroup
	for range 6 {
		openers.Go(func() {
			m, err := Open(own("half"), engine.Options{CacheDir: dir})
			require.NoError(t, err)
			require.NoError(t, m.Close())
		})
	}
	openers.Wait()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, list, 1)
}

// TestDamagedCache loads a model whose compiled form was damaged: it is compiled anew, once.
func TestDamagedCache(t *testing.T) {
	play(t, fake.Modes{})
	dir := t.TempDir()
	m := open(t, own("half"), engine.Options{CacheDir: dir})
	require.NoError(t, m.Close())
	require.NoError(t, os.RemoveAll(filepath.Join(m.compiled, "package.mlpackage")))
	m = open(t, own("half"), engine.Options{CacheDir: dir})
	require.NoError(t, predictOnce(t, m))

	direct := open(t, m.compiled, engine.Options{CacheDir: t.TempDir()})
	require.NoError(t, predictOnce(t, direct), "a compiled model needs no cache")
	require.NoError(t, os.RemoveAll(filepath.Join(m.compiled, "package.mlpackage")))
	_, err := Open(m.compiled, engine.Options{CacheDir: t.TempDir()})
	require.Error(t, err)
	require.DirExists(t, m.compiled, "what is not the cache's is not removed")
}

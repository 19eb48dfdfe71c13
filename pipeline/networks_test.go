package pipeline

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnpackNetworks(t *testing.T) {
	cache := t.TempDir()
	dir, err := UnpackNetworks(cache)
	require.NoError(t, err)
	weights := filepath.Join(dir, "transform.mlpackage", "Data", "com.apple.CoreML", "weights", "weight.bin")
	whole, err := os.ReadFile(weights)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(weights, whole[:100], 0o600)) // a full disk once cut it short
	again, err := UnpackNetworks(cache)
	require.NoError(t, err)
	require.Equal(t, dir, again)
	mended, err := os.ReadFile(weights)
	require.NoError(t, err)
	require.Equal(t, whole, mended)
	entries, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left beside the networks")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = UnpackNetworks(file)
	require.Error(t, err)
}

func TestMemo(t *testing.T) {
	m := memo[int]{size: 2}
	m.put("a", 1)
	m.put("b", 2)
	_, ok := m.get("a")
	require.True(t, ok)
	m.put("c", 3)
	_, ok = m.get("b")
	require.False(t, ok, "b was used longest ago")
	v, ok := m.get("a")
	require.True(t, ok)
	require.Equal(t, 1, v)
	m.put("", 9)
	_, ok = m.get("")
	require.False(t, ok)
}

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/journal"
)

// TestTwoBatchesDoNotTakeEachOthersPhotos holds that a second batch of the same recipe into the same folder is refused, and leaves the jobs of the
// first as they are.
func TestTwoBatchesDoNotTakeEachOthersPhotos(t *testing.T) {
	for k, v := range programEnv() {
		t.Setenv(k, v)
	}
	work := t.TempDir()
	photo, path, out := filepath.Join(work, "a.png"), filepath.Join(work, "journal.db"), filepath.Join(work, "out")
	require.NoError(t, writePNG(photo, 40, 30))
	c := pipeline.DefaultConfig()
	c.StyleName = "great-wave"
	key, err := batch.Recipe{Config: c, Format: batch.FormatAuto, Metadata: true}.Key()
	require.NoError(t, err)
	first, err := journal.Open(t.Context(), path, batchScope)
	require.NoError(t, err)
	defer first.Close()
	release, err := first.Hold(key)
	require.NoError(t, err)
	waiting := journal.Source{Path: filepath.Join(work, "of the first.png"), Size: 1, Time: 1}
	_, err = first.Observe(t.Context(), batchScope, key, []journal.Source{waiting}, time.Now())
	require.NoError(t, err)

	run := func(style string) (int, string) {
		var stdout, stderr bytes.Buffer
		code := Main(t.Context(), []string{"transfer", photo, "--output", out, "--journal", path, "--style", style}, nil, &stdout, &stderr)
		return code, stderr.String()
	}
	code, text := run("great-wave")
	require.Equal(t, exitFailed, code)
	require.Contains(t, text, "another gesso transfer fills "+out)
	known, err := first.Known(t.Context(), batchScope, key)
	require.NoError(t, err)
	require.True(t, known.Has(waiting))
	code, text = run("udnie")
	require.Equal(t, exitOK, code, text)

	release()
	code, text = run("great-wave")
	require.Equal(t, exitOK, code, text)
	written, err := os.ReadDir(out)
	require.NoError(t, err)
	require.Len(t, written, 2)
}

package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

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
	waiting := batch.Item{Source: journal.Source{Path: filepath.Join(work, "of the first.png"), Size: 1, Time: 1}}
	first, err := batch.Start(t.Context(), batch.Settings{
		Items: []batch.Item{waiting}, Output: out, Recipe: batch.Recipe{Config: c, Format: batch.FormatAuto, Metadata: true}, JournalPath: path,
		Open: func(context.Context) (batch.Engine, error) { return nil, errors.New("it is not to be used") },
	})
	require.NoError(t, err)

	run := func(style string) (int, string) {
		var stdout, stderr bytes.Buffer
		code := Main(t.Context(), []string{"transfer", photo, "--output", out, "--journal", path, "--style", style}, nil, &stdout, &stderr)
		return code, stderr.String()
	}
	code, text := run("great-wave")
	require.Equal(t, exitFailed, code)
	require.Contains(t, text, out+": another batch fills the folder")
	rows, err := first.Rows(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, journal.Pending, rows[0].State)
	code, text = run("udnie")
	require.Equal(t, exitOK, code, text)

	require.NoError(t, first.Close())
	code, text = run("great-wave")
	require.Equal(t, exitOK, code, text)
	written, err := os.ReadDir(out)
	require.NoError(t, err)
	require.Len(t, written, 2)
}

package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// setProgramEnv lets Main run in this process. It returns the folder for temporary files.
func setProgramEnv(t *testing.T) (temp string) {
	t.Helper()
	for k, v := range programEnv() {
		t.Setenv(k, v)
	}
	temp = t.TempDir()
	t.Setenv("TMPDIR", temp)
	return temp
}

func TestClosedPipe(t *testing.T) {
	photo := filepath.Join(t.TempDir(), "photo.png")
	require.NoError(t, writePNG(photo, 80, 60))
	temp := setProgramEnv(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	defer w.Close()
	var stderr bytes.Buffer
	code := Main(context.Background(), []string{"transfer", "--content-image", photo, "--style", "starry-night", "--output", "-"}, nil, w, &stderr)
	require.Equal(t, exitFailed, code)
	require.Empty(t, stderr.String())
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestCancelWaitingForInput cancels a transfer whose photo never comes.
func TestCancelWaitingForInput(t *testing.T) {
	temp := setProgramEnv(t)
	out := filepath.Join(t.TempDir(), "out.png")
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code := Main(ctx, []string{"transfer", "--content-image", "-", "--style", "starry-night", "--output", out}, r, &stdout, &stderr)
	require.Equal(t, exitCancelled, code)
	require.Equal(t, "gesso: cancelled\n", stderr.String())
	require.Empty(t, stdout.String())
	require.NoFileExists(t, out)
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)
}

package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSendToStalledReader cancels while nobody reads stdout: sending ends, and the temporary folder can be removed.
func TestSendToStalledReader(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "streams")
	require.NoError(t, os.Mkdir(dir, 0o700))
	s := &streams{dir: dir, output: filepath.Join(dir, "stdout.png"), toStdout: true}
	require.NoError(t, os.WriteFile(s.output, make([]byte, 1<<20), 0o600))
	r, w := io.Pipe() // without a buffer: the first write waits for a reader
	defer r.Close()   // ends the write that stayed behind
	s.stdout = w

	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() { sent <- s.send(ctx) }()
	_, err := r.Read(make([]byte, 1)) // the sending has begun
	require.NoError(t, err)
	cancel()
	select {
	case err := <-sent:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(20 * time.Second):
		t.Fatal("sending did not end")
	}
	require.NoError(t, s.close())
	require.NoDirExists(t, dir)
}

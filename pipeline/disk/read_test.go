package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.json")
	var got []int
	require.ErrorIs(t, ReadJSON(path, 1<<20, &got), fs.ErrNotExist)

	require.NoError(t, os.WriteFile(path, []byte("[1, 2]"), 0o600))
	require.NoError(t, ReadJSON(path, 6, &got))
	require.Equal(t, []int{1, 2}, got)
	require.EqualError(t, ReadJSON(path, 5, &got), path+" is larger than 0 MiB")

	require.NoError(t, os.WriteFile(path, []byte("[1,"), 0o600))
	require.EqualError(t, ReadJSON(path, 1<<20, &got), "read "+path+": unexpected end of JSON input")
}

package library

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func atoi(t *testing.T, s string) int {
	n, err := strconv.Atoi(s)
	require.NoError(t, err)
	return n
}

func itoa(n int) string { return strconv.Itoa(n) }

// zipped is an archive of files, and of one whose mode is given.
func zipped(t *testing.T, files map[string][]byte, mode fs.FileMode) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range files {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(mode)
		w, err := z.CreateHeader(h)
		require.NoError(t, err)
		_, err = w.Write(data)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestArchiveOfAHub(t *testing.T) {
	inside := someFiles()
	delete(inside, "README.md")
	inside["__MACOSX/compiled/._x"] = []byte("x")
	h := newFakeHub(t, map[string][]byte{"README.md": []byte("x"), "compiled.zip": zipped(t, inside, 0o644)})
	l := &Library{Own: t.TempDir()}
	g, err := get(t, h, l, nil)
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(g.Path, "compiled.zip"))
	require.NoDirExists(t, filepath.Join(g.Path, "__MACOSX"))
	m, err := l.Find("painter/model")
	require.NoError(t, err)
	require.Equal(t, "Stable Diffusion 1.x", m.Kind)
	_, err = get(t, h, l, nil)
	require.NoError(t, err, "it is there already")
}

func TestBadArchives(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		err  string
	}{
		"climbs out":  {zipped(t, map[string][]byte{"../../evil": []byte("x")}, 0o644), "leaves the folder"},
		"absolute":    {zipped(t, map[string][]byte{"/evil": []byte("x")}, 0o644), "leaves the folder"},
		"a link":      {zipped(t, map[string][]byte{"evil": []byte("/etc")}, fs.ModeSymlink|0o777), "link"},
		"no archive":  {[]byte("PK but no more"), "no zip archive"},
		"no model":    {zipped(t, map[string][]byte{"a": []byte("x")}, 0o644), "no model"},
		"our record":  {zipped(t, map[string][]byte{recordName: []byte("{}")}, 0o644), "leaves the folder"},
		"a backslash": {zipped(t, map[string][]byte{`..\evil`: []byte("x")}, 0o644), "leaves the folder"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := &Library{Own: filepath.Join(dir, "own", "models")}
			file := filepath.Join(dir, "m.zip")
			require.NoError(t, os.WriteFile(file, c.file, 0o600))
			_, err := l.Import(t.Context(), file, "", false)
			require.ErrorContains(t, err, c.err)
			require.NoDirExists(t, filepath.Join(l.Own, "m"))
			require.NoFileExists(t, filepath.Join(dir, "evil"))
			require.NoFileExists(t, filepath.Join(l.Own, "evil"))
			left, err := os.ReadDir(filepath.Join(l.Own, downloads))
			require.NoError(t, err)
			require.Len(t, left, 1, "the lock alone")
		})
	}
}

func TestImport(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "found")
	for name, b := range someFiles() {
		path := filepath.Join(from, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, b, 0o600))
	}
	l := &Library{Own: filepath.Join(dir, "models"), Folders: []Folder{{from, Extra}}}
	m, err := l.Find("compiled")
	require.NoError(t, err)
	require.Equal(t, Extra, m.Origin)
	_, err = l.Remove(m)
	require.ErrorIs(t, err, ErrForeign)
	_, err = l.Import(t.Context(), from, "mine", false)
	require.NoError(t, err)
	_, err = l.Import(t.Context(), from, "mine", false)
	require.ErrorIs(t, err, ErrExists)
	_, err = l.Import(t.Context(), from, "../out", false)
	require.ErrorContains(t, err, "no name")
	m, err = l.Find("mine")
	require.NoError(t, err)
	require.Equal(t, "mine/compiled", m.Name)
	require.Empty(t, m.Lacks)
	_, err = l.Remove(m)
	require.NoError(t, err)
}

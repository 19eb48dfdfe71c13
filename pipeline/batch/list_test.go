package batch

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/journal"
)

// names are the items' paths and folders, relative to root.
func names(t *testing.T, root string, items []Item) (all []string) {
	t.Helper()
	for _, x := range items {
		rel, err := filepath.Rel(root, x.Source.Path)
		require.NoError(t, err)
		all = append(all, filepath.ToSlash(rel)+" in "+filepath.ToSlash(x.Dir))
	}
	return all
}

func TestList(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a.jpg", "b.txt", ".c.jpg", "sub/d.PNG", "sub/deep/e.webp", "out/f.jpg", ".git/g.jpg", "[x].jpg"} {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(name), 0o600))
	}
	require.NoError(t, os.Symlink(root, filepath.Join(root, "sub", "loop")))
	require.NoError(t, os.Symlink("/nowhere", filepath.Join(root, "dangling.jpg")))
	require.NoError(t, os.Symlink(filepath.Join(root, "b.txt"), filepath.Join(root, "link.jpg")))
	at := func(p string) string { return filepath.Join(root, p) }
	for _, c := range []struct {
		arguments []string
		recursive bool
		want      []string
	}{
		{[]string{root}, false, []string{"[x].jpg in ", "a.jpg in ", "link.jpg in "}},
		{[]string{root}, true, []string{"[x].jpg in ", "a.jpg in ", "link.jpg in ", "sub/d.PNG in sub", "sub/deep/e.webp in sub/deep"}},
		{[]string{at("sub/d.PNG"), at("a.jpg"), at("missing.jpg"), at("a.jpg")}, false, []string{"sub/d.PNG in ", "a.jpg in ", "missing.jpg in "}},
		{[]string{at("**/*.jpg")}, false, []string{"[x].jpg in ", "a.jpg in ", "link.jpg in "}},
		{[]string{at(".git/*.jpg")}, false, []string{".git/g.jpg in "}},
		{[]string{at(".*.jpg")}, false, []string{".c.jpg in "}},
		{[]string{at("**/*.{png,PNG,webp}")}, false, []string{"sub/d.PNG in ", "sub/deep/e.webp in "}},
		{[]string{at("[x].jpg")}, false, []string{"[x].jpg in "}},
	} {
		items, err := List(c.arguments, c.recursive, at("out"))
		require.NoError(t, err)
		require.Equal(t, c.want, names(t, root, items), "%v", c.arguments)
	}
	for _, none := range []string{at("*.gif"), at("sub/deep/none*"), at(".git/none[")} {
		_, err := List([]string{none}, false)
		require.Error(t, err, none)
	}
	require.NoError(t, os.Mkdir(at("empty"), 0o700))
	_, err := List([]string{at("empty")}, true)
	require.ErrorContains(t, err, "holds no pictures")
}

func TestFolderThatCannotBeReadIsReported(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "closed"), 0))
	require.NoError(t, os.WriteFile(filepath.Join(root, "a.jpg"), nil, 0o600))
	items, err := List([]string{root}, true)
	require.NoError(t, err)
	require.Equal(t, []string{"a.jpg in ", "closed in "}, names(t, root, items))
}

// TestFolderAsSource is what becomes of a folder in the list.
func TestFolderAsSource(t *testing.T) {
	b := newBench(t)
	b.options.Patient = false
	b.add(some(1))
	require.NoError(t, os.Mkdir(filepath.Join(b.in, "closed"), 0o700))
	b.note(journal.Source{Path: filepath.Join(b.in, "closed")})
	b.run()
	require.Equal(t, journal.Failed, b.jobs()["closed"].State)
	require.Contains(t, b.jobs()["closed"].Reason, "cannot be read")
	require.Equal(t, journal.Done, b.jobs()["p00.jpg"].State)
}

package picture

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireFiles lists a folder: what else is in it is a leftover.
func requireFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, want, names)
}

func TestSaveAndOpen(t *testing.T) {
	for _, file := range []string{"a.jpg", "a.jpeg", "a.PNG", "a.tif", "a.TIFF", "a.webp"} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, file)
			require.NoError(t, CheckOutput(path))
			requireFiles(t, dir)
			require.NoError(t, Save(t.Context(), path, sample(64, 48), SaveOptions{Quality: 95}))
			requireFiles(t, dir, file)
			p, err := Open(t.Context(), path, Limits{})
			require.NoError(t, err)
			requireQuarters(t, quarters, p.Image, 3)

			err = Save(t.Context(), path, sample(20, 20), SaveOptions{})
			require.ErrorIs(t, err, ErrExists)
			require.EqualError(t, err, path+" already exists")
			require.NoError(t, CheckOutput(path))
			require.NoError(t, os.Chmod(path, 0o640))
			require.NoError(t, Save(t.Context(), path, sample(20, 20), SaveOptions{Overwrite: true}))
			requireFiles(t, dir, file)
			p, err = Open(t.Context(), path, Limits{})
			require.NoError(t, err)
			require.Equal(t, 20, p.Bounds().Dx())
			info, err := os.Stat(path)
			require.NoError(t, err)
			if runtime.GOOS != "windows" {
				require.Equal(t, fs.FileMode(0o640), info.Mode().Perm())
			}
		})
	}
}

func TestAlpha(t *testing.T) {
	img := sample(32, 32)
	for i := 3; i < len(img.Pix); i += 4 {
		img.Pix[i] = 0x80
	}
	var b bytes.Buffer
	for _, format := range []string{"png", "tiff", "webp"} {
		b.Reset()
		require.NoError(t, Encode(&b, format, img, SaveOptions{}))
		p, err := Decode(t.Context(), &b, "a", Limits{})
		require.NoError(t, err)
		require.Equal(t, format, p.Format)
		require.Equal(t, img.Pix, p.Image.Pix, format)
	}

	b.Reset()
	require.NoError(t, Encode(&b, "jpeg", img, SaveOptions{Quality: 100}))
	p, err := Decode(t.Context(), &b, "a", Limits{})
	require.NoError(t, err)
	var onWhite [4]color.NRGBA
	for i, c := range quarters {
		mix := func(v uint8) uint8 { return uint8((int(v)*128 + 255*127) / 255) }
		onWhite[i] = color.NRGBA{mix(c.R), mix(c.G), mix(c.B), 255}
	}
	requireQuarters(t, onWhite, p.Image, 3)
}

func TestSaveLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Save(cancelled, filepath.Join(dir, "a.png"), sample(32, 32), SaveOptions{}), context.Canceled)
	requireFiles(t, dir)

	// Cancelled while the picture is encoded: the image calls cancel when it is read.
	ctx, cancel := context.WithCancel(t.Context())
	err := Save(ctx, filepath.Join(dir, "a.png"), cancelling{sample(32, 32), cancel}, SaveOptions{})
	require.ErrorIs(t, err, context.Canceled)
	requireFiles(t, dir)

	kept := filepath.Join(dir, "kept.png")
	require.NoError(t, os.WriteFile(kept, []byte("old"), 0o600))
	ctx, cancel = context.WithCancel(t.Context())
	err = Save(ctx, kept, cancelling{sample(32, 32), cancel}, SaveOptions{Overwrite: true})
	require.ErrorIs(t, err, context.Canceled)
	require.Error(t, Save(t.Context(), kept, image.NewNRGBA(image.Rectangle{}), SaveOptions{Overwrite: true}))
	wide := image.NewGray(image.Rect(0, 0, 70000, 1))
	err = Save(t.Context(), filepath.Join(dir, "wide.jpg"), wide, SaveOptions{})
	require.ErrorContains(t, err, "wide.jpg cannot be written: a side of 70000 pixels is too long for JPEG, which holds 65535: use PNG")
	requireFiles(t, dir, "kept.png")
	data, err := os.ReadFile(kept)
	require.NoError(t, err)
	require.Equal(t, "old", string(data))
}

// cancelling is an image that cancels a context when a pixel is read.
type cancelling struct {
	image.Image
	cancel func()
}

func (c cancelling) At(x, y int) color.Color {
	c.cancel()
	return c.Image.At(x, y)
}

func TestCheckOutput(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	folder := filepath.Join(dir, "folder.png")
	require.NoError(t, os.Mkdir(folder, 0o700))
	for path, want := range map[string]string{
		filepath.Join(dir, "a.gif"):       "has no name that Gesso writes: use .jpg, .png, .tif or .webp",
		filepath.Join(dir, "a"):           "has no name that Gesso writes: use .jpg, .png, .tif or .webp",
		filepath.Join(dir, "no", "a.jpg"): "cannot be written: the folder " + filepath.Join(dir, "no") + " does not exist",
		filepath.Join(file, "a.jpg"):      "cannot be written: " + file + " is not a folder",
		folder:                            "cannot be written: it is a folder or a device",
	} {
		require.EqualError(t, CheckOutput(path), path+" "+want)
		require.EqualError(t, Save(t.Context(), path, sample(16, 16), SaveOptions{Overwrite: true}), path+" "+want)
	}
	requireFiles(t, dir, "file", "folder.png")
}

func TestCheckOutputReadOnlyFolder(t *testing.T) {
	if os.Geteuid() <= 0 {
		t.Skip("root, and Windows, write into read-only folders")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	path := filepath.Join(dir, "a.jpg")
	require.EqualError(t, CheckOutput(path), path+" cannot be written: permission denied")
}

func TestSymbolicLinks(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	link := filepath.Join(dir, "link.png")
	if err := os.Symlink(filepath.Join(other, "target.png"), link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	require.NoError(t, Save(t.Context(), link, sample(16, 16), SaveOptions{}))
	require.ErrorIs(t, Save(t.Context(), link, sample(16, 16), SaveOptions{}), ErrExists)
	require.NoError(t, Save(t.Context(), link, sample(24, 24), SaveOptions{Overwrite: true}))
	requireFiles(t, dir, "link.png")
	requireFiles(t, other, "target.png")
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&fs.ModeSymlink)
	p, err := Open(t.Context(), filepath.Join(other, "target.png"), Limits{})
	require.NoError(t, err)
	require.Equal(t, 24, p.Bounds().Dx())
	require.True(t, SameFile(link, filepath.Join(other, "target.png")))

	loop := filepath.Join(dir, "loop.png")
	require.NoError(t, os.Symlink("loop.png", loop))
	require.EqualError(t, CheckOutput(loop), loop+" cannot be written: its symbolic links go round in a circle")
}

func TestSameFile(t *testing.T) {
	dir := t.TempDir()
	a, b, missing := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "missing")
	require.NoError(t, os.WriteFile(a, []byte("x"), 0o600))
	require.NoError(t, os.WriteFile(b, []byte("x"), 0o600))
	require.True(t, SameFile(a, filepath.Join(dir, ".", "x", "..", "a")))
	require.False(t, SameFile(a, b))
	require.False(t, SameFile(a, missing))
	require.True(t, SameFile(missing, missing))
}

func TestEncodeUnknownFormat(t *testing.T) {
	require.EqualError(t, Encode(&bytes.Buffer{}, "gif", sample(16, 16), SaveOptions{}), `pictures are written as jpeg, png, tiff or webp, not as "gif"`)
}

func BenchmarkEncode(b *testing.B) {
	img := sample(1024, 1024)
	for i := range img.Pix {
		if i%4 != 3 {
			img.Pix[i] ^= byte(i * 7 >> 5)
		}
	}
	for _, format := range []string{"jpeg", "png"} {
		b.Run(format, func(b *testing.B) {
			b.SetBytes(4 << 20)
			for b.Loop() {
				var out bytes.Buffer
				require.NoError(b, Encode(&out, format, img, SaveOptions{Recipe: []byte("{}")}))
			}
		})
	}
}

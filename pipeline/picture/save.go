package picture

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"image"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// formatOf returns the format to write by the extension of a path.
func formatOf(path string) (string, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jpg", ".jpeg":
		return "jpeg", nil
	case ".png":
		return "png", nil
	case ".tif", ".tiff":
		return "tiff", nil
	case ".webp":
		return "webp", nil
	}
	return "", refuse(path, "has no name that Gesso writes: use .jpg, .png, .tif or .webp")
}

// CheckOutput says whether Save can write path: its extension is known and its folder exists and takes files. An existing
// file is no error here. It lets a caller refuse before any work.
func CheckOutput(path string) error {
	if _, err := formatOf(path); err != nil {
		return err
	}
	target, err := resolve(path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(target); err == nil && !info.Mode().IsRegular() {
		return refuse(path, "cannot be written: it is a folder or a device")
	}
	probe, err := createBeside(target, 0o600) // permissions alone do not tell: a disk may be read-only
	if err != nil {
		return folderError(path, target, err)
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// SameFile says whether two paths lead to one file. Paths of which one does not exist are compared by their names.
func SameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB)
	}
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	return errA == nil && errB == nil && absA == absB
}

// Save writes img to path, as JPEG, PNG, TIFF or WebP by its extension. The file appears whole or, on an error or a cancelled ctx, not
// at all; a file that it replaces keeps its permissions. A symbolic link stays and its target is written.
// Without o.Overwrite an existing file gives an error that wraps ErrExists.
func Save(ctx context.Context, path string, img image.Image, o SaveOptions) (err error) {
	format, err := formatOf(path)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	target, err := resolve(path)
	if err != nil {
		return err
	}
	mode, exists := fs.FileMode(0o666), false
	if info, err := os.Stat(target); err == nil {
		if !info.Mode().IsRegular() {
			return refuse(path, "cannot be written: it is a folder or a device")
		}
		if !o.Overwrite {
			return existsError(path)
		}
		mode, exists = info.Mode().Perm(), true
	}
	temp, err := createBeside(target, mode)
	if err != nil {
		return folderError(path, target, err)
	}
	defer func() {
		temp.Close() // closed already after success; os.File makes that harmless
		if err != nil {
			os.Remove(temp.Name())
		}
	}()
	if exists { // undo the umask
		if err := temp.Chmod(mode); err != nil {
			return fileError(path, "written", err)
		}
	}
	b := bufio.NewWriterSize(contextWriter{ctx, temp}, 1<<18)
	if err := Encode(b, format, img, o); err != nil {
		return writeError(ctx, path, err)
	}
	if err := b.Flush(); err != nil {
		return writeError(ctx, path, err)
	}
	if err := temp.Sync(); err != nil {
		return fileError(path, "written", err)
	}
	if err := temp.Close(); err != nil {
		return fileError(path, "written", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return publish(temp.Name(), target, path, o.Overwrite)
}

// publish gives the finished file its name.
func publish(temp, target, path string, overwrite bool) error {
	if !overwrite {
		// A link, unlike a rename, fails if another program made the file meanwhile.
		err := os.Link(temp, target)
		if err == nil {
			if err := os.Remove(temp); err != nil {
				return fileError(path, "written", err)
			}
			syncFolder(filepath.Dir(target))
			return nil
		}
		if _, statErr := os.Lstat(target); statErr == nil {
			return existsError(path)
		}
		// This disk has no links, such as FAT.
	}
	if err := os.Rename(temp, target); err != nil {
		return fileError(path, "written", err)
	}
	syncFolder(filepath.Dir(target))
	return nil
}

// syncFolder makes the new name durable where the system can. The file is whole either way, so errors do not matter.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

// folderError is the error of a folder that takes no file.
func folderError(path, target string, err error) error {
	dir := filepath.Dir(target)
	info, statErr := os.Stat(dir)
	switch {
	case errors.Is(statErr, fs.ErrNotExist):
		return &Error{Path: path, Reason: "cannot be written: the folder " + dir + " does not exist", Err: statErr}
	case statErr == nil && !info.IsDir():
		return &Error{Path: path, Reason: "cannot be written: " + dir + " is not a folder", Err: err}
	}
	return fileError(path, "written", err)
}

func existsError(path string) error {
	return &Error{Path: path, Reason: ErrExists.Error(), Err: ErrExists}
}

// writeError puts the error of an encoder into a sentence; a cancelled ctx comes first.
func writeError(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fileError(path, "written", err)
}

// resolve follows the symbolic links of path to the file to write, which need not exist.
func resolve(path string) (string, error) {
	target := path
	for range 40 {
		info, err := os.Lstat(target)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return target, nil
		}
		next, err := os.Readlink(target)
		if err != nil {
			return "", fileError(path, "written", err)
		}
		if !filepath.IsAbs(next) {
			// Not joined by name alone: in a folder that is a link itself, ".." leads elsewhere.
			dir, err := filepath.EvalSymlinks(filepath.Dir(target))
			if err != nil {
				return "", fileError(path, "written", err)
			}
			next = filepath.Join(dir, next)
		}
		target = next
	}
	return "", refuse(path, "cannot be written: its symbolic links go round in a circle")
}

// createBeside makes a new hidden file in the folder of target. Unlike os.CreateTemp it leaves the mode to the umask, as for
// any file that a program saves.
func createBeside(target string, mode fs.FileMode) (*os.File, error) {
	name := filepath.Join(filepath.Dir(target), ".gesso-"+rand.Text()+".tmp")
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode|0o200)
}

// contextWriter fails with the context's error once it is cancelled.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c contextWriter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}

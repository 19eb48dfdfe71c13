// Package disk replaces files whole or not at all, and is what unattended work does to files, as functions that a test can replace to make them
// fail. It must not import the rest of Gesso.
package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Disk is a set of functions on files. OS returns the system's; all must be set.
type Disk struct {
	Stat    func(path string) (fs.FileInfo, error) // follows links
	Lstat   func(path string) (fs.FileInfo, error)
	Open    func(path string) (fs.File, error)
	Create  func(path string) (File, error) // of a new file; one that is there is an error
	Link    func(old, name string) error    // fails if name is there
	Rename  func(old, name string) error    // replaces name
	Remove  func(path string) error
	Mkdir   func(path string) error // with its parents
	ReadDir func(path string) ([]fs.DirEntry, error)
	Chtimes func(path string, t time.Time) error
	SyncDir func(path string) error           // makes names in it last
	Volume  func(path string) (uint64, error) // a number of the file system
	Free    func(path string) (uint64, error) // bytes that may be written to the file system
}

// File is a file that is being written.
type File interface {
	io.Writer
	Sync() error
	Close() error
}

// OS returns the system's functions.
func OS() Disk {
	return Disk{
		Stat:  os.Stat,
		Lstat: os.Lstat,
		Open:  func(path string) (fs.File, error) { return os.Open(path) },
		Create: func(path string) (File, error) {
			return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		},
		Link:    os.Link,
		Rename:  os.Rename,
		Remove:  os.Remove,
		Mkdir:   func(path string) error { return os.MkdirAll(path, 0o777) },
		ReadDir: os.ReadDir,
		Chtimes: func(path string, t time.Time) error { return os.Chtimes(path, time.Time{}, t) },
		SyncDir: syncDir,
		Volume:  volume,
		Free:    free,
	}
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync() // not every file system can, and the file is whole either way
	return nil
}

// Exists tells whether there is something at path. An error other than that nothing is there counts as there being something.
func (d Disk) Exists(path string) bool {
	_, err := d.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// ErrChanged says that a file was written to while it was read.
var ErrChanged = errors.New("it was written to while it was read")

// Read returns what a regular file of at most limit bytes holds, and the file as it was then. A file that changed meanwhile gives ErrChanged.
func (d Disk) Read(path string, limit int64) ([]byte, fs.FileInfo, error) {
	f, err := d.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is not a file")}
	}
	if info.Size() > limit {
		return nil, info, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it is larger than %d bytes", limit)}
	}
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, info, err
	}
	after, err := f.Stat()
	if err != nil {
		return nil, info, err
	}
	if n != info.Size() || after.Size() != info.Size() || !after.ModTime().Equal(info.ModTime()) {
		return nil, after, &fs.PathError{Op: "read", Path: path, Err: ErrChanged}
	}
	return b.Bytes(), info, nil
}

// Place gives the file temp the name target, which must be free unless replace is true: a target that is there gives an error that is
// fs.ErrExist. Both are on one file system.
func (d Disk) Place(temp, target string, replace bool) error {
	if !replace {
		err := d.Link(temp, target) // unlike a rename, it fails if another program was quicker
		if err == nil {
			err = d.Remove(temp)
		} else if errors.Is(err, fs.ErrExist) {
			return err
		} else if d.Exists(target) {
			return &fs.PathError{Op: "link", Path: target, Err: fs.ErrExist}
		} else { // a file system without links, such as exFAT
			err = d.Rename(temp, target)
		}
		if err != nil {
			return err
		}
		return d.SyncDir(filepath.Dir(target))
	}
	if err := d.Rename(temp, target); err != nil {
		return err
	}
	return d.SyncDir(filepath.Dir(target))
}

// Move brings a file to the folder dir under its own name, or with a number where that is taken, on another file system too, and returns its new
// path. It goes on where an earlier call was cut short. temp is a name in dir for the copy that another file system needs.
func (d Disk) Move(path, dir, temp string) (string, error) {
	if err := d.Mkdir(dir); err != nil {
		return "", err
	}
	for n := 1; n < 100000; n++ {
		target := filepath.Join(dir, Numbered(filepath.Base(path), n))
		err := d.Link(path, target)
		switch {
		case err == nil || errors.Is(err, fs.ErrExist) && d.same(path, target):
			return target, d.Remove(path)
		case errors.Is(err, fs.ErrExist) || d.Exists(target):
			continue
		}
		if err := d.Rename(path, target); err == nil {
			return target, nil
		}
		if err := d.copyTo(path, temp); err != nil {
			_ = d.Remove(temp) // it may not be there
			return "", err
		}
		if err := d.Place(temp, target, false); err != nil {
			_ = d.Remove(temp) // it may not be there
			return "", err
		}
		return target, d.Remove(path)
	}
	return "", fmt.Errorf("move %s to %s: too many files of that name", path, dir)
}

func (d Disk) same(a, b string) bool {
	x, errA := d.Stat(a)
	y, errB := d.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

func (d Disk) copyTo(path, temp string) (err error) {
	in, err := d.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := d.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := d.Create(temp)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return d.Chtimes(temp, info.ModTime())
}

// Numbered puts a number into a file's name before its extension; 1 leaves it as it is.
func Numbered(name string, n int) string {
	if n <= 1 {
		return name
	}
	ext := filepath.Ext(name)
	return fmt.Sprintf("%s-%d%s", name[:len(name)-len(ext)], n, ext)
}

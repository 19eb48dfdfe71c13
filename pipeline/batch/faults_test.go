package batch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/disk"
	"github.com/gesso-app/gesso/pipeline/journal"
)

// faulty makes each call of one kind fail a few times, from the nth on.
type faulty struct {
	disk.Disk
	left atomic.Int32
}

func (f *faulty) fails() bool { return f.left.Add(-1) >= 0 }

type faultyFile struct {
	disk.File
	write, sync, shut func() error
	short             func() bool
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.short != nil && f.short() {
		return f.File.Write(p[:len(p)/2])
	}
	if f.write != nil {
		if err := f.write(); err != nil {
			n, _ := f.File.Write(p[:len(p)/3])
			return n, err
		}
	}
	return f.File.Write(p)
}

func (f *faultyFile) Sync() error {
	if f.sync != nil {
		if err := f.sync(); err != nil {
			return err
		}
	}
	return f.File.Sync()
}

func (f *faultyFile) Close() error {
	err := f.File.Close()
	if f.shut != nil {
		if err := f.shut(); err != nil {
			return err
		}
	}
	return err
}

// TestFaults holds that no fault of the file system, however often it comes, loses a picture, makes one twice, leaves a file half written or
// blames a picture.
func TestFaults(t *testing.T) {
	created := func(set func(*faultyFile, func(error) error), e error) func(*faulty) {
		return func(f *faulty) {
			create := f.Disk.Create
			f.Disk.Create = func(p string) (disk.File, error) {
				file, err := create(p)
				if err != nil {
					return nil, err
				}
				ff := &faultyFile{File: file}
				set(ff, func(e error) error {
					if f.fails() {
						return &fs.PathError{Op: "write", Path: p, Err: e}
					}
					return nil
				})
				_ = e
				return ff, nil
			}
		}
	}
	failing := func(e error, on func(*disk.Disk, func(string) error)) func(*faulty) {
		return func(f *faulty) {
			on(&f.Disk, func(path string) error {
				if f.fails() {
					return &fs.PathError{Op: "open", Path: path, Err: e}
				}
				return nil
			})
		}
	}
	create := func(d *disk.Disk, fail func(string) error) {
		real := d.Create
		d.Create = func(p string) (disk.File, error) {
			if err := fail(p); err != nil {
				return nil, err
			}
			return real(p)
		}
	}
	open := func(d *disk.Disk, fail func(string) error) {
		real := d.Open
		d.Open = func(p string) (fs.File, error) {
			if err := fail(p); err != nil {
				return nil, err
			}
			return real(p)
		}
	}
	link := func(d *disk.Disk, fail func(string) error) {
		real := d.Link
		d.Link = func(a, b string) error {
			if err := fail(a); err != nil {
				return err
			}
			return real(a, b)
		}
	}
	renames := func(d *disk.Disk, fail func(string) error) {
		real := d.Rename
		d.Link = func(a, b string) error { return &os.LinkError{Op: "link", Old: a, New: b, Err: syscall.EPERM} } // as on exFAT
		d.Rename = func(a, b string) error {
			if err := fail(a); err != nil {
				return err
			}
			return real(a, b)
		}
	}
	remove := func(d *disk.Disk, fail func(string) error) {
		real := d.Remove
		d.Remove = func(p string) error {
			if err := fail(p); err != nil {
				return err
			}
			return real(p)
		}
	}
	syncDir := func(d *disk.Disk, fail func(string) error) {
		real := d.SyncDir
		d.SyncDir = func(p string) error {
			if err := fail(p); err != nil {
				return err
			}
			return real(p)
		}
	}
	stat := func(d *disk.Disk, fail func(string) error) {
		real := d.Stat
		d.Stat = func(p string) (fs.FileInfo, error) {
			if err := fail(p); err != nil {
				return nil, err
			}
			return real(p)
		}
	}
	free := func(d *disk.Disk, fail func(string) error) {
		var left atomic.Int32
		d.Free = func(p string) (uint64, error) {
			if fail(p) != nil || left.Add(1) == 1 {
				return 10, nil
			}
			return 1e12, nil
		}
	}
	kinds := map[string]func(*faulty){
		"write error":            created(func(f *faultyFile, fail func(error) error) { f.write = func() error { return fail(syscall.EIO) } }, nil),
		"no space":               created(func(f *faultyFile, fail func(error) error) { f.write = func() error { return fail(syscall.ENOSPC) } }, nil),
		"quota":                  created(func(f *faultyFile, fail func(error) error) { f.write = func() error { return fail(syscall.EDQUOT) } }, nil),
		"short write":            created(func(f *faultyFile, fail func(error) error) { f.short = func() bool { return fail(syscall.EIO) != nil } }, nil),
		"no space at sync":       created(func(f *faultyFile, fail func(error) error) { f.sync = func() error { return fail(syscall.ENOSPC) } }, nil),
		"error at close":         created(func(f *faultyFile, fail func(error) error) { f.shut = func() error { return fail(syscall.EIO) } }, nil),
		"no descriptor to write": failing(syscall.EMFILE, create),
		"no descriptor to read":  failing(syscall.EMFILE, open),
		"permission":             failing(syscall.EACCES, create),
		"read-only":              failing(syscall.EROFS, create),
		"link error":             failing(syscall.EIO, link),
		"rename failure":         failing(syscall.EIO, renames),
		"remove failure":         failing(syscall.EIO, remove),
		"sync of the folder":     failing(syscall.EIO, syncDir),
		"stat of a stale share":  failing(syscall.ESTALE, stat),
		"disk nearly full":       failing(syscall.ENOSPC, free),
	}
	for name, kind := range kinds {
		for _, times := range []int32{1, 3, 12} {
			t.Run(fmt.Sprint(name, " ", times), func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				f := &faulty{Disk: disk.OS()}
				f.left.Store(times)
				kind(f)
				b.options.Disk = f.Disk
				b.options.Backoff = time.Millisecond
				b.add(some(6))
				b.run()
				require.Less(t, f.left.Load(), times, "the fault was met")
				for _, j := range b.jobs() {
					require.Zero(t, j.Attempts, j.Reason)
				}
				b.options.Disk = disk.OS()
				b.run() // removes what could not be removed before
				b.whole(6)
			})
		}
	}
}

func TestUnmountedVolumeIsWaitedFor(t *testing.T) {
	b := newBench(t)
	b.options.Disk = disk.OS()
	var asked atomic.Int32
	b.options.Disk.Volume = func(p string) (uint64, error) {
		if p != b.out {
			return 1, nil
		}
		if n := asked.Add(1); n > 2 && n < 6 {
			return 1, nil // the empty folder below the mount
		}
		return 2, nil
	}
	b.options.Jobs = 1
	b.add(some(5))
	b.run()
	b.whole(5)
	require.Greater(t, asked.Load(), int32(6))
}

func TestUnreadableSourceIsItsOwnFault(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	b := newBench(t)
	b.add(some(2))
	require.NoError(t, os.Chmod(filepath.Join(b.in, "p00.jpg"), 0))
	b.run()
	require.Equal(t, journal.Failed, b.jobs()["p00.jpg"].State)
	require.Equal(t, journal.Done, b.jobs()["p01.jpg"].State)
}

package unattended

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/gesso-app/gesso/pipeline/disk"
)

// listVersion is the version of the lists' files.
const listVersion = 1

// maxListBytes bounds what is read of a list.
const maxListBytes = 64 << 20

// list is a list in a file: {"version": 1, "entries": [...]}. Several processes may change it: each change is of what is there then.
type list[T any] struct{ path string }

type listFile[T any] struct {
	Version int `json:"version"`
	Entries []T `json:"entries"`
}

// read returns the entries; a file that is not there holds none.
func (l list[T]) read() ([]T, error) {
	info, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list: %w", err)
	}
	if info.Size() > maxListBytes {
		return nil, fmt.Errorf("read the list %s: it is larger than %d bytes", l.path, int64(maxListBytes))
	}
	b, err := os.ReadFile(l.path)
	if err != nil {
		return nil, fmt.Errorf("read the list: %w", err)
	}
	var f listFile[T]
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("read the list %s: it is damaged: remove it, or bring back a copy: %w", l.path, err)
	}
	if f.Version != listVersion {
		return nil, fmt.Errorf("read the list %s: it has version %d, this Gesso reads %d: update Gesso", l.path, f.Version, listVersion)
	}
	return f.Entries, nil
}

// change replaces the entries by what f makes of them, whole or not at all.
func (l list[T]) change(f func([]T) ([]T, error)) (entries []T, err error) {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return nil, fmt.Errorf("write the list: %w", err)
	}
	lock := flock.New(l.path + ".lock")
	if err := lock.Lock(); err != nil {
		return nil, fmt.Errorf("lock the list %s: %w", l.path, err)
	}
	defer lock.Close()
	if entries, err = l.read(); err != nil {
		return nil, err
	}
	if entries, err = f(entries); err != nil {
		return nil, err
	}
	err = disk.Replace(l.path, 0o600, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(listFile[T]{listVersion, entries})
	})
	if err != nil {
		return nil, fmt.Errorf("write the list %s: %w", l.path, err)
	}
	return entries, nil
}

// newID is a name for an entry.
func newID() string { return strings.ToLower(rand.Text()[:10]) }

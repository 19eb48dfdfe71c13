//go:build darwin || fakecoreml

package coreml

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	maxCache   = 16 << 30           // bytes of compiled packages that are kept
	staleWork  = 24 * time.Hour     // after that, an unfinished folder is nobody's
	suffix     = ".mlmodelc"        // of compiled packages
	unfinished = ".compile-*.moved" // folders on their way into the cache
)

// cache keeps compiled packages, each in a folder that is named by its content and the system's version. The ones used longest ago go when they are
// more than limit bytes together. Several processes may share the folder: entries appear whole or not at all.
type cache struct {
	dir     string
	limit   int64
	version string
}

// inUse counts the open models on each folder of a cache: they are not removed.
var inUse = struct {
	mu sync.Mutex
	n  map[string]int
}{n: map[string]int{}}

// entry is a compiled package, which stays in the cache until it is closed.
type entry struct {
	path   string
	reused bool // it was there before
	cached bool
}

// cacheAt opens the cache in dir, or the user's.
func cacheAt(dir string) (cache, error) {
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			user = os.TempDir()
		}
		dir = filepath.Join(user, "gesso", "coreml")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cache{}, fmt.Errorf("keep compiled packages: %w", err)
	}
	return cache{dir: dir, limit: maxCache, version: systemVersion()}, nil
}

// compiled returns the compiled form of a package, which compile makes when the cache does not have it.
func (c cache) compiled(path string, compile func(path string) (string, error)) (*entry, error) {
	if strings.EqualFold(filepath.Ext(path), suffix) {
		if _, err := os.Stat(path); err != nil {
			return nil, missing(path, err)
		}
		return &entry{path: path}, nil
	}
	key, err := c.key(path)
	if err != nil {
		return nil, missing(path, err)
	}
	e := &entry{path: filepath.Join(c.dir, key+suffix), cached: true}
	e.hold(1)
	if st, err := os.Stat(e.path); err == nil && st.IsDir() {
		e.reused = true
		now := time.Now()
		_ = os.Chtimes(e.path, now, now) // otherwise it goes earlier from the cache
		return e, nil
	}
	if err := c.fill(e.path, path, compile); err != nil {
		e.close()
		return nil, err
	}
	c.trim()
	return e, nil
}

func missing(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no model %s: %w", path, fs.ErrNotExist)
	}
	return err
}

// fill compiles path to the folder final.
func (c cache) fill(final, path string, compile func(path string) (string, error)) error {
	temporary, err := compile(path)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary) // moved away when all went well
	work, err := os.MkdirTemp(c.dir, unfinished)
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	moved := filepath.Join(work, filepath.Base(temporary))
	if err := os.Rename(temporary, moved); err != nil { // on another disk
		if err := os.CopyFS(moved, os.DirFS(temporary)); err != nil {
			return err
		}
	}
	err = os.Rename(moved, final)
	if st, other := os.Stat(final); err != nil && other == nil && st.IsDir() {
		return nil // another process was quicker
	}
	return err
}

// key names a package by its content. Links and special files are refused, so that a package cannot draw in what lies outside of it.
func (c cache) key(path string) (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q\n", c.version)
	add := func(root *os.Root, name, in string) error {
		f, err := root.Open(in)
		if err != nil {
			return err
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%q %d\n", name, st.Size())
		_, err = io.Copy(sum, f)
		return err
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	folder, single := path, ""
	if !st.IsDir() {
		folder, single = filepath.Dir(path), filepath.Base(path)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return "", err
	}
	defer root.Close()
	if single != "" {
		if !st.Mode().IsRegular() {
			return "", fmt.Errorf("%s is neither a file nor a folder", path)
		}
		err = add(root, "", single)
	} else {
		err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || d.IsDir():
				return err
			case !d.Type().IsRegular():
				return fmt.Errorf("%s in the package is not a file", p)
			}
			return add(root, p, filepath.FromSlash(p))
		})
	}
	return hex.EncodeToString(sum.Sum(nil))[:40], err
}

// trim removes what is too much. What cannot be removed is left: the cache is then larger, and no model is the worse for it.
func (c cache) trim() {
	list, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	type old struct {
		path string
		size int64
		used time.Time
	}
	var all []old
	var total int64
	for _, d := range list {
		p := filepath.Join(c.dir, d.Name())
		st, err := d.Info()
		if err != nil || !st.IsDir() {
			continue
		}
		if ok, _ := filepath.Match(unfinished, d.Name()); ok && time.Since(st.ModTime()) > staleWork {
			_ = os.RemoveAll(p)
		}
		if filepath.Ext(p) == suffix {
			n := folderSize(p)
			all, total = append(all, old{p, n, st.ModTime()}), total+n
		}
	}
	slices.SortFunc(all, func(a, b old) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.path, b.path)) })
	for _, o := range all {
		if total > c.limit && (&entry{path: o.path, cached: true}).remove() == nil {
			total -= o.size
		}
	}
}

func folderSize(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it counts for nothing
		}
		if st, err := d.Info(); err == nil && st.Mode().IsRegular() {
			n += st.Size()
		}
		return nil
	})
	return n
}

func (e *entry) hold(by int) {
	inUse.mu.Lock()
	defer inUse.mu.Unlock()
	if inUse.n[e.path] += by; inUse.n[e.path] == 0 {
		delete(inUse.n, e.path)
	}
}

func (e *entry) close() {
	if e.cached {
		e.hold(-1)
	}
}

// remove takes an entry that no open model uses out of the cache.
func (e *entry) remove() error {
	inUse.mu.Lock()
	defer inUse.mu.Unlock()
	if !e.cached || inUse.n[e.path] > 0 {
		return fmt.Errorf("%s is in use", e.path)
	}
	return os.RemoveAll(e.path)
}

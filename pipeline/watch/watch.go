// Package watch reports when files on disk change under the hands of the program (Files) and finds the pictures that come into a folder (Folder).
// Files knows paths only; Folder notes what it finds in a journal, which package batch works off. The package must not import ui.
package watch

import (
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// DefaultSettle is how long a file must be quiet before its change is reported.
const DefaultSettle = 300 * time.Millisecond

// Files watches a small set of files. Folders are watched rather than files, because most programs save by writing a new file and renaming
// it over the old one, which a watch on the file itself would lose. All methods may be called from any goroutine.
type Files struct {
	notify  *fsnotify.Watcher
	settle  time.Duration
	changed func(path string)
	done    chan struct{}

	mu      sync.Mutex
	files   map[string]string // absolute path -> path as given
	folders map[string]bool
}

// NewFiles starts watching, with no files at first. changed is called on the watch's own goroutine, once for each burst of events, with the
// path as it was given to Set, settle after the last event of the burst (DefaultSettle when settle is 0); the file may be gone by then.
func NewFiles(settle time.Duration, changed func(path string)) (*Files, error) {
	if settle <= 0 {
		settle = DefaultSettle
	}
	n, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	f := &Files{
		notify: n, settle: settle, changed: changed, done: make(chan struct{}),
		files: map[string]string{}, folders: map[string]bool{},
	}
	go f.loop()
	return f, nil
}

// Set replaces the watched files; empty paths are ignored. A folder that cannot be watched is in the error, the others are watched.
func (f *Files) Set(paths ...string) error {
	files, folders := map[string]string{}, map[string]bool{}
	for _, p := range paths {
		if p == "" {
			continue
		}
		abs, err := filepath.Abs(p)
		if err != nil {
			return fmt.Errorf("watch %s: %w", p, err)
		}
		files[abs] = p
		folders[filepath.Dir(abs)] = true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var first error
	for dir := range folders {
		if f.folders[dir] {
			continue
		}
		if err := f.notify.Add(dir); err != nil {
			delete(folders, dir)
			if first == nil {
				first = fmt.Errorf("watch %s: %w", dir, err)
			}
		}
	}
	for dir := range f.folders {
		if !folders[dir] {
			_ = f.notify.Remove(dir) // the folder may be gone, and with it the watch
		}
	}
	f.files, f.folders = files, folders
	return first
}

// Close stops watching and waits until changed is called no more. It must not be called from changed. It may be called again.
func (f *Files) Close() error {
	err := f.notify.Close()
	<-f.done
	return err
}

func (f *Files) loop() {
	defer close(f.done)
	due := map[string]time.Time{} // absolute path -> when it has settled
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case e, ok := <-f.notify.Events:
			if !ok {
				return
			}
			if e.Op == fsnotify.Chmod {
				continue // indexers and virus scanners touch attributes; the picture is the same
			}
			if f.given(e.Name) != "" {
				due[e.Name] = time.Now().Add(f.settle)
			}
		case _, ok := <-f.notify.Errors:
			if !ok {
				return
			}
			// An overflow loses events: treat every file as changed.
			f.mu.Lock()
			for abs := range f.files {
				due[abs] = time.Now().Add(f.settle)
			}
			f.mu.Unlock()
		case now := <-timer.C:
			for abs, t := range due {
				if t.After(now) {
					continue
				}
				delete(due, abs)
				if p := f.given(abs); p != "" {
					f.changed(p)
				}
			}
		}
		timer.Reset(wait(due))
	}
}

// given returns the path as it was given to Set, or "" for a file that is not watched.
func (f *Files) given(abs string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.files[filepath.Clean(abs)]
}

func wait(due map[string]time.Time) time.Duration {
	d := time.Hour
	for _, t := range due {
		d = min(d, max(time.Until(t), 0))
	}
	return d
}

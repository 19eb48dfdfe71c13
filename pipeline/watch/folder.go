package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/journal"
)

// FolderOptions say which files a Folder takes. Dir, Journal and Key must be set; for the rest zero is a useful value.
type FolderOptions struct {
	Dir       string   // absolute, links followed: journal.Resolve; also the journal's scope
	Recursive bool     // folders in it are watched too
	Existing  bool     // what is there when the folder is watched for the first time is taken too
	Exclude   []string // folders, absolute, in which nothing is taken: outputs, finished and bad sources

	Journal *journal.Journal
	Key     string // of the recipe

	Settle time.Duration // how long a file must not change before it is taken; default 2 s
	Rescan time.Duration // between looks at everything, for shares that send no events; default 1 minute, and 20 times as long as a look takes
	Gather time.Duration // how long events are gathered before files are looked at; default 200 ms

	Log   *slog.Logger // default: nothing is logged
	Wake  func()       // called when there are new jobs; default: nothing
	Ready func()       // called once, when what comes from now on will be taken; default: nothing
}

// Folder finds the pictures that come into a folder and notes them in the journal.
type Folder struct {
	FolderOptions
	notify  *fsnotify.Watcher // nil: the system has no room for one, and looks do it all
	watched map[string]fs.FileInfo
	dirty   map[string]time.Time // path -> when its first event since the last look came
	known   journal.Known
	lost    bool // the folder is not there
	full    bool // the system watches no more folders: said once
	looks   atomic.Int64

	outputsHere bool // the folder itself is among the excluded: then files tell, not folders
}

const (
	defaultSettle = 2 * time.Second
	defaultRescan = time.Minute
	defaultGather = 200 * time.Millisecond
	// impatience is how long a file that is written to without a pause may put off the look at it.
	impatience = 2 * time.Second
	// maxWatchedFiles is how many files a folder may hold to be watched where each costs a descriptor: kqueue.
	maxWatchedFiles = 2000
)

// NewFolder returns a Folder for options.
func NewFolder(o FolderOptions) *Folder {
	if o.Settle <= 0 {
		o.Settle = defaultSettle
	}
	if o.Rescan <= 0 {
		o.Rescan = defaultRescan
	}
	if o.Gather <= 0 {
		o.Gather = defaultGather
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Ready == nil {
		o.Ready = func() {}
	}
	return &Folder{FolderOptions: o, watched: map[string]fs.FileInfo{}, dirty: map[string]time.Time{}, outputsHere: slices.Contains(o.Exclude, o.Dir)}
}

// Run watches until ctx ends, which is no error. A folder that vanishes is waited for.
func (f *Folder) Run(ctx context.Context) error {
	var err error
	if f.notify, err = fsnotify.NewWatcher(); err != nil {
		f.Log.Warn("the system sends no events; looking from time to time does it", "error", err)
		f.notify = nil
	} else {
		defer f.notify.Close()
	}
	var events chan fsnotify.Event
	var faults chan error
	if f.notify != nil {
		events, faults = f.notify.Events, f.notify.Errors
	}
	scan, gather := time.NewTimer(0), time.NewTicker(f.Gather)
	defer scan.Stop()
	defer gather.Stop()
	for started := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case e := <-events:
			if f.event(e) {
				scan.Reset(f.Gather)
			}
		case err := <-faults:
			f.Log.Debug("events were lost: looking at everything", "error", err)
			scan.Reset(f.Gather)
		case now := <-gather.C:
			if err := f.flush(ctx, now); err != nil && ctx.Err() == nil {
				f.Log.Warn("cannot note new pictures yet", "error", err)
			}
		case <-scan.C:
			begun := time.Now()
			err := f.scan(ctx)
			wait := max(f.Rescan, 20*time.Since(begun))
			if err != nil && ctx.Err() == nil {
				f.Log.Warn("cannot look at the folder yet", "dir", f.Dir, "error", err)
				wait = min(wait, 5*time.Second)
			}
			if f.lost {
				wait = min(wait, 5*time.Second)
			}
			if err == nil && !f.lost && !started {
				started = true
				f.Ready()
			}
			scan.Reset(wait)
		}
	}
}

// Looks is how often the whole folder was looked at.
func (f *Folder) Looks() int64 { return f.looks.Load() }

// event notes an event. It tells whether everything is to be looked at: a watched folder has gone, or has got another name, and with it its
// watch; when it is back under its old name it is to be watched anew.
func (f *Folder) event(e fsnotify.Event) (all bool) {
	if e.Op == fsnotify.Chmod {
		return false
	}
	if _, watched := f.watched[e.Name]; watched && (e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)) {
		for dir := range f.watched {
			if below, err := filepath.Rel(e.Name, dir); err == nil && filepath.IsLocal(below) {
				_ = f.notify.Remove(dir) // the system may have done so
				delete(f.watched, dir)
				all = true
			}
		}
	}
	if _, ok := f.dirty[e.Name]; !ok {
		f.dirty[e.Name] = time.Now()
	}
	return all
}

// flush looks at the files that had events.
func (f *Folder) flush(ctx context.Context, now time.Time) error {
	var found []journal.Source
	var done []string
	for path, since := range f.dirty {
		info, err := os.Stat(path)
		switch {
		case err != nil: // gone; if it is all gone, the next look tells
			done = append(done, path)
		case info.IsDir():
			done = append(done, path)
			if f.Recursive && f.enters(path) {
				found = f.walk(ctx, path, found)
			}
		case !f.takes(path, info):
			done = append(done, path)
		case now.Sub(info.ModTime()) < f.Gather && now.Sub(since) < impatience:
			// it is being written to: the journal need not hear of each piece
		default:
			done = append(done, path)
			if s := journal.SourceOf(path, info); f.known == nil || !f.known.Has(s) {
				found = append(found, s)
			}
		}
	}
	if err := f.note(ctx, found); err != nil {
		return err // and the events are kept
	}
	for _, path := range done {
		delete(f.dirty, path)
	}
	return nil
}

// note puts sources into the journal. Those that Gesso wrote are left out.
func (f *Folder) note(ctx context.Context, found []journal.Source) error {
	if len(found) == 0 {
		return nil
	}
	n, err := f.Journal.Observe(ctx, f.Dir, f.Key, found, time.Now().Add(f.Settle))
	if err != nil {
		return err
	}
	if f.known != nil {
		for _, s := range found {
			f.known.Add(s)
		}
	}
	if n > 0 {
		f.Wake()
	}
	return nil
}

// takes tells whether a file may be a picture to take.
func (f *Folder) takes(path string, info fs.FileInfo) bool {
	name := filepath.Base(path)
	if !info.Mode().IsRegular() || !batch.IsPicture(name) || Transient(name) || !f.Recursive && filepath.Dir(path) != f.Dir {
		return false
	}
	exists := func(p string) bool { _, err := os.Lstat(p); return err == nil }
	if beingDownloaded(path, info.Size(), exists) {
		return false
	}
	if !f.outputsHere {
		return true
	}
	own, err := f.Journal.IsOutput(context.Background(), path)
	return err != nil || !own
}

// enters tells whether a folder below Dir is looked into.
func (f *Folder) enters(dir string) bool {
	rel, err := filepath.Rel(f.Dir, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return false
	}
	if rel != "." {
		for part := range strings.SplitSeq(rel, string(filepath.Separator)) {
			if passedOver(part) {
				return false
			}
		}
	}
	for _, x := range f.Exclude {
		if below, err := filepath.Rel(x, dir); x != f.Dir && err == nil && filepath.IsLocal(below) {
			return false
		}
	}
	return true
}

// scan looks at everything.
func (f *Folder) scan(ctx context.Context) error {
	info, err := os.Stat(f.Dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a folder")
	}
	if err != nil {
		if f.lost {
			return nil // it was said
		}
		f.lost, f.watched = true, map[string]fs.FileInfo{}
		return fmt.Errorf("the folder is not there: %w", err)
	}
	if f.lost {
		f.Log.Info("the folder is back", "dir", f.Dir)
		f.lost = false
	}
	if f.known, err = f.Journal.Known(ctx, f.Dir, f.Key); err != nil {
		return err
	}
	begun, err := f.Journal.HasBaseline(ctx, f.Dir, f.Key)
	if err != nil {
		return err
	}
	old := !begun && !f.Existing
	var found []journal.Source
	for d := range f.folders(ctx, f.Dir) {
		f.watch(d)
		found = f.files(d, found)
		if len(found) >= 2000 && !old { // what is old is noted all at once
			if err := f.note(ctx, found); err != nil {
				return err
			}
			found = nil
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f.looks.Add(1)
	if old {
		return f.Journal.Baseline(ctx, f.Dir, f.Key, found)
	}
	if err := f.note(ctx, found); err != nil || begun {
		return err
	}
	return f.Journal.Baseline(ctx, f.Dir, f.Key, nil) // from now on all is new, whatever Existing is next time
}

// walk looks at a new folder and all below it.
func (f *Folder) walk(ctx context.Context, dir string, found []journal.Source) []journal.Source {
	for d := range f.folders(ctx, dir) {
		f.watch(d) // before its files are read: what comes meanwhile has an event
		found = f.files(d, found)
	}
	return found
}

// folders yields dir and, if all below is watched, the folders below it. What cannot be read is passed over: the next look tries again.
func (f *Folder) folders(ctx context.Context, dir string) func(func(string) bool) {
	return func(yield func(string) bool) {
		if !f.Recursive {
			yield(dir)
			return
		}
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return fs.SkipAll
			case err != nil:
				if d != nil && d.IsDir() {
					return fs.SkipDir
				}
				return nil
			case !d.IsDir():
				return nil
			case !f.enters(path):
				return fs.SkipDir
			case !yield(path):
				return fs.SkipAll
			}
			return nil
		})
	}
}

// files appends the files of one folder that are new.
func (f *Folder) files(dir string, found []journal.Source) []journal.Source {
	d, err := os.Open(dir)
	if err != nil {
		return found
	}
	defer d.Close()
	for {
		entries, err := d.ReadDir(1000) // not all at once: a folder may hold a hundred thousand
		for _, e := range entries {
			if !batch.IsPicture(e.Name()) || Transient(e.Name()) {
				continue
			}
			path := filepath.Join(dir, e.Name())
			info, err := os.Stat(path)
			if err != nil {
				continue
			}
			s := journal.SourceOf(path, info)
			if !f.known.Has(s) && f.takes(path, info) {
				found = append(found, s)
			}
		}
		if err != nil {
			return found
		}
	}
}

// watch asks for the events of a folder. Where the system gives none, looks do it.
func (f *Folder) watch(dir string) {
	if f.notify == nil {
		return
	}
	info, err := os.Stat(dir)
	if err != nil {
		return
	}
	if before, ok := f.watched[dir]; ok && os.SameFile(before, info) {
		return
	}
	if runtime.GOOS != "linux" && runtime.GOOS != "windows" && larger(dir, maxWatchedFiles) {
		return // kqueue opens every file in it
	}
	if err := f.notify.Add(dir); err != nil {
		if !f.full {
			f.Log.Warn("the system watches no more folders; looking from time to time does it", "dir", dir, "error", err)
			f.full = true
			f.Rescan = min(f.Rescan, 5*time.Second)
		}
		return
	}
	f.watched[dir] = info
}

// larger tells whether a folder holds more than n entries.
func larger(dir string, n int) bool {
	d, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer d.Close()
	names, _ := d.Readdirnames(n + 1) // io.EOF for an empty one
	return len(names) > n
}

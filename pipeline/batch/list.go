package batch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/gesso-app/gesso/pipeline/journal"
)

// Item is a source of a batch with the folder, relative to the output's, into which its picture goes.
type Item struct {
	Source journal.Source
	Dir    string
}

// List finds the sources that arguments name: files, folders, and patterns with * ? [] {} and ** where no shell has replaced them. Folders give
// the pictures in them, those below too if recursive is true, whose outputs then lie in folders as they do. Folders in exclude, absolute, are
// passed over. Files keep the arguments' order, and each is named once. A file that does not exist is in the list, to be reported, and so is a folder
// below that cannot be read; an argument that finds nothing is an error.
func List(arguments []string, recursive bool, exclude ...string) ([]Item, error) {
	l := &list{recursive: recursive, exclude: exclude, seen: map[string]bool{}}
	for _, a := range arguments {
		before := len(l.items)
		l.repeated = false
		info, err := os.Stat(a)
		switch {
		case err == nil && info.IsDir():
			err = l.folder(a)
			if err == nil && len(l.items) == before && !l.repeated {
				err = fmt.Errorf("%s holds no pictures", a)
			}
		case err == nil:
			err = l.file(a, info, "")
		case strings.ContainsAny(a, "*?[{"):
			err = l.pattern(a)
			if err == nil && len(l.items) == before && !l.repeated {
				err = fmt.Errorf("%s matches no pictures", a)
			}
		case errors.Is(err, fs.ErrNotExist):
			err = l.file(a, nil, "")
		}
		if err != nil {
			return nil, err
		}
	}
	return l.items, nil
}

type list struct {
	recursive bool
	exclude   []string
	seen      map[string]bool
	repeated  bool // the argument at hand names a file that was named before
	items     []Item
}

// file appends a file; info is nil for one that does not exist.
func (l *list) file(path string, info fs.FileInfo, dir string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if l.seen[path] {
		l.repeated = true
		return nil
	}
	l.seen[path] = true
	s := journal.Source{Path: path}
	if info != nil {
		s = journal.SourceOf(path, info)
	}
	l.items = append(l.items, Item{s, dir})
	return nil
}

func (l *list) folder(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil && path != root { // it is in the list, to be reported, and does not stop the rest
			return l.file(path, nil, "")
		}
		if err != nil {
			return fmt.Errorf("look into %s: %w", path, err)
		}
		if d.IsDir() {
			abs, err := filepath.Abs(path)
			if err != nil {
				return err
			}
			if path != root && (!l.recursive || strings.HasPrefix(d.Name(), ".") || l.excluded(abs)) {
				return fs.SkipDir
			}
			return nil
		}
		if !IsPicture(d.Name()) || strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			return nil //nolint:nilerr // a link to nowhere, or gone meanwhile: nobody named it
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil || rel == "." {
			rel = ""
		}
		return l.file(path, info, rel)
	})
}

// excluded tells whether a folder is one of those that are passed over.
func (l *list) excluded(abs string) bool { return slices.Contains(l.exclude, abs) }

// below tells whether a file lies in or below one of the folders that are passed over.
func (l *list) below(path string) bool {
	abs, err := filepath.Abs(path)
	return err == nil && slices.ContainsFunc(l.exclude, func(x string) bool {
		rel, err := filepath.Rel(x, abs)
		return err == nil && filepath.IsLocal(rel)
	})
}

func (l *list) pattern(pattern string) error {
	// ** does not follow links, which may lead round in a circle.
	found, err := doublestar.FilepathGlob(pattern, doublestar.WithFilesOnly(), doublestar.WithNoFollow())
	if err != nil {
		return fmt.Errorf("the pattern %s: %w", pattern, err)
	}
	base, rest := doublestar.SplitPattern(filepath.ToSlash(pattern))
	for _, path := range found {
		if !IsPicture(path) || l.below(path) || !dotted(rest) && hidden(base, path) {
			continue
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue // a link to nowhere, or gone meanwhile: nobody named it
		}
		if err := l.file(path, info, ""); err != nil {
			return err
		}
	}
	return nil
}

// dotted tells whether a pattern asks for names that begin with a dot.
func dotted(pattern string) bool {
	return strings.HasPrefix(pattern, ".") || strings.Contains(pattern, "/.")
}

// hidden tells whether a name in path below base begins with a dot, which patterns pass over as a shell's do.
func hidden(base, path string) bool {
	rel, err := filepath.Rel(filepath.FromSlash(base), path)
	return err == nil && (strings.HasPrefix(rel, ".") || strings.Contains(filepath.ToSlash(rel), "/."))
}

// Package library is the diffusion models on disk, and how they get there: it finds them in the folders that Gesso and other programs use, without
// copying, says what each is and lacks, and downloads, checks, imports and removes them.
//
// The network is used by Get alone. The package must not import ui or an engine.
package library

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Origin is the program whose folder a model is in.
type Origin string

// The origins.
const (
	Own         Origin = "gesso"
	Mochi       Origin = "mochi-diffusion"
	HuggingFace Origin = "huggingface-cache"
	Extra       Origin = "folder" // of the user's choice
)

// Folder is a folder of models.
type Folder struct {
	Path   string
	Origin Origin
}

// Library is folders of models. Several processes may use it at once.
type Library struct {
	Own     string   // where models are downloaded and imported to; made when it is needed
	Folders []Folder // where else they are looked for
}

// Variable names the environment variable that lists more folders of models, as PATH lists folders.
const Variable = "GESSO_MODELS"

// Default is the user's library: our own folder, Mochi Diffusion's, the cache of Hugging Face's programs, those of GESSO_MODELS, and extra ones.
func Default(extra ...string) (*Library, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, fmt.Errorf("find the folder of models: %w", err)
	}
	return at(home, os.Getenv, append(extra, filepath.SplitList(os.Getenv(Variable))...)), nil
}

func at(home string, env func(string) string, extra []string) *Library {
	l := &Library{Own: filepath.Join(cmp.Or(env("XDG_DATA_HOME"), filepath.Join(home, ".local", "share")), "gesso", "models")}
	if runtime.GOOS == "darwin" {
		l.Own = filepath.Join(home, "Library", "Application Support", "Gesso", "models")
	}
	cache := cmp.Or(env("HF_HUB_CACHE"), env("HUGGINGFACE_HUB_CACHE"))
	if cache == "" {
		root := cmp.Or(env("HF_HOME"), filepath.Join(cmp.Or(env("XDG_CACHE_HOME"), filepath.Join(home, ".cache")), "huggingface"))
		cache = filepath.Join(root, "hub")
	}
	l.Folders = []Folder{{filepath.Join(home, "MochiDiffusion", "models"), Mochi}, {cache, HuggingFace}}
	for _, e := range extra {
		if e != "" {
			l.Folders = append(l.Folders, Folder{e, Extra})
		}
	}
	return l
}

// ErrNotFound means that no model has the name.
var ErrNotFound = errors.New("there is no such model")

// List returns all models, by origin and name. A folder that is not there has none; what else keeps one from being read is returned with the others.
func (l *Library) List() ([]*Model, error) {
	var all []*Model
	var errs []error
	seen := map[string]bool{}
	for _, f := range append([]Folder{{l.Own, Own}}, l.Folders...) {
		found, err := find(f)
		errs = append(errs, err)
		for _, m := range found {
			real, err := filepath.EvalSymlinks(m.Path)
			if err == nil && !seen[real] {
				seen[real] = true
				all = append(all, m)
			}
		}
	}
	return all, errors.Join(errs...)
}

// Find returns a model by its name or its path. A name that several have gives the first, in the order of the folders.
func (l *Library) Find(name string) (*Model, error) {
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		if m, err := Recognise(name); err != nil || m != nil {
			return m, err
		}
	}
	all, err := l.List()
	if err != nil && len(all) == 0 {
		return nil, err
	}
	var close []*Model
	for _, m := range all {
		if m.Name == name {
			return m, nil
		}
		if strings.EqualFold(m.Name, name) || strings.EqualFold(m.Repository, name) || strings.HasPrefix(m.Name, name+"/") {
			close = append(close, m)
		}
	}
	switch len(close) {
	case 0:
		return nil, fmt.Errorf("%q: %w; gesso models list shows those that are there", name, ErrNotFound)
	case 1:
		return close[0], nil
	}
	var names []string
	for _, m := range close {
		names = append(names, m.Name)
	}
	return nil, fmt.Errorf("%q: %w, but %s", name, ErrNotFound, strings.Join(names, ", "))
}

// Bounds on what is searched.
const (
	maxDepth   = 6
	maxFolders = 20000
)

// find returns the models in a folder.
func find(f Folder) (found []*Model, err error) {
	if st, err := os.Stat(f.Path); errors.Is(err, fs.ErrNotExist) || err == nil && !st.IsDir() {
		return nil, nil
	}
	if f.Origin == HuggingFace {
		return findCached(f.Path)
	}
	s := &search{root: f.Path, origin: f.Origin}
	err = s.walk(f.Path, 0)
	slices.SortFunc(s.found, byName)
	return s.found, err
}

func byName(a, b *Model) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) }

// search looks through folders for models.
type search struct {
	root    string
	origin  Origin
	prefix  string // of names
	found   []*Model
	folders int
}

// walk looks at a folder, and into those below it that are no part of a model.
func (s *search) walk(dir string, depth int) error {
	if s.folders++; s.folders > maxFolders {
		return fmt.Errorf("search %s for models: it has more than %d folders", s.root, maxFolders)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("search %s for models: %w", s.root, err)
	}
	m, err := recognise(dir, entries)
	if err != nil {
		return err
	}
	if m != nil {
		m.Origin = s.origin
		if rel, err := filepath.Rel(s.root, dir); err == nil && rel != "." {
			m.Name = strings.TrimPrefix(s.prefix+"/"+filepath.ToSlash(rel), "/")
		} else {
			m.Name = cmp.Or(s.prefix, filepath.Base(dir))
		}
		m.fromRecord(s.root)
		s.found = append(s.found, m)
	}
	if m != nil && m.Form == Diffusers || depth == maxDepth {
		return nil
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || partEnding(name) != "" || strings.EqualFold(name, "controlnet") {
			continue
		}
		st, err := os.Stat(filepath.Join(dir, name)) // a link to a folder counts; depth bounds circles
		if err == nil && st.IsDir() {
			if err := s.walk(filepath.Join(dir, name), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// findCached returns the models in a cache of Hugging Face's programs: models--OWNER--NAME/snapshots/REVISION, whose files are links into blobs.
func findCached(root string) ([]*Model, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("search %s for models: %w", root, err)
	}
	var all []*Model
	var errs []error
	for _, e := range entries {
		id, ok := strings.CutPrefix(e.Name(), "models--")
		if !ok {
			continue
		}
		repository := strings.Replace(id, "--", "/", 1)
		revisions, err := os.ReadDir(filepath.Join(root, e.Name(), "snapshots"))
		if err != nil {
			continue // a download that has not begun
		}
		for _, r := range revisions {
			dir := filepath.Join(root, e.Name(), "snapshots", r.Name())
			s := &search{root: dir, origin: HuggingFace, prefix: repository}
			if len(revisions) > 1 {
				s.prefix += "@" + r.Name()[:min(len(r.Name()), 12)]
			}
			errs = append(errs, s.walk(dir, 0))
			for _, m := range s.found {
				m.Repository, m.Revision = repository, r.Name()
			}
			all = append(all, s.found...)
		}
	}
	slices.SortFunc(all, byName)
	return all, errors.Join(errs...)
}

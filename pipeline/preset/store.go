package preset

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/gofrs/flock"
	"golang.org/x/text/unicode/norm"

	"github.com/gesso-app/gesso/pipeline/disk"
)

const extension = ".json"

// Store is a folder of presets, with those that come with the program. Several processes may use one folder.
type Store struct {
	Dir string // made when the first preset is saved
}

// DefaultDir is where the user's presets lie.
func DefaultDir() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the folder of presets: %w", err)
	}
	name := "gesso"
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		name = "Gesso"
	}
	return filepath.Join(dir, name, "presets"), nil
}

//go:embed builtin
var builtinFiles embed.FS

// Builtins are the presets that come with the program, by name.
func Builtins() []*Preset {
	var all []*Preset
	for _, p := range builtins() {
		c := *p
		all = append(all, &c)
	}
	return all
}

var builtins = sync.OnceValue(func() (all []*Preset) {
	files, _ := builtinFiles.ReadDir("builtin") // embedded: a test holds that all are read
	for _, f := range files {
		b, _ := builtinFiles.ReadFile("builtin/" + f.Name())
		p, err := parse(b)
		if err != nil {
			continue
		}
		p.Builtin = true
		all = append(all, p)
	}
	slices.SortFunc(all, byName)
	return all
})

func byName(a, b *Preset) int { return cmp.Compare(fold(a.Name), fold(b.Name)) }

// List returns all presets by name, built-in ones first, and what is wrong with the files that are none.
func (s *Store) List() ([]*Preset, error) {
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	var own []*Preset
	var errs []error
	for _, f := range files {
		p, err := s.read(f)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		own = append(own, p)
	}
	slices.SortFunc(own, byName)
	return append(Builtins(), own...), errors.Join(errs...)
}

// Get returns the preset of that name, upper and lower case alike. A preset of the user's goes before a built-in one.
func (s *Store) Get(name string) (*Preset, error) {
	file, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if file != "" {
		return s.read(file)
	}
	for _, p := range Builtins() {
		if fold(p.Name) == fold(name) {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%q: %w", name, ErrNotFound)
}

// Save writes a preset. One that was read with Get is merged with what others have changed since, and an error that wraps ErrConflict says that
// they changed the same; a new one replaces another of its name only if overwrite is true.
func (s *Store) Save(p *Preset, overwrite bool) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if p.Builtin || s.isBuiltin(p.Name) {
		return fmt.Errorf("%q: %w", p.Name, ErrBuiltin)
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	mine, err := p.document()
	if err != nil {
		return err
	}
	file, err := s.find(p.Name)
	if err != nil {
		return err
	}
	switch {
	case file == "":
		file = p.Name + extension
	case p.base.fields == nil && !overwrite:
		return fmt.Errorf("%q: %w", p.Name, ErrExists)
	case p.base.fields != nil && !overwrite:
		theirs, err := s.read(file)
		if err != nil {
			return err
		}
		if mine, err = merge(p.base, mine, theirs.base); err != nil {
			return fmt.Errorf("save the preset %q: %w", p.Name, err)
		}
	}
	b, err := mine.bytes()
	if err != nil {
		return err
	}
	saved, err := parse(b)
	if err == nil {
		err = saved.Validate()
	}
	if err != nil {
		return fmt.Errorf("save the preset %q: %w: together with the change of another program, %w", p.Name, ErrConflict, err)
	}
	if err := write(filepath.Join(s.Dir, file), b); err != nil {
		return fmt.Errorf("save the preset %q: %w", p.Name, err)
	}
	*p = *saved
	return nil
}

// Delete removes a preset of the user's.
func (s *Store) Delete(name string) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	file, err := s.find(name)
	switch {
	case err != nil:
		return err
	case file != "":
		if err := os.Remove(filepath.Join(s.Dir, file)); err != nil {
			return fmt.Errorf("delete the preset %q: %w", name, err)
		}
		return nil
	case s.isBuiltin(name):
		return fmt.Errorf("%q: %w", name, ErrBuiltin)
	}
	return fmt.Errorf("%q: %w", name, ErrNotFound)
}

// Import reads a preset or a recipe from r, checks it and saves it. It is named name if the file names none or as is not empty.
func (s *Store) Import(r io.Reader, name, as string, overwrite bool) (*Preset, error) {
	p, err := Parse(r, norm.NFC.String(name))
	if err != nil {
		return nil, err
	}
	if as != "" {
		p.Name = norm.NFC.String(as)
	}
	mine, err := p.document()
	if err != nil {
		return nil, err
	}
	// A preset that comes from elsewhere is new here; what is not known in it is kept all the same.
	file, err := s.find(p.Name)
	if err != nil {
		return nil, err
	}
	if file != "" && !overwrite {
		return nil, fmt.Errorf("%q: %w", p.Name, ErrExists)
	}
	p.base = mine
	return p, s.Save(p, true)
}

func (s *Store) isBuiltin(name string) bool {
	return slices.ContainsFunc(builtins(), func(p *Preset) bool { return fold(p.Name) == fold(name) })
}

// files lists the names of the presets' files.
func (s *Store) files() (names []string, err error) {
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the folder of presets: %w", err)
	}
	for _, e := range entries {
		if name := e.Name(); filepath.Ext(name) == extension && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names, nil
}

// find returns the file of a preset, or "".
func (s *Store) find(name string) (string, error) {
	files, err := s.files()
	for _, f := range files {
		if fold(strings.TrimSuffix(f, extension)) == fold(name) {
			return f, err
		}
	}
	return "", err
}

func (s *Store) read(file string) (*Preset, error) {
	f, err := os.Open(filepath.Join(s.Dir, file))
	if err != nil {
		return nil, fmt.Errorf("read the preset: %w", err)
	}
	defer f.Close()
	p, err := Parse(f, norm.NFC.String(strings.TrimSuffix(file, extension)))
	if err != nil {
		return nil, err
	}
	p.Name = norm.NFC.String(strings.TrimSuffix(file, extension)) // who copies or renames the file means its name
	return p, nil
}

// lock makes the folder and keeps other processes from changing it.
func (s *Store) lock() (unlock func(), err error) {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of presets: %w", err)
	}
	l := flock.New(filepath.Join(s.Dir, ".lock"))
	if err := l.Lock(); err != nil {
		return nil, fmt.Errorf("lock the folder of presets: %w", err)
	}
	return func() { _ = l.Close() }, nil
}

// write replaces a file whole or not at all.
func write(path string, b []byte) error {
	return disk.Replace(path, 0o644, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// Package mlpackage reads, checks and writes Core ML packages: a folder with Manifest.json, the specification (a protobuf) and its weights.
// It runs nothing and imports no engine.
//
// The formats: Model.proto and MIL.proto of coremltools (BSD-3, native/mlpackage/LICENSE-coremltools), MLModelStorage's blob file, version 2.
package mlpackage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
)

//go:generate ./generate.sh

// Limits on what is read into memory; weights are mapped, not read.
const (
	maxManifest = 1 << 20
	maxSpec     = 1 << 30
)

// manifest is Manifest.json.
type manifest struct {
	FileFormatVersion   string          `json:"fileFormatVersion"`
	ItemInfoEntries     map[string]item `json:"itemInfoEntries"`
	RootModelIdentifier string          `json:"rootModelIdentifier"`
}

type item struct {
	Author      string `json:"author"`
	Description string `json:"description"`
	Name        string `json:"name"`
	Path        string `json:"path"`
}

// Package is an open .mlpackage. Its methods may be called from one goroutine at a time.
type Package struct {
	Spec *coremlpb.Model

	path  string // as given to Open
	root  *os.Root
	below string // where the package is in root
	model string // folder of the specification inside the package, with slashes
	blobs map[string]*mapping

	single bool // a .mlmodel file, which has no other files
}

// Open reads a package's manifest and specification, or a .mlmodel file, which is a specification alone; nothing outside of the folder is read,
// whatever names the package holds. Close it after use.
func Open(dir string) (*Package, error) {
	if st, err := os.Stat(dir); err == nil && st.Mode().IsRegular() {
		return openFile(dir)
	}
	above, below := cached(dir)
	root, err := os.OpenRoot(above)
	if err == nil && below != "" {
		_, err = root.Stat(below)
	}
	if err != nil {
		if root != nil {
			err = errors.Join(err, root.Close())
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no model %s: %w", dir, fs.ErrNotExist)
		}
		return nil, fmt.Errorf("%s is not a .mlpackage folder: %w", dir, err)
	}
	p := &Package{path: dir, root: root, below: below, blobs: map[string]*mapping{}}
	if err := p.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("read the package %s: %w", dir, err), p.Close())
	}
	return p, nil
}

// cached is the folder that a package's files may lead to by links, and the package's path in it: its own, but for one in a cache of Hugging Face's
// programs, models--OWNER--NAME/snapshots/REVISION, whose files are links to models--OWNER--NAME/blobs.
func cached(dir string) (above, below string) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return dir, ""
	}
	for up := full; up != filepath.Dir(up); up = filepath.Dir(up) {
		if strings.HasPrefix(filepath.Base(up), "models--") {
			rel, err := filepath.Rel(up, full)
			if err == nil && strings.HasPrefix(rel, "snapshots"+string(filepath.Separator)) {
				return up, rel
			}
		}
	}
	return dir, ""
}

// openFile reads a .mlmodel file.
func openFile(name string) (*Package, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the model %s: %w", name, err)
	}
	defer f.Close()
	p := &Package{Spec: &coremlpb.Model{}, path: name, blobs: map[string]*mapping{}, single: true}
	b, err := io.ReadAll(io.LimitReader(f, maxSpec+1))
	switch {
	case err != nil:
	case len(b) > maxSpec:
		err = fmt.Errorf("it is larger than %d MiB", maxSpec>>20)
	case len(b) == 0:
		err = errors.New("it is empty")
	default:
		if err = proto.Unmarshal(b, p.Spec); err != nil {
			if kind := http.DetectContentType(b); !strings.HasPrefix(kind, "application/octet-stream") {
				err = fmt.Errorf("it is %s", kind)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not a Core ML specification: %w", name, err)
	}
	return p, nil
}

func (p *Package) read() error {
	b, err := p.file("Manifest.json", maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it has no Manifest.json, as each .mlpackage has: name the package itself, or convert what it holds: %w", fs.ErrNotExist)
	}
	if err != nil {
		return err
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("the manifest: %w", err)
	}
	it, ok := m.ItemInfoEntries[m.RootModelIdentifier]
	if !ok {
		return fmt.Errorf("the manifest names no root model")
	}
	spec := path.Join("Data", it.Path)
	if !filepath.IsLocal(it.Path) || strings.Contains(it.Path, `\`) {
		return fmt.Errorf("the manifest: the path %q leaves the package", it.Path)
	}
	if b, err = p.file(spec, maxSpec); err != nil {
		return err
	}
	p.Spec, p.model = &coremlpb.Model{}, path.Dir(spec)
	if err := proto.Unmarshal(b, p.Spec); err != nil {
		return fmt.Errorf("%s is not a Core ML specification: %w", spec, err)
	}
	return nil
}

// open opens a regular file of the package; it does not wait for the other end of a pipe.
func (p *Package) open(name string) (*os.File, error) {
	if p.single {
		return nil, fmt.Errorf("%s: a .mlmodel file has no weights beside it", p.path)
	}
	if p.root == nil {
		return nil, fmt.Errorf("the package %s is closed", p.path)
	}
	if !filepath.IsLocal(name) { // the root is wider than the package where that is in a cache
		return nil, fmt.Errorf("the path %q leaves the package", name)
	}
	f, err := p.root.OpenFile(filepath.Join(p.below, name), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// file reads a whole file of at most limit bytes.
func (p *Package) file(name string, limit int64) ([]byte, error) {
	f, err := p.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, limit>>20)
	}
	return b, nil
}

// Close unmaps the weights and closes the folder. Constants that were read from it must not be used any more. It may be called again.
func (p *Package) Close() error {
	var errs []error
	for name, b := range p.blobs {
		errs = append(errs, b.close())
		delete(p.blobs, name)
	}
	if p.root != nil {
		errs = append(errs, p.root.Close())
		p.root = nil
	}
	return errors.Join(errs...)
}

package library

import (
	"context"
	"crypto/sha1" //nolint:gosec // git names files by it
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/pipeline/disk"
)

// recordName is the file in a downloaded folder that says where it is from and what its files are.
const recordName = ".gesso-model.json"

// maxFiles bounds a model's files.
const maxFiles = 20000

// record is what a download writes down.
type record struct {
	Repository string   `json:"repository"`
	Revision   string   `json:"revision"` // the commit
	Endpoint   string   `json:"endpoint"`
	License    string   `json:"license,omitempty"`
	Include    []string `json:"include,omitempty"`
	Files      []digest `json:"files"`
}

// digest is a file's name, size and hash: SHA-256, or the SHA-1 of git's blob.
type digest struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	Blob   string `json:"git_blob,omitempty"`
}

func readRecord(dir string) (*record, error) {
	r := &record{}
	if err := disk.ReadJSON(filepath.Join(dir, recordName), maxText, r); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *record) write(dir string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(dir, recordName), 0o644, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// hash is a new hash of the digest's kind, and what it must come to.
func (d digest) hash() (hash.Hash, string) {
	if d.SHA256 != "" {
		return sha256.New(), d.SHA256
	}
	h := sha1.New()                       //nolint:gosec,nolintlint // as above
	fmt.Fprintf(h, "blob %d\x00", d.Size) // a hash never fails
	return h, d.Blob
}

// name is the hash that a download's file is named by.
func (d digest) name() string {
	if d.SHA256 != "" {
		return d.SHA256
	}
	return d.Blob
}

// Damage is what is wrong with a file of a model.
type Damage struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Verification is what Verify found.
type Verification struct {
	Model   string   `json:"model"`
	Files   int      `json:"files"`   // whose hashes were compared
	Bytes   int64    `json:"bytes"`   // of those
	Opened  int      `json:"opened"`  // packages whose form was checked
	Against string   `json:"against"` // where the hashes are from
	Damaged []Damage `json:"damaged"`
}

// Verify reads a model's files and compares their hashes, where the download or the cache has kept them, and opens its packages. progress may be
// nil; it gets the bytes that have been read.
func Verify(ctx context.Context, m *Model, progress func(done int64)) (*Verification, error) {
	if progress == nil {
		progress = func(int64) {}
	}
	v := &Verification{Model: m.Name, Against: "nothing: no hashes are kept beside it", Damaged: []Damage{}}
	dir, files, against, err := known(m)
	if err != nil {
		return nil, err
	}
	if against != "" {
		v.Against = against
	}
	for _, d := range files {
		path := filepath.Join(dir, filepath.FromSlash(d.Path))
		base := v.Bytes
		err := check(ctx, path, d, func(n int64) { progress(base + n) })
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			v.Damaged = append(v.Damaged, Damage{path, disk.Plain(err)})
		}
		v.Files, v.Bytes = v.Files+1, v.Bytes+d.Size
	}
	for _, name := range m.PartNames() {
		path := m.Parts[name]
		var err error
		switch partEnding(path) {
		case ".mlpackage":
			err = opens(path)
		case ".mlmodelc":
			_, err = os.Stat(filepath.Join(path, "coremldata.bin"))
		default:
			continue
		}
		v.Opened++
		if err != nil {
			v.Damaged = append(v.Damaged, Damage{path, disk.Plain(err)})
		}
	}
	return v, ctx.Err()
}

// opens checks a package's form and that its weights can be read.
func opens(path string) error {
	p, err := mlpackage.Open(path)
	if err != nil {
		return err
	}
	_, err = p.Summarize()
	return errors.Join(err, p.Close())
}

var hexName = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

// known are the files of a model whose hashes are known, in dir.
func known(m *Model) (dir string, files []digest, against string, err error) {
	for dir = m.Path; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if r, err := readRecord(dir); err == nil {
			for _, f := range r.Files {
				if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
					return "", nil, "", fmt.Errorf("verify %s: its record names %q, which leaves the folder", m.Name, f.Path)
				}
			}
			return dir, r.Files, "the hub's hashes", nil
		}
	}
	if m.Origin != HuggingFace {
		return m.Path, nil, "", nil
	}
	err = filepath.WalkDir(m.Path, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Type()&fs.ModeSymlink == 0 {
			return err
		}
		rel, err := filepath.Rel(m.Path, path)
		if err != nil {
			return err
		}
		target, err := os.Readlink(path)
		name := filepath.Base(target)
		if err != nil || !hexName.MatchString(name) {
			return err
		}
		d := digest{Path: filepath.ToSlash(rel)}
		if st, err := os.Stat(path); err == nil {
			d.Size = st.Size()
		}
		if d.Blob = name; len(name) == 2*sha256.Size {
			d.SHA256, d.Blob = name, ""
		}
		if files = append(files, d); len(files) > maxFiles {
			return fmt.Errorf("verify %s: it has more than %d files", m.Name, maxFiles)
		}
		return nil
	})
	return m.Path, files, "the cache's hashes", err
}

// check compares a file with its digest.
func check(ctx context.Context, path string, d digest, progress func(int64)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h, want := d.hash()
	n, err := copyTo(ctx, h, f, progress)
	switch {
	case err != nil:
		return err
	case n != d.Size:
		return fmt.Errorf("it has %d bytes instead of %d", n, d.Size)
	case !strings.EqualFold(hex.EncodeToString(h.Sum(nil)), want):
		return errHash
	}
	return nil
}

// copyTo copies until the end or until ctx ends.
func copyTo(ctx context.Context, w io.Writer, r io.Reader, progress func(int64)) (n int64, err error) {
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		k, err := r.Read(buf)
		if k > 0 {
			if _, err := w.Write(buf[:k]); err != nil {
				return n, &writeError{err}
			}
			n += int64(k)
			progress(n)
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// writeError is a failure of the disk rather than of the network.
type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }

// ErrForeign means that a model is in another program's folder.
var ErrForeign = errors.New("it is not in Gesso's own folder")

// Remove deletes a model of our own folder: all of a download, or of an import. Those of other programs are left to them.
func (l *Library) Remove(m *Model) (dir string, err error) {
	rel, err := filepath.Rel(l.Own, m.Path)
	if err != nil || !filepath.IsLocal(rel) || rel == "." || m.Origin != Own {
		return "", fmt.Errorf("remove %s: %w but at %s: remove it there", m.Name, ErrForeign, m.Path)
	}
	dir = m.Path
	for up := m.Path; up != l.Own; up = filepath.Dir(up) {
		if _, err := os.Stat(filepath.Join(up, recordName)); err == nil {
			dir = up // all variants of one download
		}
	}
	unlock, err := l.lock(filepath.Base(filepath.Dir(dir)) + "--" + filepath.Base(dir))
	if err != nil {
		return "", err
	}
	defer unlock()
	temp, err := os.MkdirTemp(l.Own, ".removed-*") // so that nothing half removed is found
	if err != nil {
		return "", fmt.Errorf("remove %s: %w", m.Name, err)
	}
	if err := os.Rename(dir, filepath.Join(temp, "model")); err != nil {
		return "", errors.Join(fmt.Errorf("remove %s: %w", m.Name, err), os.Remove(temp))
	}
	for up := filepath.Dir(dir); up != l.Own && os.Remove(up) == nil; up = filepath.Dir(up) {
		continue // folders that are empty now
	}
	return dir, os.RemoveAll(temp)
}

// sorted puts files in order of their paths.
func sorted(files []digest) []digest {
	slices.SortFunc(files, func(a, b digest) int { return strings.Compare(a.Path, b.Path) })
	return files
}

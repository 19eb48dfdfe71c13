package library

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/gesso-app/gesso/pipeline/disk"
)

// unzip unpacks an archive into a folder, which nothing in it leaves: no names with .., no links, no bytes beyond those that it declares and the
// disk has.
func unzip(file, dir string) (err error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return fmt.Errorf("it is no zip archive: %w", err)
	}
	defer z.Close()
	if len(z.File) > maxFiles {
		return fmt.Errorf("it has more than %d files", maxFiles)
	}
	var total uint64
	for _, f := range z.File {
		if total += f.UncompressedSize64; f.UncompressedSize64 > maxFileSize || total > maxModel {
			return fmt.Errorf("it unpacks to more than %d GiB", maxModel>>30)
		}
	}
	if have, err := disk.OS().Free(dir); err == nil && total+margin > have {
		return fmt.Errorf("it needs %.1f GB on the disk, where %.1f GB are free", float64(total)/1e9, float64(have)/1e9)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for _, f := range z.File {
		if err := unpack(root, f); err != nil {
			return err
		}
	}
	return nil
}

func unpack(root *os.Root, f *zip.File) (err error) {
	name := strings.TrimSuffix(f.Name, "/")
	local := filepath.FromSlash(name)
	switch {
	case strings.HasPrefix(name, "__MACOSX/") || path.Base(name) == ".DS_Store": // what Finder adds
		return nil
	case name == "" || !filepath.IsLocal(local) || strings.ContainsAny(name, "\\:\x00") || strings.EqualFold(path.Base(name), recordName):
		return fmt.Errorf("the path %q in it leaves the folder, or is none", f.Name)
	case f.Mode().IsDir():
		return root.MkdirAll(local, 0o755)
	case !f.Mode().IsRegular():
		return fmt.Errorf("%q in it is a link or no file", f.Name)
	}
	if err := root.MkdirAll(filepath.Dir(local), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return fmt.Errorf("%q in it: %w", f.Name, err)
	}
	defer in.Close()
	out, err := root.OpenFile(local, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(in, int64(f.UncompressedSize64))) // one that holds more than it declares fails its checksum
	if err == nil {
		var more [1]byte
		if _, end := io.ReadFull(in, more[:]); !errors.Is(end, io.EOF) {
			err = fmt.Errorf("%q in it is damaged, or holds more than it declares", f.Name)
		}
	}
	return errors.Join(err, out.Close())
}

// Import copies a model from a folder, or from a zip archive, into our own folder under a name, and leaves the original as it is. It is there whole or not
// at all.
func (l *Library) Import(ctx context.Context, from, name string, force bool) (_ *Model, err error) {
	st, err := os.Stat(from)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", from, err)
	}
	if name == "" {
		name = filepath.Base(filepath.Clean(from))
		if !st.IsDir() {
			name = strings.TrimSuffix(name, filepath.Ext(name))
		}
	}
	if !filepath.IsLocal(name) || strings.ContainsAny(name, `\:/`) || strings.HasPrefix(name, ".") {
		return nil, fmt.Errorf("import %s: %q is no name for a model", from, name)
	}
	unlock, err := l.lock("import--" + name)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", from, err)
	}
	defer unlock()
	target := filepath.Join(l.Own, name)
	if _, err := os.Lstat(target); err == nil && !force {
		return nil, fmt.Errorf("%s: %w; --force replaces it", target, ErrExists)
	}
	temp, err := os.MkdirTemp(filepath.Join(l.Own, downloads), ".import-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	inner := filepath.Join(temp, "model")
	if err := os.Mkdir(inner, 0o755); err != nil {
		return nil, err
	}
	if st.IsDir() {
		err = copyTree(ctx, from, inner)
	} else {
		err = unzip(from, inner)
	}
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", from, err)
	}
	found, err := find(Folder{inner, Own})
	if err != nil || len(found) == 0 {
		return nil, errors.Join(fmt.Errorf("import %s: it holds no model of Stable Diffusion in Apple's or diffusers' layout", from), err)
	}
	rel, err := filepath.Rel(inner, found[0].Path)
	if err != nil {
		return nil, err
	}
	if err := swap(inner, target, filepath.Join(temp, "old")); err != nil {
		return nil, fmt.Errorf("import %s: %w", from, err)
	}
	m, err := Recognise(filepath.Join(target, rel))
	if m != nil {
		m.Origin, m.Name = Own, filepath.ToSlash(filepath.Join(name, rel))
	}
	return m, err
}

// copyTree copies a folder's files; links are followed to files alone, as those of a cache lead to.
func copyTree(ctx context.Context, from, to string) error {
	need, err := size(from)
	if err != nil {
		return err
	}
	if have, err := disk.OS().Free(to); err == nil && uint64(need)+margin > have {
		return fmt.Errorf("it needs %.1f GB on the disk, where %.1f GB are free", float64(need)/1e9, float64(have)/1e9)
	}
	return filepath.WalkDir(from, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		out := filepath.Join(to, rel)
		if e.IsDir() {
			return os.MkdirAll(out, 0o755)
		}
		st, err := os.Stat(p)
		if err != nil || !st.Mode().IsRegular() || e.Name() == ".DS_Store" {
			return err
		}
		return copyFile(ctx, p, out)
	})
}

func copyFile(ctx context.Context, from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = copyTo(ctx, out, in, func(int64) {})
	return errors.Join(err, out.Close())
}

package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// maxIndex bounds the index of sharded files.
const maxIndex = 64 << 20

// Open reads the tensors' names of a file of weights: .safetensors, .pth, .pt, .ckpt or .bin, told apart by what is in it; the .index.json of
// sharded ones; or a folder with one of these.
func Open(path string) (*Set, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		if path, err = weightsIn(path); err != nil {
			return nil, err
		}
	}
	if strings.HasSuffix(path, ".index.json") {
		return openSharded(path)
	}
	s, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	s.Path = path
	return s, nil
}

// folderFiles are the files of weights that a folder may hold, the preferred first.
var folderFiles = []string{
	"model.safetensors", "diffusion_pytorch_model.safetensors", "model.safetensors.index.json", "diffusion_pytorch_model.safetensors.index.json",
	"model.fp16.safetensors", "diffusion_pytorch_model.fp16.safetensors",
	"pytorch_model.bin", "diffusion_pytorch_model.bin", "pytorch_model.bin.index.json", "diffusion_pytorch_model.bin.index.json",
}

// weightsIn finds the file of weights in a folder: one of the usual names, or the only one there.
func weightsIn(dir string) (string, error) {
	for _, n := range folderFiles {
		if st, err := os.Stat(filepath.Join(dir, n)); err == nil && st.Mode().IsRegular() {
			return filepath.Join(dir, n), nil
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var found []string
	for _, e := range entries {
		n := e.Name()
		if slices.Contains([]string{".safetensors", ".pth", ".pt", ".ckpt", ".bin"}, filepath.Ext(n)) || strings.HasSuffix(n, ".safetensors.index.json") {
			found = append(found, n)
		}
	}
	if i := slices.IndexFunc(found, func(n string) bool { return strings.HasSuffix(n, ".index.json") }); i >= 0 {
		return filepath.Join(dir, found[i]), nil
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("the folder %s holds no weights: .safetensors, .pth, .pt, .ckpt or .bin", dir)
	case 1:
		return filepath.Join(dir, found[0]), nil
	}
	return "", fmt.Errorf("the folder %s holds %d files of weights: name one of %s", dir, len(found), strings.Join(found, ", "))
}

// openFile opens one file of weights.
func openFile(path string) (_ *Set, err error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	var head [16]byte
	n, err := f.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	start := head[:n]
	switch {
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return openZip(f, size)
	case n > 1 && start[0] == 0x80 && start[1] >= 1 && start[1] <= 5:
		return openLegacy(f, size)
	case n > 8 && start[8] == '{' || strings.HasSuffix(path, ".safetensors"):
		return openSafetensors(f, size)
	}
	return nil, fmt.Errorf("it is no file of weights: neither safetensors nor PyTorch")
}

// openRegular opens a regular file; it does not wait for the other end of a pipe.
func openRegular(path string) (*os.File, int64, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("it is not a regular file")
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, st.Size(), nil
}

// openSharded opens the files that an index names, which lie in its folder or below. Links there are followed, as caches of downloads are made of
// them; the index itself cannot name anything outside.
func openSharded(path string) (_ *Set, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read %s: %w", path, err)
		}
	}()
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > maxIndex {
		return nil, fmt.Errorf("it is larger than %d MiB", maxIndex>>20)
	}
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := json.NewDecoder(f).Decode(&index); err != nil {
		return nil, err
	}
	if len(index.Map) == 0 {
		return nil, fmt.Errorf("it has no weight_map")
	}
	s := &Set{Path: path, Format: Safetensors, Tensors: map[string]*Tensor{}, Meta: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	return s, s.shards(filepath.Dir(path), index.Map)
}

const maxShards = 4096

func (s *Set) shards(dir string, index map[string]string) error {
	parts := map[string]*Set{}
	for name, file := range index {
		part := parts[file]
		if part == nil {
			if !filepath.IsLocal(file) || strings.Contains(file, `\`) {
				return fmt.Errorf("the file %q of the tensor %q lies outside of its folder", file, name)
			}
			if len(parts) >= maxShards {
				return fmt.Errorf("it names more than %d files", maxShards)
			}
			var err error
			if part, err = openFile(filepath.Join(dir, file)); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			parts[file], s.Format = part, part.Format
			s.closers = append(s.closers, part.closers...)
		}
		t := part.Tensors[name]
		if t == nil {
			return fmt.Errorf("%s has no tensor %q", file, name)
		}
		s.Tensors[name] = t
	}
	return nil
}

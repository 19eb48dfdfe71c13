package source

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"strings"
	"sync"
)

// Limits on archives.
const (
	maxRecords = 1 << 18
	// A record that is compressed is unpacked into memory: it may be this large, and this many times its packed size. PyTorch compresses none.
	maxUnpacked = 1 << 30
	maxRatio    = 64
)

// Archive is an open zip file. Nothing is unpacked to disk, and a name in it is no path.
type Archive struct {
	files map[string]*zip.File
	f     io.ReaderAt
	size  int64
}

// OpenArchive reads an archive's directory. Records that lie one over the other, as in a zip bomb, are refused.
func OpenArchive(f io.ReaderAt, size int64) (*Archive, error) {
	r, err := zip.NewReader(f, size)
	if err != nil {
		return nil, fmt.Errorf("its archive: %w", err)
	}
	if len(r.File) > maxRecords {
		return nil, fmt.Errorf("its archive has more than %d records", maxRecords)
	}
	a := &Archive{map[string]*zip.File{}, f, size}
	var packed, unpacked uint64
	for _, e := range r.File {
		if packed += e.CompressedSize64; packed > uint64(size) || e.CompressedSize64 > uint64(size) {
			return nil, errors.New("its archive's records are longer than the file")
		}
		unpacked += min(e.UncompressedSize64, 1<<62)
		if unpacked > 1<<62 || (e.Method != zip.Store && e.UncompressedSize64 > 1<<20 && e.UncompressedSize64/maxRatio > e.CompressedSize64) {
			return nil, fmt.Errorf("its record %q unpacks to %d bytes from %d: it is a zip bomb", e.Name, e.UncompressedSize64, e.CompressedSize64)
		}
		if e.Method == zip.Store && e.CompressedSize64 != e.UncompressedSize64 {
			return nil, fmt.Errorf("its record %q contradicts itself on its size", e.Name)
		}
		a.files[e.Name] = e
	}
	if unpacked > uint64(size)*maxRatio {
		return nil, fmt.Errorf("its archive of %d bytes unpacks to %d: it is a zip bomb", size, unpacked)
	}
	return a, nil
}

// Has tells whether there is a record of that name.
func (a *Archive) Has(name string) bool { return a.files[name] != nil }

// Find gives the name of the record that ends in suffix, at the archive's top or one folder below; empty if there is none.
func (a *Archive) Find(suffix string) string {
	if a.Has(suffix) {
		return suffix
	}
	for n := range a.files {
		if strings.HasSuffix(n, "/"+suffix) && strings.Count(n, "/") == 1+strings.Count(suffix, "/") {
			return n
		}
	}
	return ""
}

// Record gives random access to a record and its size. One that is compressed is unpacked into memory when it is read first.
func (a *Archive) Record(name string) (io.ReaderAt, int64, error) {
	e := a.files[name]
	if e == nil {
		return nil, 0, fmt.Errorf("its archive has no record %q", name)
	}
	if e.Method != zip.Store {
		if e.UncompressedSize64 > maxUnpacked {
			return nil, 0, fmt.Errorf("its compressed record %q unpacks to more than %d bytes", name, maxUnpacked)
		}
		return &unpacked{e: e}, int64(e.UncompressedSize64), nil
	}
	at, err := e.DataOffset()
	if err != nil {
		return nil, 0, fmt.Errorf("its record %q: %w", name, err)
	}
	if n := int64(e.UncompressedSize64); at < 0 || n > a.size-at {
		return nil, 0, fmt.Errorf("its record %q ends past the file", name)
	}
	return io.NewSectionReader(a.f, at, int64(e.UncompressedSize64)), int64(e.UncompressedSize64), nil
}

// Read reads a record of at most limit bytes.
func (a *Archive) Read(name string, limit int64) ([]byte, error) {
	r, n, err := a.Record(name)
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, fmt.Errorf("its record %q of %d bytes is larger than %d", name, n, limit)
	}
	b := make([]byte, n)
	if _, err := r.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("its record %q: %w", name, err)
	}
	return b, nil
}

// unpacked is a compressed record.
type unpacked struct {
	e    *zip.File
	once sync.Once
	data []byte
	err  error
}

func (u *unpacked) ReadAt(p []byte, at int64) (int, error) {
	u.once.Do(func() {
		r, err := u.e.Open()
		if err != nil {
			u.err = err
			return
		}
		n := int64(u.e.UncompressedSize64)
		u.data, u.err = io.ReadAll(io.LimitReader(r, n+1))
		if u.err == nil && int64(len(u.data)) != n {
			u.err = fmt.Errorf("its record %q does not have the size that it says", u.e.Name)
		}
		u.err = errors.Join(u.err, r.Close())
	})
	if u.err != nil {
		return 0, u.err
	}
	return bytes.NewReader(u.data).ReadAt(p, at)
}

// openZip reads an archive of torch.save or of torch.jit.save.
func openZip(f *os.File, size int64) (*Set, error) {
	a, err := OpenArchive(f, size)
	if err != nil {
		return nil, err
	}
	s, err := a.Weights()
	if err != nil {
		return nil, err
	}
	s.closers = []io.Closer{f}
	return s, nil
}

// Weights reads the tensors of an archive that torch.save or torch.jit.save wrote. Tensors read from the archive's file, which must stay open.
func (a *Archive) Weights() (*Set, error) {
	pickle := a.Find("data.pkl")
	if pickle == "" {
		if a.Find("serialized_exported_program.json") != "" || a.Find("models/model.json") != "" {
			return nil, errors.New("it is an exported program, whose graph is to be read")
		}
		return nil, errors.New("its archive has no data.pkl: PyTorch did not write it")
	}
	dir := strings.TrimSuffix(pickle, "data.pkl")
	if order := dir + "byteorder"; a.Has(order) {
		if b, err := a.Read(order, 16); err != nil || strings.TrimSpace(string(b)) != "little" {
			return nil, errors.New("its numbers are big-endian, which is not read: save it again on another machine")
		}
	}
	script := a.Has(dir + "constants.pkl")
	b, err := a.Read(pickle, maxPickle)
	if err != nil {
		return nil, err
	}
	hooks := torchHooks(script, func(id any) (any, error) { return storageOf(id) })
	root, _, err := load(bufio.NewReader(bytes.NewReader(b)), int64(len(b)), hooks)
	if err != nil {
		return nil, err
	}
	views, err := weights(root)
	if err != nil {
		return nil, err
	}
	s := &Set{Format: PyTorch, Tensors: map[string]*Tensor{}, Meta: map[string]string{}}
	if script {
		s.Format = TorchScript
	}
	records := map[string]io.ReaderAt{}
	for name, v := range views {
		key := dir + "data/" + v.storage.key
		r := records[key]
		if r == nil {
			var n int64
			if r, n, err = a.Record(key); err != nil {
				return nil, err
			}
			if n < v.storage.count*int64(v.storage.dtype.Size()) {
				return nil, fmt.Errorf("its storage %q has %d bytes, fewer than its %d elements need", v.storage.key, n, v.storage.count)
			}
			records[key] = r
		}
		s.Tensors[name] = v.tensor(name, r)
	}
	return s, nil
}

// The numbers that start PyTorch's format before 1.6.
var legacyMagic, _ = new(big.Int).SetString("1950a86a20f9469cfc6c", 16)

const legacyProtocol = 1001

// openLegacy reads the format before PyTorch 1.6: pickles of a magic number, a protocol, the machine, the objects and the storages' keys, then
// each storage as its number of elements and its bytes.
func openLegacy(f *os.File, size int64) (*Set, error) {
	var at int64
	next := func(h hooks) (any, error) {
		limit := min(maxPickle, size-at)
		v, n, err := load(bufio.NewReader(io.NewSectionReader(f, at, size-at)), limit, h)
		at += n
		return v, err
	}
	plain := torchHooks(false, func(any) (any, error) { return nil, damaged("a reference outside of the objects") })
	magic, err := next(plain)
	if err != nil {
		return nil, err
	}
	if m, ok := magic.(*big.Int); !ok || m.Cmp(legacyMagic) != 0 {
		return nil, errors.New("it is a pickle, but not one of PyTorch's: save the model's state_dict() with torch.save, or as .safetensors")
	}
	if v, err := next(plain); err != nil || v != int64(legacyProtocol) {
		return nil, errors.Join(errors.New("its protocol is not known"), err)
	}
	if _, err := next(plain); err != nil {
		return nil, err
	}
	all := map[string]*storage{}
	root, err := next(torchHooks(false, func(id any) (any, error) {
		s, err := storageOf(id)
		if err != nil {
			return nil, err
		}
		if t, ok := id.(tuple); ok && len(t) > 5 && t[5] != nil {
			return nil, errors.New("its storages are views of others, which is not read: save it again with a newer PyTorch")
		}
		if all[s.key] == nil {
			all[s.key] = s
		}
		return all[s.key], nil
	}))
	if err != nil {
		return nil, err
	}
	keys, err := next(plain)
	if err != nil {
		return nil, err
	}
	records, err := legacyStorages(f, size, at, keys, all)
	if err != nil {
		return nil, err
	}
	views, err := weights(root)
	if err != nil {
		return nil, err
	}
	s := &Set{Format: PyTorchOld, Tensors: map[string]*Tensor{}, Meta: map[string]string{}, closers: []io.Closer{f}}
	for name, v := range views {
		r := records[v.storage.key]
		if r == nil {
			return nil, fmt.Errorf("the storage of the tensor %q is missing", name)
		}
		s.Tensors[name] = v.tensor(name, r)
	}
	return s, nil
}

func legacyStorages(f io.ReaderAt, size, at int64, keys any, all map[string]*storage) (map[string]io.ReaderAt, error) {
	order, ok := keys.(*list)
	if !ok {
		return nil, damaged("the list of storages")
	}
	records := map[string]io.ReaderAt{}
	for _, k := range order.items {
		key, _ := k.(string)
		s := all[key]
		var head [8]byte
		if _, err := f.ReadAt(head[:], at); err != nil {
			return nil, errors.New("it is cut short")
		}
		n := int64(binary.LittleEndian.Uint64(head[:]))
		if s == nil || n != s.count {
			return nil, fmt.Errorf("its storage %q has another length than its pickle says", key)
		}
		bytes := n * int64(s.dtype.Size())
		if at += 8; bytes > size-at {
			return nil, errors.New("it is cut short")
		}
		records[key] = io.NewSectionReader(f, at, bytes)
		at += bytes
	}
	return records, nil
}

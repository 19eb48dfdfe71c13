package mlpackage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Layout of a blob file, version 2: a header of 64 bytes (count, version), then for each blob 64 bytes of metadata (sentinel, type, size and
// offset of the data), each aligned to 64 bytes.
const (
	blobAlign    = 64
	blobVersion  = 2
	blobSentinel = 0xDEADBEEF
	modelPath    = "@model_path/"
)

// blobRef is where a constant's data lies.
type blobRef struct {
	file   *os.File
	offset int64  // of the data
	data   []byte // the mapping's part
}

// blob finds the data behind a BlobFileValue.
func (p *Package) blob(name string, offset uint64) (*blobRef, error) {
	rel := strings.TrimPrefix(name, modelPath)
	if !filepath.IsLocal(rel) || strings.Contains(rel, `\`) {
		return nil, fmt.Errorf("the weights' path %q leaves the package", name)
	}
	rel = path.Join(p.model, rel)
	b, err := p.mapped(rel)
	if err != nil {
		return nil, err
	}
	size := uint64(len(b.data))
	if offset > size || size-offset < blobAlign || binary.LittleEndian.Uint32(b.data[offset:]) != blobSentinel {
		return nil, fmt.Errorf("%s: there are no weights at offset %d: the file is cut short or not this model's", rel, offset)
	}
	n, at := binary.LittleEndian.Uint64(b.data[offset+8:]), binary.LittleEndian.Uint64(b.data[offset+16:])
	if at > size || n > size-at {
		return nil, fmt.Errorf("%s: the weights at offset %d end past the file: it is cut short", rel, offset)
	}
	if at < offset+blobAlign || at%blobAlign != 0 {
		return nil, fmt.Errorf("%s: the weights at offset %d lie where no weights can be", rel, offset)
	}
	return &blobRef{b.file, int64(at), b.data[at : at+n]}, nil
}

// mapping is a weights file, open and mapped.
type mapping struct {
	file *os.File
	data []byte
}

func (b *mapping) close() error {
	return errors.Join(unix.Munmap(b.data), b.file.Close())
}

// mapped maps a file of the package, once.
func (p *Package) mapped(name string) (_ *mapping, err error) {
	if b, ok := p.blobs[name]; ok {
		return b, nil
	}
	f, err := p.open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	head := make([]byte, blobAlign)
	if _, err := f.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("%s is not a weights file: it is shorter than its header", name)
	}
	if v := binary.LittleEndian.Uint32(head[4:]); v != blobVersion {
		return nil, fmt.Errorf("%s is not a weights file of version %d: it says %d", name, blobVersion, v)
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", name, err)
	}
	p.blobs[name] = &mapping{f, b}
	return p.blobs[name], nil
}

package mlpackage

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
)

// Places of a package's files, as coremltools writes them.
const (
	specName    = "com.apple.CoreML/model.mlmodel"
	weightsName = "com.apple.CoreML/weights"
)

// BlobType is the type of a blob's elements in a weights file.
type BlobType uint32

// Blob types that are written, numbered as MLModelStorage's BlobDataType.
const (
	BlobFloat16 BlobType = 1
	BlobFloat32 BlobType = 2
	BlobUInt8   BlobType = 3
	BlobInt8    BlobType = 4
	BlobInt4    BlobType = 8
	BlobUInt1   BlobType = 9
	BlobUInt2   BlobType = 10
	BlobUInt4   BlobType = 11
	BlobUInt3   BlobType = 12
	BlobUInt6   BlobType = 13
	BlobInt32   BlobType = 14
)

// Weights writes a blob file. Add gives the offset that a BlobFileValue of WeightsFile names.
type Weights struct {
	f     *os.File
	at    int64
	count uint32
}

// WeightsFile is the file name of the weights in a BlobFileValue.
const WeightsFile = "@model_path/weights/weight.bin"

// Add appends data, little-endian elements, and returns its metadata's offset.
func (w *Weights) Add(t BlobType, data []byte) (uint64, error) {
	return w.Stream(t, int64(len(data)), 0, func(to io.Writer) error {
		_, err := to.Write(data)
		return err
	})
}

// Stream appends what write gives, which is size bytes, and returns its metadata's offset. spare is how many bits of the last byte are not used,
// where elements are smaller than bytes.
func (w *Weights) Stream(t BlobType, size int64, spare uint64, write func(io.Writer) error) (uint64, error) {
	meta := make([]byte, blobAlign)
	binary.LittleEndian.PutUint32(meta, blobSentinel)
	binary.LittleEndian.PutUint32(meta[4:], uint32(t))
	binary.LittleEndian.PutUint64(meta[8:], uint64(size))
	binary.LittleEndian.PutUint64(meta[16:], uint64(w.at)+blobAlign)
	binary.LittleEndian.PutUint64(meta[24:], spare)
	offset := uint64(w.at)
	if _, err := w.f.Write(meta); err != nil {
		return 0, fmt.Errorf("write weights: %w", err)
	}
	c := &counter{w: w.f}
	err := write(c)
	if err == nil && c.n != size {
		err = fmt.Errorf("there are %d bytes, not %d", c.n, size)
	}
	if err != nil { // what was written is taken back: the caller may go on with something else
		_, seek := w.f.Seek(w.at, io.SeekStart)
		return 0, fmt.Errorf("write weights: %w", errors.Join(err, seek, w.f.Truncate(w.at)))
	}
	padding := (blobAlign - size%blobAlign) % blobAlign
	if _, err := w.f.Write(make([]byte, padding)); err != nil {
		return 0, fmt.Errorf("write weights: %w", err)
	}
	w.at += blobAlign + size + padding
	w.count++
	return offset, nil
}

// Size is how many bytes were written.
func (w *Weights) Size() int64 { return w.at }

// counter counts what passes.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// Write makes the package dir, whole or not at all; an existing package is replaced, but nothing else. build adds the weights and returns the
// specification.
func Write(dir string, build func(*Weights) (*coremlpb.Model, error)) (err error) {
	dir = filepath.Clean(dir)
	old, err := replaceable(dir)
	if err != nil {
		return fmt.Errorf("write the package %s: %w", dir, err)
	}
	parent := filepath.Dir(dir)
	temp, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+"-*")
	if err != nil {
		return fmt.Errorf("write the package %s: %w", dir, err)
	}
	defer func() {
		if e := os.RemoveAll(temp); err == nil && e != nil {
			err = e
		}
	}()
	if err := fill(temp, build); err != nil {
		return fmt.Errorf("write the package %s: %w", dir, err)
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return fmt.Errorf("write the package %s: %w", dir, err)
	}
	if !old {
		if err := os.Rename(temp, dir); err != nil {
			return fmt.Errorf("write the package %s: %w", dir, err)
		}
		return nil
	}
	aside := temp + ".old" // a folder cannot be renamed onto another: the old package is kept until the new one has its place
	if err := os.Rename(dir, aside); err != nil {
		return fmt.Errorf("replace the package %s: %w", dir, err)
	}
	if err := os.Rename(temp, dir); err != nil {
		return errors.Join(fmt.Errorf("replace the package %s: %w", dir, err), os.Rename(aside, dir))
	}
	return os.RemoveAll(aside)
}

// replaceable tells whether a package is at dir; it is an error if something else is.
func replaceable(dir string) (bool, error) {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if st, err := os.Stat(filepath.Join(dir, "Manifest.json")); err != nil || !st.Mode().IsRegular() {
		return false, errors.New("something that is not a package is there")
	}
	return true, nil
}

func fill(dir string, build func(*Weights) (*coremlpb.Model, error)) (err error) {
	weights := filepath.Join(dir, "Data", filepath.FromSlash(weightsName))
	if err := os.MkdirAll(weights, 0o755); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(weights, "weight.bin"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := &Weights{f: f, at: blobAlign}
	if _, err := f.Write(make([]byte, blobAlign)); err != nil {
		return err
	}
	spec, err := build(w)
	if err != nil {
		return err
	}
	head := binary.LittleEndian.AppendUint32(nil, w.count)
	if _, err := f.WriteAt(binary.LittleEndian.AppendUint32(head, blobVersion), 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(spec)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "Data", filepath.FromSlash(specName)), b, 0o644); err != nil {
		return err
	}
	m, err := json.MarshalIndent(newManifest(b), "", "    ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "Manifest.json"), m, 0o644)
}

// newManifest names the two items by identifiers that follow from the specification, so that the same model gives the same package.
func newManifest(spec []byte) manifest {
	id := func(of string) string {
		h := sha256.New()
		_, _ = io.WriteString(h, of) // a hash's Write does not fail
		h.Write(spec)
		s := h.Sum(nil)
		return fmt.Sprintf("%X-%X-%X-%X-%X", s[:4], s[4:6], s[6:8], s[8:10], s[10:16])
	}
	root := id(specName)
	return manifest{"1.0.0", map[string]item{
		root:            {"com.apple.CoreML", "CoreML Model Specification", "model.mlmodel", specName},
		id(weightsName): {"com.apple.CoreML", "CoreML Model Weights", "weights", weightsName},
	}, root}
}

package source

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

// maxHeader is the longest header that safetensors' own reader takes.
const maxHeader = 100_000_000

// entry is a tensor in a safetensors header.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// openSafetensors reads a file's header: 8 bytes with its length, then JSON, then the tensors' bytes.
// https://github.com/huggingface/safetensors#format
func openSafetensors(f *os.File, size int64) (*Set, error) {
	var head [8]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return nil, fmt.Errorf("it is shorter than the length of its header")
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, fmt.Errorf("its header is said to have %d bytes, more than the file or than %d", n, maxHeader)
	}
	header := make([]byte, n)
	if _, err := f.ReadAt(header, 8); err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	s := &Set{Format: Safetensors, Tensors: map[string]*Tensor{}, Meta: map[string]string{}, closers: []io.Closer{f}}
	if err := s.header(header, f, 8+int64(n), size-8-int64(n)); err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	return s, nil
}

// header adds the tensors that a header lists; data starts at base and has size bytes.
func (s *Set) header(b []byte, f io.ReaderAt, base, size int64) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("it is not a JSON object")
	}
	var spans [][2]int64
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if name == "__metadata__" {
			if err := d.Decode(&s.Meta); err != nil {
				return fmt.Errorf("__metadata__: %w", err)
			}
			continue
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return fmt.Errorf("the tensor %q: %w", name, err)
		}
		t, err := e.tensor(name.(string), f, base, size) // a key of an object is a string
		if err != nil {
			return fmt.Errorf("the tensor %q: %w", name, err)
		}
		if err := s.add(t); err != nil {
			return err
		}
		spans = append(spans, e.Offsets)
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("it is cut short: %w", err)
	}
	slices.SortFunc(spans, func(a, b [2]int64) int { return int(min(max(a[0]-b[0], -1), 1)) })
	for i := 1; i < len(spans); i++ {
		if spans[i][0] < spans[i-1][1] {
			return fmt.Errorf("two tensors lie one over the other at offset %d", spans[i][0])
		}
	}
	return nil
}

func (e *entry) tensor(name string, f io.ReaderAt, base, size int64) (*Tensor, error) {
	dtype, err := parseDType(e.DType)
	if err != nil {
		return nil, err
	}
	shape, err := checked(e.Shape)
	if err != nil {
		return nil, err
	}
	t := &Tensor{Name: name, Shape: shape, DType: dtype}
	from, to := e.Offsets[0], e.Offsets[1]
	switch {
	case from < 0 || to < from || to > size:
		return nil, fmt.Errorf("its offsets %d to %d are not within the %d bytes of data", from, to, size)
	case to-from != t.Size():
		return nil, fmt.Errorf("its shape %v of %v needs %d bytes, and its offsets span %d", shape, dtype, t.Size(), to-from)
	}
	t.open = section(f, base+from, to-from)
	return t, nil
}

package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// Element types, TensorProto.DataType.
const (
	typeString = 8
	typeUint4  = 21
	typeInt4   = 22
)

var dtypes = map[int]source.DType{
	1: source.F32, 2: source.U8, 3: source.I8, 4: source.U16, 5: source.I16, 6: source.I32, 7: source.I64, 9: source.Bool, 10: source.F16,
	11: source.F64, 12: source.U32, 13: source.U64, 16: source.BF16, 17: source.F8E4M3, 19: source.F8E5M2,
}

// raw is a TensorProto as it is read.
type raw struct {
	name     string
	dims     []int64
	typ      int
	data     []byte
	floats   []float32
	ints     []int64
	doubles  []byte
	external map[string]string
	outside  bool
}

func (m *File) tensor(b []byte) (*source.Tensor, error) {
	r := &raw{external: map[string]string{}}
	err := each(b, func(x field) (err error) {
		switch x.num {
		case 1:
			r.dims, err = x.varints(r.dims)
		case 2:
			r.typ = int(x.value)
		case 4:
			r.floats = x.floats(r.floats)
		case 5, 7, 11:
			r.ints, err = x.varints(r.ints)
		case 8:
			r.name = string(x.bytes)
		case 9:
			r.data = x.bytes
		case 10:
			r.doubles = append(r.doubles, x.bytes...)
		case 13:
			var k, v string
			err = each(x.bytes, func(y field) error {
				switch y.num {
				case 1:
					k = string(y.bytes)
				case 2:
					v = string(y.bytes)
				}
				return nil
			})
			r.external[k] = v
		case 14:
			r.outside = x.value == 1
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	t, err := m.finish(r)
	if err != nil {
		return nil, fmt.Errorf("the tensor %q: %w", r.name, err)
	}
	return t, nil
}

func (m *File) finish(r *raw) (*source.Tensor, error) {
	shape, n := make([]int, len(r.dims)), int64(1)
	for i, d := range r.dims {
		if d < 0 || d > math.MaxInt32 || (d > 0 && n > 1<<40/d) {
			return nil, fmt.Errorf("its shape %v is out of range", r.dims)
		}
		n *= max(d, 1)
		shape[i] = int(d)
	}
	count := 1
	for _, d := range shape {
		count *= d
	}
	if r.typ == typeString {
		return nil, nil
	}
	if r.typ == typeInt4 || r.typ == typeUint4 {
		return nibbles(r, shape, count)
	}
	d, ok := dtypes[r.typ]
	if !ok {
		return nil, fmt.Errorf("elements of type %d are not supported", r.typ)
	}
	t := source.New(r.name, d, shape, nil)
	switch {
	case r.outside:
		return m.outside(r, d, shape, t.Size())
	case r.data != nil || count == 0:
		if int64(len(r.data)) != t.Size() {
			return nil, fmt.Errorf("its shape %v of %v needs %d bytes, and there are %d", shape, d, t.Size(), len(r.data))
		}
		return source.Raw(r.name, d, shape, r.data), nil
	}
	return r.typed(d, shape, count)
}

// typed takes elements from the fields for some types.
func (r *raw) typed(d source.DType, shape []int, count int) (*source.Tensor, error) {
	have := len(r.ints)
	var b []byte
	switch d {
	case source.F32:
		if len(r.floats) == count {
			return source.Floats(r.name, shape, r.floats), nil
		}
		have = len(r.floats)
	case source.F64:
		if len(r.doubles) == 8*count {
			return source.Raw(r.name, d, shape, r.doubles), nil
		}
		have = len(r.doubles) / 8
	default:
		for _, v := range r.ints {
			var le [8]byte
			binary.LittleEndian.PutUint64(le[:], uint64(v))
			b = append(b, le[:d.Size()]...)
		}
	}
	if have != count || b == nil {
		return nil, fmt.Errorf("its shape %v has %d elements, and there are %d", shape, count, have)
	}
	return source.Raw(r.name, d, shape, b), nil
}

// nibbles unpacks elements of four bits to bytes.
func nibbles(r *raw, shape []int, count int) (*source.Tensor, error) {
	packed := r.data
	if packed == nil {
		for _, v := range r.ints {
			packed = append(packed, byte(v))
		}
	}
	if len(packed) != (count+1)/2 {
		return nil, fmt.Errorf("its shape %v has %d elements, and there are %d bytes", shape, count, len(packed))
	}
	b, d := make([]byte, count), source.U8
	for i := range b {
		b[i] = packed[i/2] >> (4 * (i % 2)) & 15
		if r.typ == typeInt4 {
			b[i] = byte(int8(b[i]<<4) >> 4)
		}
	}
	if r.typ == typeInt4 {
		d = source.I8
	}
	return source.Raw(r.name, d, shape, b), nil
}

// outside reads weights that lie in another file of the model's folder.
func (m *File) outside(r *raw, d source.DType, shape []int, size int64) (*source.Tensor, error) {
	name := r.external["location"]
	if !filepath.IsLocal(name) || strings.Contains(name, `\`) {
		return nil, fmt.Errorf("its file %q lies outside of the model's folder", name)
	}
	number := func(key string, missing int64) (int64, error) {
		s, ok := r.external[key]
		if !ok {
			return missing, nil
		}
		return strconv.ParseInt(s, 10, 64)
	}
	at, err1 := number("offset", 0)
	length, err2 := number("length", size)
	if err1 != nil || err2 != nil || length != size {
		return nil, fmt.Errorf("its place in %q is damaged", name)
	}
	f := m.others[name]
	if f == nil {
		var err error
		if f, err = os.OpenFile(filepath.Join(m.dir, name), os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil {
			return nil, err
		}
		m.others[name] = f
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || at < 0 || at > st.Size() || size > st.Size()-at {
		return nil, fmt.Errorf("it ends past its file %q", name)
	}
	return source.New(r.name, d, shape, func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(f, at, size)), nil }), nil
}

package source

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// Floats makes a tensor of numbers in memory, which must not change after that.
func Floats(name string, shape []int, v []float32) *Tensor {
	return Computed(name, shape, func() ([]float32, error) { return v, nil })
}

// Computed makes a float32 tensor that is computed whenever it is read, as what is merged from several tensors is.
func Computed(name string, shape []int, compute func() ([]float32, error)) *Tensor {
	return New(name, F32, slices.Clone(shape), func() (io.ReadCloser, error) {
		v, err := compute()
		if err != nil {
			return nil, err
		}
		return io.NopCloser(&floatReader{v: v}), nil
	})
}

// Ints makes an int32 tensor of numbers in memory; those out of range become the nearest that is in range, as an end past every axis does.
func Ints(name string, shape []int, v []int64) *Tensor {
	b := make([]byte, 0, 4*len(v))
	for _, n := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(int32(min(max(n, math.MinInt32), math.MaxInt32))))
	}
	return Raw(name, I32, shape, b)
}

// Bools makes a tensor of truth values in memory.
func Bools(name string, shape []int, v []bool) *Tensor {
	b := make([]byte, len(v))
	for i, x := range v {
		if x {
			b[i] = 1
		}
	}
	return Raw(name, Bool, shape, b)
}

// Raw makes a tensor of little-endian elements in memory.
func Raw(name string, d DType, shape []int, b []byte) *Tensor {
	return New(name, d, slices.Clone(shape), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil })
}

// floatReader gives float32 numbers as bytes.
type floatReader struct {
	v    []float32
	rest []byte
	buf  []byte
}

func (r *floatReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if len(r.v) == 0 {
			return 0, io.EOF
		}
		n := min(len(r.v), chunk)
		r.buf = r.buf[:0]
		for _, f := range r.v[:n] {
			r.buf = binary.LittleEndian.AppendUint32(r.buf, math.Float32bits(f))
		}
		r.rest, r.v = r.buf, r.v[n:]
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

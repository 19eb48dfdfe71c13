package source

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/gesso-app/gesso/native/mlpackage"
)

// DType is the type of a tensor's elements.
type DType int

// The element types, named as safetensors has them.
const (
	F32 DType = iota
	F16
	BF16
	F64
	F8E4M3 // finite: no infinities
	F8E5M2
	I64
	I32
	I16
	I8
	U64
	U32
	U16
	U8
	Bool
)

var dtypes = [...]struct {
	name string
	size int
}{{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"I64", 8}, {"I32", 4}, {"I16", 2}, {"I8", 1}, {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1}, {"BOOL", 1}}

// Size is the size of an element in bytes.
func (d DType) Size() int { return dtypes[d].size }

func (d DType) String() string { return dtypes[d].name }

// IsFloat tells whether the elements are floating-point numbers.
func (d DType) IsFloat() bool { return d <= F8E5M2 }

func parseDType(name string) (DType, error) {
	for i, d := range dtypes {
		if d.name == name {
			return DType(i), nil
		}
	}
	return 0, fmt.Errorf("the element type %q is not known", name)
}

// chunk is how many elements are decoded at once.
const chunk = 1 << 15

// decode reads len(out) elements.
func (d DType) decode(r io.Reader, out []float32) error {
	size := d.Size()
	buf := make([]byte, min(len(out), chunk)*size)
	for len(out) > 0 {
		n := min(len(out), chunk)
		if _, err := io.ReadFull(r, buf[:n*size]); err != nil {
			return err
		}
		d.Decode(buf[:n*size], out[:n])
		out = out[n:]
	}
	return nil
}

// Decode turns little-endian elements into float32.
func (d DType) Decode(b []byte, out []float32) {
	le := binary.LittleEndian
	switch d {
	case F32:
		for i := range out {
			out[i] = math.Float32frombits(le.Uint32(b[4*i:]))
		}
	case F16:
		for i := range out {
			out[i] = mlpackage.Half(le.Uint16(b[2*i:]))
		}
	case BF16:
		for i := range out {
			out[i] = math.Float32frombits(uint32(le.Uint16(b[2*i:])) << 16)
		}
	case F64:
		for i := range out {
			out[i] = float32(math.Float64frombits(le.Uint64(b[8*i:])))
		}
	case F8E4M3:
		for i := range out {
			out[i] = float8(b[i], 4, 7)
		}
	case F8E5M2:
		for i := range out {
			out[i] = mlpackage.Half(uint16(b[i]) << 8)
		}
	default:
		for i := range out {
			out[i] = float32(d.Int(b, i))
		}
	}
}

// float8 is an 8-bit float with the given exponent bits and bias whose only special value is the NaN of all ones.
func float8(b byte, exponent, bias int) float32 {
	mantissa := 7 - exponent
	if b&0x7f == 0x7f {
		return float32(math.NaN())
	}
	e, m := int(b&0x7f)>>mantissa, float64(b&(1<<mantissa-1))
	v := math.Ldexp(m, 1-bias-mantissa)
	if e > 0 {
		v = math.Ldexp(m+float64(int(1)<<mantissa), e-bias-mantissa)
	}
	if b&0x80 != 0 {
		v = -v
	}
	return float32(v)
}

// Int is the element i of little-endian integers or booleans.
func (d DType) Int(b []byte, i int) int64 {
	le := binary.LittleEndian
	switch d {
	case I64, U64:
		return int64(le.Uint64(b[8*i:]))
	case I32:
		return int64(int32(le.Uint32(b[4*i:])))
	case U32:
		return int64(le.Uint32(b[4*i:]))
	case I16:
		return int64(int16(le.Uint16(b[2*i:])))
	case U16:
		return int64(le.Uint16(b[2*i:]))
	case I8:
		return int64(int8(b[i]))
	}
	return int64(b[i])
}

package mlpackage

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// Const is a constant of a program. Its elements are given by Float32s, Ints or Strings, by the type; float16 values that lie in a blob file
// are converted when Float32s is called.
type Const struct {
	DType   milpb.DataType
	Shape   []int64
	Ints    []int64 // integers and booleans
	Strings []string

	floats []float32
	half   []byte // float16, little-endian
	ref    *blobRef
}

// maxElements bounds a constant.
const maxElements = 1 << 33

// Len is the number of elements.
func (c *Const) Len() int64 {
	n := int64(1)
	for _, d := range c.Shape {
		n *= d
	}
	return n
}

// IsFloat tells whether the elements are floating-point numbers.
func (c *Const) IsFloat() bool { return IsFloat(c.DType) }

// IsFloat tells whether d is a floating-point type.
func IsFloat(d milpb.DataType) bool {
	return d == milpb.DataType_FLOAT16 || d == milpb.DataType_FLOAT32 || d == milpb.DataType_FLOAT64
}

// Float32s returns the elements of a number or boolean as float32; do not change them.
func (c *Const) Float32s() []float32 {
	switch {
	case c.floats != nil:
	case c.half != nil:
		c.floats = make([]float32, len(c.half)/2)
		for i := range c.floats {
			c.floats[i] = Half(binary.LittleEndian.Uint16(c.half[2*i:]))
		}
	default:
		c.floats = make([]float32, len(c.Ints))
		for i, v := range c.Ints {
			c.floats[i] = float32(v)
		}
	}
	return c.floats
}

// HalfOnDisk tells where float16 data lies in a file, so that an engine can read it there.
func (c *Const) HalfOnDisk() (file string, offset int64, ok bool) {
	if c.half == nil || c.ref == nil {
		return "", 0, false
	}
	return c.ref.File, c.ref.Offset, true
}

// Half converts an IEEE 754 binary16.
func Half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 0:
		v := float32(frac) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// Dims returns a tensor type's dimensions; -1 is one that is not fixed.
func Dims(t *milpb.TensorType) []int64 {
	out := make([]int64, 0, len(t.GetDimensions()))
	for _, d := range t.GetDimensions() {
		if c := d.GetConstant(); c != nil && c.Size <= math.MaxInt32 {
			out = append(out, int64(c.Size))
		} else {
			out = append(out, -1)
		}
	}
	return out
}

// Value reads a constant.
func (p *Package) Value(v *milpb.Value) (*Const, error) {
	tt := v.GetType().GetTensorType()
	if tt == nil {
		return nil, fmt.Errorf("a constant that is not a tensor")
	}
	c := &Const{DType: tt.GetDataType(), Shape: Dims(tt)}
	n := int64(1)
	for _, d := range c.Shape {
		if d < 0 || (d > 0 && n > maxElements/d) {
			return nil, fmt.Errorf("a constant of shape %v", c.Shape)
		}
		n *= d
	}
	if b := v.GetBlobFileValue(); b != nil {
		var err error
		if c.ref, err = p.blob(b.GetFileName(), b.GetOffset()); err != nil {
			return nil, err
		}
		return c, c.raw(c.ref.data, n)
	}
	return c, c.immediate(v.GetImmediateValue().GetTensor(), n)
}

func (c *Const) immediate(t *milpb.TensorValue, n int64) error {
	switch x := t.GetValue().(type) {
	case *milpb.TensorValue_Floats:
		c.floats = x.Floats.GetValues()
	case *milpb.TensorValue_Doubles:
		for _, d := range x.Doubles.GetValues() {
			c.floats = append(c.floats, float32(d))
		}
	case *milpb.TensorValue_Ints:
		for _, d := range x.Ints.GetValues() {
			c.Ints = append(c.Ints, int64(d))
		}
	case *milpb.TensorValue_LongInts:
		c.Ints = x.LongInts.GetValues()
	case *milpb.TensorValue_Bools:
		for _, d := range x.Bools.GetValues() {
			c.Ints = append(c.Ints, flag(d))
		}
	case *milpb.TensorValue_Strings:
		c.Strings = x.Strings.GetValues()
	case *milpb.TensorValue_Bytes:
		return c.raw(x.Bytes.GetValues(), n)
	}
	have := len(c.Ints)
	switch {
	case c.IsFloat():
		have = len(c.floats)
	case c.DType == milpb.DataType_STRING:
		have = len(c.Strings)
	}
	if int64(have) != n {
		return fmt.Errorf("a constant of type %v and shape %v has %d elements of that type", c.DType, c.Shape, have)
	}
	return nil
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// raw reads n packed little-endian elements.
func (c *Const) raw(b []byte, n int64) error {
	width, ok := widths[c.DType]
	if !ok {
		return fmt.Errorf("constants of type %v are not known", c.DType)
	}
	if int64(len(b)) != n*width {
		return fmt.Errorf("a constant of type %v and shape %v has %d bytes of data", c.DType, c.Shape, len(b))
	}
	switch c.DType {
	case milpb.DataType_FLOAT16:
		c.half = b
	case milpb.DataType_FLOAT32:
		c.floats = make([]float32, n)
		for i := range c.floats {
			c.floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	default:
		c.Ints = make([]int64, n)
		for i := range c.Ints {
			c.Ints[i] = integer(c.DType, b[int64(i)*width:])
		}
	}
	return nil
}

// widths are the sizes in bytes of the types that raw reads.
var widths = map[milpb.DataType]int64{
	milpb.DataType_FLOAT16: 2, milpb.DataType_FLOAT32: 4, milpb.DataType_BOOL: 1, milpb.DataType_INT8: 1, milpb.DataType_UINT8: 1,
	milpb.DataType_INT16: 2, milpb.DataType_UINT16: 2, milpb.DataType_INT32: 4, milpb.DataType_UINT32: 4, milpb.DataType_INT64: 8,
}

func integer(d milpb.DataType, b []byte) int64 {
	le := binary.LittleEndian
	switch d {
	case milpb.DataType_INT8:
		return int64(int8(b[0]))
	case milpb.DataType_INT16:
		return int64(int16(le.Uint16(b)))
	case milpb.DataType_UINT16:
		return int64(le.Uint16(b))
	case milpb.DataType_INT32:
		return int64(int32(le.Uint32(b)))
	case milpb.DataType_UINT32:
		return int64(le.Uint32(b))
	case milpb.DataType_INT64:
		return int64(le.Uint64(b))
	}
	return int64(b[0])
}

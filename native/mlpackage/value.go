package mlpackage

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"sync"

	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// Const is a constant of a program. Its elements are given by Float32s, Ints or Strings, by the type. What lies in a blob file or is compressed
// is converted when it is asked for.
type Const struct {
	DType   milpb.DataType
	Shape   []int64
	Strings []string

	ints   []int64 // integers and booleans
	floats []float32
	packed []byte // elements as a file holds them, of bits each, the least significant first
	bits   int
	ref    *blobRef
	fill   func(dst []float32, at int64) // elements from at on, of a compressed constant
	dense  *Const                        // of the elements of a sparse one: the tensor that they are in
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

// Read gives the elements from at on, of a number or boolean, as float32.
func (c *Const) Read(dst []float32, at int64) {
	switch {
	case c.floats != nil:
		copy(dst, c.floats[at:])
	case c.fill != nil:
		c.fill(dst, at)
	case c.packed != nil && c.DType == milpb.DataType_FLOAT16:
		b, t := c.packed[2*at:2*(at+int64(len(dst)))], halves()
		for i := range dst {
			dst[i] = t[uint16(b[2*i])|uint16(b[2*i+1])<<8]
		}
	case c.packed != nil && c.DType == milpb.DataType_FLOAT32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(c.packed[4*(at+int64(i)):]))
		}
	case c.packed != nil:
		for i := range dst {
			dst[i] = float32(c.integer(at + int64(i)))
		}
	case c.ints != nil:
		for i := range dst {
			dst[i] = float32(c.ints[at+int64(i)])
		}
	}
}

// Float32s returns the elements of a number or boolean as float32; do not change them. They are kept: Read does not.
func (c *Const) Float32s() []float32 {
	if c.DType == milpb.DataType_STRING {
		return nil
	}
	if c.floats == nil {
		f := make([]float32, c.Len())
		c.Read(f, 0)
		c.floats = f
	}
	return c.floats
}

// Ints returns the elements of an integer or boolean; do not change them.
func (c *Const) Ints() []int64 {
	switch {
	case c.ints != nil || c.IsFloat():
	case c.packed != nil:
		c.ints = make([]int64, c.Len())
		for i := range c.ints {
			c.ints[i] = c.integer(int64(i))
		}
	case c.fill != nil:
		for _, v := range c.Float32s() {
			c.ints = append(c.ints, int64(v))
		}
	}
	return c.ints
}

// IsCompressed tells whether the elements are computed from others.
func (c *Const) IsCompressed() bool { return c.fill != nil }

// Widened is a constant's elements as another type of floating-point numbers.
func (c *Const) Widened(d milpb.DataType) *Const {
	return computed(d, c.Shape, func(dst []float32, at int64) { c.Read(dst, at) })
}

// OnDisk tells where the elements lie as they are in a file of the package, which is open as long as the package is, so that an engine can read
// them there.
func (c *Const) OnDisk() (file *os.File, offset int64, ok bool) {
	if c.ref == nil {
		return nil, 0, false
	}
	return c.ref.file, c.ref.offset, true
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

// halves are all float16 numbers as float32: weights are converted by the million.
var halves = sync.OnceValue(func() *[1 << 16]float32 {
	t := new([1 << 16]float32)
	for h := range t {
		t[h] = Half(uint16(h))
	}
	return t
})

// ToHalf rounds to the nearest IEEE 754 binary16, ties to even.
func ToHalf(v float32) uint16 {
	b := math.Float32bits(v)
	sign, b := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case b > 0x7f800000: // NaN
		return sign | 0x7e00
	case b >= 0x477ff000: // rounds to infinity
		return sign | 0x7c00
	case b < 0x38800000: // subnormal: the sum's last bits are the number's
		f := math.Float32frombits(b) + 0.5
		return sign | uint16(math.Float32bits(f)-math.Float32bits(0.5))
	}
	b += 0xfff + b>>13&1
	return sign | uint16((b-0x38000000)>>13)
}

// maxDim stands for all larger dimensions: no tensor that is this large is taken.
const maxDim = 1 << 40

// Dims returns a tensor type's dimensions; -1 is one that is not fixed.
func Dims(t *milpb.TensorType) []int64 {
	out := make([]int64, 0, len(t.GetDimensions()))
	for _, d := range t.GetDimensions() {
		if c := d.GetConstant(); c != nil {
			out = append(out, int64(min(c.Size, maxDim)))
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
			c.ints = append(c.ints, int64(d))
		}
	case *milpb.TensorValue_LongInts:
		c.ints = x.LongInts.GetValues()
	case *milpb.TensorValue_Bools:
		for _, d := range x.Bools.GetValues() {
			c.ints = append(c.ints, flag(d))
		}
	case *milpb.TensorValue_Strings:
		c.Strings = x.Strings.GetValues()
	case *milpb.TensorValue_Bytes:
		return c.raw(x.Bytes.GetValues(), n)
	}
	have := len(c.ints)
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

// raw takes n packed little-endian elements.
func (c *Const) raw(b []byte, n int64) error {
	bits, ok := widths[c.DType]
	if !ok {
		return fmt.Errorf("constants of type %v are not known", c.DType)
	}
	if int64(len(b)) != (n*int64(bits)+7)/8 {
		return fmt.Errorf("a constant of type %v and shape %v has %d bytes of data", c.DType, c.Shape, len(b))
	}
	c.packed, c.bits = b, bits
	if n == 0 {
		c.packed, c.ints, c.floats = nil, []int64{}, []float32{}
	}
	return nil
}

// widths are the sizes in bits of the types that raw reads.
var widths = map[milpb.DataType]int{
	milpb.DataType_FLOAT16: 16, milpb.DataType_FLOAT32: 32, milpb.DataType_BOOL: 8, milpb.DataType_INT8: 8, milpb.DataType_UINT8: 8,
	milpb.DataType_INT16: 16, milpb.DataType_UINT16: 16, milpb.DataType_INT32: 32, milpb.DataType_UINT32: 32, milpb.DataType_INT64: 64,
	milpb.DataType_INT4: 4, milpb.DataType_UINT4: 4, milpb.DataType_UINT1: 1, milpb.DataType_UINT2: 2, milpb.DataType_UINT3: 3, milpb.DataType_UINT6: 6,
}

// integer is a packed element.
func (c *Const) integer(i int64) int64 {
	le, b := binary.LittleEndian, c.packed
	switch c.DType {
	case milpb.DataType_INT8:
		return int64(int8(b[i]))
	case milpb.DataType_INT16:
		return int64(int16(le.Uint16(b[2*i:])))
	case milpb.DataType_UINT16:
		return int64(le.Uint16(b[2*i:]))
	case milpb.DataType_INT32:
		return int64(int32(le.Uint32(b[4*i:])))
	case milpb.DataType_UINT32:
		return int64(le.Uint32(b[4*i:]))
	case milpb.DataType_INT64:
		return int64(le.Uint64(b[8*i:]))
	case milpb.DataType_INT4:
		return int64(int8(field(b, i, 4)<<4) >> 4)
	}
	if c.bits == 8 {
		return int64(b[i])
	}
	return int64(field(b, i, c.bits))
}

// field is element i of bits each, at most 8, the least significant bits of a byte first.
func field(b []byte, i int64, bits int) uint8 {
	at := i * int64(bits)
	v := uint16(b[at/8])
	if at%8+int64(bits) > 8 {
		v |= uint16(b[at/8+1]) << 8
	}
	return uint8(v>>(at%8)) & uint8(1<<bits-1)
}

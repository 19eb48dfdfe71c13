package mlpackage

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// Compressed constants are computed from others when they are read, piece by piece: no whole copy of one is made here. The operations are those
// of coremltools' MIL, constexpr_*, of iOS16 and iOS18.

// maxGrowth bounds how many elements a compressed constant has for each byte of its data: vector palettes could make any number.
const maxGrowth = 4096

// errSparse says that the elements of a sparse constant are used as if they were all of a tensor.
var errSparse = errors.New("the elements of a sparse constant are used without their mask")

// IsSparse tells whether the constant holds elements of another tensor, which only Sparse and its like understand.
func (c *Const) IsSparse() bool { return c.dense != nil }

// tiling divides a tensor into equal blocks and tells which block an element is in.
type tiling struct {
	dims   []int64 // of the axes up to the last that is divided
	sizes  []int64 // of a block, on those axes
	counts []int64 // of blocks, on those axes
	run    int64   // as many elements in a row are in one block
}

// newTiling divides shape by counts, which are as many.
func newTiling(shape, counts []int64) (*tiling, error) {
	if len(shape) != len(counts) {
		return nil, fmt.Errorf("blocks %v of a tensor of shape %v", counts, shape)
	}
	t := &tiling{run: 1}
	last := -1
	for i, n := range counts {
		if n < 1 || shape[i] < 1 || shape[i]%n != 0 {
			return nil, fmt.Errorf("blocks %v of a tensor of shape %v", counts, shape)
		}
		if n > 1 {
			last = i
		}
	}
	for i := range shape {
		size := shape[i] / counts[i]
		if i <= last {
			t.dims, t.sizes, t.counts = append(t.dims, shape[i]), append(t.sizes, size), append(t.counts, counts[i])
		}
		if i == last {
			t.run *= size
		} else if i > last {
			t.run *= shape[i]
		}
	}
	return t, nil
}

// block is the number of the block that element at is in, and how many elements from there on are in it too.
func (t *tiling) block(at int64) (block, left int64) {
	r := at / t.run
	left = t.run - at%t.run
	stride := int64(1)
	for i := len(t.dims) - 1; i >= 0; i-- {
		n, size := t.dims[i], t.sizes[i]
		if i == len(t.dims)-1 { // runs are whole blocks on the last axis
			n, size = t.counts[i], 1
		}
		block += r % n / size * stride
		stride *= t.counts[i]
		r /= n
	}
	return block, left
}

// shiftScale is scale * (data - offset), scale and offset having an element for each block of data. offset may be nil.
func shiftScale(data, scale, offset *Const) (*Const, error) {
	if data.IsSparse() || scale.IsSparse() {
		return nil, errSparse
	}
	t, err := newTiling(data.Shape, scale.Shape)
	if err != nil {
		return nil, err
	}
	if offset != nil && !slices.Equal(offset.Shape, scale.Shape) {
		return nil, fmt.Errorf("offsets of shape %v and scales of shape %v", offset.Shape, scale.Shape)
	}
	s := scale.Float32s()
	var o []float32
	if offset != nil {
		o = offset.Float32s()
	}
	return computed(scale.DType, data.Shape, func(dst []float32, at int64) {
		data.Read(dst, at)
		for i := int64(0); i < int64(len(dst)); {
			b, left := t.block(at + i)
			part := dst[i:min(i+left, int64(len(dst)))]
			scale, offset := s[b], float32(0)
			if o != nil {
				offset = o[b]
			}
			for k, v := range part {
				part[k] = scale * (v - offset)
			}
			i += int64(len(part))
		}
	}), nil
}

func computed(d milpb.DataType, shape []int64, fill func([]float32, int64)) *Const {
	return &Const{DType: d, Shape: slices.Clone(shape), fill: fill}
}

// Blockwise is constexpr_blockwise_shift_scale. offset may be nil.
func Blockwise(data, scale, offset *Const) (*Const, error) { return shiftScale(data, scale, offset) }

// Affine is constexpr_affine_dequantize: zero and scale are scalars or have an element for each position of an axis.
func Affine(data, zero, scale *Const, axis int64) (*Const, error) {
	r := int64(len(data.Shape))
	if axis < 0 {
		axis += r
	}
	if axis < 0 || axis >= r {
		return nil, fmt.Errorf("the axis %d of a tensor of shape %v", axis, data.Shape)
	}
	counts := slices.Repeat([]int64{1}, int(r))
	if scale.Len() != 1 || zero.Len() != 1 {
		counts[axis] = data.Shape[axis]
	}
	full := func(c *Const) (*Const, error) {
		v := c.Float32s()
		if len(v) == 1 && counts[axis] > 1 {
			v = slices.Repeat(v, int(counts[axis]))
		}
		if int64(len(v)) != counts[axis] {
			return nil, fmt.Errorf("%d scales or zero points along the axis %d of a tensor of shape %v", len(v), axis, data.Shape)
		}
		return &Const{DType: scale.DType, Shape: counts, floats: v}, nil
	}
	s, err := full(scale)
	if err != nil {
		return nil, err
	}
	z, err := full(zero)
	if err != nil {
		return nil, err
	}
	return shiftScale(data, s, z)
}

// Palette is constexpr_lut_to_dense of iOS18: table has the shape (blocks..., entries, vector), blocks being those of indices. Each index becomes
// a vector along an axis of the result.
func Palette(indices, table *Const, axis int64) (*Const, error) {
	if indices.IsSparse() || table.IsSparse() {
		return nil, errSparse
	}
	r := len(indices.Shape)
	if len(table.Shape) != r+2 || r < 1 {
		return nil, fmt.Errorf("a palette of shape %v for indices of shape %v", table.Shape, indices.Shape)
	}
	entries, vector := table.Shape[r], table.Shape[r+1]
	width := map[milpb.DataType]int{
		milpb.DataType_UINT1: 1, milpb.DataType_UINT2: 2, milpb.DataType_UINT3: 3, milpb.DataType_UINT4: 4, milpb.DataType_UINT6: 6, milpb.DataType_UINT8: 8,
	}[indices.DType]
	if width == 0 || entries != 1<<width || vector < 1 || vector > 1<<16 {
		return nil, fmt.Errorf("a palette of %d entries of %d for indices of type %v", entries, vector, indices.DType)
	}
	if axis < 0 {
		axis += int64(r)
	}
	if axis < 0 || axis >= int64(r) {
		return nil, fmt.Errorf("the axis %d of indices of shape %v", axis, indices.Shape)
	}
	t, err := newTiling(indices.Shape, table.Shape[:r])
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(indices.Shape)
	shape[axis] *= vector
	if n := indices.Len(); n > maxElements/vector || n*vector/maxGrowth > n*int64(width)/8+2*table.Len() {
		return nil, fmt.Errorf("a palette of vectors of %d for indices of shape %v", vector, indices.Shape)
	}
	values := table.Float32s()
	if vector == 1 {
		return computed(table.DType, shape, func(dst []float32, at int64) {
			codes := indices.codes(make([]uint8, len(dst)), at)
			for i := int64(0); i < int64(len(dst)); {
				b, left := t.block(at + i)
				end := min(i+left, int64(len(dst)))
				own := values[b*entries : (b+1)*entries]
				for ; i < end; i++ {
					dst[i] = own[codes[i]]
				}
			}
		}), nil
	}
	inner := int64(1) // elements that follow each other at one position of the axis
	for _, n := range shape[axis+1:] {
		inner *= n
	}
	var code [1]uint8
	return computed(table.DType, shape, func(dst []float32, at int64) {
		for i := range dst {
			e := at + int64(i)
			row := e / inner // of the axis, with all that is before it
			index := row/vector*inner + e%inner
			b, _ := t.block(index)
			k := int64(indices.codes(code[:], index)[0])
			dst[i] = values[(b*entries+k)*vector+row%vector]
		}
	}), nil
}

// PackedPalette is constexpr_lut_to_dense of iOS16: indices are bytes that hold the packed indices of a tensor of that shape.
func PackedPalette(indices, table *Const, shape []int64) (*Const, error) {
	n := table.Len()
	if len(table.Shape) != 1 || n < 2 || n > 256 || n&(n-1) != 0 {
		return nil, fmt.Errorf("a palette of shape %v", table.Shape)
	}
	d, ok := map[int64]milpb.DataType{
		1: milpb.DataType_UINT1, 2: milpb.DataType_UINT2, 3: milpb.DataType_UINT3, 4: milpb.DataType_UINT4, 6: milpb.DataType_UINT6, 8: milpb.DataType_UINT8,
	}[int64(bits.Len64(uint64(n)))-1]
	if !ok {
		return nil, fmt.Errorf("a palette of %d entries", n)
	}
	codes, err := unpacked(indices, d, shape)
	if err != nil {
		return nil, err
	}
	whole := &Const{DType: table.DType, Shape: append(slices.Repeat([]int64{1}, len(shape)), n, 1), floats: table.Float32s()}
	return Palette(codes, whole, 0)
}

// unpacked reads bytes as elements of a narrower type.
func unpacked(c *Const, d milpb.DataType, shape []int64) (*Const, error) {
	n := int64(1)
	for _, k := range shape {
		if k < 1 || n > maxElements/k {
			return nil, fmt.Errorf("a compressed constant of shape %v", shape)
		}
		n *= k
	}
	out := &Const{DType: d, Shape: slices.Clone(shape)}
	b := c.packed
	if c.bits != 8 { // bytes given one by one
		for _, v := range c.Ints() {
			b = append(b, byte(v))
		}
	}
	return out, out.raw(b, n)
}

// PackedSparse is constexpr_sparse_to_dense of iOS16: mask is bytes that hold a bit for each element.
func PackedSparse(nonzero, mask *Const, shape []int64) (*Const, error) {
	m, err := unpacked(mask, milpb.DataType_UINT1, shape)
	if err != nil {
		return nil, err
	}
	return Sparse(nonzero, m)
}

// Sparse is constexpr_sparse_to_dense of iOS18: mask tells for each element whether it is the next of nonzero or 0.
func Sparse(nonzero, mask *Const) (*Const, error) {
	if mask.DType != milpb.DataType_UINT1 || mask.packed == nil {
		return nil, fmt.Errorf("a mask of type %v that is not a tensor of bits", mask.DType)
	}
	if nonzero.dense != nil {
		if !slices.Equal(nonzero.dense.Shape, mask.Shape) {
			return nil, fmt.Errorf("a mask of shape %v for a tensor of shape %v", mask.Shape, nonzero.dense.Shape)
		}
		return masked(nonzero.dense, mask), nil
	}
	total := mask.ones(mask.Len())
	if nonzero.Len() != total {
		return nil, fmt.Errorf("%d elements for a mask of %d", nonzero.Len(), total)
	}
	var seenAt, seen int64 // ones of the mask before seenAt: pieces are read one after the other
	return computed(nonzero.DType, mask.Shape, func(dst []float32, at int64) {
		if at != seenAt {
			seenAt, seen = at, mask.ones(at)
		}
		m := mask.codes(make([]uint8, len(dst)), at)
		n := int64(0)
		for _, b := range m {
			n += int64(b)
		}
		values := make([]float32, n)
		nonzero.Read(values, seen)
		k := 0
		for i, b := range m {
			dst[i] = 0
			if b != 0 {
				dst[i] = values[k]
				k++
			}
		}
		seenAt, seen = at+int64(len(dst)), seen+n
	}), nil
}

// masked is c where the mask is 1, and 0 elsewhere.
func masked(c, mask *Const) *Const {
	return computed(c.DType, c.Shape, func(dst []float32, at int64) {
		c.Read(dst, at)
		for i, b := range mask.codes(make([]uint8, len(dst)), at) {
			if b == 0 {
				dst[i] = 0
			}
		}
	})
}

// SparsePalette is constexpr_lut_to_sparse: Palette of the elements that mask shows. What is returned is for Sparse.
func SparsePalette(nonzero, mask, table *Const, axis int64) (newMask, values *Const, err error) {
	indices, err := Sparse(nonzero, mask)
	if err != nil {
		return nil, nil, err
	}
	indices.DType = nonzero.DType
	dense, err := Palette(indices, table, axis)
	if err != nil {
		return nil, nil, err
	}
	if vector := table.Shape[len(table.Shape)-1]; vector > 1 {
		if mask, err = repeated(mask, axis, vector); err != nil {
			return nil, nil, err
		}
	}
	return mask, &Const{DType: table.DType, Shape: []int64{mask.ones(mask.Len())}, dense: dense}, nil
}

// SparseBlockwise is constexpr_sparse_blockwise_shift_scale: Blockwise of the elements that mask shows. What is returned is for Sparse.
func SparseBlockwise(nonzero, mask, scale, offset *Const) (sameMask, values *Const, err error) {
	data, err := Sparse(nonzero, mask)
	if err != nil {
		return nil, nil, err
	}
	dense, err := shiftScale(data, scale, offset)
	if err != nil {
		return nil, nil, err
	}
	return mask, &Const{DType: scale.DType, Shape: slices.Clone(nonzero.Shape), dense: dense}, nil
}

// repeated is a mask in which each element is there n times along an axis.
func repeated(mask *Const, axis, n int64) (*Const, error) {
	if axis < 0 {
		axis += int64(len(mask.Shape))
	}
	shape := slices.Clone(mask.Shape)
	shape[axis] *= n
	inner := int64(1)
	for _, k := range mask.Shape[axis+1:] {
		inner *= k
	}
	out := &Const{DType: mask.DType, Shape: shape}
	b := make([]byte, (out.Len()+7)/8)
	for e := range out.Len() {
		if mask.integer(e/inner/n*inner+e%inner) != 0 {
			b[e/8] |= 1 << (e % 8)
		}
	}
	return out, out.raw(b, out.Len())
}

// ones counts the ones among the first n elements of a mask.
func (c *Const) ones(n int64) (total int64) {
	for i := range n / 8 {
		total += int64(bits.OnesCount8(c.packed[i]))
	}
	for i := n / 8 * 8; i < n; i++ {
		total += c.integer(i)
	}
	return total
}

// codes are the elements from at on, of a type of at most 8 bits without a sign.
func (c *Const) codes(dst []uint8, at int64) []uint8 {
	switch {
	case c.packed != nil && c.bits == 8:
		copy(dst, c.packed[at:])
	case c.packed != nil && c.bits == 4 && at%2 == 0:
		b := c.packed[at/2:]
		for i := range dst {
			dst[i] = b[i/2] >> (4 * (i & 1)) & 15
		}
	case c.packed != nil:
		for i := range dst {
			dst[i] = field(c.packed, at+int64(i), c.bits)
		}
	default:
		v := make([]float32, len(dst))
		c.Read(v, at)
		for i := range dst {
			dst[i] = uint8(int64(v[i])) & uint8(1<<min(widths[c.DType], 8)-1)
		}
	}
	return dst
}

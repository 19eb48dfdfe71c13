package compress

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/pipeline/convert/mil"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// Compressor compresses the weights of a package while they are written. It is a mil.Compressor.
type Compressor struct {
	o      Options
	target mil.Target
	report Report
}

// New makes a compressor for packages that are for a system, or a newer one where o asks for what that lacks. All weights have their forms of
// the same system.
func New(o Options, target mil.Target) *Compressor {
	if o.Group > 0 || o.Block > 0 || (o.Mode == Palette && o.Bits == 3) || (o.Mode == Linear && o.Bits == 4) {
		target = mil.IOS18
	}
	return &Compressor{o: o, target: target}
}

// Report says what was compressed.
func (c *Compressor) Report() *Report { return &c.report }

// Encode gives weights of at least two dimensions and enough elements another form. The weights are in memory while it runs.
func (c *Compressor) Encode(ctx context.Context, name string, t *source.Tensor, half bool) (*mil.Encoding, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	width := int64(4)
	if half {
		width = 2
	}
	size := width * int64(t.Len())
	c.report.Before += size
	least := c.o.Size
	if least == 0 {
		least = minSize
	}
	if len(t.Shape) < 2 || t.Len() < least {
		c.report.After += size
		return nil, nil
	}
	v, err := t.Floats()
	if err != nil {
		return nil, err
	}
	layer := Layer{Name: name, Shape: slices.Clone(t.Shape), Form: "float32", Bytes: size}
	if half {
		layer.Form = "float16"
	}
	e, decoded, form := c.encode(v, t.Shape, half)
	if e != nil {
		layer.Form, layer.Error, layer.Bytes = form, relative(v, decoded), 0
		for _, p := range e.Parts {
			layer.Bytes += int64(len(p.Data))
		}
	}
	c.report.After += layer.Bytes
	c.report.Layers = append(c.report.Layers, layer)
	return e, nil
}

// encode takes more bits until the error is within bounds; nil leaves the weights.
func (c *Compressor) encode(v []float32, shape []int, half bool) (*mil.Encoding, []float32, string) {
	choices := []int{1, 2, 4, 6, 8}
	if c.o.Mode == Linear {
		choices = []int{4, 8}
	}
	if c.o.Bits == 3 {
		choices = []int{3, 4, 6, 8}
	}
	for _, bits := range choices {
		if bits < c.o.Bits {
			continue
		}
		var e *mil.Encoding
		var decoded []float32
		form := fmt.Sprintf("%s %d bits", c.o.Mode, bits)
		if c.o.Mode == Palette {
			e, decoded = c.palettes(v, shape, bits, half)
		} else {
			e, decoded = c.linear(v, shape, bits, half)
		}
		if c.o.MaxError == 0 || relative(v, decoded) <= c.o.MaxError {
			return e, decoded, form
		}
	}
	return nil, nil, ""
}

// relative is the root of the mean square difference by that of the values.
func relative(v, w []float32) float64 {
	var d, s float64
	for i := range v {
		x := float64(v[i]) - float64(w[i])
		d, s = d+x*x, s+float64(v[i])*float64(v[i])
	}
	if s == 0 {
		return 0
	}
	return math.Sqrt(d / s)
}

// floats packs numbers as float16 or float32, and gives what they are then.
func floats(v []float64, half bool) (milpb.DataType, []byte, []float32) {
	out, as := []byte(nil), make([]float32, len(v))
	for i, f := range v {
		if !half {
			as[i] = float32(f)
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(as[i]))
			continue
		}
		h, _ := mil.Half(float32(f)) // the weights are in range: so are their means
		as[i] = mlpackage.Half(h)
		out = binary.LittleEndian.AppendUint16(out, h)
	}
	if half {
		return milpb.DataType_FLOAT16, out, as
	}
	return milpb.DataType_FLOAT32, out, as
}

// divisor is the greatest divisor of n that is at most k; n for a k of 0.
func divisor(n, k int) int {
	if k == 0 || k >= n {
		return n
	}
	for n%k != 0 {
		k--
	}
	return k
}

var indexTypes = map[int]milpb.DataType{
	1: milpb.DataType_UINT1, 2: milpb.DataType_UINT2, 3: milpb.DataType_UINT3, 4: milpb.DataType_UINT4, 6: milpb.DataType_UINT6, 8: milpb.DataType_UINT8,
}

// palettes gives each group of output channels, the first axis, a table of 2^bits values.
func (c *Compressor) palettes(v []float32, shape []int, bits int, half bool) (*mil.Encoding, []float32) {
	group := divisor(shape[0], c.o.Group)
	tables, per := shape[0]/group, len(v)/shape[0]*group
	var all []float64
	indices, decoded := &packer{bits: bits}, make([]float32, len(v))
	for g := range tables {
		part := v[g*per : (g+1)*per]
		table := count(part).palette(1 << bits)
		_, _, as := floats(table, half)
		for i := range table {
			table[i] = float64(as[i])
		}
		all = append(all, table...)
		for i, f := range part {
			k := nearest(table, float64(f))
			indices.put(k)
			decoded[g*per+i] = as[k]
		}
	}
	dtype, lut, _ := floats(all, half)
	packed := indices.done()
	if c.target < mil.IOS18 {
		var dims []byte
		for _, d := range shape {
			dims = binary.LittleEndian.AppendUint32(dims, uint32(d))
		}
		return &mil.Encoding{Op: "constexpr_lut_to_dense", Target: mil.IOS16, Parts: []mil.Part{
			{Key: "indices", DType: milpb.DataType_UINT8, Shape: []int{len(packed)}, Data: packed},
			{Key: "lut", DType: dtype, Shape: []int{1 << bits}, Data: lut},
			{Key: "shape", DType: milpb.DataType_UINT32, Shape: []int{len(shape)}, Data: dims},
		}}, decoded
	}
	of := slices.Concat([]int{tables}, slices.Repeat([]int{1}, len(shape)-1), []int{1 << bits, 1})
	return &mil.Encoding{Op: "constexpr_lut_to_dense", Target: mil.IOS18, Parts: []mil.Part{
		{Key: "indices", DType: indexTypes[bits], Shape: shape, Data: packed},
		{Key: "lut", DType: dtype, Shape: of, Data: lut},
	}}, decoded
}

// linear makes weights whole numbers times a scale: one for each output channel, and each block of input channels, the second axis.
func (c *Compressor) linear(v []float32, shape []int, bits int, half bool) (*mil.Encoding, []float32) {
	block := divisor(shape[1], c.o.Block)
	rows, blocks := shape[0], shape[1]/block
	inner := len(v) / (shape[0] * shape[1])
	if c.o.PerTensor {
		rows, blocks = 1, 1
	}
	at := func(i int) int { // the scale of an element
		if c.o.PerTensor {
			return 0
		}
		return i/inner/shape[1]*blocks + i/inner%shape[1]/block
	}
	most := float64(int(1)<<(bits-1) - 1)
	scales := make([]float64, rows*blocks)
	for i, f := range v {
		scales[at(i)] = max(scales[at(i)], math.Abs(float64(f)))
	}
	for i := range scales {
		if scales[i] /= most; scales[i] < 1e-7 { // a scale must not be 0, nor too small for float16
			scales[i] = 1e-7
		}
	}
	dtype, packedScales, as := floats(scales, half)
	numbers, decoded := &packer{bits: bits}, make([]float32, len(v))
	for i, f := range v {
		s := float64(as[at(i)])
		q := min(max(math.RoundToEven(float64(f)/s), -most), most)
		numbers.put(int(q) & (1<<bits - 1))
		decoded[i] = float32(q * s)
	}
	data := numbers.done()
	if c.target < mil.IOS18 {
		zero := mil.Part{Key: "zero_point", DType: milpb.DataType_INT8, Shape: []int{rows}, Data: make([]byte, rows)}
		scale := mil.Part{Key: "scale", DType: dtype, Shape: []int{rows}, Data: packedScales}
		if c.o.PerTensor {
			zero.Shape, scale.Shape = nil, nil
		}
		return &mil.Encoding{Op: "constexpr_affine_dequantize", Target: mil.IOS16, Parts: []mil.Part{
			{Key: "quantized_data", DType: milpb.DataType_INT8, Shape: shape, Data: data},
			zero, scale,
			{Key: "axis", DType: milpb.DataType_INT32, Data: make([]byte, 4)},
		}}, decoded
	}
	kind := milpb.DataType_INT8
	if bits == 4 {
		kind = milpb.DataType_INT4
	}
	return &mil.Encoding{Op: "constexpr_blockwise_shift_scale", Target: mil.IOS18, Parts: []mil.Part{
		{Key: "data", DType: kind, Shape: shape, Data: data},
		{Key: "scale", DType: dtype, Shape: slices.Concat([]int{rows, blocks}, slices.Repeat([]int{1}, len(shape)-2)), Data: packedScales},
	}}, decoded
}

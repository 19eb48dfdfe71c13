// Package onnx reads ONNX files, opset 9 to 21, and builds their graphs in MIL. The file is mapped, not read: weights are taken from it when they
// are written. Nothing in it is executed.
//
// The format: onnx.proto3 of https://github.com/onnx/onnx, the operations: its Operators.md. It must not import an engine or ui.
package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// Limits on a file.
const (
	maxFile  = 1 << 37
	maxDepth = 8 // graphs within graphs
	maxNodes = 1 << 20
)

// File is an open ONNX file. Close it after use: weights cannot be read after that.
type File struct {
	Path   string
	Opset  int
	Domain map[string]int // versions of other sets of operations
	Graph  *Graph

	data   []byte
	dir    string
	others map[string]*os.File // of external data
}

// Graph is operations on named values.
type Graph struct {
	Nodes           []*Node
	Tensors         map[string]*source.Tensor
	Inputs, Outputs []Value
}

// Value is an input or output of a graph. A dimension of -1 is not fixed.
type Value struct {
	Name  string
	Type  int // of its elements, a TensorProto.DataType
	Shape []int
}

// Node is an operation.
type Node struct {
	Op, Domain, Name string
	In, Out          []string
	Attr             map[string]*Attr
}

// Attr is an attribute of an operation.
type Attr struct {
	F      float32
	I      int64
	S      string
	Floats []float32
	Ints   []int64
	T      *source.Tensor
	G      *Graph
}

// Open reads a file's graph.
func Open(path string) (_ *File, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read %s: %w", path, err)
		}
	}()
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() == 0 || st.Size() > maxFile {
		return nil, errors.New("it is empty, too large or no file")
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map it: %w", err)
	}
	m := &File{Path: path, Domain: map[string]int{}, data: data, dir: filepath.Dir(path), others: map[string]*os.File{}}
	if err := m.model(data); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	if m.Graph == nil || m.Opset == 0 {
		return nil, errors.Join(errors.New("it is no ONNX file: it has no graph"), m.Close())
	}
	return m, nil
}

// Close unmaps the file. It may be called again.
func (m *File) Close() error {
	var errs []error
	for _, f := range m.others {
		errs = append(errs, f.Close())
	}
	m.others = nil
	if m.data != nil {
		errs = append(errs, unix.Munmap(m.data))
		m.data = nil
	}
	return errors.Join(errs...)
}

var errDamaged = errors.New("it is no ONNX file, or damaged")

// field is one of a message's: a number for varints and fixed-size ones, bytes for others.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	value uint64
	bytes []byte
}

// each calls f for the fields of a message. The bytes are parts of b.
func each(b []byte, f func(field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errDamaged
		}
		b = b[n:]
		x := field{num: num, typ: typ}
		switch typ {
		case protowire.VarintType:
			x.value, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			x.value = uint64(v)
		case protowire.Fixed64Type:
			x.value, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			x.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return errDamaged
		}
		if err := f(x); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// varints reads a repeated integer, packed or one of many.
func (x field) varints(to []int64) ([]int64, error) {
	if x.typ == protowire.VarintType {
		return append(to, int64(x.value)), nil
	}
	b := x.bytes
	for len(b) > 0 {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, errDamaged
		}
		to, b = append(to, int64(v)), b[n:]
	}
	return to, nil
}

func (x field) floats(to []float32) []float32 {
	if x.typ == protowire.Fixed32Type {
		return append(to, math.Float32frombits(uint32(x.value)))
	}
	for b := x.bytes; len(b) >= 4; b = b[4:] {
		to = append(to, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return to
}

func (m *File) model(b []byte) error {
	return each(b, func(x field) error {
		switch x.num {
		case 7:
			g, err := m.graph(x.bytes, 0)
			m.Graph = g
			return err
		case 8:
			domain, version := "", 0
			err := each(x.bytes, func(y field) error {
				switch y.num {
				case 1:
					domain = string(y.bytes)
				case 2:
					version = int(y.value)
				}
				return nil
			})
			if domain == "" || domain == "ai.onnx" {
				m.Opset = version
			} else {
				m.Domain[domain] = version
			}
			return err
		}
		return nil
	})
}

func (m *File) graph(b []byte, depth int) (*Graph, error) {
	if depth > maxDepth {
		return nil, errors.New("its graphs are nested too deep")
	}
	g := &Graph{Tensors: map[string]*source.Tensor{}}
	err := each(b, func(x field) error {
		switch x.num {
		case 1:
			n, err := m.node(x.bytes, depth)
			if err != nil {
				return err
			}
			if g.Nodes = append(g.Nodes, n); len(g.Nodes) > maxNodes {
				return fmt.Errorf("it has more than %d operations", maxNodes)
			}
		case 5:
			t, err := m.tensor(x.bytes)
			if err != nil {
				return err
			}
			if t != nil {
				g.Tensors[t.Name] = t
			}
		case 11, 12:
			v, err := value(x.bytes)
			if x.num == 11 {
				g.Inputs = append(g.Inputs, v)
			} else {
				g.Outputs = append(g.Outputs, v)
			}
			return err
		case 15:
			return errors.New("it has sparse weights, which are not supported")
		}
		return nil
	})
	return g, err
}

func (m *File) node(b []byte, depth int) (*Node, error) {
	n := &Node{Attr: map[string]*Attr{}}
	err := each(b, func(x field) error {
		switch x.num {
		case 1:
			n.In = append(n.In, string(x.bytes))
		case 2:
			n.Out = append(n.Out, string(x.bytes))
		case 3:
			n.Name = string(x.bytes)
		case 4:
			n.Op = string(x.bytes)
		case 5:
			return m.attr(n, x.bytes, depth)
		case 7:
			n.Domain = string(x.bytes)
		}
		return nil
	})
	return n, err
}

func (m *File) attr(n *Node, b []byte, depth int) error {
	a, name := &Attr{}, ""
	err := each(b, func(x field) (err error) {
		switch x.num {
		case 1:
			name = string(x.bytes)
		case 2:
			a.F = math.Float32frombits(uint32(x.value))
		case 3:
			a.I = int64(x.value)
		case 4:
			a.S = string(x.bytes)
		case 5:
			a.T, err = m.tensor(x.bytes)
		case 6:
			a.G, err = m.graph(x.bytes, depth+1)
		case 7:
			a.Floats = x.floats(a.Floats)
		case 8:
			a.Ints, err = x.varints(a.Ints)
		}
		return err
	})
	n.Attr[name] = a
	return err
}

func value(b []byte) (Value, error) {
	v := Value{}
	err := each(b, func(x field) error {
		switch x.num {
		case 1:
			v.Name = string(x.bytes)
		case 2:
			return each(x.bytes, func(y field) error {
				if y.num != 1 {
					return nil
				}
				return each(y.bytes, func(z field) error {
					switch z.num {
					case 1:
						v.Type = int(z.value)
					case 2:
						return v.dims(z.bytes)
					}
					return nil
				})
			})
		}
		return nil
	})
	return v, err
}

func (v *Value) dims(b []byte) error {
	v.Shape = []int{}
	return each(b, func(x field) error {
		d := -1
		err := each(x.bytes, func(y field) error {
			if y.num == 1 && y.value > 0 && y.value <= math.MaxInt32 {
				d = int(y.value)
			}
			return nil
		})
		v.Shape = append(v.Shape, d)
		return err
	})
}

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

// TypeName is the name of the elements' type.
func (v Value) TypeName() string {
	if d, ok := dtypes[v.Type]; ok {
		return d.String()
	}
	return "STRING"
}

// Package onnx reads ONNX files, opset 9 to 21, and builds their graphs in MIL. The file is mapped, not read: weights are taken from it when they
// are written. Nothing in it is executed.
//
// The format: onnx.proto3 of https://github.com/onnx/onnx, the operations: its Operators.md. It must not import an engine or ui.
package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

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

// TypeName is the name of the elements' type.
func (v Value) TypeName() string {
	if d, ok := dtypes[v.Type]; ok {
		return d.String()
	}
	return "STRING"
}

// Package npy reads and writes NumPy's .npy files of numbers, as models take and give them. It imports no engine.
//
// The format: NEP 1, "A Simple File Format for NumPy Arrays", versions 1.0 to 3.0.
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gesso-app/gesso/native/mlpackage"
)

// Array is an array in row-major order; its elements are little-endian.
type Array struct {
	// Type is NumPy's name of the elements' type: float16, float32, float64, int8, uint8, int16, uint16, int32, uint32, int64 or bool.
	Type  string
	Shape []int
	Data  []byte
}

// widths are the sizes in bytes of the types.
var widths = map[string]int{
	"float16": 2, "float32": 4, "float64": 8, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "bool": 1,
}

// codes are the types' names in a file.
var codes = map[string]string{
	"f2": "float16", "f4": "float32", "f8": "float64", "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32",
	"i8": "int64", "b1": "bool",
}

const (
	magic     = "\x93NUMPY"
	maxHeader = 1 << 16
	maxRank   = 32
)

var (
	descr   = regexp.MustCompile(`'descr'\s*:\s*'([<>=|])([a-z][0-9]+)'`)
	order   = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	dims    = regexp.MustCompile(`'shape'\s*:\s*\(([0-9, ]*)\)`)
	errEnds = errors.New("the file is cut short")
)

// Read reads an array of at most limit bytes of data. Big-endian and column-major arrays are turned.
func Read(r io.Reader, limit int64) (*Array, error) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:6]) != magic {
		return nil, errors.New("not a .npy file")
	}
	size := 2
	if head[6] > 1 {
		size = 4
	}
	length := make([]byte, 4)
	if _, err := io.ReadFull(r, length[:size]); err != nil {
		return nil, errEnds
	}
	n := binary.LittleEndian.Uint32(length)
	if head[6] < 1 || head[6] > 3 || n > maxHeader {
		return nil, fmt.Errorf("a .npy file of version %d with a header of %d bytes", head[6], n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, errEnds
	}
	a, big, columns, err := parse(string(text))
	if err != nil {
		return nil, err
	}
	total := int64(widths[a.Type])
	for _, d := range a.Shape {
		if d > 0 && total > limit/int64(d) {
			return nil, fmt.Errorf("an array of shape %v is larger than %d bytes", a.Shape, limit)
		}
		total *= int64(d)
	}
	if a.Data, err = io.ReadAll(io.LimitReader(r, total)); err != nil {
		return nil, err
	}
	if int64(len(a.Data)) != total {
		return nil, errEnds
	}
	if big {
		w := widths[a.Type]
		for i := 0; i < len(a.Data); i += w {
			slices.Reverse(a.Data[i : i+w])
		}
	}
	if columns {
		a.rows()
	}
	return a, nil
}

func parse(text string) (a *Array, big, columns bool, err error) {
	d, o, s := descr.FindStringSubmatch(text), order.FindStringSubmatch(text), dims.FindStringSubmatch(text)
	if d == nil || o == nil || s == nil {
		return nil, false, false, fmt.Errorf("a .npy file's header is %.200q: only arrays of numbers are read", text)
	}
	kind, ok := codes[d[2]]
	if !ok {
		return nil, false, false, fmt.Errorf("elements of type %q: only numbers are read", d[2])
	}
	a = &Array{Type: kind, Shape: []int{}}
	for f := range strings.SplitSeq(s[1], ",") {
		if f = strings.TrimSpace(f); f == "" {
			continue
		}
		n, err := strconv.Atoi(f)
		if err != nil || n > math.MaxInt32 || len(a.Shape) == maxRank {
			return nil, false, false, fmt.Errorf("an array of shape (%s)", s[1])
		}
		a.Shape = append(a.Shape, n)
	}
	return a, d[1] == ">", o[1] == "True" && len(a.Shape) > 1, nil
}

// rows turns column-major data into row-major.
func (a *Array) rows() {
	w, n := widths[a.Type], len(a.Shape)
	out := make([]byte, 0, len(a.Data))
	index, strides := make([]int, n), make([]int, n)
	for i, step := 0, w; i < n; i++ {
		strides[i] = step
		step *= a.Shape[i]
	}
	for len(out) < len(a.Data) {
		at := 0
		for i, k := range index {
			at += k * strides[i]
		}
		out = append(out, a.Data[at:at+w]...)
		for i := n - 1; i >= 0; i-- {
			if index[i]++; index[i] < a.Shape[i] {
				break
			}
			index[i] = 0
		}
	}
	a.Data = out
}

// Write writes version 1.0 of the format.
func (a *Array) Write(w io.Writer) error {
	code := ""
	for c, t := range codes {
		if t == a.Type {
			code = c
		}
	}
	total := widths[a.Type]
	text := make([]string, len(a.Shape))
	for i, d := range a.Shape {
		total *= d
		text[i] = strconv.Itoa(d)
	}
	if code == "" || total != len(a.Data) {
		return fmt.Errorf("write an array of type %s and shape %v with %d bytes of data", a.Type, a.Shape, len(a.Data))
	}
	shape := strings.Join(text, ", ")
	if len(text) == 1 {
		shape += ","
	}
	mark := "<"
	if widths[a.Type] == 1 {
		mark = "|"
	}
	head := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }", mark, code, shape)
	head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n" // the data starts at a multiple of 64 bytes
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(head)))
	if _, err := w.Write(append(b, head...)); err != nil {
		return err
	}
	_, err := w.Write(a.Data)
	return err
}

// Float32s are the elements of any type as float32.
func (a *Array) Float32s() ([]float32, error) {
	w := widths[a.Type]
	if w == 0 || len(a.Data)%w != 0 {
		return nil, fmt.Errorf("an array of type %q with %d bytes of data", a.Type, len(a.Data))
	}
	out := make([]float32, len(a.Data)/w)
	for i := range out {
		out[i] = a.element(a.Data[i*w:])
	}
	return out, nil
}

func (a *Array) element(b []byte) float32 {
	le := binary.LittleEndian
	switch a.Type {
	case "float16":
		return mlpackage.Half(le.Uint16(b))
	case "float32":
		return math.Float32frombits(le.Uint32(b))
	case "float64":
		return float32(math.Float64frombits(le.Uint64(b)))
	case "int8":
		return float32(int8(b[0]))
	case "int16":
		return float32(int16(le.Uint16(b)))
	case "uint16":
		return float32(le.Uint16(b))
	case "int32":
		return float32(int32(le.Uint32(b)))
	case "uint32":
		return float32(le.Uint32(b))
	case "int64":
		return float32(int64(le.Uint64(b)))
	}
	return float32(b[0]) // uint8, bool
}

// Int64s are the elements of a type of whole numbers.
func (a *Array) Int64s() ([]int64, error) {
	w := widths[a.Type]
	if w == 0 || strings.HasPrefix(a.Type, "float") || len(a.Data)%w != 0 {
		return nil, fmt.Errorf("its elements are %s, and whole numbers are taken", a.Type)
	}
	out := make([]int64, len(a.Data)/w)
	for i := range out {
		b := a.Data[i*w : (i+1)*w]
		var v uint64
		for k := w - 1; k >= 0; k-- {
			v = v<<8 | uint64(b[k])
		}
		if strings.HasPrefix(a.Type, "int") { // the sign fills what is missing to 64 bits
			shift := 64 - 8*w
			out[i] = int64(v<<shift) >> shift
		} else {
			out[i] = int64(v)
		}
	}
	return out, nil
}

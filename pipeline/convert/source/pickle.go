package source

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Limits on a pickle: what it may hold is bounded by its length, and this bounds the length.
const (
	maxPickle = 128 << 20
	maxGlobal = 512
)

// Values of a pickle: nil, bool, int64, *big.Int, float64, string, []byte, *list, tuple, *dict, global, and what a machine's calls make.
type (
	list  struct{ items []any }
	tuple []any
	dict  struct {
		keys   []any
		values []any
		index  map[string]int // of keys that are strings
	}
	// global is a name that a pickle refers to. Nothing is ever looked up by it.
	global struct{ module, name string }
	mark   struct{}
)

func (g global) String() string { return g.module + "." + g.name }

func newDict() *dict { return &dict{index: map[string]int{}} }

func (d *dict) set(k, v any) {
	if s, ok := k.(string); ok {
		if i, ok := d.index[s]; ok {
			d.values[i] = v
			return
		}
		d.index[s] = len(d.keys)
	}
	d.keys, d.values = append(d.keys, k), append(d.values, v)
}

func (d *dict) get(k string) any {
	if i, ok := d.index[k]; ok {
		return d.values[i]
	}
	return nil
}

// hooks say what a pickle's names mean.
type hooks struct {
	// allow fails for a name that is not known.
	allow func(global) error
	// call applies a name to arguments; build gives what was made its state.
	call  func(g global, args tuple) (any, error)
	build func(object, state any) error
	// persistent resolves the identity of something that lies outside of the pickle.
	persistent func(id any) (any, error)
}

// machine reads a pickle, protocols 0 to 5. It is a machine with a stack; it runs no code but the hooks'.
// https://github.com/python/cpython/blob/main/Lib/pickletools.py
type machine struct {
	r     *bufio.Reader
	left  int64 // bytes that may still be read
	hooks hooks
	stack []any
	memo  map[int64]any
}

var errPickle = errors.New("its pickle is damaged")

func damaged(format string, v ...any) error {
	return fmt.Errorf("%w: %s", errPickle, fmt.Sprintf(format, v...))
}

// load reads one pickle, up to its end, from r.
func load(r *bufio.Reader, limit int64, h hooks) (any, int64, error) {
	m := &machine{r: r, left: limit, hooks: h, memo: map[int64]any{}}
	v, err := m.run()
	return v, limit - m.left, err
}

func (m *machine) read(n int64) ([]byte, error) {
	if n < 0 || n > m.left {
		return nil, damaged("a value of %d bytes ends past it", n)
	}
	m.left -= n
	if n <= 1<<16 {
		b := make([]byte, n)
		if _, err := io.ReadFull(m.r, b); err != nil {
			return nil, damaged("it is cut short")
		}
		return b, nil
	}
	b, err := io.ReadAll(io.LimitReader(m.r, n)) // grows with what is there, not with what is said
	if err != nil || int64(len(b)) != n {
		return nil, damaged("it is cut short")
	}
	return b, nil
}

func (m *machine) line() (string, error) {
	var b []byte
	for {
		c, err := m.read(1)
		if err != nil {
			return "", err
		}
		if c[0] == '\n' {
			return string(b), nil
		}
		if b = append(b, c[0]); len(b) > 1<<16 {
			return "", damaged("a line is too long")
		}
	}
}

func (m *machine) unsigned(width int64) (int64, error) {
	b, err := m.read(width)
	if err != nil {
		return 0, err
	}
	var full [8]byte
	copy(full[:], b)
	v := binary.LittleEndian.Uint64(full[:])
	if v > math.MaxInt64 {
		return 0, damaged("a length of %d", v)
	}
	return int64(v), nil
}

func (m *machine) sized(width int64) ([]byte, error) {
	n, err := m.unsigned(width)
	if err != nil {
		return nil, err
	}
	return m.read(n)
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

func (m *machine) pop() (any, error) {
	if len(m.stack) == 0 {
		return nil, damaged("its stack is empty")
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	if _, ok := v.(mark); ok {
		return nil, damaged("a mark is used as a value")
	}
	return v, nil
}

// top is the topmost value, which stays.
func (m *machine) top() (any, error) {
	v, err := m.pop()
	if err == nil {
		m.push(v)
	}
	return v, err
}

// marked takes all values above the last mark.
func (m *machine) marked() ([]any, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(mark); ok {
			items := append([]any(nil), m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return items, nil
		}
	}
	return nil, damaged("a mark is missing")
}

func (m *machine) run() (any, error) {
	for {
		op, err := m.read(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' {
			return m.pop()
		}
		if err := m.step(op[0]); err != nil {
			return nil, err
		}
	}
}

func (m *machine) step(op byte) error {
	for _, f := range []func(byte) (bool, error){m.scalars, m.containers, m.memory, m.objects} {
		if done, err := f(op); done || err != nil {
			return err
		}
	}
	return damaged("the instruction %#02x is not known", op)
}

// scalars are the instructions that push one plain value.
func (m *machine) scalars(op byte) (bool, error) {
	var v any
	var err error
	var b []byte
	var s string
	switch op {
	case 'N':
	case 0x88, 0x89:
		v = op == 0x88
	case 'K':
		v, err = m.unsigned(1)
	case 'M':
		v, err = m.unsigned(2)
	case 'J':
		var n int64
		n, err = m.unsigned(4)
		v = int64(int32(n))
	case 0x8a:
		b, err = m.sized(1)
		v = integer(b)
	case 0x8b:
		if b, err = m.sized(4); err == nil && len(b) > 1024 {
			err = damaged("an integer of %d bytes", len(b))
		}
		v = integer(b)
	case 'I', 'L':
		if s, err = m.line(); err == nil {
			v, err = decimal(s)
		}
	case 'F':
		if s, err = m.line(); err == nil {
			v, err = strconv.ParseFloat(s, 64)
		}
	case 'G':
		if b, err = m.read(8); err == nil {
			v = math.Float64frombits(binary.BigEndian.Uint64(b))
		}
	case 'S', 'V':
		s, err = m.line()
		v = strings.Trim(s, `'"`)
	case 'U', 0x8c:
		b, err = m.sized(1)
		v = string(b)
	case 'X', 'T':
		b, err = m.sized(4)
		v = string(b)
	case 0x8d:
		b, err = m.sized(8)
		v = string(b)
	case 'C':
		v, err = m.sized(1)
	case 'B':
		v, err = m.sized(4)
	case 0x8e, 0x96:
		v, err = m.sized(8)
	default:
		return false, nil
	}
	if err == nil {
		m.push(v)
	}
	return true, err
}

// integer reads a two's complement number, least significant byte first.
func integer(b []byte) any {
	if len(b) <= 8 {
		var full [8]byte
		copy(full[:], b)
		v := int64(binary.LittleEndian.Uint64(full[:]))
		if n := len(b); n > 0 && n < 8 && b[n-1] >= 0x80 {
			v -= 1 << (8 * n)
		}
		return v
	}
	be := make([]byte, len(b))
	for i := range b {
		be[len(b)-1-i] = b[i]
	}
	v := new(big.Int).SetBytes(be)
	if be[0] >= 0x80 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return v
}

func decimal(s string) (any, error) {
	switch s {
	case "00":
		return false, nil
	case "01":
		return true, nil
	}
	v, err := strconv.ParseInt(strings.TrimSuffix(s, "L"), 10, 64)
	if err != nil {
		return nil, damaged("the integer %.20q", s)
	}
	return v, nil
}

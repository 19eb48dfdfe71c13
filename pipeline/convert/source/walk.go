package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// ErrNoTensors says that a file of PyTorch holds no tensors.
var ErrNoTensors = errors.New("it holds no tensors")

// Limits on how values contain one another.
const (
	maxDepth = 64
	maxWalk  = 1 << 20
)

// wrappers are the keys under which training programs keep a model's weights.
var wrappers = []string{"state_dict", "model_state_dict", "model_state", "params_ema", "params", "model", "net", "network", "generator", "weights"}

// weights finds the tensors in what a checkpoint holds.
func weights(root any) (map[string]*view, error) {
	w := &walker{out: map[string]*view{}}
	if d, ok := root.(*dict); ok {
		root = unwrap(d)
	}
	if err := w.walk("", root, 0); err != nil {
		return nil, err
	}
	if len(w.out) == 0 {
		return nil, ErrNoTensors
	}
	return w.out, nil
}

// unwrap goes into a dictionary that keeps the weights beside other things of a training.
func unwrap(d *dict) any {
	for range maxDepth {
		for _, v := range d.values {
			if _, ok := v.(*view); ok {
				return d
			}
		}
		var inner *dict
		for _, k := range wrappers {
			if v, ok := d.get(k).(*dict); ok {
				inner = v
				break
			}
		}
		if inner == nil {
			return d
		}
		d = inner
	}
	return d
}

type walker struct {
	out  map[string]*view
	seen int
}

func (w *walker) walk(name string, v any, depth int) error {
	if w.seen++; w.seen > maxWalk || depth > maxDepth {
		return errors.New("what it holds is nested too deep")
	}
	child := func(k string) string {
		if name == "" {
			return k
		}
		return name + "." + k
	}
	switch x := v.(type) {
	case *view:
		if name == "" {
			name = "tensor"
		}
		w.out[name] = x
		if len(w.out) > maxTensors {
			return fmt.Errorf("it holds more than %d tensors", maxTensors)
		}
	case *dict:
		return w.pairs(x, child, depth)
	case *object:
		if x.state != nil {
			return w.pairs(x.state, child, depth)
		}
	case *list:
		return w.items(x.items, child, depth)
	case tuple:
		return w.items(x, child, depth)
	}
	return nil
}

func (w *walker) pairs(d *dict, child func(string) string, depth int) error {
	for i, k := range d.keys {
		var key string
		switch x := k.(type) {
		case string:
			key = x
		case int64:
			key = strconv.FormatInt(x, 10)
		default:
			continue
		}
		if err := w.walk(child(key), d.values[i], depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) items(items []any, child func(string) string, depth int) error {
	for i, v := range items {
		if err := w.walk(child(strconv.Itoa(i)), v, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// tensor gives a view's elements in order; record opens its storage.
func (v *view) tensor(name string, record io.ReaderAt) *Tensor {
	size := int64(v.dtype.Size())
	t := &Tensor{Name: name, Shape: v.shape, DType: v.dtype}
	if v.contiguous() {
		t.open = section(record, v.offset*size, t.Size())
		return t
	}
	t.open = func() (io.ReadCloser, error) {
		b, err := v.gather(record, size)
		return io.NopCloser(bytes.NewReader(b)), err
	}
	return t
}

// gather puts elements that lie apart, as in a transposed matrix, in order.
func (v *view) gather(record io.ReaderAt, size int64) ([]byte, error) {
	span := int64(1)
	for i, d := range v.shape {
		if d == 0 {
			return nil, nil
		}
		span += int64(d-1) * v.stride[i]
	}
	in := make([]byte, span*size)
	if n, err := record.ReadAt(in, v.offset*size); int64(n) < span*size {
		return nil, err
	}
	out := make([]byte, 0, int64(product(v.shape))*size)
	at := make([]int, len(v.shape))
	var pos int64
	for {
		out = append(out, in[pos*size:(pos+1)*size]...)
		i := len(at) - 1
		for ; i >= 0; i-- {
			pos += v.stride[i]
			if at[i]++; at[i] < v.shape[i] {
				break
			}
			pos -= int64(at[i]) * v.stride[i]
			at[i] = 0
		}
		if i < 0 {
			return out, nil
		}
	}
}

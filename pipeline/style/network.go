package style

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/gesso-app/gesso/native"
)

// network is a model with the tensors that it reads and writes, kept between calls.
type network struct {
	name    string
	model   native.Model
	in, out map[string]*native.Tensor
}

func openNetwork(open Opener, dir, name string, o native.Options) (*network, error) {
	m, err := open(filepath.Join(dir, name+".mlpackage"), o)
	if err != nil {
		return nil, fmt.Errorf("open the %s network: %w", name, err)
	}
	n := &network{name: name, model: m, in: map[string]*native.Tensor{}, out: map[string]*native.Tensor{}}
	for _, f := range m.Outputs() {
		if len(f.Shape) == 0 || slices.ContainsFunc(f.Shape, func(d int) bool { return d < 1 }) {
			continue // its shape follows the input's: made on use
		}
		if n.out[f.Name], err = native.NewTensor(f.DType, f.Shape...); err != nil {
			return nil, errors.Join(err, n.Close())
		}
	}
	return n, nil
}

// tensor returns the input of that name with the given shape (nil: the model's own), reusing the last one when it fits.
func (n *network) tensor(name string, shape []int) (*native.Tensor, error) {
	if shape == nil {
		f, err := n.feature(name)
		if err != nil {
			return nil, err
		}
		shape = f.Shape
	}
	return reuse(n.in, name, shape)
}

func (n *network) feature(name string) (native.Feature, error) {
	for _, f := range n.model.Inputs() {
		if f.Name == name {
			return f, nil
		}
	}
	return native.Feature{}, fmt.Errorf("the %s network has no input %q: it is not one of Gesso's", n.name, name)
}

func reuse(m map[string]*native.Tensor, name string, shape []int) (*native.Tensor, error) {
	if t := m[name]; t != nil {
		if slices.Equal(t.Shape(), shape) {
			return t, nil
		}
		delete(m, name)
		if err := t.Close(); err != nil {
			return nil, err
		}
	}
	t, err := native.NewTensor(native.Float32, shape...)
	if err == nil {
		m[name] = t
	}
	return t, err
}

func (n *network) run(ctx context.Context) error { return n.model.Predict(ctx, n.in, n.out) }

// result returns a copy of an output.
func (n *network) result(name string) []float32 {
	t := n.out[name]
	if t == nil {
		return nil
	}
	return slices.Clone(t.Float32s())
}

// Close frees the model and its tensors.
func (n *network) Close() error {
	errs := []error{n.model.Close()}
	for _, m := range []map[string]*native.Tensor{n.in, n.out} {
		for _, t := range m {
			errs = append(errs, t.Close())
		}
	}
	return errors.Join(errs...)
}

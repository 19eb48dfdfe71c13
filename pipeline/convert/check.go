package convert

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// check runs a package and its source on the same inputs. An ONNX file is run as it is, where the engine can; otherwise the same graph in float32,
// without compression, is the source.
func check(ctx context.Context, p part, made, temp string) (_ *Check, err error) {
	m, err := native.Open(made, native.Options{})
	if err != nil {
		return nil, fmt.Errorf("check the package: %w", err)
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	pictures := slices.ContainsFunc(slices.Concat(p.program.Inputs, p.program.Outputs), func(q *mil.Port) bool { return q.Image != nil })
	if p.original != "" && !pictures {
		if original, err := native.OpenONNX(p.original, native.Options{}); err == nil {
			c := &Check{Against: "the ONNX file"}
			err := c.compare(ctx, p.program, m, original, func(id string) string { return p.names[id] })
			err = errors.Join(err, original.Close())
			if !errors.Is(err, errSource) {
				return c, err
			}
		} // what ONNX Runtime does not run is compared with the graph
	}
	full := filepath.Join(temp, "float32.mlpackage")
	if _, err := p.program.Write(ctx, full, mil.Format{}); err != nil {
		return nil, err
	}
	original, err := native.Open(full, native.Options{})
	if err != nil {
		return nil, fmt.Errorf("check the package: %w", err)
	}
	c := &Check{Against: "the graph in float32"}
	return c, errors.Join(c.compare(ctx, p.program, m, original, func(id string) string { return id }), original.Close())
}

// errSource says that the source did not run.
var errSource = errors.New("the source does not run")

// compare fills in the differences.
func (c *Check) compare(ctx context.Context, p *mil.Program, m, original native.Model, name func(string) string) error {
	in, theirs, out, want := map[string]*native.Tensor{}, map[string]*native.Tensor{}, map[string]*native.Tensor{}, map[string]*native.Tensor{}
	for k, port := range p.Inputs {
		t, err := tensorOf(port)
		if err != nil {
			return err
		}
		defer t.Close()
		fill(t, k)
		in[port.Name], theirs[name(port.Name)] = t, t
	}
	for _, port := range p.Outputs {
		for _, side := range []struct {
			to  map[string]*native.Tensor
			key string
		}{{out, port.Name}, {want, name(port.Name)}} {
			t, err := tensorOf(port)
			if err != nil {
				return err
			}
			defer t.Close()
			side.to[side.key] = t
		}
	}
	if err := m.Predict(ctx, in, out); err != nil {
		return fmt.Errorf("check the package: %w", err)
	}
	if err := original.Predict(ctx, theirs, want); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("check the package: %w: %w", errSource, err)
	}
	c.PSNR = math.Inf(1)
	for _, port := range p.Outputs {
		c.output(port.Name, out[port.Name], want[name(port.Name)])
	}
	if math.IsInf(c.PSNR, 1) {
		c.PSNR = maxPSNR
	}
	return nil
}

// maxPSNR stands for outputs that are equal, as JSON has no infinity.
const maxPSNR = 200

func tensorOf(p *mil.Port) (*native.Tensor, error) {
	if p.Image != nil {
		h, w := p.Value.Shape[2], p.Value.Shape[3]
		if p.Image.Color == mil.Gray {
			return native.NewTensor(native.Uint8, h, w)
		}
		return native.NewTensor(native.Uint8, h, w, 4)
	}
	if p.Value.Kind == mil.Float {
		return native.NewTensor(native.Float32, p.Value.Shape...)
	}
	return native.NewTensor(native.Int32, p.Value.Shape...)
}

// fill gives an input numbers by formula: 0..1, or 0 and 1 for integers, or 0..255 for pictures, which are opaque.
func fill(t *native.Tensor, k int) {
	if t.DType() == native.Uint8 {
		for i := range t.Bytes() {
			f := float64(i)
			t.Bytes()[i] = uint8(127.5 + 127.5*math.Sin(0.37*f+float64(k)+0.0011*f*float64(i%17)))
			if len(t.Shape()) == 3 && i%4 == 3 {
				t.Bytes()[i] = math.MaxUint8
			}
		}
		return
	}
	if t.DType() == native.Int32 {
		for i := range t.Int32s() {
			t.Int32s()[i] = int32((i + k) % 2)
		}
		return
	}
	for i := range t.Float32s() {
		f := float64(i)
		t.Float32s()[i] = float32(0.5 + 0.5*math.Sin(0.37*f+float64(k)+0.0011*f*float64(i%17)))
	}
}

// output compares one output.
func (c *Check) output(name string, got, want *native.Tensor) {
	n := got.Len()
	at := func(t *native.Tensor, i int) float64 {
		switch t.DType() {
		case native.Int32:
			return float64(t.Int32s()[i])
		case native.Uint8:
			return float64(t.Bytes()[i])
		}
		return float64(t.Float32s()[i])
	}
	var worst, largest, squares, lo, hi float64
	lo, hi = math.Inf(1), math.Inf(-1)
	for i := range n {
		g, w := at(got, i), at(want, i)
		d := math.Abs(g - w)
		if math.IsNaN(d) {
			d = math.MaxFloat32
		}
		worst, largest, squares = max(worst, d), max(largest, math.Abs(w)), squares+d*d
		lo, hi = min(lo, w), max(hi, w)
	}
	if worst >= c.Difference {
		c.Difference, c.Output = worst, name
	}
	c.Relative = max(c.Relative, worst/max(largest, 1e-12))
	if mean := squares / float64(n); mean > 0 {
		span := max(hi-lo, 1e-12)
		c.PSNR = min(c.PSNR, 10*math.Log10(span*span/mean))
	}
}

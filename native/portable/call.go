package portable

import (
	"context"
	"errors"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage"
)

// call is one run of a model.
type call struct {
	m               *model
	session         *ort.DynamicAdvancedSession
	inputs, outputs []ort.Value
	own             []*engine.Tensor // tensors between the caller's and ONNX Runtime
	after           []func()         // what is left to do when the run has ended
}

// begin checks and wraps the inputs.
func (m *model) begin(ctx context.Context, in map[string]*engine.Tensor) (_ *call, err error) {
	if m.sessions == nil {
		return nil, fmt.Errorf("the model %s is closed", m.path)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &call{m: m}
	defer func() {
		if err != nil {
			c.end(&err)
		}
	}()
	shapes := make([][]int, len(m.in))
	for i, f := range m.in {
		t := in[f.Name]
		if t == nil && f.Optional {
			if t, err = c.absent(m.ports.in[i]); err != nil {
				return nil, err
			}
		}
		if err := m.check(f, t, "input", func(s []int) bool { return f.Permits(s) }); err != nil {
			return nil, err
		}
		shapes[i] = t.Shape()
		if t, err = c.widened(f, t); err != nil {
			return nil, err
		}
		v, err := wrap(t)
		if err != nil {
			return nil, err
		}
		c.inputs = append(c.inputs, v)
	}
	for name := range in {
		if !slices.ContainsFunc(m.in, func(f engine.Feature) bool { return f.Name == name }) {
			return nil, fmt.Errorf("%s: the model has no input %q", m.path, name)
		}
	}
	c.session, err = m.sessions.get(shapes)
	return c, err
}

// absent is the tensor in place of an optional input that is left out.
func (c *call) absent(p *port) (*engine.Tensor, error) {
	t, err := c.tensor(p.DType, p.Shape)
	if err != nil || p.absent == 0 {
		return t, err
	}
	switch p.DType {
	case engine.Float32:
		for i := range t.Float32s() {
			t.Float32s()[i] = p.absent
		}
	case engine.Int32:
		for i := range t.Int32s() {
			t.Int32s()[i] = int32(p.absent)
		}
	}
	return t, nil
}

// tensor makes a tensor for the length of the call.
func (c *call) tensor(d engine.DType, shape []int) (*engine.Tensor, error) {
	t, err := engine.NewTensor(d, shape...)
	if err == nil {
		c.own = append(c.own, t)
	}
	return t, err
}

// check holds a caller's tensor to what the model says.
func (m *model) check(f engine.Feature, t *engine.Tensor, kind string, permits func([]int) bool) error {
	switch {
	case t == nil:
		return fmt.Errorf("%s: the %s %q is missing", m.path, kind, f.Name)
	case t.Bytes() == nil:
		return fmt.Errorf("%s: the tensor of the %s %q is closed", m.path, kind, f.Name)
	case t.DType() != f.DType && (!f.Half || t.DType() != engine.Float16):
		return fmt.Errorf("%s: the %s %q is %v, not %v", m.path, kind, f.Name, f.DType, t.DType())
	case !permits(t.Shape()):
		return fmt.Errorf("%s: the %s %q cannot have the shape %v", m.path, kind, f.Name, t.Shape())
	}
	return nil
}

// widened is a float16 tensor as float32, where the model computes with that.
func (c *call) widened(f engine.Feature, t *engine.Tensor) (*engine.Tensor, error) {
	if t.DType() == f.DType {
		return t, nil
	}
	wide, err := c.tensor(engine.Float32, t.Shape())
	if err != nil {
		return nil, err
	}
	half, v := t.Bytes(), wide.Float32s()
	for i := range v {
		v[i] = mlpackage.Half(uint16(half[2*i]) | uint16(half[2*i+1])<<8)
	}
	return wide, nil
}

func (c *call) bindOutputs(out map[string]*engine.Tensor) error {
	for _, f := range c.m.out {
		t := out[f.Name]
		if err := c.m.check(f, t, "output", func(s []int) bool { return fits(f.Shape, s) }); err != nil {
			return err
		}
		if t.DType() == engine.Float16 { // the graph gives float32
			narrow := t
			wide, err := c.tensor(engine.Float32, t.Shape())
			if err != nil {
				return err
			}
			c.after = append(c.after, func() { narrowed(narrow.Bytes(), wide.Float32s()) })
			t = wide
		}
		v, err := wrap(t)
		if err != nil {
			return err
		}
		c.outputs = append(c.outputs, v)
	}
	return nil
}

// narrowed rounds to float16.
func narrowed(half []byte, v []float32) {
	for i, x := range v {
		h := mlpackage.ToHalf(x)
		half[2*i], half[2*i+1] = byte(h), byte(h>>8)
	}
}

// run stops between two operations when ctx ends.
func (c *call) run(ctx context.Context) error {
	options, err := ort.NewRunOptions()
	if err != nil {
		return err
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = options.Terminate() // the run ends by itself otherwise
	})
	err = c.session.RunWithOptions(c.inputs, c.outputs, options)
	if !stop() {
		<-stopped
	}
	err = errors.Join(err, options.Destroy())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("run the model %s: %w", c.m.path, err)
	}
	for _, f := range c.after {
		f()
	}
	return nil
}

// end frees what the call made.
func (c *call) end(err *error) {
	for _, v := range slices.Concat(c.inputs, c.outputs) {
		if v != nil {
			*err = errors.Join(*err, v.Destroy())
		}
	}
	for _, t := range c.own {
		*err = errors.Join(*err, t.Close())
	}
}

// made copies the outputs that ONNX Runtime made into tensors.
func (c *call) made() (out map[string]*engine.Tensor, err error) {
	out = map[string]*engine.Tensor{}
	defer func() {
		if err != nil {
			for _, t := range out {
				err = errors.Join(err, t.Close())
			}
			out = nil
		}
	}()
	for i, f := range c.m.out {
		shape := []int{}
		for _, n := range c.outputs[i].GetShape() {
			shape = append(shape, int(n))
		}
		if len(f.Shape) == 0 && c.m.ports.out[i].scalar {
			shape = nil
		}
		t, err := engine.NewTensor(f.DType, shape...)
		if err != nil {
			return out, fmt.Errorf("the output %q: %w", f.Name, err)
		}
		out[f.Name] = t
		switch v := c.outputs[i].(type) {
		case *ort.Tensor[float32]:
			if f.DType == engine.Float16 {
				narrowed(t.Bytes(), v.GetData())
			} else {
				copy(t.Float32s(), v.GetData())
			}
		case *ort.Tensor[int32]:
			copy(t.Int32s(), v.GetData())
		case *ort.Tensor[uint8]:
			copy(t.Bytes(), v.GetData())
		default:
			return out, fmt.Errorf("the output %q is a %T", f.Name, v)
		}
	}
	return out, nil
}

package portable

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
)

// model is a package that ONNX Runtime runs.
type model struct {
	path     string
	sessions *sessions
	keep     []func() error // closes what sessions are made from
	in, out  []engine.Feature
	ports    *lowered // without the graph when no more sessions will be made
}

// Open lowers the model in a .mlpackage folder or a .mlmodel file and loads it. o.Units is of no effect: all runs on the CPU.
func Open(path string, o engine.Options) (engine.Model, error) {
	if err := environment(); err != nil {
		return nil, err
	}
	m, err := openAny(path, o)
	if err != nil {
		return nil, fmt.Errorf("load the model %s: %w", path, err)
	}
	return m, nil
}

func openAny(path string, o engine.Options) (engine.Model, error) {
	p, err := mlpackage.Open(path)
	if err != nil {
		return nil, err
	}
	spec := p.Spec
	p.Spec = nil // the graph has all that is needed of it
	if len(mlpackage.Submodels(spec)) > 0 {
		return openPipeline(path, p, spec, o)
	}
	m, err := openModel(path, p, spec, o, p.Close)
	if err != nil { // not the nil pointer
		return nil, err
	}
	return m, nil
}

// openModel loads one model of a package. What is in keep is called when the package is not needed any more, also after an error.
func openModel(path string, p *mlpackage.Package, spec *coremlpb.Model, o engine.Options, keep ...func() error) (_ *model, err error) {
	m := &model{path: path, keep: keep}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
		}
	}()
	low, err := lower(p, spec, o.Function, false)
	if err != nil {
		return nil, err
	}
	m.keep = append(m.keep, low.weights.close)
	m.ports = &lowered{in: low.in, out: low.out}
	m.sessions = &sessions{low: low, options: o}
	m.sessions.split, m.sessions.any = splits(low, o)
	m.in, m.out = features(low.in), features(low.out)
	shapes := make([][]int, len(low.in))
	for i, f := range low.in {
		shapes[i] = f.Shape
	}
	if _, err = m.sessions.get(shapes); err != nil {
		return nil, err
	}
	m.sessions.last = "" // nobody has asked for that shape yet
	if !m.sessions.split {
		m.sessions.low = m.ports // the graph is in ONNX Runtime's memory
		return m, m.release()
	}
	return m, nil
}

// Describe reads a model's inputs and outputs, and checks that this engine runs it, without loading it: it needs no ONNX Runtime.
func Describe(path string, o engine.Options) (in, out []engine.Feature, err error) {
	p, err := mlpackage.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	low, err := lower(p, p.Spec, o.Function, true)
	if len(mlpackage.Submodels(p.Spec)) > 0 {
		low, err = describePipeline(p)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the model %s: %w", path, err)
	}
	return features(low.in), features(low.out), nil
}

func features(ports []*port) (out []engine.Feature) {
	for _, p := range ports {
		out = append(out, p.Feature)
	}
	return out
}

// release closes what sessions are made from.
func (m *model) release() error {
	var errs []error
	for _, f := range m.keep {
		errs = append(errs, f())
	}
	m.keep = nil
	return errors.Join(errs...)
}

func (m *model) Inputs() []engine.Feature { return m.in }

func (m *model) Outputs() []engine.Feature { return m.out }

// Placement is unknown: there is no Neural Engine here.
func (m *model) Placement() engine.Placement { return engine.Placement{} }

func (m *model) Close() error {
	var err error
	if m.sessions != nil {
		err = m.sessions.close()
		m.sessions = nil
	}
	return errors.Join(err, m.release())
}

func (m *model) Predict(ctx context.Context, in, out map[string]*engine.Tensor) error {
	c, err := m.begin(ctx, in)
	if err != nil {
		return err
	}
	defer c.end(&err)
	if err = c.bindOutputs(out); err != nil {
		return err
	}
	if err = c.run(ctx); err != nil {
		return err
	}
	runtime.KeepAlive(in) // ONNX Runtime used the tensors' memory, which is unmapped when they are collected
	runtime.KeepAlive(out)
	return nil
}

// Run is Predict with outputs that it makes, of the shapes that follow from the inputs. They are the caller's to close.
func (m *model) Run(ctx context.Context, in map[string]*engine.Tensor) (out map[string]*engine.Tensor, err error) {
	c, err := m.begin(ctx, in)
	if err != nil {
		return nil, err
	}
	defer c.end(&err)
	c.outputs = make([]ort.Value, len(m.out))
	if err = c.run(ctx); err != nil {
		c.outputs = nil // there may be some that are not valid
		return nil, err
	}
	runtime.KeepAlive(in)
	return c.made()
}

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

// fits tells whether shape agrees with a feature's, in which 0 stands for any; nil is any shape at all.
func fits(feature, shape []int) bool {
	if feature == nil {
		return true
	}
	return slices.EqualFunc(feature, shape, func(want, have int) bool { return want == 0 || want == have })
}

// wrap has ONNX Runtime read and write a tensor's memory. A scalar is one element.
func wrap(t *engine.Tensor) (ort.Value, error) {
	dims := ort.Shape{}
	for _, d := range t.Shape() {
		dims = append(dims, int64(d))
	}
	if len(dims) == 0 {
		dims = ort.Shape{1}
	}
	switch t.DType() {
	case engine.Int32:
		return ort.NewTensor(dims, t.Int32s())
	case engine.Uint8:
		return ort.NewTensor(dims, t.Bytes())
	case engine.Float16:
		return ort.NewCustomDataTensor(dims, t.Bytes(), ort.TensorElementDataTypeFloat16)
	default:
		return ort.NewTensor(dims, t.Float32s())
	}
}

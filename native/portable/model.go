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

package portable

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"

	ort "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage"
)

// model is a package that ONNX Runtime runs.
type model struct {
	path    string
	session *ort.DynamicAdvancedSession
	in, out []engine.Feature
}

// Open lowers the ML program in a .mlpackage folder and loads it. o.Units is of no effect: all runs on the CPU.
func Open(path string, o engine.Options) (engine.Model, error) {
	if err := environment(); err != nil {
		return nil, err
	}
	m, err := openModel(path, o)
	if err != nil {
		return nil, fmt.Errorf("load the model %s: %w", path, err)
	}
	return m, nil
}

func openModel(path string, o engine.Options) (_ *model, err error) {
	p, err := mlpackage.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }() // the graph is in ONNX Runtime's memory by then
	in, err := inputs(p.Spec.GetDescription())
	if err != nil {
		return nil, err
	}
	low, err := lower(p, changing(in))
	if err != nil {
		return nil, err
	}
	taken, err := ports(in, low.inputs)
	if err != nil {
		return nil, err
	}
	data, err := proto.Marshal(low.model)
	if err != nil {
		return nil, err
	}
	options, err := sessionOptions(o, low.folder)
	if err != nil {
		return nil, err
	}
	out, given := outputs(low.outputs)
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(data, taken, given, options)
	if err = errors.Join(err, options.Destroy()); err != nil {
		return nil, err
	}
	return &model{path, session, in, out}, nil
}

func sessionOptions(o engine.Options, weights string) (*ort.SessionOptions, error) {
	s, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	n := o.Threads
	if n < 1 {
		n = threads()
	}
	for _, set := range []func() error{
		func() error { return s.SetIntraOpNumThreads(n) },
		func() error { return s.SetInterOpNumThreads(1) },
		func() error { return s.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll) },
		func() error { return s.SetCpuMemArena(o.KeepMemory) }, // without it memory goes back after a run
		func() error { return s.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") },
		func() error {
			if weights == "" {
				return nil
			}
			return s.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", weights+string(filepath.Separator))
		},
	} {
		if err := set(); err != nil {
			return nil, errors.Join(err, s.Destroy())
		}
	}
	return s, nil
}

func (m *model) Inputs() []engine.Feature { return m.in }

func (m *model) Outputs() []engine.Feature { return m.out }

// Placement is unknown: there is no Neural Engine here.
func (m *model) Placement() engine.Placement { return engine.Placement{} }

func (m *model) Close() error {
	if m.session == nil {
		return nil
	}
	err := m.session.Destroy()
	m.session = nil
	return err
}

func (m *model) Predict(ctx context.Context, in, out map[string]*engine.Tensor) (err error) {
	if m.session == nil {
		return fmt.Errorf("the model %s is closed", m.path)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	inputs, err := m.bind(m.in, in, "input")
	if err != nil {
		return err
	}
	defer destroy(inputs, &err)
	outputs, err := m.bind(m.out, out, "output")
	if err != nil {
		return err
	}
	defer destroy(outputs, &err)
	options, err := ort.NewRunOptions()
	if err != nil {
		return err
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = options.Terminate() // the run ends by itself otherwise
	})
	err = m.session.RunWithOptions(inputs, outputs, options)
	runtime.KeepAlive(in) // ONNX Runtime used the tensors' memory, which is unmapped when they are collected
	runtime.KeepAlive(out)
	if !stop() {
		<-stopped
	}
	err = errors.Join(err, options.Destroy())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("run the model %s: %w", m.path, err)
	}
	return nil
}

func destroy(values []ort.Value, err *error) {
	for _, v := range values {
		*err = errors.Join(*err, v.Destroy())
	}
}

// bind wraps the caller's tensors for ONNX Runtime, which reads and writes their memory.
func (m *model) bind(features []engine.Feature, tensors map[string]*engine.Tensor, kind string) (values []ort.Value, err error) {
	defer func() {
		if err != nil {
			destroy(values, &err)
			values = nil
		}
	}()
	for _, f := range features {
		t := tensors[f.Name]
		switch {
		case t == nil:
			return values, fmt.Errorf("%s: the %s %q is missing", m.path, kind, f.Name)
		case t.Bytes() == nil:
			return values, fmt.Errorf("%s: the tensor of the %s %q is closed", m.path, kind, f.Name)
		case t.DType() != f.DType:
			return values, fmt.Errorf("%s: the %s %q is %v, not %v", m.path, kind, f.Name, f.DType, t.DType())
		case kind == "input" && !f.Permits(t.Shape()), kind == "output" && !fits(f.Shape, t.Shape()):
			return values, fmt.Errorf("%s: the %s %q cannot have the shape %v", m.path, kind, f.Name, t.Shape())
		}
		v, err := wrap(t)
		if err != nil {
			return values, err
		}
		values = append(values, v)
	}
	return values, nil
}

// fits tells whether shape agrees with a feature's, in which 0 stands for any.
func fits(feature, shape []int) bool {
	return slices.EqualFunc(feature, shape, func(want, have int) bool { return want == 0 || want == have })
}

func wrap(t *engine.Tensor) (ort.Value, error) {
	dims := make([]int64, len(t.Shape()))
	for i, d := range t.Shape() {
		dims[i] = int64(d)
	}
	if t.DType() == engine.Int32 {
		return ort.NewTensor(ort.NewShape(dims...), t.Int32s())
	}
	return ort.NewTensor(ort.NewShape(dims...), t.Float32s())
}

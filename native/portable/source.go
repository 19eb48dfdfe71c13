package portable

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/gesso-app/gesso/native/engine"
)

// file is an ONNX file that ONNX Runtime runs as it is.
type file struct {
	path    string
	session *ort.DynamicAdvancedSession
	in, out []engine.Feature
}

// OpenONNX loads an ONNX file as it is, to compare with what is made of it. Inputs and outputs are float32 or of 32-bit integers.
func OpenONNX(path string, o engine.Options) (engine.Model, error) {
	if err := environment(); err != nil {
		return nil, err
	}
	m, err := openONNX(path, o)
	if err != nil {
		return nil, fmt.Errorf("load the model %s: %w", path, err)
	}
	return m, nil
}

func openONNX(path string, o engine.Options) (*file, error) {
	ins, outs, err := ort.GetInputOutputInfo(path)
	if err != nil {
		return nil, err
	}
	in, taken, err := onnxFeatures(ins)
	if err != nil {
		return nil, err
	}
	out, given, err := onnxFeatures(outs)
	if err != nil {
		return nil, err
	}
	options, err := sessionOptions(o, false)
	if err != nil {
		return nil, err
	}
	session, err := ort.NewDynamicAdvancedSession(path, taken, given, options)
	if err = errors.Join(err, options.Destroy()); err != nil {
		return nil, err
	}
	return &file{path, session, in, out}, nil
}

// onnxFeatures describes inputs or outputs; dimensions that are not fixed are 0, which stands for any.
func onnxFeatures(infos []ort.InputOutputInfo) (features []engine.Feature, names []string, err error) {
	for _, info := range infos {
		f := engine.Feature{Name: info.Name}
		switch info.DataType {
		case ort.TensorElementDataTypeFloat:
			f.DType = engine.Float32
		case ort.TensorElementDataTypeInt32:
			f.DType = engine.Int32
		default:
			return nil, nil, fmt.Errorf("%q is of type %v, which cannot be given: %w", info.Name, info.DataType, errors.ErrUnsupported)
		}
		for _, d := range info.Dimensions {
			f.Shape = append(f.Shape, int(max(d, 0)))
		}
		features, names = append(features, f), append(names, info.Name)
	}
	return features, names, nil
}

func (m *file) Inputs() []engine.Feature { return m.in }

func (m *file) Outputs() []engine.Feature { return m.out }

func (m *file) Placement() engine.Placement { return engine.Placement{} }

func (m *file) Close() error {
	if m.session == nil {
		return nil
	}
	err := m.session.Destroy()
	m.session = nil
	return err
}

// Predict runs the file once; a run that has begun is finished.
func (m *file) Predict(ctx context.Context, in, out map[string]*engine.Tensor) (err error) {
	if m.session == nil {
		return fmt.Errorf("the model %s is closed", m.path)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var values [2][]ort.Value
	defer func() {
		for _, v := range append(values[0], values[1]...) {
			err = errors.Join(err, v.Destroy())
		}
	}()
	for k, side := range []struct {
		features []engine.Feature
		tensors  map[string]*engine.Tensor
	}{{m.in, in}, {m.out, out}} {
		for _, f := range side.features {
			t := side.tensors[f.Name]
			if t == nil || t.Bytes() == nil || t.DType() != f.DType {
				return fmt.Errorf("%s: %q is missing, closed or not of type %v", m.path, f.Name, f.DType)
			}
			v, err := wrap(t)
			if err != nil {
				return err
			}
			values[k] = append(values[k], v)
		}
	}
	err = m.session.Run(values[0], values[1])
	runtime.KeepAlive(in) // ONNX Runtime used the tensors' memory, which is unmapped when they are collected
	runtime.KeepAlive(out)
	if err != nil {
		return fmt.Errorf("run the model %s: %w", m.path, err)
	}
	return nil
}

package portable

import (
	"errors"
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/gesso-app/gesso/native/engine"
)

// OpenONNX loads an ONNX file as it is, to compare what is made of it. Inputs and outputs are float32 or of 32-bit integers.
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

func openONNX(path string, o engine.Options) (*model, error) {
	ins, outs, err := ort.GetInputOutputInfo(path)
	if err != nil {
		return nil, err
	}
	low := &lowered{}
	if low.in, err = onnxPorts(ins); err != nil {
		return nil, err
	}
	if low.out, err = onnxPorts(outs); err != nil {
		return nil, err
	}
	options, err := sessionOptions(o, manner{asIs: true})
	if err != nil {
		return nil, err
	}
	run, err := ort.NewDynamicAdvancedSession(path, graphNames(low.in), graphNames(low.out), options)
	if err = errors.Join(err, options.Destroy()); err != nil {
		return nil, plain(err)
	}
	s := &sessions{low: low, options: o, open: []*session{{run: run}}}
	return &model{path: path, sessions: s, in: features(low.in), out: features(low.out), ports: low}, nil
}

// onnxPorts describes inputs or outputs; dimensions that are not fixed are 0, which stands for any.
func onnxPorts(infos []ort.InputOutputInfo) (ports []*port, err error) {
	for _, info := range infos {
		p := &port{Feature: engine.Feature{Name: info.Name}, graph: info.Name}
		switch info.DataType {
		case ort.TensorElementDataTypeFloat:
			p.DType = engine.Float32
		case ort.TensorElementDataTypeInt32:
			p.DType = engine.Int32
		default:
			return nil, fmt.Errorf("%q is of type %v, which cannot be given: %w", info.Name, info.DataType, errors.ErrUnsupported)
		}
		for _, d := range info.Dimensions {
			p.Shape = append(p.Shape, int(max(d, 0)))
			p.Ranges = append(p.Ranges, engine.Range{Min: int(max(d, 1)), Max: int(max(d, 0))})
		}
		ports = append(ports, p)
	}
	return ports, nil
}

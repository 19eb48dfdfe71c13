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
	in, taken, err := onnxFeatures(ins)
	if err != nil {
		return nil, err
	}
	out, given, err := onnxFeatures(outs)
	if err != nil {
		return nil, err
	}
	options, err := sessionOptions(o, "")
	if err != nil {
		return nil, err
	}
	session, err := ort.NewDynamicAdvancedSession(path, taken, given, options)
	if err = errors.Join(err, options.Destroy()); err != nil {
		return nil, err
	}
	return &model{path, session, in, out}, nil
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
			f.Ranges = append(f.Ranges, engine.Range{Min: int(max(d, 1)), Max: int(max(d, 0))})
		}
		features, names = append(features, f), append(names, info.Name)
	}
	return features, names, nil
}

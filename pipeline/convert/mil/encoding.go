package mil

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// Encoding is weights in another form: an operation constexpr_* whose arguments are constants.
type Encoding struct {
	Op     string
	Target Target // that has the operation in this form
	Parts  []Part
}

// Part is an argument of an Encoding: elements of a type, packed from the least significant bit on.
type Part struct {
	Key   string
	DType milpb.DataType
	Shape []int
	Data  []byte
}

// blobTypes are the types of elements that parts have in the weights' file, with their sizes in bits.
var blobTypes = map[milpb.DataType]struct {
	blob mlpackage.BlobType
	bits int
}{
	milpb.DataType_FLOAT16: {mlpackage.BlobFloat16, 16}, milpb.DataType_FLOAT32: {mlpackage.BlobFloat32, 32},
	milpb.DataType_UINT8: {mlpackage.BlobUInt8, 8}, milpb.DataType_INT8: {mlpackage.BlobInt8, 8}, milpb.DataType_INT4: {mlpackage.BlobInt4, 4},
	milpb.DataType_UINT1: {mlpackage.BlobUInt1, 1}, milpb.DataType_UINT2: {mlpackage.BlobUInt2, 2}, milpb.DataType_UINT3: {mlpackage.BlobUInt3, 3},
	milpb.DataType_UINT4: {mlpackage.BlobUInt4, 4}, milpb.DataType_UINT6: {mlpackage.BlobUInt6, 6},
}

// encoded writes weights in another form.
func (w *writer) encoded(name string, v *Value, t milpb.DataType, e *Encoding) (string, error) {
	name = w.fresh(name)
	w.report.Target = max(w.report.Target, e.Target)
	op := &milpb.Operation{
		Type: e.Op, Attributes: map[string]*milpb.Value{"name": textValue(name)}, Inputs: map[string]*milpb.Argument{},
		Outputs: []*milpb.NamedValueType{{Name: name, Type: valueType(t, v.Shape...)}},
	}
	for _, p := range e.Parts {
		value, err := w.part(p)
		if err != nil {
			return "", err
		}
		if e.Target < IOS18 { // before, the arguments were attributes
			op.Attributes[p.Key] = value
			continue
		}
		op.Inputs[p.Key] = &milpb.Argument{Arguments: []*milpb.Argument_Binding{{Binding: &milpb.Argument_Binding_Value{Value: value}}}}
	}
	w.block.Operations = append(w.block.Operations, op)
	return name, nil
}

func (w *writer) part(p Part) (*milpb.Value, error) {
	n := product(p.Shape)
	b, ok := blobTypes[p.DType]
	if ok && (n >= blobFrom || b.bits < 8) {
		spare := uint64(len(p.Data)*8 - n*b.bits)
		offset, err := w.weights.Stream(b.blob, int64(len(p.Data)), spare, func(to io.Writer) error {
			_, err := to.Write(p.Data)
			return err
		})
		return blobValue(valueType(p.DType, p.Shape...), offset), err
	}
	v := &milpb.TensorValue{}
	switch p.DType {
	case milpb.DataType_FLOAT32:
		f := make([]float32, n)
		for i := range f {
			f[i] = single(p.Data[4*i:])
		}
		v.Value = &milpb.TensorValue_Floats{Floats: &milpb.TensorValue_RepeatedFloats{Values: f}}
	case milpb.DataType_INT32:
		f := make([]int32, n)
		for i := range f {
			f[i] = int32(word(p.Data[4*i:]))
		}
		v.Value = &milpb.TensorValue_Ints{Ints: &milpb.TensorValue_RepeatedInts{Values: f}}
	default:
		v.Value = &milpb.TensorValue_Bytes{Bytes: &milpb.TensorValue_RepeatedBytes{Values: p.Data}}
	}
	return immediate(valueType(p.DType, p.Shape...), v), nil
}

func word(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

func single(b []byte) float32 { return math.Float32frombits(word(b)) }

package portable

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// externalFrom is the size in bytes from which weights stay in a file, where ONNX Runtime maps them, and are not copied into the graph.
const externalFrom = 1024

// The graph refers to files that are open, by their descriptors, so that no name in a package is looked up twice. ONNX Runtime wants names below a
// folder, and follows links before it compares: the folder is the root.
const (
	weightsFolder = "/"
	descriptors   = "proc/self/fd/"
)

// maxWeights bounds the float32 weights that are decoded from compressed ones.
const maxWeights = 1 << 37

// spill keeps decoded weights in a temporary file until the model is loaded, so that they are neither in the graph nor twice in memory. Its name
// stays until then, as ONNX Runtime refuses files without one.
type spill struct {
	dry    bool // nothing is decoded: the graph is only checked
	file   *os.File
	at     int64
	buffer []float32
}

func (s *spill) open() error {
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp("", "gesso-weights-*")
	if err != nil {
		return fmt.Errorf("keep decoded weights: %w", err)
	}
	s.file, s.buffer = f, make([]float32, 1<<18)
	return nil
}

// add writes a constant's elements as float32, piece by piece.
func (s *spill) add(c *mlpackage.Const) (offset int64, err error) {
	if s.dry {
		return 0, nil
	}
	if err := s.open(); err != nil {
		return 0, err
	}
	n := c.Len()
	if s.at > maxWeights-4*n {
		return 0, fmt.Errorf("the decoded weights are larger than %d GiB", maxWeights>>30)
	}
	offset = s.at
	for at := int64(0); at < n; {
		part := s.buffer[:min(n-at, int64(len(s.buffer)))]
		c.Read(part, at)
		if _, err := s.file.Write(bytesOf(part)); err != nil {
			return 0, fmt.Errorf("keep decoded weights: %w", err)
		}
		at += int64(len(part))
	}
	pad := (64 - 4*n%64) % 64
	if _, err := s.file.Write(make([]byte, pad)); err != nil {
		return 0, fmt.Errorf("keep decoded weights: %w", err)
	}
	s.at = offset + 4*n + pad
	return offset, nil
}

func (s *spill) close() error {
	if s.file == nil {
		return nil
	}
	err := errors.Join(s.file.Close(), os.Remove(s.file.Name()))
	s.file = nil
	return err
}

// bytesOf views numbers as they lie in memory: little-endian on all our machines, as ONNX wants them.
func bytesOf(v []float32) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v))
}

// constant makes a constant an ONNX value: large ones stay in their file, or in the spilled weights; float16 is widened when it is loaded.
func (g *graph) constant(c *mlpackage.Const) (string, error) {
	switch {
	case c.IsSparse():
		return "", fmt.Errorf("the elements of a sparse constant are used without their mask")
	case c.DType == milpb.DataType_STRING:
		return "", fmt.Errorf("a string is used as a tensor")
	case c.DType == milpb.DataType_BOOL:
		raw := make([]byte, 0, c.Len())
		for _, v := range c.Ints() {
			raw = append(raw, byte(min(v, 1)))
		}
		return g.initializer("b", &onnxpb.TensorProto{RawData: raw}, onnxpb.TensorProto_BOOL, c.Shape), nil
	case !c.IsFloat():
		return g.ints(c.Shape, c.Ints()), nil
	case 4*c.Len() < externalFrom:
		return g.floats(c.Shape, c.Float32s()), nil
	}
	file, offset, onDisk := c.OnDisk()
	switch {
	case onDisk && c.DType == milpb.DataType_FLOAT32:
		return g.external(file, offset, 4*c.Len(), onnxpb.TensorProto_FLOAT, c.Shape), nil
	case onDisk && c.DType == milpb.DataType_FLOAT16:
		return g.cast(g.external(file, offset, 2*c.Len(), onnxpb.TensorProto_FLOAT16, c.Shape), onnxpb.TensorProto_FLOAT), nil
	}
	offset, err := g.spill.add(c)
	if err != nil {
		return "", err
	}
	return g.external(g.spill.file, offset, 4*c.Len(), onnxpb.TensorProto_FLOAT, c.Shape), nil
}

// external is a tensor whose elements lie in an open file.
func (g *graph) external(file *os.File, offset, length int64, d onnxpb.TensorProto_DataType, shape []int64) string {
	t := &onnxpb.TensorProto{DataLocation: onnxpb.TensorProto_EXTERNAL.Enum()}
	location := descriptors
	if file != nil {
		location += strconv.Itoa(int(file.Fd()))
	}
	for _, kv := range [][2]string{
		{"location", location}, {"offset", strconv.FormatInt(offset, 10)}, {"length", strconv.FormatInt(length, 10)},
	} {
		t.ExternalData = append(t.ExternalData, &onnxpb.StringStringEntryProto{Key: proto.String(kv[0]), Value: proto.String(kv[1])})
	}
	return g.initializer("w", t, d, shape)
}

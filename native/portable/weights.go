package portable

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
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
	dry     bool // nothing is decoded: the graph is only checked
	file    *os.File
	at      int64
	buffers [][]float32 // one a thread
}

func (s *spill) open() error {
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp("", "gesso-weights-*")
	if err != nil {
		return fmt.Errorf("keep decoded weights: %w", err)
	}
	s.file = f
	return nil
}

// add writes a constant's elements as float32, piece by piece; those that are float16 by several threads.
func (s *spill) add(c *mlpackage.Const) (offset int64, err error) {
	if s.dry { // the ends are decoded: an error of the program would show
		probe := make([]float32, min(c.Len(), 64))
		c.Read(probe, 0)
		c.Read(probe, c.Len()-int64(len(probe)))
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
	workers := 1
	if _, _, raw := c.OnDisk(); raw {
		workers = min(runtime.GOMAXPROCS(0), maxWorkers)
	}
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make([]error, workers)
	for w := range workers {
		if len(s.buffers) == w {
			s.buffers = append(s.buffers, make([]float32, pieceSize))
		}
		group.Go(func() {
			for {
				at := next.Add(pieceSize) - pieceSize
				if at >= n || failed[w] != nil {
					return
				}
				part := s.buffers[w][:min(n-at, pieceSize)]
				c.Read(part, at)
				_, failed[w] = s.file.WriteAt(bytesOf(part), offset+4*at)
			}
		})
	}
	group.Wait()
	if err := errors.Join(failed...); err != nil {
		return 0, fmt.Errorf("keep decoded weights: %w", err)
	}
	s.at = (offset + 4*n + 63) &^ 63
	return offset, s.file.Truncate(s.at)
}

// How weights are decoded: elements in a piece, and threads.
const (
	pieceSize  = 1 << 18
	maxWorkers = 8
)

func (s *spill) close() error {
	if s.file == nil {
		return nil
	}
	err := errors.Join(s.file.Close(), os.Remove(s.file.Name()))
	s.file, s.buffers = nil, nil
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
	case onDisk && c.DType == milpb.DataType_FLOAT16 && !g.spills(file):
		return g.cast(g.external(file, offset, 2*c.Len(), onnxpb.TensorProto_FLOAT16, c.Shape), onnxpb.TensorProto_FLOAT), nil
	}
	offset, err := g.spill.add(c)
	if err != nil {
		return "", err
	}
	return g.external(g.spill.file, offset, 4*c.Len(), onnxpb.TensorProto_FLOAT, c.Shape), nil
}

// spills tells whether float16 weights are widened here and not by ONNX Runtime, which would hold both kinds at a time: where there are many.
func (g *graph) spills(file *os.File) bool {
	st, err := file.Stat()
	return err == nil && 2*st.Size() > maxShared && (g.spill.dry || g.spill.open() == nil)
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

package portable

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// The files of a package, as coremltools names them.
const (
	manifestOf = "Manifest.json"
	specOf     = "Data/com.apple.CoreML/model.mlmodel"
	weightsOf  = "Data/com.apple.CoreML/weights/weight.bin"
)

// spoiler makes packages malformed, each time in another way.
type spoiler struct {
	t     *testing.T
	rng   *rand.Rand
	good  string // a package
	count int
}

// refused spoils a copy of the good package and expects that opening it is an error, of a sentence.
func (s *spoiler) refused(what string, spoil func(dir string) bool) {
	dir := filepath.Join(s.t.TempDir(), "bad.mlpackage")
	require.NoError(s.t, os.CopyFS(dir, os.DirFS(s.good)))
	if !spoil(dir) {
		return
	}
	s.count++
	m, err := Open(dir, engine.Options{Threads: 1})
	if err == nil {
		require.NoError(s.t, m.Close())
	}
	if err == nil {
		s.t.Errorf("%s: %s: no error", filepath.Base(s.good), what)
		return
	}
	require.Less(s.t, len(err.Error()), 2000)
}

// file spoils the bytes of a file.
func (s *spoiler) file(what, name string, change func(b []byte) []byte) {
	s.refused(what, func(dir string) bool {
		path := filepath.Join(dir, filepath.FromSlash(name))
		b, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		require.NoError(s.t, os.WriteFile(path, change(b), 0o644))
		return true
	})
}

// spec spoils the specification.
func (s *spoiler) spec(what string, change func(m *coremlpb.Model) bool) {
	s.refused(what, func(dir string) bool {
		path := filepath.Join(dir, filepath.FromSlash(specOf))
		b, err := os.ReadFile(path)
		require.NoError(s.t, err)
		m := &coremlpb.Model{}
		require.NoError(s.t, proto.Unmarshal(b, m))
		if !change(m) {
			return false
		}
		b, err = proto.Marshal(m)
		require.NoError(s.t, err)
		require.NoError(s.t, os.WriteFile(path, b, 0o644))
		return true
	})
}

func mainBlock(m *coremlpb.Model) *milpb.Block {
	fn := m.GetMlProgram().GetFunctions()["main"]
	return fn.GetBlockSpecializations()[fn.GetOpset()]
}

// blobs are the constants that lie in the weights file.
func blobs(m *coremlpb.Model) (out []*milpb.Value) {
	for _, op := range mainBlock(m).GetOperations() {
		for _, v := range op.GetAttributes() {
			if v.GetBlobFileValue() != nil {
				out = append(out, v)
			}
		}
		for _, arg := range op.GetInputs() {
			for _, b := range arg.GetArguments() {
				if b.GetValue().GetBlobFileValue() != nil {
					out = append(out, b.GetValue())
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b *milpb.Value) int {
		return int(a.GetBlobFileValue().GetOffset()) - int(b.GetBlobFileValue().GetOffset())
	})
	return out
}

// cut ends files early.
func (s *spoiler) cut() {
	for _, k := range []float64{0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97} {
		part := func(b []byte) []byte { return b[:int(k*float64(len(b)))] }
		s.file(fmt.Sprintf("the specification ends at %v", k), specOf, part)
		s.file(fmt.Sprintf("the weights end at %v", k), weightsOf, part)
		s.file(fmt.Sprintf("the manifest ends at %v", k), manifestOf, part)
	}
}

// offsets point to where no weights are.
func (s *spoiler) offsets() {
	for i, wrong := range []uint64{1, 63, 65, 1 << 20, 1 << 40, math.MaxInt64, math.MaxUint64, math.MaxUint64 - 63} {
		s.spec(fmt.Sprintf("an offset of %d", wrong), func(m *coremlpb.Model) bool {
			list := blobs(m)
			if len(list) == 0 {
				return false
			}
			b := list[i%len(list)].GetBlobFileValue()
			b.Offset = wrong
			return true
		})
	}
	for field, at := range map[string]int{"sentinel": 0, "size": 8, "place": 16} {
		for _, wrong := range []uint64{0, 3, 1 << 33, math.MaxInt64, math.MaxUint64} {
			s.file(fmt.Sprintf("the %s %d of weights", field, wrong), weightsOf, func(b []byte) []byte {
				if at == 0 {
					binary.LittleEndian.PutUint32(b[64:], uint32(wrong))
				} else {
					binary.LittleEndian.PutUint64(b[64+at:], wrong)
				}
				return b
			})
		}
	}
	for _, version := range []uint32{0, 1, 3, math.MaxUint32} {
		s.file("the version of the weights", weightsOf, func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[4:], version)
			return b
		})
	}
}

// paths climb out of the package, or lead nowhere.
func (s *spoiler) paths() {
	for _, path := range []string{
		"@model_path/../../../../../../../etc/passwd", "/etc/passwd", "../weight.bin", "@model_path/weights/../../../../x", "@model_path/weights/none.bin",
		"@model_path/weights", "", "@model_path/", `..\..\weight.bin`, "@model_path/weights/weight.bin\x00", "/dev/zero", "@model_path//etc/passwd",
	} {
		s.spec(fmt.Sprintf("weights at %q", path), func(m *coremlpb.Model) bool {
			list := blobs(m)
			for _, v := range list {
				v.GetBlobFileValue().FileName = path
			}
			return len(list) > 0
		})
	}
	for _, path := range []string{"../../x/model.mlmodel", "/etc/passwd", "com.apple.CoreML", "none", "..", "", `..\model.mlmodel`, "com.apple.CoreML/../../../y"} {
		s.file(fmt.Sprintf("the model at %q", path), manifestOf, func(b []byte) []byte {
			return []byte(strings.Replace(string(b), "com.apple.CoreML/model.mlmodel", strings.ReplaceAll(path, `\`, `\\`), 1))
		})
	}
	s.file("no root model", manifestOf, func(b []byte) []byte { return []byte(strings.Replace(string(b), "rootModelIdentifier", "other", 1)) })
	s.file("a list as the manifest", manifestOf, func([]byte) []byte { return []byte("[]") })
	s.file("a manifest of numbers", manifestOf, func([]byte) []byte { return []byte(`{"itemInfoEntries": 7}`) })
	for _, name := range []string{manifestOf, specOf, weightsOf} {
		s.refused("without "+name, func(dir string) bool { return os.Remove(filepath.Join(dir, filepath.FromSlash(name))) == nil })
		s.refused(name+" is a folder", func(dir string) bool {
			path := filepath.Join(dir, filepath.FromSlash(name))
			return os.Remove(path) == nil && os.Mkdir(path, 0o755) == nil
		})
		for _, target := range []string{"/etc/passwd", "../../../../../../../../etc/hostname", "/dev/zero", "/dev/null"} {
			s.refused(fmt.Sprintf("%s is a link to %s", name, target), func(dir string) bool {
				path := filepath.Join(dir, filepath.FromSlash(name))
				return os.Remove(path) == nil && os.Symlink(target, path) == nil
			})
		}
	}
}

// graphs refer to what is not there, to what comes later, or to themselves.
func (s *spoiler) graphs() {
	for k := range 8 {
		s.spec("a value that nothing gives", func(m *coremlpb.Model) bool {
			b := s.binding(mainBlock(m), k)
			b.Binding = &milpb.Argument_Binding_Name{Name: "nothing gives this"}
			return true
		})
		s.spec("a value that comes later", func(m *coremlpb.Model) bool {
			block := mainBlock(m)
			b := s.binding(block, k)
			last := block.GetOperations()[len(block.GetOperations())-1]
			b.Binding = &milpb.Argument_Binding_Name{Name: last.GetOutputs()[0].GetName()}
			return true
		})
		s.spec("a name that is there twice", func(m *coremlpb.Model) bool {
			ops := mainBlock(m).GetOperations()
			i := k % (len(ops) - 1)
			ops[i].GetOutputs()[0].Name = ops[i+1].GetOutputs()[0].GetName()
			return true
		})
		s.spec("an operation that is not known", func(m *coremlpb.Model) bool {
			ops := mainBlock(m).GetOperations()
			ops[(k*7)%len(ops)].Type = "frobnicate"
			return true
		})
		s.spec("an output without a type", func(m *coremlpb.Model) bool {
			ops := mainBlock(m).GetOperations()
			ops[(k*5)%len(ops)].GetOutputs()[0].Type = nil
			return true
		})
		s.spec("an operation without outputs", func(m *coremlpb.Model) bool {
			ops := mainBlock(m).GetOperations()
			ops[(k*3)%len(ops)].Outputs = nil
			return true
		})
	}
	s.spec("an output that nothing gives", func(m *coremlpb.Model) bool { mainBlock(m).Outputs[0] = "nothing"; return true })
	s.spec("no operations", func(m *coremlpb.Model) bool { mainBlock(m).Operations = nil; return true })
	s.spec("no functions", func(m *coremlpb.Model) bool { m.GetMlProgram().Functions = nil; return true })
	s.spec("no type", func(m *coremlpb.Model) bool { m.Type = nil; return true })
	s.spec("no description", func(m *coremlpb.Model) bool { m.Description = nil; return true })
}

// binding is an argument of an operation that is no constant, by number.
func (s *spoiler) binding(b *milpb.Block, k int) *milpb.Argument_Binding {
	var all []*milpb.Argument_Binding
	for _, op := range b.GetOperations() {
		for _, key := range []string{"x", "values", "weight", "indices", "y"} {
			for _, arg := range op.GetInputs()[key].GetArguments() {
				if arg.GetValue() == nil {
					all = append(all, arg)
				}
			}
		}
	}
	require.NotEmpty(s.t, all)
	return all[(k*3)%len(all)]
}

// shapes are not those of the data, or of no data that there is.
func (s *spoiler) shapes() {
	for k, wrong := range []uint64{0, 7919, 1 << 20, 1 << 31, 1 << 40, math.MaxUint64} {
		s.spec(fmt.Sprintf("weights with a dimension of %d", wrong), func(m *coremlpb.Model) bool {
			list := blobs(m)
			if len(list) == 0 {
				return false
			}
			s.dimension(list[k%len(list)].GetType().GetTensorType(), k, wrong)
			return true
		})
		s.spec(fmt.Sprintf("a program's input with a dimension of %d", wrong), func(m *coremlpb.Model) bool {
			s.dimension(m.GetMlProgram().GetFunctions()["main"].GetInputs()[0].GetType().GetTensorType(), k, wrong)
			return true
		})
		s.spec(fmt.Sprintf("a described input with a dimension of %d", wrong), func(m *coremlpb.Model) bool {
			a := m.GetDescription().GetInput()[0].GetType().GetMultiArrayType()
			a.Shape[k%len(a.Shape)] = int64(wrong)
			return true
		})
		for at := range 3 {
			s.spec(fmt.Sprintf("an operation's output with a dimension of %d", wrong), func(m *coremlpb.Model) bool {
				ops := mainBlock(m).GetOperations()
				ops = slices.DeleteFunc(slices.Clone(ops), func(op *milpb.Operation) bool {
					return op.GetType() == "const" || len(op.GetOutputs()[0].GetType().GetTensorType().GetDimensions()) == 0
				})
				if len(ops) == 0 || wrong == 0 {
					return false
				}
				s.dimension(ops[at*(len(ops)-1)/2].GetOutputs()[0].GetType().GetTensorType(), k, min(wrong, math.MaxInt32))
				return true
			})
		}
	}
}

func (s *spoiler) dimension(t *milpb.TensorType, k int, n uint64) {
	t.Dimensions[k%len(t.Dimensions)] = &milpb.Dimension{Dimension: &milpb.Dimension_Constant{Constant: &milpb.Dimension_ConstantDimension{Size: n}}}
}

// TestMalformed spoils packages of several kinds. Each must be an error, without a panic or more memory than a small package needs.
func TestMalformed(t *testing.T) {
	require.NoError(t, environment())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	total := 0
	good := map[string]string{}
	for _, archive := range []string{"ports.tar.gz", "compressed.tar.gz"} {
		for _, c := range unpack(t, archive) {
			good[c.name] = c.model
		}
	}
	for _, name := range []string{"style_half", "up_ios18", "opt16_pal4", "opt18_sparse_pal"} {
		s := &spoiler{t: t, rng: rand.New(rand.NewPCG(1, 2)), good: good[name]}
		for _, spoil := range []func(){s.cut, s.offsets, s.paths, s.graphs, s.shapes} {
			spoil()
		}
		require.Greater(t, s.count, 100, name)
		total += s.count
	}
	t.Logf("%d malformed packages", total)
	require.GreaterOrEqual(t, total, 200)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<30)/uint64(1), "in all")
	require.Less(t, after.HeapInuse, uint64(256<<20))
}

package mlpackage

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// Summary is what a model holds, as far as that is known without running it.
type Summary struct {
	Format        string // mlpackage or mlmodel
	Kind          string // as the format names it: mlProgram, neuralNetwork, pipeline, ...
	Specification int    // its version
	Bytes         int64  // of all files
	Functions     []FunctionSummary
	Models        []string // of a pipeline: their kinds
	States        []string // names of what the model keeps between predictions
	Metadata      map[string]string
	Weights       []WeightSummary // the largest first
}

// FunctionSummary is a function of an ML program, or the whole of another model.
type FunctionSummary struct {
	Name       string
	Default    bool
	Opset      string
	Operations map[string]int // how many of each kind
}

// WeightSummary are the weights of one type and compression.
type WeightSummary struct {
	Type        string // of the elements as they are stored, such as float16 or uint4
	Compression string // none, palette, linear, blockwise, sparse, ...
	Tensors     int
	Elements    int64 // as they are stored
	Bytes       int64
}

// compressions are the names of what the operations constexpr_* do.
var compressions = map[string]string{
	"constexpr_lut_to_dense": "palette", "constexpr_affine_dequantize": "linear", "constexpr_blockwise_shift_scale": "blockwise",
	"constexpr_sparse_to_dense": "sparse", "constexpr_cast": "cast", "constexpr_lut_to_sparse": "sparse palette",
	"constexpr_sparse_blockwise_shift_scale": "sparse blockwise",
}

// minWeight is how many elements a constant has at least to be counted as weights.
const minWeight = 16

// Summarize reads what a model holds.
func (p *Package) Summarize() (*Summary, error) {
	s := &Summary{Format: "mlpackage", Kind: Kind(p.Spec), Specification: int(p.Spec.GetSpecificationVersion()), Metadata: map[string]string{}}
	if p.single {
		s.Format = "mlmodel"
	}
	var err error
	if s.Bytes, err = size(p.path); err != nil {
		return nil, err
	}
	d := p.Spec.GetDescription()
	about := d.GetMetadata()
	for k, v := range map[string]string{
		"description": about.GetShortDescription(), "version": about.GetVersionString(), "author": about.GetAuthor(), "license": about.GetLicense(),
	} {
		if v != "" {
			s.Metadata[k] = v
		}
	}
	maps.Copy(s.Metadata, about.GetUserDefined())
	for _, f := range d.GetState() {
		s.States = append(s.States, f.GetName())
	}
	for _, f := range d.GetFunctions() {
		for _, state := range f.GetState() {
			s.States = append(s.States, state.GetName())
		}
	}
	w := weightCount{}
	s.add(p.Spec, w)
	for k, v := range w {
		v.Type, v.Compression = k[0], k[1]
		s.Weights = append(s.Weights, *v)
	}
	slices.SortFunc(s.Weights, func(a, b WeightSummary) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Compression, b.Compression))
	})
	return s, nil
}

// Kind names the type of a model as the format does; empty where it has none that is known.
func Kind(spec *coremlpb.Model) string {
	m := spec.ProtoReflect()
	if f := m.WhichOneof(m.Descriptor().Oneofs().ByName("Type")); f != nil {
		return string(f.Name())
	}
	return ""
}

// size is the number of bytes of a file, or of all files in a folder.
func size(path string) (n int64, err error) {
	err = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := os.Stat(file) // a cache's files are links
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && st.Mode().IsRegular() {
			n += st.Size()
		}
		return err
	})
	return n, err
}

type weightCount map[[2]string]*WeightSummary

func (w weightCount) add(kind, compression string, elements, bytes int64) {
	k := [2]string{kind, compression}
	if w[k] == nil {
		w[k] = &WeightSummary{}
	}
	w[k].Tensors++
	w[k].Elements += elements
	w[k].Bytes += bytes
}

// add counts a model and those inside of it.
func (s *Summary) add(m *coremlpb.Model, w weightCount) {
	d := m.GetDescription()
	switch {
	case m.GetMlProgram() != nil:
		functions := m.GetMlProgram().GetFunctions()
		for _, name := range slices.Sorted(maps.Keys(functions)) {
			fn := functions[name]
			f := FunctionSummary{Name: name, Opset: fn.GetOpset(), Operations: map[string]int{}}
			f.Default = name == d.GetDefaultFunctionName() || len(d.GetFunctions()) == 0 && name == "main"
			f.count(fn.GetBlockSpecializations()[fn.GetOpset()], w)
			s.Functions = append(s.Functions, f)
		}
	case len(Submodels(m)) > 0:
		for _, sub := range Submodels(m) {
			s.Models = append(s.Models, Kind(sub))
			s.add(sub, w)
		}
	default:
		f := FunctionSummary{Name: "main", Default: true, Operations: map[string]int{}}
		for _, l := range Layers(m) {
			f.Operations[LayerKind(l)]++
			countLayer(l.ProtoReflect(), w)
		}
		if len(f.Operations) > 0 {
			s.Functions = append(s.Functions, f)
		}
	}
}

// count counts a block's operations and weights. Weights that constexpr_* operations take are counted as those.
func (f *FunctionSummary) count(b *milpb.Block, w weightCount) {
	used := map[string]string{}
	for _, op := range b.GetOperations() {
		if c := compressions[op.GetType()]; c != "" {
			for _, arg := range op.GetInputs() {
				for _, binding := range arg.GetArguments() {
					used[binding.GetName()] = c
				}
			}
		}
	}
	for _, op := range b.GetOperations() {
		kind := op.GetType()
		if kind != "const" {
			f.Operations[kind]++
		}
		c := compressions[kind]
		for _, v := range op.GetAttributes() {
			name := c
			if kind == "const" && len(op.GetOutputs()) > 0 {
				name = used[op.GetOutputs()[0].GetName()]
			}
			countValue(v, cmp.Or(name, "none"), w)
		}
		for _, arg := range op.GetInputs() {
			for _, binding := range arg.GetArguments() {
				countValue(binding.GetValue(), cmp.Or(c, "none"), w)
			}
		}
		for _, inner := range op.GetBlocks() {
			f.count(inner, w)
		}
	}
}

func countValue(v *milpb.Value, compression string, w weightCount) {
	t := v.GetType().GetTensorType()
	bits := int64(widths[t.GetDataType()])
	if t == nil || bits == 0 {
		return
	}
	n := int64(1)
	for _, d := range Dims(t) {
		if d < 0 || d > 0 && n > maxElements/d {
			return
		}
		n *= d
	}
	if n >= minWeight {
		w.add(strings.ToLower(t.GetDataType().String()), compression, n, (n*bits+7)/8)
	}
}

package convert

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/arch"
	"github.com/gesso-app/gesso/pipeline/convert/aten"
	"github.com/gesso-app/gesso/pipeline/convert/diffusion"
	"github.com/gesso-app/gesso/pipeline/convert/onnx"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// Source is what a file or folder holds. Its JSON names are those of gesso model inspect --json.
type Source struct {
	Path         string       `json:"path"`
	Format       string       `json:"format"`
	Architecture string       `json:"architecture"`      // or why it is not recognised
	Convertible  bool         `json:"convertible"`       // as far as can be told without building it
	Opset        int          `json:"opset,omitempty"`   // of ONNX
	Inputs       []TensorInfo `json:"inputs,omitempty"`  // of graphs; a dimension of -1 is not fixed
	Outputs      []TensorInfo `json:"outputs,omitempty"` // of graphs
	Parameters   int64        `json:"parameters"`
	Tensors      []TensorInfo `json:"tensors"`
}

// TensorInfo is a tensor's name, type and shape.
type TensorInfo struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

// sourceEndings are those of files that are sources and no Core ML models.
var sourceEndings = []string{".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".onnx", ".pt2", ".index.json"}

// IsSource tells by its name, or by the files in a folder, whether something is a source rather than a Core ML model.
func IsSource(path string) bool {
	st, err := os.Stat(path)
	if err != nil {
		return false
	}
	if st.IsDir() {
		return diffusion.Is(path) != ""
	}
	return slices.ContainsFunc(sourceEndings, func(e string) bool { return strings.HasSuffix(strings.ToLower(path), e) })
}

// Inspect tells what a source holds, without converting it.
func Inspect(path string) (*Source, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("there is no file or folder %s: %w", path, err)
	}
	switch {
	case isONNX(path):
		return inspectONNX(path)
	case aten.Is(path):
		return inspectProgram(path)
	}
	if d, err := inspectDiffusion(path); err != nil || d != nil {
		return d, err
	}
	s, err := source.Open(path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out := &Source{Path: path, Format: string(s.Format)}
	out.tensors(s.Tensors, s.Names())
	n, err := arch.Recognise(s)
	if err != nil {
		out.Architecture = err.Error()
		return out, nil
	}
	out.Architecture, out.Convertible = n.Name, true
	return out, nil
}

func (s *Source) tensors(all map[string]*source.Tensor, names []string) {
	for _, n := range names {
		t := all[n]
		s.Tensors = append(s.Tensors, TensorInfo{n, t.DType.String(), t.Shape})
		s.Parameters += int64(t.Len())
	}
}

func inspectONNX(path string) (*Source, error) {
	f, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := &Source{Path: path, Format: "ONNX", Architecture: fmt.Sprintf("graph of %d operations", len(f.Graph.Nodes)), Convertible: true, Opset: f.Opset}
	if err := f.Unsupported(); err != nil {
		out.Architecture, out.Convertible = out.Architecture+"; "+err.Error(), false
	}
	set := &source.Set{Tensors: f.Graph.Tensors}
	out.tensors(set.Tensors, set.Names())
	for _, v := range f.Inputs() {
		out.Inputs = append(out.Inputs, TensorInfo{v.Name, v.TypeName(), v.Shape})
	}
	for _, v := range f.Graph.Outputs {
		out.Outputs = append(out.Outputs, TensorInfo{v.Name, v.TypeName(), v.Shape})
	}
	return out, nil
}

func inspectProgram(path string) (*Source, error) {
	f, err := aten.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := &Source{Path: path, Format: "PyTorch, exported program", Architecture: fmt.Sprintf("graph of %d operations", f.Len()), Convertible: true}
	if err := f.Unsupported(); err != nil {
		out.Architecture, out.Convertible = out.Architecture+"; "+err.Error(), false
	}
	set := &source.Set{Tensors: f.Weights()}
	out.tensors(set.Tensors, set.Names())
	for _, in := range f.Inputs {
		out.Inputs = append(out.Inputs, TensorInfo{in.Name, in.TypeName(), in.Shape})
	}
	return out, nil
}

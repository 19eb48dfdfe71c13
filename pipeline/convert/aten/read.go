// Package aten reads the exported programs of torch.export.save, .pt2 files, and builds their graphs in MIL. A program is JSON beside weights;
// nothing in it is executed.
//
// The format: torch/_export/serde/schema.py of PyTorch, the operations: its native_functions.yaml. It must not import an engine or ui.
package aten

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// Limits on an archive.
const (
	maxProgram = 256 << 20
	maxConfig  = 64 << 20
)

// File is an open program. Close it after use: weights cannot be read after that.
type File struct {
	Path    string
	Inputs  []Input
	program program
	weights map[string]*source.Tensor // by the parameter's, buffer's or constant's name
	closers []io.Closer
}

// Input is what the program's user gives. A dimension of -1 may be any.
type Input struct {
	Name  string
	Kind  int // of its elements, a ScalarType
	Shape []int
}

// program is serialized_exported_program.json.
type program struct {
	Module struct {
		Graph     graph     `json:"graph"`
		Signature signature `json:"signature"`
	} `json:"graph_module"`
	Ranges map[string]json.RawMessage `json:"range_constraints"`
}

type graph struct {
	Inputs  []argument        `json:"inputs"`
	Outputs []argument        `json:"outputs"`
	Nodes   []node            `json:"nodes"`
	Tensors map[string]tensor `json:"tensor_values"`
}

type node struct {
	Target string `json:"target"`
	Inputs []struct {
		Name string   `json:"name"`
		Arg  argument `json:"arg"`
	} `json:"inputs"`
	Outputs []argument `json:"outputs"`
}

type tensor struct {
	DType int      `json:"dtype"`
	Sizes []symInt `json:"sizes"`
}

type symInt struct {
	Int  *int            `json:"as_int"`
	Name *string         `json:"as_name"`
	Expr json.RawMessage `json:"as_expr"`
}

type named struct {
	Name string `json:"name"`
}

// argument is one of these. The rest, such as devices and layouts, has no meaning here.
type argument struct {
	None       *bool           `json:"as_none"`
	Tensor     *named          `json:"as_tensor"`
	Tensors    []named         `json:"as_tensors"`
	Optionals  []argument      `json:"as_optional_tensors"`
	Optional   *argument       `json:"as_optional_tensor"`
	Int        *int64          `json:"as_int"`
	Ints       []int64         `json:"as_ints"`
	Float      *number         `json:"as_float"`
	Floats     []number        `json:"as_floats"`
	String     *string         `json:"as_string"`
	Bool       *bool           `json:"as_bool"`
	Bools      []bool          `json:"as_bools"`
	SymInt     *symInt         `json:"as_sym_int"`
	SymInts    []symInt        `json:"as_sym_ints"`
	SymBool    json.RawMessage `json:"as_sym_bool"`
	ScalarType *int            `json:"as_scalar_type"`
}

type signature struct {
	Inputs []struct {
		Parameter *struct {
			Arg  named  `json:"arg"`
			Name string `json:"parameter_name"`
		} `json:"parameter"`
		Buffer *struct {
			Arg  named  `json:"arg"`
			Name string `json:"buffer_name"`
		} `json:"buffer"`
		Constant *struct {
			Arg  named  `json:"arg"`
			Name string `json:"tensor_constant_name"`
		} `json:"tensor_constant"`
		User *struct {
			Arg argument `json:"arg"`
		} `json:"user_input"`
	} `json:"input_specs"`
	Outputs []struct {
		User *struct {
			Arg argument `json:"arg"`
		} `json:"user_output"`
	} `json:"output_specs"`
}

// number is a float in JSON, of which infinities are texts.
type number float64

// UnmarshalJSON reads a number or the name of one that JSON lacks.
func (n *number) UnmarshalJSON(b []byte) error {
	var f float64
	if err := json.Unmarshal(b, &f); err == nil {
		*n = number(f)
		return nil
	}
	switch s := strings.Trim(string(b), `"`); s {
	case "Infinity", "inf":
		*n = number(inf)
	case "-Infinity", "-inf":
		*n = number(-inf)
	case "NaN", "nan":
		*n = number(inf - inf)
	default:
		return fmt.Errorf("the number %.20s", s)
	}
	return nil
}

// Is tells whether a file is an exported program: an archive with one's records.
func Is(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return false
	}
	var head [4]byte
	if _, err := io.ReadFull(f, head[:]); err != nil || string(head[:]) != "PK\x03\x04" {
		return false
	}
	a, err := source.OpenArchive(f, st.Size())
	return err == nil && (a.Find(oldProgram) != "" || a.Find(newProgram) != "")
}

// Places of the program in archives of PyTorch to 2.7, and from 2.8 on.
const (
	oldProgram = "serialized_exported_program.json"
	newProgram = "models/model.json"
)

// Open reads a program.
func Open(path string) (_ *File, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read %s: %w", path, err)
		}
	}()
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	m := &File{Path: path, weights: map[string]*source.Tensor{}, closers: []io.Closer{f}}
	if err := m.read(f); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// Close closes the file. It may be called again.
func (m *File) Close() error {
	var errs []error
	for _, c := range m.closers {
		errs = append(errs, c.Close())
	}
	m.closers = nil
	return errors.Join(errs...)
}

func (m *File) read(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	a, err := source.OpenArchive(f, st.Size())
	if err != nil {
		return err
	}
	name := a.Find(oldProgram)
	if name == "" {
		if name = a.Find(newProgram); name == "" {
			return errors.New("it is no exported program: its archive has no graph")
		}
		err = m.newWeights(a, strings.TrimSuffix(name, newProgram))
	} else {
		err = m.oldWeights(a, strings.TrimSuffix(name, oldProgram))
	}
	if err != nil {
		return err
	}
	b, err := a.Read(name, maxProgram)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &m.program); err != nil {
		return fmt.Errorf("its graph: %w", err)
	}
	return m.inputs()
}

// oldWeights reads the archives of torch.save within the archive.
func (m *File) oldWeights(a *source.Archive, dir string) error {
	for _, name := range []string{"serialized_state_dict", "serialized_constants"} {
		for _, ext := range []string{".pt", ".json"} {
			if !a.Has(dir + name + ext) {
				continue
			}
			r, n, err := a.Record(dir + name + ext)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			inner, err := source.OpenArchive(r, n)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			s, err := inner.Weights()
			if errors.Is(err, source.ErrNoTensors) {
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			for k, t := range s.Tensors {
				m.weights[k] = t
			}
		}
	}
	return nil
}

// newWeights reads the records that the configurations of weights and constants name: a tensor's bytes each, or an archive of torch.save.
func (m *File) newWeights(a *source.Archive, dir string) error {
	for _, c := range [][2]string{{"data/weights/", "model_weights_config.json"}, {"data/constants/", "model_constants_config.json"}} {
		if !a.Has(dir + c[0] + c[1]) {
			continue
		}
		b, err := a.Read(dir+c[0]+c[1], maxConfig)
		if err != nil {
			return err
		}
		var config struct {
			Config map[string]struct {
				Path   string `json:"path_name"`
				Pickle bool   `json:"use_pickle"`
				Meta   tensor `json:"tensor_meta"`
			} `json:"config"`
		}
		if err := json.Unmarshal(b, &config); err != nil {
			return fmt.Errorf("%s: %w", c[1], err)
		}
		for name, e := range config.Config {
			r, n, err := a.Record(dir + c[0] + e.Path)
			if err != nil {
				return err
			}
			t, err := record(r, n, name, e.Pickle, e.Meta)
			if err != nil {
				return fmt.Errorf("the weights %q: %w", name, err)
			}
			m.weights[name] = t
		}
	}
	return nil
}

func record(r io.ReaderAt, n int64, name string, pickle bool, meta tensor) (*source.Tensor, error) {
	if pickle {
		inner, err := source.OpenArchive(r, n)
		if err != nil {
			return nil, err
		}
		s, err := inner.Weights()
		if err != nil {
			return nil, err
		}
		for _, t := range s.Tensors {
			return t, nil
		}
		return nil, source.ErrNoTensors
	}
	d, ok := dtypes[meta.DType]
	shape, size := []int{}, int64(1)
	for _, s := range meta.Sizes {
		if s.Int == nil || *s.Int < 0 || (*s.Int > 0 && size > n/int64(*s.Int)) {
			return nil, errors.New("its shape is out of range")
		}
		size *= int64(*s.Int)
		shape = append(shape, *s.Int)
	}
	if !ok || size*int64(d.Size()) != n {
		return nil, fmt.Errorf("its record has %d bytes, which is not what its shape %v needs", n, shape)
	}
	return source.New(name, d, shape, func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(r, 0, n)), nil }), nil
}

// dtypes are the element types by the schema's ScalarType.
var dtypes = map[int]source.DType{
	1: source.U8, 2: source.I8, 3: source.I16, 4: source.I32, 5: source.I64, 6: source.F16, 7: source.F32, 8: source.F64, 12: source.Bool, 13: source.BF16,
	28: source.U16, 29: source.F8E4M3, 30: source.F8E5M2,
}

func (m *File) inputs() error {
	for _, in := range m.program.Module.Signature.Inputs {
		if in.User == nil {
			continue
		}
		a := in.User.Arg
		if a.Tensor == nil {
			continue // a number that was fixed
		}
		t, ok := m.program.Module.Graph.Tensors[a.Tensor.Name]
		if !ok {
			return fmt.Errorf("the input %q has no shape", a.Tensor.Name)
		}
		x := Input{Name: a.Tensor.Name, Kind: t.DType}
		for _, s := range t.Sizes {
			d := -1
			if s.Int != nil && *s.Int > 0 {
				d = *s.Int
			}
			x.Shape = append(x.Shape, d)
		}
		m.Inputs = append(m.Inputs, x)
	}
	if len(m.Inputs) == 0 {
		return errors.New("its graph has no inputs")
	}
	return nil
}

// TypeName is the name of the elements' type.
func (in Input) TypeName() string { return dtypes[in.Kind].String() }

// Weights are the parameters, buffers and constants by their names.
func (m *File) Weights() map[string]*source.Tensor { return m.weights }

// Len is the number of operations.
func (m *File) Len() int { return len(m.program.Module.Graph.Nodes) }

package convert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/diffusion"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// openDiffusion opens a Stable Diffusion; it is nil where the path holds none.
func openDiffusion(path string) (*diffusion.Model, string, error) {
	if diffusion.Is(path) != "" {
		m, err := diffusion.OpenFolder(path)
		return m, "diffusers", err
	}
	s, err := source.Open(path)
	if err != nil {
		return nil, "", err
	}
	if !diffusion.IsCheckpoint(s.Tensors) {
		return nil, "", s.Close()
	}
	format := string(s.Format) + ", one checkpoint"
	m, err := diffusion.OpenCheckpoint(s)
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("read %s: %w", path, err), s.Close())
	}
	return m, format, nil
}

// readDiffusion builds the parts of a Stable Diffusion; it is nil where the path holds none.
func readDiffusion(o Options) (*plan, error) {
	m, format, err := openDiffusion(o.ModelPath)
	if err != nil || m == nil {
		return nil, err
	}
	p := &plan{format: format, architecture: m.Name, closer: m, files: m.Files}
	if err := p.diffusion(o, m); err != nil {
		return nil, errors.Join(fmt.Errorf("convert %s: %w", o.ModelPath, err), m.Close())
	}
	return p, nil
}

func (p *plan) diffusion(o Options, m *diffusion.Model) error {
	for _, l := range o.LoRAs {
		unmatched, err := mergeLoRA(m, l)
		if err == nil && len(unmatched) > 0 {
			miss := &diffusion.UnmatchedError{Keys: unmatched}
			if err = miss; o.AllowUnmatched {
				p.warnings, err = append(p.warnings, fmt.Sprintf("the LoRA %s: %v", l.Path, miss)), nil
			}
		}
		if err != nil {
			return fmt.Errorf("the LoRA %s: %w", l.Path, err)
		}
	}
	options := diffusion.Options{Attention: diffusion.Attention(o.Attention), Controlled: o.ControlledUNet}
	if len(o.Sizes) > 1 {
		return &FieldError{"size", len(o.Sizes), "Stable Diffusion's packages have one size"}
	}
	if len(o.Sizes) == 1 {
		options.Height, options.Width = o.Sizes[0][0], o.Sizes[0][1]
	}
	var have []string
	for _, q := range m.Parts {
		have = append(have, q.Name)
		if o.Part != "" && o.Part != q.Name {
			continue
		}
		chunks := []int{0}
		if o.ChunkUNet && q.Name == "unet" {
			chunks = []int{1, 2}
		}
		for _, chunk := range chunks {
			options.Chunk = chunk
			program, err := m.Build(q, options)
			if err != nil {
				return err
			}
			name := q.Package
			if o.ControlledUNet && q.Name == "unet" {
				name = "Controlled" + name
			}
			if chunk > 0 {
				name = fmt.Sprintf("%sChunk%d", name, chunk)
			}
			p.parts = append(p.parts, part{name: name, program: program})
		}
	}
	if len(p.parts) == 0 {
		return &FieldError{"part", o.Part, "there are " + strings.Join(have, ", ")}
	}
	p.folder = len(p.parts) > 1
	return nil
}

// mergeLoRA merges a file of low-rank changes. Those of PEFT have their alpha in a configuration beside the file.
func mergeLoRA(m *diffusion.Model, l LoRA) ([]string, error) {
	s, err := source.Open(l.Path)
	if err != nil {
		return nil, err
	}
	m.Keep(s)
	alpha := 0.0
	dir := l.Path
	if st, err := os.Stat(dir); err == nil && !st.IsDir() {
		dir = filepath.Dir(dir)
	}
	var config struct {
		Alpha float64 `json:"lora_alpha"`
	}
	if b, err := os.ReadFile(filepath.Join(dir, "adapter_config.json")); err == nil && json.Unmarshal(b, &config) == nil {
		alpha = config.Alpha
	}
	return m.Merge(s, l.Weight, alpha)
}

// writeFolder writes several packages and the files beside them to a folder, whole or not at all.
func writeFolder(ctx context.Context, o Options, p *plan, r *Result, meta metadata, progress func(Progress)) (err error) {
	out := filepath.Clean(o.OutputPath)
	if _, err := os.Lstat(out); err == nil {
		if _, err := os.Stat(filepath.Join(out, p.parts[0].name+".mlpackage")); err != nil {
			return fmt.Errorf("%w, and is no folder of packages: %s", ErrExists, out)
		}
	}
	temp, err := os.MkdirTemp(filepath.Dir(out), ".gesso-convert-*")
	if err != nil {
		return fmt.Errorf("convert to %s: %w", out, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	inner := filepath.Join(temp, filepath.Base(out))
	if err := os.Mkdir(inner, 0o755); err != nil {
		return err
	}
	for i, q := range p.parts {
		tell := func(phase Phase, f float64) {
			progress(Progress{phase, q.name, (float64(i) + f) / float64(len(p.parts))})
		}
		made, err := writeOne(ctx, o, q, filepath.Join(inner, q.name+".mlpackage"), meta, tell)
		if err != nil {
			return err
		}
		made.Path = filepath.Join(out, q.name+".mlpackage")
		r.Packages = append(r.Packages, *made)
	}
	for name, from := range p.files {
		if err := copyFile(filepath.Join(inner, name), from); err != nil {
			return err
		}
	}
	if err := writeOrigin(inner, o); err != nil {
		return err
	}
	return swap(inner, out)
}

// OriginFile is the file in a folder of packages that says how to make it again, so that LoRAs can be merged later.
const OriginFile = "gesso.json"

// Origin is what an OriginFile holds.
type Origin struct {
	Source    string   `json:"source"` // absolute
	Float32   bool     `json:"float32"`
	Attention string   `json:"attention,omitempty"`
	Sizes     [][2]int `json:"sizes,omitempty"`
	LoRAs     []LoRA   `json:"loras,omitempty"` // that are merged already
}

func writeOrigin(dir string, o Options) error {
	origin := Origin{Float32: o.Float32, Attention: o.Attention, Sizes: o.Sizes, LoRAs: o.LoRAs}
	var err error
	if origin.Source, err = filepath.Abs(o.ModelPath); err != nil {
		return err
	}
	b, err := json.MarshalIndent(origin, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, OriginFile), b, 0o644)
}

func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func inspectDiffusion(path string) (*Source, error) {
	m, format, err := openDiffusion(path)
	if err != nil || m == nil {
		return nil, err
	}
	defer m.Close()
	out := &Source{Path: path, Format: format, Architecture: m.Name, Convertible: true}
	for _, p := range m.Parts {
		if p.Name == "vae_encoder" { // the decoder's tensors are its too
			continue
		}
		set := &source.Set{Tensors: p.Tensors()}
		all := map[string]*source.Tensor{}
		var names []string
		for _, n := range set.Names() {
			name := strings.TrimSuffix(p.Name, "_decoder") + "." + n
			all[name], names = p.Tensors()[n], append(names, name)
		}
		out.tensors(all, names)
	}
	return out, nil
}

// Package diffusion makes pictures with Stable Diffusion 1, 2 and XL: from a prompt, or from a prompt and a photo. Models are folders in the layout
// of Apple's ml-stable-diffusion, as gesso convert writes them. Numbers follow Hugging Face's diffusers.
//
// It must not import ui.
package diffusion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline/diffusion/clip"
	"github.com/gesso-app/gesso/pipeline/diffusion/schedule"
	"github.com/gesso-app/gesso/pipeline/disk"
	"github.com/gesso-app/gesso/pipeline/library"
)

// InputError is a fault of what was given, not of the program or the machine.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }

func (e *InputError) Unwrap() error { return e.Err }

func refuse(format string, v ...any) error { return &InputError{fmt.Errorf(format, v...)} }

// Model is a folder of packages. Each is loaded when it is needed. One goroutine at a time may use it.
type Model struct {
	Dir        string
	tokenizers []*clip.Tokenizer // of the text encoders
	texts      []string          // paths of the text encoders
	unets      []string          // one, or two that follow each other
	text       native.Feature    // what the U-Net takes of it
	decoder    string
	encoder    string // empty: there is none, and pictures cannot be started from
	scheduler  schedule.Config
	scaling    float64 // of latents
	xl         bool
	zeros      bool // the text of no negative prompt is zeros
	options    native.Options
}

var suffixes = []string{".mlpackage", ".mlmodelc", ".mlmodel"}

// find is the path of the package of a part, named as in Apple's layout; empty where there is none.
func find(dir, name string) string {
	for _, s := range suffixes {
		if p := filepath.Join(dir, name+s); exists(p) {
			return p
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		for _, s := range suffixes {
			if stem, ok := strings.CutSuffix(e.Name(), s); ok && library.PartNamed(stem) == name {
				return filepath.Join(dir, e.Name())
			}
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

const maxSettings = 16 << 20

// settings reads a JSON file of the folder into to; ok is false where there is none.
func settings(dir, name string, to any) (ok bool, err error) {
	err = disk.ReadJSON(filepath.Join(dir, name), maxSettings, to)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case errors.Is(err, os.ErrPermission):
		return false, err
	case err != nil:
		return false, &InputError{err}
	}
	return true, nil
}

// Open reads a model's folder, but loads no network yet.
func Open(dir string, o native.Options) (*Model, error) {
	if sub := filepath.Join(dir, "Resources"); find(dir, "Unet") == "" && exists(sub) { // as Apple's converter bundles them
		dir = sub
	}
	m := &Model{Dir: dir, options: o, decoder: find(dir, "VAEDecoder"), encoder: find(dir, "VAEEncoder")}
	m.unets = slices.DeleteFunc([]string{find(dir, "UnetChunk1"), find(dir, "UnetChunk2")}, func(s string) bool { return s == "" })
	if whole := find(dir, "Unet"); whole != "" {
		m.unets = []string{whole}
	} else if len(m.unets) == 1 {
		return nil, refuse("the model %s has one half of its U-Net alone", dir)
	}
	for _, n := range []string{"TextEncoder", "TextEncoder2"} {
		if p := find(dir, n); p != "" {
			m.texts = append(m.texts, p)
		}
	}
	if len(m.unets) == 0 || len(m.texts) == 0 || m.decoder == "" {
		return nil, refuse("%s is no Stable Diffusion model: a folder with TextEncoder, Unet and VAEDecoder packages is, as gesso convert makes it of a folder "+
			"of diffusers", dir)
	}
	return m, m.read()
}

func (m *Model) read() error {
	in, _, err := native.Describe(m.unets[0], m.options)
	if err != nil {
		return &InputError{err}
	}
	width := 0
	for _, f := range in {
		m.xl = m.xl || f.Name == "time_ids"
		if f.Name == "encoder_hidden_states" && len(f.Shape) == 4 {
			width, m.text = f.Shape[1], f
		}
	}
	if err := m.readTokenizers(width); err != nil {
		return err
	}
	m.scheduler = schedule.Default()
	var raw json.RawMessage
	if ok, err := settings(m.Dir, "scheduler_config.json", &raw); err != nil {
		return err
	} else if ok {
		if m.scheduler, err = schedule.Parse(raw); err != nil {
			return &InputError{err}
		}
	}
	if !m.xl { // as diffusers corrects the settings of Stable Diffusion 1 and 2 when it loads them
		m.scheduler = m.scheduler.Corrected()
	}
	m.scaling, m.zeros = 0.18215, m.xl
	if m.xl {
		m.scaling = 0.13025
	}
	var vae struct {
		Scaling float64 `json:"scaling_factor"`
	}
	if ok, err := settings(m.Dir, "vae_config.json", &vae); err != nil {
		return err
	} else if ok {
		m.scaling = 0.18215
		if vae.Scaling > 0 {
			m.scaling = vae.Scaling
		}
	}
	var index struct {
		Zeros *bool `json:"force_zeros_for_empty_prompt"`
	}
	if _, err := settings(m.Dir, "pipeline_config.json", &index); err != nil {
		return err
	}
	if index.Zeros != nil {
		m.zeros = m.xl && *index.Zeros
	}
	return nil
}

// wideText is the text's width in Stable Diffusion 2, whose tokenizer fills rows with exclamation marks, as XL's second.
const wideText = 1024

func (m *Model) readTokenizers(width int) error {
	for i := range m.texts {
		end := []string{"", "_2"}[i]
		vocab, merges := filepath.Join(m.Dir, "vocab"+end+".json"), filepath.Join(m.Dir, "merges"+end+".txt")
		if i == 1 && !exists(vocab) {
			vocab, merges = filepath.Join(m.Dir, "vocab.json"), filepath.Join(m.Dir, "merges.txt")
		}
		pad, told, err := clip.Padding(m.Dir, end)
		if err != nil {
			return err
		}
		if !told && (i == 1 || width == wideText) {
			pad = "!"
		}
		t, err := clip.Open(vocab, merges, pad)
		if err != nil {
			return refuse("read the tokenizer: %w", err)
		}
		m.tokenizers = append(m.tokenizers, t)
	}
	return nil
}

// Tokenizers are those of the text encoders, one or two.
func (m *Model) Tokenizers() []*clip.Tokenizer { return m.tokenizers }

// CanStartFromPictures tells whether the model has an encoder of pictures.
func (m *Model) CanStartFromPictures() bool { return m.encoder != "" }

// network is a loaded package.
type network struct {
	native.Model
	path string
}

func (m *Model) load(path string) (*network, error) {
	n, err := native.Open(path, m.options)
	if err != nil && !errors.Is(err, native.ErrNoRuntime) {
		err = &InputError{err}
	}
	return &network{n, path}, err
}

// input finds an input; the first where the name is empty.
func (n *network) input(name string) (native.Feature, bool) {
	for _, f := range n.Inputs() {
		if f.Name == name || name == "" {
			return f, true
		}
	}
	return native.Feature{}, false
}

// run gives the network arrays of float32 by their names; what it does not take is left out. The outputs are copied.
func (n *network) run(ctx context.Context, in map[string][]float32) (_ map[string][]float32, err error) {
	tensors := map[string]*native.Tensor{}
	defer func() {
		for _, t := range tensors {
			err = errors.Join(err, t.Close())
		}
	}()
	for _, f := range n.Inputs() {
		v, ok := in[f.Name]
		if !ok {
			return nil, refuse("the package %s takes the input %q, which is none of Stable Diffusion's", n.path, f.Name)
		}
		if len(f.Shape) == 0 {
			return nil, refuse("the package %s does not tell the shape of the input %q", n.path, f.Name)
		}
		shape := slices.Clone(f.Shape)
		if f.Name == "encoder_hidden_states" {
			shape = stretched(f, len(v))
		}
		t, err := native.NewTensor(f.DType, shape...)
		if err != nil {
			return nil, err
		}
		tensors[f.Name] = t
		if t.Len() != len(v) {
			return nil, refuse("the package %s takes %v for the input %q, and there are %d numbers", n.path, shape, f.Name, len(v))
		}
		switch f.DType {
		case native.Float32:
			copy(t.Float32s(), v)
		case native.Int32:
			for i, x := range v {
				t.Int32s()[i] = int32(x)
			}
		default:
			return nil, refuse("the package %s takes %v for the input %q: numbers are given", n.path, f.DType, f.Name)
		}
	}
	out, err := outputs(ctx, n.Model, tensors)
	if err != nil {
		return nil, err
	}
	result := map[string][]float32{}
	for name, t := range out {
		if t.DType() == native.Float32 {
			result[name] = slices.Clone(t.Float32s())
		}
		err = errors.Join(err, t.Close())
	}
	return result, err
}

// outputs has the engine make the outputs if it can; otherwise their shapes must be known.
func outputs(ctx context.Context, m native.Model, in map[string]*native.Tensor) (map[string]*native.Tensor, error) {
	if r, ok := m.(native.Runner); ok {
		return r.Run(ctx, in)
	}
	out := map[string]*native.Tensor{}
	for _, f := range m.Outputs() {
		t, err := native.NewTensor(f.DType, f.Shape...)
		if err != nil {
			return nil, err
		}
		out[f.Name] = t
	}
	return out, m.Predict(ctx, in, out)
}

// one is the only output, or the one of a name.
func one(out map[string][]float32, names ...string) []float32 {
	for _, n := range names {
		if v := out[n]; v != nil {
			return v
		}
	}
	if len(out) == 1 {
		for _, v := range out {
			return v
		}
	}
	return nil
}

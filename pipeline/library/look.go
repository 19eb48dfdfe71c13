package library

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/pipeline/disk"
	"github.com/gesso-app/gesso/pipeline/predict"
)

// network is what is read of a U-Net to tell its kind.
type network struct {
	inputs    map[string][]int // shapes by names
	einsums   int
	attention string // as the metadata says it
}

// pixels are those of a picture's side for each of its latents, in all Stable Diffusions.
const pixels = 8

// look tells a model's kind, attention and size by its U-Net. What cannot be read leaves them unknown.
func (m *Model) look(unet string) {
	var n *network
	var err error
	if partEnding(unet) == ".mlmodelc" {
		n, err = readCompiled(unet)
	} else {
		n, err = readPackage(unet)
	}
	if err != nil {
		m.Note = err.Error()
		return
	}
	m.Kind = kindOf(channels(n.inputs["encoder_hidden_states"]), n.inputs["time_ids"])
	if s := n.inputs["sample"]; len(s) == 4 {
		m.Height, m.Width = s[2]*pixels, s[3]*pixels
	}
	path := strings.ReplaceAll(strings.ToLower(m.Path), "_", "-")
	switch {
	case n.attention != "":
		m.Attention = n.attention
	case n.einsums == 0:
		m.Attention = "original"
	case strings.Contains(path, "split-einsum-v2"): // the two differ in how queries are cut, which names alone tell
		m.Attention = "split-einsum-v2"
	default:
		m.Attention = "split-einsum"
	}
}

// channels are those of the text (B,D,1,S), or (B,S,D) as PyTorch has it.
func channels(shape []int) int {
	switch len(shape) {
	case 4:
		return shape[1]
	case 3:
		return shape[2]
	}
	return 0
}

func kindOf(channels int, timeIDs []int) string {
	xl := len(timeIDs) > 0
	switch {
	case xl && channels == 1280 || xl && timeIDs[len(timeIDs)-1] == 5:
		return "Stable Diffusion XL refiner"
	case xl || channels == 2048:
		return "Stable Diffusion XL"
	case channels == 768:
		return "Stable Diffusion 1.x"
	case channels == 1024:
		return "Stable Diffusion 2.x"
	}
	return fmt.Sprintf("Stable Diffusion with a text of %d channels", channels)
}

func readPackage(path string) (n *network, err error) {
	p, err := mlpackage.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	s, err := p.Summarize()
	if err != nil {
		return nil, fmt.Errorf("read the package %s: %w", path, err)
	}
	n = &network{inputs: map[string][]int{}, attention: s.Metadata["gesso.attention"]}
	in, _ := predict.Described(p.Spec, "")
	for _, f := range in {
		n.inputs[f.Name] = f.Shape
	}
	for _, f := range s.Functions {
		n.einsums += f.Operations["einsum"]
	}
	return n, nil
}

// maxText bounds the JSON files of models.
const maxText = 16 << 20

// readCompiled reads metadata.json, which Core ML's compiler writes.
func readCompiled(path string) (*network, error) {
	var list []struct {
		Inputs []struct {
			Name  string `json:"name"`
			Shape string `json:"shape"` // such as [2, 4, 64, 64]
		} `json:"inputSchema"`
		Operations map[string]int    `json:"mlProgramOperationTypeHistogram"`
		Metadata   map[string]string `json:"userDefinedMetadata"`
	}
	if err := disk.ReadJSON(filepath.Join(path, "metadata.json"), maxText, &list); err != nil {
		return nil, fmt.Errorf("the compiled model %s: %w", path, err)
	}
	n := &network{inputs: map[string][]int{}}
	for _, m := range list {
		for _, in := range m.Inputs {
			var shape []int
			if json.Unmarshal([]byte(in.Shape), &shape) == nil {
				n.inputs[in.Name] = shape
			}
		}
		for op, count := range m.Operations {
			if i := strings.LastIndexByte(op, '.'); strings.EqualFold(op[i+1:], "einsum") {
				n.einsums += count
			}
		}
		if a := m.Metadata["gesso.attention"]; a != "" {
			n.attention = a
		}
	}
	return n, nil
}

// lookConfig tells a model's kind by diffusers' config.json of its U-Net.
func (m *Model) lookConfig(path string) {
	var c struct {
		Cross any    `json:"cross_attention_dim"`
		Size  any    `json:"sample_size"`
		Added string `json:"addition_embed_type"`
	}
	if disk.ReadJSON(path, maxText, &c) != nil {
		return
	}
	width, _ := c.Cross.(float64)
	if list, ok := c.Cross.([]any); ok && len(list) > 0 {
		width, _ = list[0].(float64)
	}
	var ids []int
	if c.Added == "text_time" {
		ids = []int{1, 6}
	}
	m.Kind = kindOf(int(width), ids)
	if side, ok := c.Size.(float64); ok && side > 0 && side < 1<<16 {
		m.Width, m.Height = int(side)*pixels, int(side)*pixels
	}
}

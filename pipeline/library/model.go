package library

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Form is what files a model is of.
type Form string

// The forms.
const (
	Packages  Form = "mlpackage" // run by Core ML and by the portable engine
	Compiled  Form = "mlmodelc"  // run by Core ML alone
	Mixed     Form = "mlpackage and mlmodelc"
	Diffusers Form = "diffusers" // PyTorch's weights, which gesso convert makes packages of
)

// Model is a Stable Diffusion on disk. Its JSON names are those of gesso models --json.
type Model struct {
	Name       string            `json:"name"`
	Path       string            `json:"path"`
	Origin     Origin            `json:"origin"`
	Repository string            `json:"repository,omitempty"` // on the hub, OWNER/NAME
	Revision   string            `json:"revision,omitempty"`
	License    string            `json:"license,omitempty"`
	Form       Form              `json:"form"`
	Kind       string            `json:"kind"`                // such as Stable Diffusion 1.x
	Attention  string            `json:"attention,omitempty"` // original, split-einsum or split-einsum-v2
	Width      int               `json:"width,omitempty"`     // of its pictures, in pixels
	Height     int               `json:"height,omitempty"`
	Bytes      int64             `json:"bytes"` // on disk
	Parts      map[string]string `json:"parts"` // paths by their names in Apple's layout
	ControlNet []string          `json:"controlnet,omitempty"`
	Lacks      []string          `json:"lacks,omitempty"` // parts without which no picture is made
	NoPhotos   bool              `json:"no_photos"`       // it lacks VAEEncoder: text to image alone
	NeedsMac   bool              `json:"needs_mac"`
	Note       string            `json:"note,omitempty"` // what to do before it can be used here
}

// partNames are the endings of packages' names, in Apple's two ways of naming them, with the names of Apple's layout. Longer ones go first.
var partNames = []struct{ ending, part string }{
	{"controlledunetchunk1", "ControlledUnetChunk1"},
	{"controlledunetchunk2", "ControlledUnetChunk2"},
	{"controlledunet", "ControlledUnet"},
	{"control-unet_chunk1", "ControlledUnetChunk1"},
	{"control-unet_chunk2", "ControlledUnetChunk2"},
	{"control-unet", "ControlledUnet"},
	{"control_unet_chunk1", "ControlledUnetChunk1"},
	{"control_unet_chunk2", "ControlledUnetChunk2"},
	{"control_unet", "ControlledUnet"},
	{"unetrefiner", "UnetRefiner"},
	{"unetchunk1", "UnetChunk1"},
	{"unetchunk2", "UnetChunk2"},
	{"unet_chunk1", "UnetChunk1"},
	{"unet_chunk2", "UnetChunk2"},
	{"unet", "Unet"},
	{"textencoder2", "TextEncoder2"},
	{"text_encoder_2", "TextEncoder2"},
	{"textencoder", "TextEncoder"},
	{"text_encoder", "TextEncoder"},
	{"vaedecoder", "VAEDecoder"},
	{"vae_decoder", "VAEDecoder"},
	{"vaeencoder", "VAEEncoder"},
	{"vae_encoder", "VAEEncoder"},
	{"safetychecker", "SafetyChecker"},
	{"safety_checker", "SafetyChecker"},
}

// partEnding is the ending of a Core ML model's name; empty of another's.
func partEnding(name string) string {
	switch e := strings.ToLower(filepath.Ext(name)); e {
	case ".mlpackage", ".mlmodelc":
		return e
	}
	return ""
}

// partOf is the part that a package's name tells: TextEncoder.mlmodelc, or Stable_Diffusion_version_OWNER_NAME_text_encoder.mlpackage.
func partOf(name string) string {
	end := partEnding(name)
	if end == "" {
		return ""
	}
	return PartNamed(name[:len(name)-len(end)])
}

// PartNamed is the part, by its name in Apple's layout, that a model's name without its ending tells; empty where it tells none.
func PartNamed(stem string) string {
	stem = strings.ToLower(stem)
	for _, p := range partNames {
		if stem == p.ending || strings.HasSuffix(stem, "_"+p.ending) {
			return p.part
		}
	}
	return ""
}

// Recognise tells which model a folder is; nil if it is none.
func Recognise(dir string) (*Model, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the model %s: %w", dir, err)
	}
	m, err := recognise(dir, entries)
	if m != nil {
		m.Name, m.Origin = filepath.Base(dir), Extra
	}
	return m, err
}

func recognise(dir string, entries []fs.DirEntry) (*Model, error) {
	m := &Model{Path: dir, Parts: map[string]string{}}
	var compiled []string
	for _, e := range entries {
		part := partOf(e.Name())
		path := filepath.Join(dir, e.Name())
		switch st, err := os.Stat(path); {
		case err != nil || part == "" && e.Name() != "model_index.json":
			continue
		case e.Name() == "model_index.json" && st.Mode().IsRegular():
			m.Form = Diffusers
		case !st.IsDir():
			continue
		case partEnding(e.Name()) == ".mlmodelc":
			compiled = append(compiled, part)
			if m.Parts[part] == "" { // where there is a package too, it is taken
				m.Parts[part] = path
			}
		default:
			m.Parts[part] = path
		}
	}
	if len(m.Parts) == 0 && m.Form == "" || len(m.Parts) > 0 && m.unet() == "" && len(m.Parts) < 2 {
		return nil, nil
	}
	if len(m.Parts) == 0 {
		m.diffusers()
	} else {
		m.core(compiled)
	}
	var err error
	m.Bytes, err = size(dir)
	return m, err
}

// core tells the rest of a model in Apple's layout.
func (m *Model) core(compiled []string) {
	m.Form = Packages
	var closed []string
	for _, p := range compiled {
		if partEnding(m.Parts[p]) == ".mlmodelc" {
			closed = append(closed, p)
		}
	}
	switch len(closed) {
	case 0:
	case len(m.Parts):
		m.Form = Compiled
	default:
		m.Form = Mixed
	}
	for _, name := range []string{"vocab.json", "merges.txt"} {
		for _, at := range []string{"", "tokenizer", "../compiled", "../tokenizer"} { // Apple's packages lie beside a folder that has them
			path := filepath.Join(m.Path, filepath.FromSlash(at), name)
			if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
				m.Parts[name] = path
				break
			}
		}
	}
	controls, _ := filepath.Glob(filepath.Join(m.Path, "controlnet", "*")) // the pattern is well formed
	for _, c := range controls {
		if partEnding(c) != "" {
			m.ControlNet = append(m.ControlNet, c)
		}
	}
	m.Kind = "Stable Diffusion of an unknown kind"
	if u := m.unet(); u != "" {
		m.look(m.Parts[u])
	}
	m.lacks()
	if m.NeedsMac = len(closed) > 0; m.NeedsMac {
		slices.Sort(closed)
		m.Note = "only the compiled form (.mlmodelc) of " + strings.Join(closed, ", ") + " is there, which needs a Mac; elsewhere take the .mlpackage files"
	}
}

// unet is the part that tells most of the model.
func (m *Model) unet() string {
	for _, u := range []string{"Unet", "UnetChunk1", "ControlledUnet", "ControlledUnetChunk1"} {
		if m.Parts[u] != "" {
			return u
		}
	}
	return ""
}

func (m *Model) lacks() {
	need := []string{"TextEncoder", "VAEDecoder", "vocab.json", "merges.txt"}
	if strings.Contains(m.Kind, "refiner") {
		need[0] = "TextEncoder2"
	} else if strings.Contains(m.Kind, "XL") {
		need = append(need, "TextEncoder2")
	}
	for _, pair := range [][2]string{{"UnetChunk1", "UnetChunk2"}, {"UnetChunk2", "UnetChunk1"}, {"ControlledUnetChunk1", "ControlledUnetChunk2"}} {
		if m.Parts[pair[0]] != "" && m.Parts["Unet"] == "" {
			need = append(need, pair[1])
		}
	}
	if m.Parts["Unet"] == "" && m.Parts["UnetChunk1"] == "" && m.Parts["UnetChunk2"] == "" {
		need = append(need, "Unet")
	}
	for _, n := range need {
		if m.Parts[n] == "" && !slices.Contains(m.Lacks, n) {
			m.Lacks = append(m.Lacks, n)
		}
	}
	m.NoPhotos = m.Parts["VAEEncoder"] == ""
}

// diffusers tells the rest of a folder of diffusers.
func (m *Model) diffusers() {
	m.Kind = "Stable Diffusion of an unknown kind"
	m.lookConfig(filepath.Join(m.Path, "unet", "config.json"))
	for _, p := range []struct{ folder, part string }{
		{"text_encoder", "TextEncoder"},
		{"text_encoder_2", "TextEncoder2"},
		{"unet", "Unet"},
		{"vae", "VAEDecoder"},
		{"vae", "VAEEncoder"},
		{"safety_checker", "SafetyChecker"},
		{"tokenizer/vocab.json", "vocab.json"},
		{"tokenizer/merges.txt", "merges.txt"},
	} {
		path := filepath.Join(m.Path, filepath.FromSlash(p.folder))
		if _, err := os.Stat(path); err == nil {
			m.Parts[p.part] = path
		}
	}
	m.lacks()
	m.Note = "these are PyTorch's weights: make packages of them with gesso convert --model-path " + m.Path + " --output FOLDER"
}

// Usable tells whether the model makes pictures on a machine, which is a Mac or not.
func (m *Model) Usable(mac bool) bool {
	return len(m.Lacks) == 0 && m.Form != Diffusers && (mac || !m.NeedsMac)
}

// PartNames are the names of the parts that are there, in order.
func (m *Model) PartNames() []string { return slices.Sorted(maps.Keys(m.Parts)) }

// size is what a folder's files take, links followed and each file counted once.
func size(dir string) (total int64, err error) {
	seen := map[string]bool{}
	files := 0
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && e.IsDir() {
			return nil
		}
		if err != nil {
			return fmt.Errorf("measure %s: %w", dir, err)
		}
		if files++; files > maxFiles {
			return fmt.Errorf("measure %s: it has more than %d files", dir, maxFiles)
		}
		real, err := filepath.EvalSymlinks(path)
		if err != nil || seen[real] { // a link to nothing takes nothing
			return nil
		}
		seen[real] = true
		if st, err := os.Stat(real); err == nil && st.Mode().IsRegular() {
			total += st.Size()
		}
		return nil
	})
	return total, err
}

// fromRecord completes a model by what its download wrote down, in a folder above it up to root.
func (m *Model) fromRecord(root string) {
	for dir := m.Path; ; dir = filepath.Dir(dir) {
		if r, err := readRecord(dir); err == nil {
			m.Repository, m.Revision, m.License = r.Repository, r.Revision, cmp.Or(m.License, r.License)
			return
		}
		if dir == root || dir == filepath.Dir(dir) {
			return
		}
	}
}

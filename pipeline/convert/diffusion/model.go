package diffusion

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
	"github.com/gesso-app/gesso/pipeline/convert/source"
	"github.com/gesso-app/gesso/pipeline/disk"
)

// Model is the networks of a Stable Diffusion. Close it after use: weights cannot be read after that.
type Model struct {
	Name  string // such as Stable Diffusion XL
	Parts []*Part
	Files map[string]string // files for the output's folder: its name there, and its path

	closers []io.Closer
}

// Part is one network.
type Part struct {
	Name    string // as diffusers' folders: text_encoder, text_encoder_2, unet, vae_decoder, vae_encoder, controlnet
	Package string // as Apple's: TextEncoder, TextEncoder2, Unet, VAEDecoder, VAEEncoder
	config  *Config
	tensors map[string]*source.Tensor
	xl      bool
}

// packages are the names of the parts' packages.
var packages = map[string]string{
	"text_encoder": "TextEncoder", "text_encoder_2": "TextEncoder2", "unet": "Unet", "vae_decoder": "VAEDecoder", "vae_encoder": "VAEEncoder",
	"controlnet": "ControlNet",
}

// Close closes the files. It may be called again.
func (m *Model) Close() error {
	var errs []error
	for _, c := range m.closers {
		errs = append(errs, c.Close())
	}
	m.closers = nil
	return errors.Join(errs...)
}

// Part finds a part by its name; nil if there is none.
func (m *Model) Part(name string) *Part {
	for _, p := range m.Parts {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Is tells what of Stable Diffusion is at a path: a folder of diffusers, a folder of one of its parts, or empty for neither.
func Is(path string) string {
	regular := func(name string) bool {
		st, err := os.Stat(filepath.Join(path, name))
		return err == nil && st.Mode().IsRegular()
	}
	switch {
	case regular("model_index.json"):
		return "folder"
	case regular("config.json"):
		if c, err := readClass(path); err == nil && partsOf[c] != nil {
			return "part"
		}
	}
	return ""
}

// partsOf are the parts that a class of diffusers or transformers has.
var partsOf = map[string][]string{
	"UNet2DConditionModel": {"unet"}, "AutoencoderKL": {"vae_decoder", "vae_encoder"},
	"CLIPTextModel": {"text_encoder"}, "CLIPTextModelWithProjection": {"text_encoder_2"},
	"ControlNetModel": {"controlnet"},
}

// readClass is the class that a config.json names.
func readClass(dir string) (string, error) {
	var c struct {
		Class         string   `json:"_class_name"`
		Architectures []string `json:"architectures"`
	}
	if err := disk.ReadJSON(filepath.Join(dir, "config.json"), maxConfig, &c); err != nil {
		return "", err
	}
	if c.Class == "" && len(c.Architectures) > 0 {
		return c.Architectures[0], nil
	}
	return c.Class, nil
}

// OpenFolder opens a folder of diffusers, or of one of its parts.
func OpenFolder(dir string) (_ *Model, err error) {
	m := &Model{Files: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("read %s: %w", dir, err), m.Close())
		}
	}()
	if Is(dir) == "part" {
		class, err := readClass(dir)
		if err != nil {
			return nil, err
		}
		return m, m.add(dir, class, partsOf[class][0])
	}
	var index map[string]any
	if err := disk.ReadJSON(filepath.Join(dir, "model_index.json"), maxConfig, &index); err != nil {
		return nil, err
	}
	for _, name := range []string{"text_encoder", "text_encoder_2", "unet", "vae"} {
		entry, _ := index[name].([]any)
		if len(entry) != 2 || entry[1] == nil {
			continue
		}
		class, _ := entry[1].(string)
		if partsOf[class] == nil {
			return nil, fmt.Errorf("its %s is a %v, which is not known: Stable Diffusion 1, 2 and XL are", name, entry[1])
		}
		if err := m.add(filepath.Join(dir, name), class, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	m.files(dir)
	return m, m.finish()
}

// files are the tokenizers' and the scheduler's.
func (m *Model) files(dir string) {
	for to, from := range map[string]string{
		"merges.txt": "tokenizer/merges.txt", "vocab.json": "tokenizer/vocab.json", "merges_2.txt": "tokenizer_2/merges.txt", "vocab_2.json": "tokenizer_2/vocab.json",
		"scheduler_config.json": "scheduler/scheduler_config.json",
		// what Apple's layout does not tell: the tokens that fill rows, the latents' scale, and what an empty negative prompt is
		"tokenizer_config.json": "tokenizer/tokenizer_config.json", "tokenizer_config_2.json": "tokenizer_2/tokenizer_config.json",
		"special_tokens_map.json": "tokenizer/special_tokens_map.json", "special_tokens_map_2.json": "tokenizer_2/special_tokens_map.json",
		"vae_config.json": "vae/config.json", "pipeline_config.json": "model_index.json",
	} {
		path := filepath.Join(dir, filepath.FromSlash(from))
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Size() <= maxTokenizer {
			m.Files[to] = path
		}
	}
}

const maxTokenizer = 16 << 20

// add reads a part's folder.
func (m *Model) add(dir, class, name string) error {
	c, err := readConfig(dir)
	if err != nil {
		return err
	}
	s, err := source.Open(dir)
	if err != nil {
		return err
	}
	m.closers = append(m.closers, s)
	tensors := s.Tensors
	switch class {
	case "CLIPTextModel", "CLIPTextModelWithProjection":
		tensors = plainText(tensors)
	case "AutoencoderKL":
		tensors = plainVAE(tensors)
	}
	names := partsOf[class]
	if class == "CLIPTextModel" || class == "CLIPTextModelWithProjection" {
		names = []string{name}
	}
	for _, n := range names {
		m.Parts = append(m.Parts, &Part{Name: n, Package: packages[n], config: c, tensors: tensors})
	}
	return nil
}

// finish tells which Stable Diffusion it is.
func (m *Model) finish() error {
	if len(m.Parts) == 0 {
		return errors.New("it has no parts that are known")
	}
	m.Name = "Stable Diffusion"
	if m.Part("controlnet") != nil {
		m.Name = "ControlNet of Stable Diffusion"
	}
	u := m.Part("unet")
	if u == nil {
		return nil
	}
	if u.tensors["add_embedding.linear_1.weight"] != nil {
		m.Name = "Stable Diffusion XL"
		for _, p := range m.Parts {
			p.xl = true
		}
	} else if t := u.tensors["down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight"]; t != nil {
		switch t.Shape[1] {
		case 768:
			m.Name += " 1"
		case 1024:
			m.Name += " 2"
		}
	}
	return nil
}

// plainText removes the prefix of a CLIP's text model, and buffers.
func plainText(in map[string]*source.Tensor) map[string]*source.Tensor {
	out := map[string]*source.Tensor{}
	for n, t := range in {
		n = strings.TrimPrefix(n, "text_model.")
		if !strings.HasSuffix(n, "position_ids") {
			out[n] = t.Renamed("text_model." + n)
		}
	}
	return out
}

// plainVAE gives the attention of older files its newer names.
func plainVAE(in map[string]*source.Tensor) map[string]*source.Tensor {
	names := strings.NewReplacer(".query.", ".to_q.", ".key.", ".to_k.", ".value.", ".to_v.", ".proj_attn.", ".to_out.0.")
	out := map[string]*source.Tensor{}
	for n, t := range in {
		n = names.Replace(n)
		out[n] = t.Renamed(n)
	}
	return out
}

// Options is how a part is built.
type Options struct {
	Attention Attention
	// Height and Width of pictures in pixels; 0: what the U-Net was trained for.
	Height, Width int
	// Chunk is 1 or 2 for a half of the U-Net, as Apple cuts it for phones; 0 is the whole.
	Chunk int
	// Controlled makes a U-Net that takes what a ControlNet gives.
	Controlled bool
	// Batch of the U-Net; 0 is 2: with and without the prompt.
	Batch int
}

// Build makes the program of a part.
func (m *Model) Build(p *Part, o Options) (*mil.Program, error) {
	if o.Attention == "" {
		o.Attention = SplitEinsum
	}
	h, w := m.size(o)
	var rest []string
	used := map[string]bool{}
	var first *mil.Program
	if p.Name == "unet" && o.Chunk == 2 { // what comes from the first half
		var err error
		if first, err = mil.Build(mil.Options{}, func(b *mil.Builder) {
			n := &network{Builder: b, tensors: p.tensors, used: used, config: p.config, attention: o.Attention, controlled: o.Controlled}
			n.chunk1(cmp.Or(o.Batch, 2), h/m.factor(), w/m.factor(), m.tokens())
		}); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	program, err := mil.Build(mil.Options{}, func(b *mil.Builder) {
		n := &network{Builder: b, tensors: p.tensors, used: used, config: p.config, attention: o.Attention, controlled: o.Controlled}
		switch p.Name {
		case "text_encoder", "text_encoder_2":
			n.textEncoder(p.xl || p.Name == "text_encoder_2")
		case "unet":
			batch, f := cmp.Or(o.Batch, 2), m.factor()
			switch o.Chunk {
			case 1:
				n.chunk1(batch, h/f, w/f, m.tokens())
				return // the second half tells what is left
			case 2:
				n.chunk2(first, batch, m.tokens())
			default:
				n.unet(batch, h/f, w/f, m.tokens())
			}
		case "controlnet":
			n.controlNet(cmp.Or(o.Batch, 2), h, w, m.tokens())
		case "vae_decoder":
			n.decoder(h, w)
		case "vae_encoder":
			n.encoder(h, w)
		default:
			mil.Fail("the part %q is not known", p.Name)
		}
		rest = n.rest()
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	if p.Name == "vae_decoder" || p.Name == "vae_encoder" { // each leaves the other's
		other := "encoder."
		if p.Name == "vae_encoder" {
			other = "decoder."
		}
		rest = slices.DeleteFunc(rest, func(n string) bool {
			return strings.HasPrefix(n, other) || strings.HasPrefix(n, "quant_conv.") || strings.HasPrefix(n, "post_quant_conv.")
		})
	}
	if p.Name == "text_encoder" { // a projection that only other uses need
		rest = slices.DeleteFunc(rest, func(n string) bool { return n == "logit_scale" })
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%s: it has %d tensors that Stable Diffusion 1, 2 and XL do not have, such as %s", p.Name, len(rest), rest[0])
	}
	return program, nil
}

// size is the pictures' height and width.
func (m *Model) size(o Options) (h, w int) {
	if o.Height > 0 && o.Width > 0 {
		return o.Height, o.Width
	}
	latent := 64
	u := m.Part("unet")
	if u == nil {
		u = m.Part("controlnet")
	}
	if u != nil {
		latent = u.config.SampleSize.at(0, 64)
	}
	side := latent * m.factor()
	return side, side
}

// factor is how many pixels of a picture's side are one of its latents.
func (m *Model) factor() int {
	for _, p := range m.Parts {
		if p.Name == "vae_decoder" {
			n := &network{tensors: p.tensors}
			return 1 << max(n.count("decoder.up_blocks.", ".resnets.0.conv1.weight")-1, 0)
		}
		if p.Name == "controlnet" {
			n := &network{tensors: p.tensors}
			return 1 << (n.count("controlnet_cond_embedding.blocks.", ".weight") / 2)
		}
	}
	return 8
}

// tokens is the length of the text.
func (m *Model) tokens() int {
	if p := m.Part("text_encoder"); p != nil {
		if t := p.tensors["embeddings.position_embedding.weight"]; t != nil {
			return t.Shape[0]
		}
	}
	return 77
}

// Tensors are a part's weights, by diffusers' names.
func (p *Part) Tensors() map[string]*source.Tensor { return p.tensors }

// Keep closes a file with the model, whose weights are computed from it.
func (m *Model) Keep(c io.Closer) { m.closers = append(m.closers, c) }

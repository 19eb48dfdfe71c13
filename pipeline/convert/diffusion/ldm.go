package diffusion

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// Prefixes of a single checkpoint's parts.
const (
	ldmUNet = "model.diffusion_model."
	ldmVAE  = "first_stage_model."
)

// IsCheckpoint tells whether tensors are those of a Stable Diffusion in one file, by the names of CompVis/stable-diffusion.
func IsCheckpoint(tensors map[string]*source.Tensor) bool {
	return tensors[ldmUNet+"input_blocks.0.0.weight"] != nil && tensors[ldmUNet+"out.2.weight"] != nil
}

// OpenCheckpoint takes the parts of a checkpoint in one file; s is closed with the model.
func OpenCheckpoint(s *source.Set) (*Model, error) {
	m := &Model{Files: map[string]string{}, closers: []io.Closer{s}}
	unet := fromLDM(prefixed(s.Tensors, ldmUNet))
	if unet["conv_in.weight"] == nil || len(unet["conv_in.weight"].Shape) != 4 {
		return nil, errors.New("its U-Net has no first layer")
	}
	n := &network{tensors: unet}
	var dim int
	for name, t := range unet {
		if strings.HasSuffix(name, ".attn2.to_k.weight") && len(t.Shape) == 2 {
			dim = t.Shape[1]
		}
	}
	c := &Config{Groups: 32, SampleSize: oneOrMany{64}}
	linear := false
	for name, t := range unet {
		linear = linear || strings.HasSuffix(name, ".proj_in.weight") && len(t.Shape) == 2
	}
	if linear || dim == 1024 { // the later ones have heads of 64 channels, the first eight heads
		for i := range n.count("down_blocks.", ".resnets.0.conv1.weight") {
			c.Heads = append(c.Heads, max(1, unet[fmt.Sprintf("down_blocks.%d.resnets.0.conv1.weight", i)].Shape[0]/64))
		}
	}
	if dim == 2048 {
		c.SampleSize = oneOrMany{128}
	}
	m.Parts = append(m.Parts, m.text(s.Tensors)...)
	if p, t := m.Part("text_encoder_2"), unet["add_embedding.linear_1.weight"]; p != nil && t != nil && len(t.Shape) == 2 {
		if q := p.tensors["text_projection.weight"]; q != nil && len(q.Shape) == 2 { // what is not the pooled text are six sizes
			c.AddTimeDim = (t.Shape[1] - q.Shape[0]) / 6
		}
	}
	m.Parts = append(m.Parts, &Part{Name: "unet", config: c, tensors: unet})
	if vae := vaeFromLDM(prefixed(s.Tensors, ldmVAE)); len(vae) > 0 {
		v := &Config{Groups: 32}
		m.Parts = append(m.Parts, &Part{Name: "vae_decoder", config: v, tensors: vae}, &Part{Name: "vae_encoder", config: v, tensors: vae})
	}
	for _, p := range m.Parts {
		p.Package = packages[p.Name]
	}
	return m, m.finish()
}

func prefixed(in map[string]*source.Tensor, prefix string) map[string]*source.Tensor {
	out := map[string]*source.Tensor{}
	for n, t := range in {
		if short, ok := strings.CutPrefix(n, prefix); ok {
			out[short] = t
		}
	}
	return out
}

// text finds the text encoders: CLIP's by transformers' names, or by open_clip's.
func (m *Model) text(all map[string]*source.Tensor) (parts []*Part) {
	add := func(name string, tensors map[string]*source.Tensor, c *Config) {
		if len(tensors) > 0 {
			parts = append(parts, &Part{Name: name, config: c, tensors: plainText(tensors)})
		}
	}
	clip := &Config{Act: "quick_gelu", EOS: 2}
	open := &Config{Act: "gelu", EOS: 2}
	add("text_encoder", prefixed(all, "cond_stage_model.transformer."), clip)
	last := prefixed(all, "cond_stage_model.model.") // Stable Diffusion 2 leaves out the last layer
	add("text_encoder", fromOpenCLIP(last, true), open)
	add("text_encoder", prefixed(all, "conditioner.embedders.0.transformer."), clip)
	add("text_encoder_2", fromOpenCLIP(prefixed(all, "conditioner.embedders.1.model."), false), open)
	return parts
}

// resnets are the names within a residual block.
var resnets = [][2]string{
	{"in_layers.0.", "norm1."},
	{"in_layers.2.", "conv1."},
	{"emb_layers.1.", "time_emb_proj."},
	{"out_layers.0.", "norm2."},
	{"out_layers.3.", "conv2."},
	{"skip_connection.", "conv_shortcut."},
}

// fixed are the names of layers outside of the blocks.
var fixed = [][2]string{
	{"time_embed.0.", "time_embedding.linear_1."},
	{"time_embed.2.", "time_embedding.linear_2."},
	{"label_emb.0.0.", "add_embedding.linear_1."},
	{"label_emb.0.2.", "add_embedding.linear_2."},
	{"input_blocks.0.0.", "conv_in."},
	{"out.0.", "conv_norm_out."},
	{"out.2.", "conv_out."},
	{"middle_block.0.", "mid_block.resnets.0."},
	{"middle_block.1.", "mid_block.attentions.0."},
	{"middle_block.2.", "mid_block.resnets.1."},
}

// layersPerBlock is how many residual blocks are before the first downsampling.
func layersPerBlock(has func(string) bool) int {
	for i := 1; i < 64; i++ {
		if has(fmt.Sprintf("input_blocks.%d.0.op.weight", i)) {
			return i - 1
		}
	}
	return 2
}

// fromLDM gives a U-Net's tensors diffusers' names.
func fromLDM(in map[string]*source.Tensor) map[string]*source.Tensor {
	per := layersPerBlock(func(n string) bool { return in[n] != nil })
	out := map[string]*source.Tensor{}
	for n, t := range in {
		name := ldmName(n, per)
		out[name] = t.Renamed(name)
	}
	return out
}

func ldmName(n string, per int) string {
	for _, f := range fixed {
		if rest, ok := strings.CutPrefix(n, f[0]); ok {
			return f[1] + resnetName(rest)
		}
	}
	parts := strings.SplitN(n, ".", 4)
	if len(parts) < 4 || (parts[0] != "input_blocks" && parts[0] != "output_blocks") {
		return n
	}
	i, err := strconv.Atoi(parts[1])
	if err != nil {
		return n
	}
	rest := parts[3]
	if parts[0] == "input_blocks" {
		block, layer := (i-1)/(per+1), (i-1)%(per+1)
		switch tail, down := strings.CutPrefix(parts[2]+"."+rest, "0.op."); {
		case down:
			return fmt.Sprintf("down_blocks.%d.downsamplers.0.conv.%s", block, tail)
		case parts[2] == "0":
			return fmt.Sprintf("down_blocks.%d.resnets.%d.%s", block, layer, resnetName(rest))
		}
		return fmt.Sprintf("down_blocks.%d.attentions.%d.%s", block, layer, rest)
	}
	block, layer := i/(per+1), i%(per+1)
	switch tail, up := strings.CutPrefix(rest, "conv."); {
	case parts[2] == "0":
		return fmt.Sprintf("up_blocks.%d.resnets.%d.%s", block, layer, resnetName(rest))
	case up:
		return fmt.Sprintf("up_blocks.%d.upsamplers.0.conv.%s", block, tail)
	}
	return fmt.Sprintf("up_blocks.%d.attentions.%d.%s", block, layer, rest)
}

func resnetName(n string) string {
	for _, r := range resnets {
		if rest, ok := strings.CutPrefix(n, r[0]); ok {
			return r[1] + rest
		}
	}
	return n
}

// toLDM is a U-Net's layer by the names of CompVis, which kohya's LoRAs of XL have; empty where it has none.
func toLDM(base string, tensors map[string]*source.Tensor) string {
	n := &network{tensors: tensors}
	per := n.count("down_blocks.0.resnets.", ".conv1.weight")
	name := base + "."
	for _, f := range fixed {
		if rest, ok := strings.CutPrefix(name, f[1]); ok {
			return strings.TrimSuffix(f[0]+ldmResnet(rest), ".")
		}
	}
	parts := strings.SplitN(name, ".", 5)
	if len(parts) < 5 {
		return ""
	}
	block, err1 := strconv.Atoi(parts[1])
	layer, err2 := strconv.Atoi(parts[3])
	if err1 != nil || err2 != nil {
		return ""
	}
	rest := parts[4]
	switch parts[0] + "." + parts[2] {
	case "down_blocks.resnets":
		rest = fmt.Sprintf("input_blocks.%d.0.%s", block*(per+1)+layer+1, ldmResnet(rest))
	case "down_blocks.attentions":
		rest = fmt.Sprintf("input_blocks.%d.1.%s", block*(per+1)+layer+1, rest)
	case "down_blocks.downsamplers":
		rest = fmt.Sprintf("input_blocks.%d.0.op.", (block+1)*(per+1))
	case "up_blocks.resnets":
		rest = fmt.Sprintf("output_blocks.%d.0.%s", block*(per+1)+layer, ldmResnet(rest))
	case "up_blocks.attentions":
		rest = fmt.Sprintf("output_blocks.%d.1.%s", block*(per+1)+layer, rest)
	case "up_blocks.upsamplers":
		at := 1
		if n.has(fmt.Sprintf("up_blocks.%d.attentions.0.norm.weight", block)) {
			at = 2
		}
		rest = fmt.Sprintf("output_blocks.%d.%d.conv.", block*(per+1)+per, at)
	default:
		return ""
	}
	return strings.TrimSuffix(rest, ".")
}

func ldmResnet(n string) string {
	for _, r := range resnets {
		if rest, ok := strings.CutPrefix(n, r[1]); ok {
			return r[0] + rest
		}
	}
	return n
}

// vaeFromLDM gives a VAE's tensors diffusers' names.
func vaeFromLDM(in map[string]*source.Tensor) map[string]*source.Tensor {
	ups := 0
	for in[fmt.Sprintf("decoder.up.%d.block.0.conv1.weight", ups)] != nil {
		ups++
	}
	names := strings.NewReplacer(
		"mid.block_1.", "mid_block.resnets.0.", "mid.block_2.", "mid_block.resnets.1.", "mid.attn_1.norm.", "mid_block.attentions.0.group_norm.",
		"mid.attn_1.q.", "mid_block.attentions.0.to_q.", "mid.attn_1.k.", "mid_block.attentions.0.to_k.", "mid.attn_1.v.", "mid_block.attentions.0.to_v.",
		"mid.attn_1.proj_out.", "mid_block.attentions.0.to_out.0.", "norm_out.", "conv_norm_out.", "nin_shortcut.", "conv_shortcut.",
		".block.", ".resnets.", ".downsample.", ".downsamplers.0.", ".upsample.", ".upsamplers.0.", "encoder.down.", "encoder.down_blocks.",
	)
	out := map[string]*source.Tensor{}
	for n, t := range in {
		if strings.HasPrefix(n, "loss.") || strings.Contains(n, "model_ema") {
			continue
		}
		if parts := strings.SplitN(n, ".", 4); len(parts) == 4 && parts[0] == "decoder" && parts[1] == "up" {
			if i, err := strconv.Atoi(parts[2]); err == nil { // counted from the picture's side
				n = fmt.Sprintf("decoder.up_blocks.%d.%s", ups-1-i, parts[3])
			}
		}
		name := names.Replace(n)
		out[name] = t.Renamed(name)
	}
	return out
}

// fromOpenCLIP gives a text encoder of open_clip transformers' names. Its queries, keys and values are one matrix, which is cut when it is read.
func fromOpenCLIP(in map[string]*source.Tensor, skipLast bool) map[string]*source.Tensor {
	layers := 0
	for in[fmt.Sprintf("transformer.resblocks.%d.ln_1.weight", layers)] != nil {
		layers++
	}
	if layers == 0 {
		return nil
	}
	out := map[string]*source.Tensor{}
	for from, to := range map[string]string{
		"token_embedding.weight": "embeddings.token_embedding.weight", "positional_embedding": "embeddings.position_embedding.weight",
		"ln_final.weight": "final_layer_norm.weight", "ln_final.bias": "final_layer_norm.bias",
	} {
		if t := in[from]; t != nil {
			out[to] = t
		}
	}
	if t := in["text_projection"]; t != nil && len(t.Shape) == 2 && !skipLast {
		out["text_projection.weight"] = turned(t)
	}
	if skipLast {
		layers--
	}
	for i := range layers {
		p, q := fmt.Sprintf("transformer.resblocks.%d.", i), fmt.Sprintf("encoder.layers.%d.", i)
		for from, to := range map[string]string{
			"ln_1.": "layer_norm1.", "ln_2.": "layer_norm2.", "mlp.c_fc.": "mlp.fc1.", "mlp.c_proj.": "mlp.fc2.", "attn.out_proj.": "self_attn.out_proj.",
		} {
			for _, kind := range []string{"weight", "bias"} {
				if t := in[p+from+kind]; t != nil {
					out[q+to+kind] = t
				}
			}
		}
		for kind, name := range map[string]string{"weight": "attn.in_proj_weight", "bias": "attn.in_proj_bias"} {
			t := in[p+name]
			if t == nil || t.Shape[0]%3 != 0 {
				continue
			}
			for k, to := range []string{"q_proj.", "k_proj.", "v_proj."} {
				out[q+"self_attn."+to+kind] = third(t, k, q+"self_attn."+to+kind)
			}
		}
	}
	return out
}

// third is rows k/3 to (k+1)/3 of a tensor.
func third(t *source.Tensor, k int, name string) *source.Tensor {
	shape := append([]int{t.Shape[0] / 3}, t.Shape[1:]...)
	n := t.Len() / 3
	return source.Computed(name, shape, func() ([]float32, error) {
		v, err := t.Floats()
		if err != nil {
			return nil, err
		}
		return v[k*n : (k+1)*n], nil
	})
}

// turned is a matrix transposed.
func turned(t *source.Tensor) *source.Tensor {
	rows, columns := t.Shape[0], t.Shape[1]
	return source.Computed(t.Name, []int{columns, rows}, func() ([]float32, error) {
		v, err := t.Floats()
		if err != nil {
			return nil, err
		}
		out := make([]float32, len(v))
		for r := range rows {
			for c := range columns {
				out[c*rows+r] = v[r*columns+c]
			}
		}
		return out, nil
	})
}

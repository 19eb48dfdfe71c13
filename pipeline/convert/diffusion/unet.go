package diffusion

import (
	"fmt"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// state is what goes through a U-Net: the picture, what was put aside on the way down, and the embedded time.
type state struct {
	x, emb *mil.Value
	skips  []*mil.Value
}

// unetInputs are those of a whole U-Net and of its first chunk.
func (n *network) unetInputs(batch, h, w, tokens int) (state, *mil.Value) {
	first := n.tensor("conv_in.weight")
	sample := n.Input("sample", mil.Float, batch, first.Shape[1], h, w)
	timestep := n.Input("timestep", mil.Float, batch)
	text := n.Input("encoder_hidden_states", mil.Float, batch, n.crossDim(), 1, tokens)

	n.Scope("time_embedding")
	emb := n.embed(n.sinusoids(timestep, first.Shape[0]), "time_embedding")
	if n.has("add_embedding.linear_1.weight") {
		emb = n.Add(emb, n.addEmbedding(batch))
	}
	n.Scope("conv_in")
	x := n.conv(sample, "conv_in", 1, 1)
	return state{x, emb, []*mil.Value{x}}, text
}

// unet builds a UNet2DConditionModel. Its inputs and outputs are those of Apple's: sample (B,4,H,W), timestep (B), encoder_hidden_states (B,D,1,S),
// of XL also time_ids (B,6) and text_embeds (B,P); noise_pred.
func (n *network) unet(batch, h, w, tokens int) {
	n.out(n.unetTo(n.layers(), batch, h, w, tokens))
}

// unetTo builds a U-Net's inputs, its way down, its middle and the first layers of its way up.
func (n *network) unetTo(layers, batch, h, w, tokens int) state {
	s, text := n.unetInputs(batch, h, w, tokens)
	n.down(&s, text)
	n.middleOf(&s, text)
	if n.controlled {
		n.control(&s)
	}
	n.up(&s, text, 0, layers)
	return s
}

// chunk1 is the first half of a U-Net by the size of its weights. Its outputs are what the second needs and does not get as the whole's inputs.
func (n *network) chunk1(batch, h, w, tokens int) {
	s := n.unetTo(n.cut(), batch, h, w, tokens)
	n.Scope("chunk")
	n.Output("hidden_x", s.x)
	n.Output("hidden_emb", s.emb)
	for i, v := range s.skips {
		n.Output(fmt.Sprintf("hidden_skip_%d", i), v)
	}
}

// chunk2 is the second half, whose inputs are the outputs of the first, and the text.
func (n *network) chunk2(first *mil.Program, batch, tokens int) {
	text := n.Input("encoder_hidden_states", mil.Float, batch, n.crossDim(), 1, tokens)
	var s state
	for _, p := range first.Outputs {
		v := n.Input(p.Name, mil.Float, p.Value.Shape...)
		switch p.Name {
		case "hidden_x":
			s.x = v
		case "hidden_emb":
			s.emb = v
		default:
			s.skips = append(s.skips, v)
		}
	}
	n.up(&s, text, n.cut(), n.layers())
	n.out(s)
}

// layers is the number of a U-Net's layers on the way up.
func (n *network) layers() (total int) {
	for i := range n.count("up_blocks.", ".resnets.0.conv1.weight") {
		total += n.count(fmt.Sprintf("up_blocks.%d.resnets.", i), ".conv1.weight")
	}
	return total
}

// cut is the layer on the way up before which half of the weights lie, as nearly as can be.
func (n *network) cut() int {
	var before, all int
	var layers []int // elements of each layer on the way up
	for i := range n.count("up_blocks.", ".resnets.0.conv1.weight") {
		for range n.count(fmt.Sprintf("up_blocks.%d.resnets.", i), ".conv1.weight") {
			layers = append(layers, 0)
		}
	}
	for name, t := range n.tensors {
		all += t.Len()
		var i, j int
		if k, _ := fmt.Sscanf(name, "up_blocks.%d.", &i); k == 0 {
			before += t.Len()
			continue
		}
		for b := range i {
			j += n.count(fmt.Sprintf("up_blocks.%d.resnets.", b), ".conv1.weight")
		}
		_, rest, _ := strings.Cut(strings.TrimPrefix(name, "up_blocks."), ".")
		kind, rest, _ := strings.Cut(rest, ".")
		var at int
		if kind == "upsamplers" {
			at = n.count(fmt.Sprintf("up_blocks.%d.resnets.", i), ".conv1.weight") - 1
		} else if _, err := fmt.Sscanf(rest, "%d.", &at); err != nil {
			continue
		}
		if j += at; j < len(layers) {
			layers[j] += t.Len()
		}
	}
	best := 0
	for i, size := range layers {
		if i > 0 && max(before, all-before) < max(before-layers[i-1], all-before+layers[i-1]) {
			best = i
		}
		before += size
	}
	return best
}

// out is the last of a U-Net.
func (n *network) out(s state) {
	n.Scope("conv_out")
	n.Output("noise_pred", n.conv(n.Unary("silu", n.groupNorm(s.x, "conv_norm_out", n.epsilon())), "conv_out", 1, 1))
}

func (n *network) epsilon() float64 {
	if e := n.config.Epsilon; e != 0 {
		return e
	}
	return 1e-5
}

// down are the blocks on the way down.
func (n *network) down(s *state, text *mil.Value) {
	c := n.config
	down := n.count("down_blocks.", ".resnets.0.conv1.weight")
	if down == 0 {
		mil.Fail("it has no blocks: it is not a U-Net of Stable Diffusion")
	}
	for i := range down {
		p := fmt.Sprintf("down_blocks.%d.", i)
		for j := range n.count(p+"resnets.", ".conv1.weight") {
			s.x = n.resnet(s.x, s.emb, fmt.Sprintf("%sresnets.%d", p, j), n.epsilon())
			if a := fmt.Sprintf("%sattentions.%d", p, j); n.has(a + ".norm.weight") {
				s.x = n.transformer(s.x, text, a, n.heads(i))
			}
			s.skips = append(s.skips, s.x)
		}
		if d := p + "downsamplers.0.conv"; n.has(d + ".weight") {
			n.Scope(d)
			pad := 1
			if c.DownPad != nil {
				pad = *c.DownPad
			}
			if pad == 0 {
				s.x = n.Pad(s.x, []int{0, 0, 0, 0, 0, 1, 0, 1}, "constant", 0)
			}
			s.x = n.conv(s.x, d, 2, pad)
			s.skips = append(s.skips, s.x)
		}
	}
}

// middleOf is the block in the middle.
func (n *network) middleOf(s *state, text *mil.Value) {
	if !n.has("mid_block.resnets.0.conv1.weight") {
		return
	}
	heads := n.heads(n.count("down_blocks.", ".resnets.0.conv1.weight") - 1)
	s.x = n.resnet(s.x, s.emb, "mid_block.resnets.0", n.epsilon())
	for j := range n.count("mid_block.attentions.", ".norm.weight") {
		s.x = n.transformer(s.x, text, fmt.Sprintf("mid_block.attentions.%d", j), heads)
		s.x = n.resnet(s.x, s.emb, fmt.Sprintf("mid_block.resnets.%d", j+1), n.epsilon())
	}
}

// up are the layers on the way up, of which those before from and from to on are left out.
func (n *network) up(s *state, text *mil.Value, from, to int) {
	down, up := n.count("down_blocks.", ".resnets.0.conv1.weight"), n.count("up_blocks.", ".resnets.0.conv1.weight")
	if up == 0 {
		mil.Fail("it has no blocks: it is not a U-Net of Stable Diffusion")
	}
	layer := -1
	for i := range up {
		p := fmt.Sprintf("up_blocks.%d.", i)
		count := n.count(p+"resnets.", ".conv1.weight")
		for j := range count {
			if layer++; layer < from || layer >= to {
				continue
			}
			if len(s.skips) == 0 {
				mil.Fail("its up blocks have more layers than its down blocks")
			}
			s.x = n.Concat(1, s.x, s.skips[len(s.skips)-1])
			s.skips = s.skips[:len(s.skips)-1]
			s.x = n.resnet(s.x, s.emb, fmt.Sprintf("%sresnets.%d", p, j), n.epsilon())
			if a := fmt.Sprintf("%sattentions.%d", p, j); n.has(a + ".norm.weight") {
				s.x = n.transformer(s.x, text, a, n.heads(down-1-i))
			}
			if j == count-1 && n.has(p+"upsamplers.0.conv.weight") {
				n.upsample(s, p+"upsamplers.0.conv")
			}
		}
	}
}

// upsample doubles the sides; where a height or width was odd, the skip's size is taken.
func (n *network) upsample(s *state, name string) {
	n.Scope(name)
	size := []int{2 * s.x.Shape[2], 2 * s.x.Shape[3]}
	if len(s.skips) > 0 {
		size = s.skips[len(s.skips)-1].Shape[2:]
	}
	s.x = n.conv(n.Resize(s.x, size[0], size[1], false, mil.Asymmetric), name, 1, 1)
}

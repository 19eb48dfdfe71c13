package diffusion

import (
	"fmt"
	"math"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// unet builds a UNet2DConditionModel. Its inputs and outputs are those of Apple's: sample (B,4,H,W), timestep (B), encoder_hidden_states (B,D,1,S),
// of XL also time_ids (B,6) and text_embeds (B,P); noise_pred.
func (n *network) unet(batch, h, w, tokens int) {
	c := n.config
	epsilon := c.Epsilon
	if epsilon == 0 {
		epsilon = 1e-5
	}
	first := n.tensor("conv_in.weight")
	channels := first.Shape[0]
	sample := n.Input("sample", mil.Float, batch, first.Shape[1], h, w)
	timestep := n.Input("timestep", mil.Float, batch)
	text := n.Input("encoder_hidden_states", mil.Float, batch, n.crossDim(), 1, tokens)

	n.Scope("time_embedding")
	emb := n.embed(n.sinusoids(timestep, channels), "time_embedding")
	if n.has("add_embedding.linear_1.weight") {
		emb = n.Add(emb, n.addEmbedding(batch))
	}
	down := n.count("down_blocks.", ".resnets.0.conv1.weight")
	up := n.count("up_blocks.", ".resnets.0.conv1.weight")
	if down == 0 || up == 0 {
		mil.Fail("it has no blocks: it is not a U-Net of Stable Diffusion")
	}
	heads := func(block int) int { return n.heads(block) }

	n.Scope("conv_in")
	x := n.conv(sample, "conv_in", 1, 1)
	skips := []*mil.Value{x}
	for i := range down {
		p := fmt.Sprintf("down_blocks.%d.", i)
		for j := range n.count(p+"resnets.", ".conv1.weight") {
			x = n.resnet(x, emb, fmt.Sprintf("%sresnets.%d", p, j), epsilon)
			if a := fmt.Sprintf("%sattentions.%d", p, j); n.has(a + ".norm.weight") {
				x = n.transformer(x, text, a, heads(i))
			}
			skips = append(skips, x)
		}
		if d := p + "downsamplers.0.conv"; n.has(d + ".weight") {
			n.Scope(d)
			pad := 1
			if c.DownPad != nil {
				pad = *c.DownPad
			}
			if pad == 0 {
				x = n.Pad(x, []int{0, 0, 0, 0, 0, 1, 0, 1}, "constant", 0)
			}
			x = n.conv(x, d, 2, pad)
			skips = append(skips, x)
		}
	}
	if n.has("mid_block.resnets.0.conv1.weight") {
		x = n.resnet(x, emb, "mid_block.resnets.0", epsilon)
		for j := range n.count("mid_block.attentions.", ".norm.weight") {
			x = n.transformer(x, text, fmt.Sprintf("mid_block.attentions.%d", j), heads(down-1))
			x = n.resnet(x, emb, fmt.Sprintf("mid_block.resnets.%d", j+1), epsilon)
		}
	}
	for i := range up {
		p := fmt.Sprintf("up_blocks.%d.", i)
		for j := range n.count(p+"resnets.", ".conv1.weight") {
			if len(skips) == 0 {
				mil.Fail("its up blocks have more layers than its down blocks")
			}
			x = n.Concat(1, x, skips[len(skips)-1])
			skips = skips[:len(skips)-1]
			x = n.resnet(x, emb, fmt.Sprintf("%sresnets.%d", p, j), epsilon)
			if a := fmt.Sprintf("%sattentions.%d", p, j); n.has(a + ".norm.weight") {
				x = n.transformer(x, text, a, heads(down-1-i))
			}
		}
		if u := p + "upsamplers.0.conv"; n.has(u + ".weight") {
			n.Scope(u)
			size := []int{2 * x.Shape[2], 2 * x.Shape[3]}
			if len(skips) > 0 { // where a height or width was odd, the skip's size is taken
				size = skips[len(skips)-1].Shape[2:]
			}
			x = n.conv(n.Resize(x, size[0], size[1], false, mil.Asymmetric), u, 1, 1)
		}
	}
	n.Scope("conv_out")
	n.Output("noise_pred", n.conv(n.Unary("silu", n.groupNorm(x, "conv_norm_out", epsilon)), "conv_out", 1, 1))
}

// crossDim is the number of channels of the text.
func (n *network) crossDim() int {
	for name, t := range n.tensors {
		if len(name) > 18 && name[len(name)-18:] == ".attn2.to_k.weight" {
			return t.Shape[1]
		}
	}
	mil.Fail("it has no attention to the text")
	return 0
}

// heads is the number of heads of a down block, or of the up block across from it.
func (n *network) heads(block int) int {
	if v := n.config.Heads.at(block, 0); v > 0 {
		return v
	}
	if v := n.config.HeadDim.at(block, 0); v > 0 {
		return v
	}
	return 8
}

// sinusoids are the cosines and sines (B,dim,1,1) of a number at several speeds, in float32: a time of 999 has no digits left in float16.
func (n *network) sinusoids(t *mil.Value, dim int) *mil.Value {
	defer n.Full(n.Full(true))
	half := dim / 2
	speeds := make([]float64, half)
	for i := range speeds {
		speeds[i] = math.Exp(-math.Log(10000) * float64(i) / (float64(half) - n.config.FreqShift))
	}
	angles := n.Mul(n.Reshape(t, t.Len(), 1), n.Floats([]int{1, half}, speeds...))
	first, second := n.Unary("sin", angles), n.Unary("cos", angles)
	if f := n.config.FlipSinCos; f == nil || *f {
		first, second = second, first
	}
	return n.Reshape(n.Concat(1, first, second), t.Len(), dim, 1, 1)
}

// embed is two linear layers.
func (n *network) embed(x *mil.Value, name string) *mil.Value {
	return n.conv(n.Unary("silu", n.conv(x, name+".linear_1", 1, 0)), name+".linear_2", 1, 0)
}

// addEmbedding is what XL adds: the picture's sizes and the pooled text.
func (n *network) addEmbedding(batch int) *mil.Value {
	dim := n.config.AddTimeDim
	if dim == 0 {
		dim = 256
	}
	const ids = 6
	pooled := n.tensor("add_embedding.linear_1.weight").Shape[1] - ids*dim
	if pooled < 1 {
		mil.Fail("its add_embedding has %d inputs, fewer than %d sizes need", pooled+ids*dim, ids)
	}
	timeIDs := n.Input("time_ids", mil.Float, batch, ids)
	text := n.Input("text_embeds", mil.Float, batch, pooled)
	n.Scope("add_embedding")
	sizes := n.Reshape(n.sinusoids(n.Reshape(timeIDs, batch*ids), dim), batch, ids*dim, 1, 1)
	return n.embed(n.Concat(1, n.Reshape(text, batch, pooled, 1, 1), sizes), "add_embedding")
}

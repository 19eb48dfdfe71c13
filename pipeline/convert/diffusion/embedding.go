package diffusion

import (
	"math"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

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

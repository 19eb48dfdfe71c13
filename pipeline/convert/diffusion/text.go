package diffusion

import (
	"fmt"
	"math"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// textEncoder builds a CLIPTextModel: input_ids (1,S), whole numbers as floats, as Apple's; last_hidden_state (1,S,C) and pooled_outputs (1,P). For
// XL, hidden is set: hidden_embeds is the layer before the last in place of the last.
func (n *network) textEncoder(hidden bool) {
	c := n.config
	epsilon := c.LayerNorm
	if epsilon == 0 {
		epsilon = 1e-5
	}
	positions := n.tensor("embeddings.position_embedding.weight")
	s, width := positions.Shape[0], positions.Shape[1]
	if c.Positions > 0 && c.Positions < s {
		s = c.Positions
	}
	ids := n.Cast(n.Input("input_ids", mil.Float, 1, s), mil.Int)
	n.Scope("embeddings")
	x := n.Gather(n.weight("embeddings.token_embedding.weight"), ids, 0)
	x = n.Add(x, n.Reshape(n.Slice(n.Weight(positions), 0, 0, s, 1), 1, s, width))
	mask := make([]float64, s*s)
	for i := range s {
		for j := i + 1; j < s; j++ {
			mask[i*s+j] = math.Inf(-1)
		}
	}
	causal := n.Floats([]int{1, 1, s, s}, mask...)
	layers := n.count("encoder.layers.", ".layer_norm1.weight")
	heads := c.Heads.at(0, max(width/64, 1))
	if heads < 1 || width%heads != 0 {
		mil.Fail("%d channels for %d heads", width, heads)
	}
	var before *mil.Value
	for i := range layers {
		if i == layers-1 {
			before = x
		}
		x = n.textLayer(x, causal, fmt.Sprintf("encoder.layers.%d.", i), heads, epsilon)
	}
	n.Scope("final_layer_norm")
	last := n.LayerNorm(x, n.weight("final_layer_norm.weight"), n.weight("final_layer_norm.bias"), epsilon, 2)
	pooled := n.pooled(last, ids)
	if n.has("text_projection.weight") {
		pooled = n.Linear(pooled, n.weight("text_projection.weight"), nil)
	}
	if hidden && before != nil {
		n.Output("hidden_embeds", before)
	} else {
		n.Output("last_hidden_state", last)
	}
	n.Output("pooled_outputs", pooled)
}

// pooled is the row of the text's end: of the greatest number, or of the first that is the end's.
func (n *network) pooled(last, ids *mil.Value) *mil.Value {
	n.Scope("pooled")
	s, width := last.Shape[1], last.Shape[2]
	score := ids
	if eos := n.config.EOS; eos != 0 && eos != 2 { // 2 is a mistake of old files, which meant the greatest
		score = n.Cast(n.Binary("equal", ids, n.Int(eos)), mil.Int)
	}
	return n.Reshape(n.Gather(n.Reshape(last, s, width), n.ArgMax("argmax", score, 1, false), 0), 1, width)
}

func (n *network) textLayer(x, mask *mil.Value, p string, heads int, epsilon float64) *mil.Value {
	n.Scope(p)
	norm := func(x *mil.Value, name string) *mil.Value {
		return n.LayerNorm(x, n.weight(p+name+".weight"), n.weight(p+name+".bias"), epsilon, 2)
	}
	linear := func(x *mil.Value, name string) *mil.Value {
		return n.Linear(x, n.weight(p+name+".weight"), n.maybe(p+name+".bias"))
	}
	s, width := x.Shape[1], x.Shape[2]
	split := func(x *mil.Value) *mil.Value {
		return n.Transpose(n.Reshape(x, 1, s, heads, width/heads), 0, 2, 1, 3)
	}
	y := norm(x, "layer_norm1")
	q, k, v := split(linear(y, "self_attn.q_proj")), split(linear(y, "self_attn.k_proj")), split(linear(y, "self_attn.v_proj"))
	y = n.Attention(q, k, v, mask, 1/math.Sqrt(float64(width/heads)))
	y = n.Reshape(n.Transpose(y, 0, 2, 1, 3), 1, s, width)
	x = n.Add(x, linear(y, "self_attn.out_proj"))
	y = linear(norm(x, "layer_norm2"), "mlp.fc1")
	switch n.config.Act {
	case "quick_gelu", "":
		y = n.Mul(y, n.Unary("sigmoid", n.Mul(y, n.Scalar(1.702))))
	case "gelu":
		y = n.GELU(y, false)
	case "gelu_new", "gelu_pytorch_tanh":
		y = n.GELU(y, true)
	default:
		mil.Fail("the activation %q", n.config.Act)
	}
	return n.Add(x, linear(y, "mlp.fc2"))
}

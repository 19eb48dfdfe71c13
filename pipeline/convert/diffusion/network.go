package diffusion

import (
	"fmt"
	"math"
	"slices"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// Attention is how a U-Net computes attention.
type Attention string

// The ways, as Apple names them: https://machinelearning.apple.com/research/neural-engine-transformers. All heads at once, head by head, or head
// by head and query by query in parts.
const (
	Original     Attention = "original"
	SplitEinsum  Attention = "split-einsum"
	SplitEinsum2 Attention = "split-einsum-v2"
)

// queries is how many queries SplitEinsum2 takes at once.
const queries = 512

// network builds layers from named tensors. Values are (B,C,H,W) or, of transformers, (B,C,1,S): a linear layer is a 1x1 convolution.
type network struct {
	*mil.Builder
	tensors   map[string]*source.Tensor
	used      map[string]bool
	config    *Config
	attention Attention

	controlled bool // a U-Net takes what a ControlNet gives
}

func (n *network) has(name string) bool { return n.tensors[name] != nil }

func (n *network) tensor(name string) *source.Tensor {
	t := n.tensors[name]
	if t == nil {
		mil.Fail("the tensor %q is missing", name)
	}
	n.used[name] = true
	return t
}

func (n *network) weight(name string) *mil.Value { return n.Weight(n.tensor(name)) }

// maybe is a tensor that may be missing: nil then.
func (n *network) maybe(name string) *mil.Value {
	if !n.has(name) {
		return nil
	}
	return n.weight(name)
}

// count is how many of prefix0suffix, prefix1suffix, ... there are.
func (n *network) count(prefix, suffix string) int {
	for i := 0; ; i++ {
		if !n.has(fmt.Sprintf("%s%d%s", prefix, i, suffix)) {
			return i
		}
	}
}

// rest are the tensors that nothing used.
func (n *network) rest() []string {
	var out []string
	for name := range n.tensors {
		if !n.used[name] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// conv is a convolution with stride and the same padding on all sides; a linear layer's weights become a 1x1 convolution's.
func (n *network) conv(x *mil.Value, name string, stride, pad int) *mil.Value {
	t := n.tensor(name + ".weight")
	if len(t.Shape) == 2 {
		t = t.Reshaped(t.Shape[0], t.Shape[1], 1, 1)
	}
	return n.Conv(x, n.Weight(t), n.maybe(name+".bias"), mil.Window{Strides: []int{stride, stride}, Pad: slices.Repeat([]int{pad}, 4)})
}

func (n *network) groupNorm(x *mil.Value, name string, epsilon float64) *mil.Value {
	return n.GroupNorm(x, n.weight(name+".weight"), n.weight(name+".bias"), n.config.Groups, epsilon)
}

// channelNorm is a layer normalisation over the channels of (B,C,1,S).
func (n *network) channelNorm(x *mil.Value, name string) *mil.Value {
	const epsilon = 1e-5
	centred := n.Binary("sub", x, n.Reduce("mean", x, true, 1))
	variance := n.Reduce("mean", n.Unary("square", centred), true, 1)
	y := n.Mul(centred, n.Rsqrt(variance, epsilon))
	c := x.Shape[1]
	return n.Add(n.Mul(y, n.Reshape(n.weight(name+".weight"), 1, c, 1, 1)), n.Reshape(n.weight(name+".bias"), 1, c, 1, 1))
}

// resnet is two convolutions beside an identity or a 1x1 convolution. emb (B,T,1,1), which may be nil, is added between.
func (n *network) resnet(x, emb *mil.Value, name string, epsilon float64) *mil.Value {
	n.Scope(name)
	y := n.conv(n.Unary("silu", n.groupNorm(x, name+".norm1", epsilon)), name+".conv1", 1, 1)
	if emb != nil {
		y = n.Add(y, n.conv(n.Unary("silu", emb), name+".time_emb_proj", 1, 0))
	}
	y = n.conv(n.Unary("silu", n.groupNorm(y, name+".norm2", epsilon)), name+".conv2", 1, 1)
	if n.has(name + ".conv_shortcut.weight") {
		x = n.conv(x, name+".conv_shortcut", 1, 0)
	}
	return n.Add(x, y)
}

// transformer is attention over a picture's pixels, to themselves and to the text (B,D,1,S).
func (n *network) transformer(x, text *mil.Value, name string, heads int) *mil.Value {
	n.Scope(name)
	b, h, w := x.Shape[0], x.Shape[2], x.Shape[3]
	y := n.conv(n.groupNorm(x, name+".norm", 1e-6), name+".proj_in", 1, 0)
	c := y.Shape[1]
	y = n.Reshape(y, b, c, 1, h*w)
	for i := range n.count(name+".transformer_blocks.", ".norm1.weight") {
		p := fmt.Sprintf("%s.transformer_blocks.%d.", name, i)
		n.Scope(p)
		z := n.channelNorm(y, p+"norm1")
		y = n.Add(y, n.attend(z, z, p+"attn1", heads))
		if n.has(p + "attn2.to_q.weight") {
			y = n.Add(y, n.attend(n.channelNorm(y, p+"norm2"), text, p+"attn2", heads))
		}
		z = n.conv(n.channelNorm(y, p+"norm3"), p+"ff.net.0.proj", 1, 0)
		parts := n.Split(z, 1, z.Shape[1]/2, z.Shape[1]/2)
		y = n.Add(y, n.conv(n.Mul(parts[0], n.GELU(parts[1], false)), p+"ff.net.2", 1, 0))
	}
	return n.Add(n.conv(n.Reshape(y, b, c, h, w), name+".proj_out", 1, 0), x)
}

// attend is attention of x (B,C,1,Q) to context (B,D,1,S).
func (n *network) attend(x, context *mil.Value, name string, heads int) *mil.Value {
	q, k, v := n.conv(x, name+".to_q", 1, 0), n.conv(context, name+".to_k", 1, 0), n.conv(context, name+".to_v", 1, 0)
	if heads < 1 || q.Shape[1]%heads != 0 {
		mil.Fail("%s: %d channels for %d heads", name, q.Shape[1], heads)
	}
	d := q.Shape[1] / heads
	scale := 1 / math.Sqrt(float64(d))
	var y *mil.Value
	if n.attention == Original {
		y = n.together(q, k, v, heads, scale)
	} else {
		y = n.apart(q, k, v, heads, scale)
	}
	return n.conv(y, name+".to_out.0", 1, 0)
}

// together computes all heads by two products of matrices.
func (n *network) together(q, k, v *mil.Value, heads int, scale float64) *mil.Value {
	b, c, s, t := q.Shape[0], q.Shape[1], q.Shape[3], k.Shape[3]
	q = n.Mul(n.Reshape(q, b, heads, c/heads, s), n.Scalar(scale))
	w := n.Softmax(n.MatMul(q, n.Reshape(k, b, heads, c/heads, t), true, false), 3)
	y := n.MatMul(n.Reshape(v, b, heads, c/heads, t), w, false, true)
	return n.Reshape(y, b, c, 1, s)
}

// apart computes head by head in the layout (B,C,1,S), whose products the Neural Engine takes without transposing; with SplitEinsum2 the queries
// go in parts, so that what is in memory stays small.
func (n *network) apart(q, k, v *mil.Value, heads int, scale float64) *mil.Value {
	d, s := q.Shape[1]/heads, q.Shape[3]
	part := s
	if n.attention == SplitEinsum2 && s > queries && s%queries == 0 {
		part = queries
	}
	sizes := slices.Repeat([]int{d}, heads)
	qs, ks, vs := n.Split(q, 1, sizes...), n.Split(n.Transpose(k, 0, 3, 2, 1), 3, sizes...), n.Split(v, 1, sizes...)
	var out []*mil.Value
	for i := range heads {
		var parts []*mil.Value
		for from := 0; from < s; from += part {
			w := n.Mul(n.Einsum(ks[i], n.Slice(qs[i], 3, from, from+part, 1)), n.Scalar(scale)) // (B,S,1,Q)
			parts = append(parts, n.Einsum(vs[i], n.Softmax(w, 1)))
		}
		out = append(out, n.Concat(3, parts...))
	}
	return n.Concat(1, out...)
}

package mil

import (
	"slices"

	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// fuse joins patterns of operations to what Core ML runs best: batch normalisations and sums into the convolution before them.
func (p *Program) fuse() {
	users := map[*Value]int{}
	for _, n := range p.nodes {
		for _, a := range n.args {
			for _, v := range a.values {
				users[v]++
			}
		}
	}
	for _, o := range p.Outputs {
		users[o.Value]++
	}
	for _, n := range p.nodes {
		switch n.op {
		case "batch_norm":
			fuseNorm(n, users)
		case "add":
			fuseBias(n, users)
		}
	}
}

// before is the convolution that gives x, if nothing else takes that.
func before(x *Value, users map[*Value]int, ops ...string) *node {
	if x == nil || x.node == nil || users[x] != 1 || !slices.Contains(ops, x.node.op) {
		return nil
	}
	return x.node
}

// replace makes n's result that of the operation before it.
func (n *node) replace(by *node) {
	out := n.outs[0]
	by.outs[0].node = nil
	by.outs = n.outs
	out.node = by
	n.outs = []*Value{{Kind: out.Kind, Shape: out.Shape, name: out.name + "_fused", node: n}}
	n.args = nil
}

// fuseNorm puts the scale and shift of a batch normalisation into the weights and the bias of the convolution before it.
func fuseNorm(n *node, users map[*Value]int) {
	conv := before(n.arg("x"), users, "conv")
	if conv == nil {
		return
	}
	weight, bias := conv.arg("weight"), conv.arg("bias")
	for _, v := range []*Value{weight, bias, n.arg("mean"), n.arg("variance"), n.arg("gamma"), n.arg("beta")} {
		if v != nil && !v.IsConst() {
			return
		}
	}
	b := &Builder{}
	scale, shift := b.scaleShift(n.arg("mean"), n.arg("variance"), n.arg("gamma"), n.arg("beta"), load(n.arg("epsilon")).data[0])
	if bias != nil {
		for i, v := range load(bias).data {
			shift[i] += v * scale[i]
		}
	}
	t := tensorOf(weight)
	conv.set("weight", b.Weight(source.Computed(t.Name, t.Shape, func() ([]float32, error) {
		v, err := t.Floats()
		if err != nil {
			return nil, err
		}
		out, per := make([]float32, len(v)), len(v)/len(scale)
		for i := range v {
			out[i] = v[i] * float32(scale[i/per])
		}
		return out, nil
	})))
	conv.set("bias", b.Floats([]int{len(shift)}, shift...))
	n.replace(conv)
}

// fuseBias makes a constant of one number for each channel, added after a convolution without a bias, its bias.
func fuseBias(n *node, users map[*Value]int) {
	x, y := n.arg("x"), n.arg("y")
	if x.IsConst() {
		x, y = y, x
	}
	if conv := before(x, users, "conv", "conv_transpose"); conv != nil && conv.arg("bias") == nil && y.IsConst() && y.Kind == Float {
		c := x.Shape[1]
		if y.Len() == c && y.Rank() == x.Rank() && y.Shape[1] == c {
			b := &Builder{}
			conv.set("bias", b.Reshape(y, c))
			n.replace(conv)
		}
		return
	}
	if lin := before(x, users, "linear"); lin != nil && lin.arg("bias") == nil && y.IsConst() && y.Rank() == 1 && y.Len() == x.Shape[x.Rank()-1] && x.Rank() >= 2 {
		lin.set("bias", y)
		n.replace(lin)
	}
}

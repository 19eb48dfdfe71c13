package diffusion

import (
	"fmt"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

const vaeEpsilon = 1e-6

// decoder builds the VAE's decoder: z (1,4,H/8,W/8), not scaled, to image (1,3,H,W) of -1..1.
func (n *network) decoder(h, w int) {
	first := n.tensor("decoder.conv_in.weight")
	up := n.count("decoder.up_blocks.", ".resnets.0.conv1.weight")
	factor := 1 << max(up-1, 0)
	z := n.Input("z", mil.Float, 1, first.Shape[1], h/factor, w/factor)
	x := z
	if n.has("post_quant_conv.weight") {
		n.Scope("post_quant_conv")
		x = n.conv(x, "post_quant_conv", 1, 0)
	}
	n.Scope("decoder_conv_in")
	x = n.middle(n.conv(x, "decoder.conv_in", 1, 1), "decoder.mid_block")
	for i := range up {
		p := fmt.Sprintf("decoder.up_blocks.%d.", i)
		for j := range n.count(p+"resnets.", ".conv1.weight") {
			x = n.resnet(x, nil, fmt.Sprintf("%sresnets.%d", p, j), vaeEpsilon)
		}
		if u := p + "upsamplers.0.conv"; n.has(u + ".weight") {
			n.Scope(u)
			x = n.conv(n.Resize(x, 2*x.Shape[2], 2*x.Shape[3], false, mil.Asymmetric), u, 1, 1)
		}
	}
	n.Scope("decoder_conv_out")
	n.Output("image", n.conv(n.Unary("silu", n.groupNorm(x, "decoder.conv_norm_out", vaeEpsilon)), "decoder.conv_out", 1, 1))
}

// encoder builds the VAE's encoder: x (1,3,H,W) of -1..1 to latent (1,8,H/8,W/8), means and logarithms of variances.
func (n *network) encoder(h, w int) {
	x := n.Input("x", mil.Float, 1, n.tensor("encoder.conv_in.weight").Shape[1], h, w)
	n.Scope("encoder_conv_in")
	x = n.conv(x, "encoder.conv_in", 1, 1)
	for i := range n.count("encoder.down_blocks.", ".resnets.0.conv1.weight") {
		p := fmt.Sprintf("encoder.down_blocks.%d.", i)
		for j := range n.count(p+"resnets.", ".conv1.weight") {
			x = n.resnet(x, nil, fmt.Sprintf("%sresnets.%d", p, j), vaeEpsilon)
		}
		if d := p + "downsamplers.0.conv"; n.has(d + ".weight") {
			n.Scope(d)
			x = n.conv(n.Pad(x, []int{0, 0, 0, 0, 0, 1, 0, 1}, "constant", 0), d, 2, 0)
		}
	}
	x = n.middle(x, "encoder.mid_block")
	n.Scope("encoder_conv_out")
	x = n.conv(n.Unary("silu", n.groupNorm(x, "encoder.conv_norm_out", vaeEpsilon)), "encoder.conv_out", 1, 1)
	if n.has("quant_conv.weight") {
		x = n.conv(x, "quant_conv", 1, 0)
	}
	n.Output("latent", x)
}

// middle is a block with attention of one head.
func (n *network) middle(x *mil.Value, name string) *mil.Value {
	x = n.resnet(x, nil, name+".resnets.0", vaeEpsilon)
	for j := range n.count(name+".attentions.", ".group_norm.weight") {
		x = n.pixels(x, fmt.Sprintf("%s.attentions.%d", name, j))
		x = n.resnet(x, nil, fmt.Sprintf("%s.resnets.%d", name, j+1), vaeEpsilon)
	}
	return x
}

// pixels is attention of a picture's pixels to one another.
func (n *network) pixels(x *mil.Value, name string) *mil.Value {
	n.Scope(name)
	b, c, h, w := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	y := n.Reshape(n.groupNorm(x, name+".group_norm", vaeEpsilon), b, c, 1, h*w)
	before := n.attention
	n.attention = Original
	y = n.attend(y, y, name, 1)
	n.attention = before
	return n.Add(n.Reshape(y, b, c, h, w), x)
}

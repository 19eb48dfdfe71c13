package diffusion

import (
	"fmt"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// residual is the name of what a ControlNet adds to a U-Net, as Apple's: of each value put aside on the way down, and last of the middle.
func residual(i int) string { return fmt.Sprintf("additional_residual_%d", i) }

// controlNet builds a ControlNetModel (Zhang et al., "Adding Conditional Control to Text-to-Image Diffusion Models", 2023): inputs of a U-Net, and
// controlnet_cond (B,3,H,W) of 0..1; outputs additional_residual_0 and on.
func (n *network) controlNet(batch, height, width, tokens int) {
	const embedding = "controlnet_cond_embedding."
	blocks := n.count(embedding+"blocks.", ".weight")
	f := 1 << (blocks / 2)
	cond := n.Input("controlnet_cond", mil.Float, batch, n.tensor(embedding + "conv_in.weight").Shape[1], height, width)
	s, text := n.unetInputs(batch, height/f, width/f, tokens)
	n.Scope("controlnet_cond_embedding")
	y := n.Unary("silu", n.conv(cond, embedding+"conv_in", 1, 1))
	for i := range blocks { // every second halves the sides
		y = n.Unary("silu", n.conv(y, fmt.Sprintf("%sblocks.%d", embedding, i), 1+i%2, 1))
	}
	s.x = n.Add(s.x, n.conv(y, embedding+"conv_out", 1, 1))
	s.skips = []*mil.Value{s.x}
	n.down(&s, text)
	n.middleOf(&s, text)
	n.Scope("controlnet_down_blocks")
	for i, v := range s.skips {
		n.Output(residual(i), n.conv(v, fmt.Sprintf("controlnet_down_blocks.%d", i), 1, 0))
	}
	n.Output(residual(len(s.skips)), n.conv(s.x, "controlnet_mid_block", 1, 0))
}

// control adds what comes from a ControlNet, after the middle.
func (n *network) control(s *state) {
	n.Scope("additional_residuals")
	for i, v := range s.skips {
		s.skips[i] = n.Add(v, n.Input(residual(i), mil.Float, v.Shape...))
	}
	s.x = n.Add(s.x, n.Input(residual(len(s.skips)), mil.Float, s.x.Shape...))
}

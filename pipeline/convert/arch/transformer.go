package arch

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// oldStatistics are the buffers that instance normalisations had before PyTorch 0.4; they were never used.
var oldStatistics = regexp.MustCompile(`(^|\.)(in|norm)\d*\.running_(mean|var)$`)

// transformer is the structure of a TransformerNet.
type transformer struct {
	down   int
	blocks int
	up     int
}

// transformerNet is the network of PyTorch's examples/fast_neural_style: reflection padding, instance normalisation, five residual blocks,
// nearest upsampling. Pictures are (1,3,H,W) of 0..255 on both sides, not clipped.
// Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV 2016.
func transformerNet() Architecture {
	return Architecture{"TransformerNet (fast neural style)", func(w *weights) (builder, error) {
		for n := range w.tensors {
			if oldStatistics.MatchString(n) {
				w.used[n] = true
			}
		}
		t := transformer{}
		for t.down = 1; w.has(fmt.Sprintf("conv%d.conv2d.weight", t.down+1)); t.down++ {
			continue
		}
		channels := 3
		for i := 1; i <= max(t.down, 3); i++ {
			channels = w.convNorm(fmt.Sprintf("conv%d", i), fmt.Sprintf("in%d", i), channels)
		}
		for t.blocks = 0; w.has(fmt.Sprintf("res%d.conv1.conv2d.weight", t.blocks+1)) || t.blocks == 0; t.blocks++ {
			p := fmt.Sprintf("res%d.", t.blocks+1)
			c := w.convNorm(p+"conv1", p+"in1", channels)
			w.convNorm(p+"conv2", p+"in2", c)
		}
		t.up = 0
		for ; w.has(fmt.Sprintf("deconv%d.conv2d.weight", t.up+2)) || t.up == 0; t.up++ {
			channels = w.convNorm(fmt.Sprintf("deconv%d", t.up+1), fmt.Sprintf("in%d", t.up+t.down+1), channels)
		}
		last := fmt.Sprintf("deconv%d", t.up+1)
		w.get(last+".conv2d.weight", 0, channels, 0, 0)
		w.get(last+".conv2d.bias", 0)
		if !t.odd(w) {
			return nil, nil
		}
		return t.build, nil
	}}
}

// convNorm wants a convolution and its normalisation, and gives the convolution's channels.
func (w *weights) convNorm(conv, norm string, in int) (out int) {
	if t := w.get(conv+".conv2d.weight", 0, in, 0, 0); t != nil {
		out = t.Shape[0]
	}
	w.get(conv+".conv2d.bias", out)
	w.get(norm+".weight", out)
	w.get(norm+".bias", out)
	return out
}

// odd tells whether all kernels are odd squares: reflection padding then keeps sizes.
func (t *transformer) odd(w *weights) bool {
	for n, x := range w.tensors {
		if len(x.Shape) == 4 && (x.Shape[2] != x.Shape[3] || x.Shape[2]%2 == 0) {
			w.missing = append(w.missing, fmt.Sprintf("%s with an odd square kernel, not %v", n, x.Shape))
			return false
		}
	}
	return true
}

func (t *transformer) build(b *mil.Builder, w *weights, h, wd int) {
	x := b.Input("image", mil.Float, 1, 3, h, wd)
	t.layers(b, w, x, func(x *mil.Value, name string) *mil.Value {
		return b.InstanceNorm(x, w.value(b, name+".weight"), w.value(b, name+".bias"), 1e-5)
	})
}

// layers builds all layers, with a normalisation by its name.
func (t *transformer) layers(b *mil.Builder, w *weights, x *mil.Value, norm func(*mil.Value, string) *mil.Value) {
	for i := 1; i <= t.down; i++ {
		stride := 2
		if i == 1 {
			stride = 1
		}
		b.Scope(fmt.Sprintf("conv%d", i))
		x = w.reflected(b, x, fmt.Sprintf("conv%d.conv2d", i), stride)
		x = b.Unary("relu", norm(x, fmt.Sprintf("in%d", i)))
	}
	for i := 1; i <= t.blocks; i++ {
		p := fmt.Sprintf("res%d.", i)
		b.Scope(fmt.Sprintf("res%d", i))
		y := b.Unary("relu", norm(w.reflected(b, x, p+"conv1.conv2d", 1), p+"in1"))
		x = b.Add(norm(w.reflected(b, y, p+"conv2.conv2d", 1), p+"in2"), x)
	}
	for i := 1; i <= t.up; i++ {
		b.Scope(fmt.Sprintf("deconv%d", i))
		x = b.Resize(x, 2*x.Shape[2], 2*x.Shape[3], false, mil.Asymmetric)
		x = w.reflected(b, x, fmt.Sprintf("deconv%d.conv2d", i), 1)
		x = b.Unary("relu", norm(x, fmt.Sprintf("in%d", t.down+i)))
	}
	last := fmt.Sprintf("deconv%d", t.up+1)
	b.Scope(last)
	b.Output("stylized", w.reflected(b, x, last+".conv2d", 1))
}

// reflected is a convolution behind reflection padding of half its kernel.
func (w *weights) reflected(b *mil.Builder, x *mil.Value, name string, stride int) *mil.Value {
	weight := w.value(b, name+".weight")
	k := weight.Shape[2] / 2
	x = b.Pad(x, []int{0, 0, 0, 0, k, k, k, k}, "reflect", 0)
	var bias *mil.Value
	if w.has(name + ".bias") {
		bias = w.value(b, name+".bias")
	}
	return b.Conv(x, weight, bias, mil.Window{Strides: slices.Repeat([]int{stride}, 2)})
}

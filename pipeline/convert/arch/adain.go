package arch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// adainEncoder is the VGG-19 to relu4_1 of AdaIN, as vgg_normalised.pth of naoto0804/pytorch-AdaIN and its descendants have it: a sequence with
// reflection padding, first a 1x1 convolution that does the normalisation. The file goes on past relu4_1; those layers are not used.
// Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", ICCV 2017.
func adainEncoder() Architecture {
	convs := []int{0, 2, 5, 9, 12, 16, 19, 22, 25, 29}
	more := []int{32, 35, 38, 42, 45, 48, 51}
	pools := map[int]bool{2: true, 4: true, 8: true}
	return Architecture{"AdaIN encoder (VGG-19)", func(w *weights) (builder, error) {
		channels := 3
		for _, n := range convs {
			t := w.get(fmt.Sprintf("%d.weight", n), 0, channels, 0, 0)
			if t == nil {
				continue
			}
			channels = t.Shape[0]
			w.get(fmt.Sprintf("%d.bias", n), channels)
		}
		for _, n := range more {
			if w.has(fmt.Sprintf("%d.weight", n)) {
				w.get(fmt.Sprintf("%d.weight", n), 0, 0, 3, 3)
				w.get(fmt.Sprintf("%d.bias", n), 0)
			}
		}
		return func(b *mil.Builder, w *weights, h, wd int) {
			x := b.Input("image", mil.Float, 1, 3, h, wd)
			for i, n := range convs {
				b.Scope("layer" + strconv.Itoa(n))
				x = w.reflected(b, x, strconv.Itoa(n), 1)
				if i > 0 {
					x = b.Unary("relu", x)
				}
				if pools[i] {
					x = b.Pool("max_pool", x, []int{2, 2}, mil.Window{Strides: []int{2, 2}, Ceil: true})
				}
			}
			b.Output("features", x)
		}, nil
	}}
}

// adainDecoder is the decoder of AdaIN: a sequence of convolutions with reflection padding and three upsamplings. What it takes are the features
// (1,512,H/8,W/8) of a picture of the height and width that Build is given.
func adainDecoder() Architecture {
	convs := []int{1, 5, 8, 11, 14, 18, 21, 25, 28}
	ups := map[int]bool{0: true, 4: true, 6: true}
	return Architecture{"AdaIN decoder", func(w *weights) (builder, error) {
		first := w.tensors["1.weight"]
		if first != nil && len(first.Shape) == 4 && first.Shape[1] == 3 {
			return nil, nil // an encoder
		}
		channels := 0
		for _, n := range convs {
			if t := w.get(fmt.Sprintf("%d.weight", n), 0, channels, 3, 3); t != nil {
				channels = t.Shape[0]
			}
			w.get(fmt.Sprintf("%d.bias", n), channels)
		}
		return func(b *mil.Builder, w *weights, h, wd int) {
			c := w.tensors["1.weight"].Shape[1]
			x := b.Input("features", mil.Float, 1, c, (h+7)/8, (wd+7)/8)
			for i, n := range convs {
				b.Scope("layer" + strconv.Itoa(n))
				x = w.reflected(b, x, strconv.Itoa(n), 1)
				if i < len(convs)-1 {
					x = b.Unary("relu", x)
				}
				if ups[i] {
					x = b.Resize(x, 2*x.Shape[2], 2*x.Shape[3], false, mil.Asymmetric)
				}
			}
			b.Output("stylized", x)
		}, nil
	}}
}

// conditional is a TransformerNet whose normalisations have a scale and a shift for each of many styles: Dumoulin et al., "A Learned
// Representation for Artistic Style", ICLR 2017. Its second input is the styles' weights (1,S), so that styles blend. Scales and shifts are tables
// (S,C): in an embedding of gammas and betas (S,2C), or apart.
func conditional() Architecture {
	return Architecture{"multi-style TransformerNet (conditional instance normalisation)", func(w *weights) (builder, error) {
		t := &styles{}
		if err := t.read(w); err != nil {
			return nil, err
		}
		if t.count == 0 {
			return nil, nil
		}
		return t.build, nil
	}}
}

// styles is the structure of a network of many styles.
type styles struct {
	transformer
	count int
}

// tables are the names of the scales and shifts of a normalisation: one table of both, or two.
var tables = [][]string{{".embed.weight"}, {".embedding.weight"}, {".style.weight"}, {".weight", ".bias"}, {".gamma", ".beta"}, {".gamma.weight", ".beta.weight"}, {".scale", ".shift"}, {".scale.weight", ".shift.weight"}}

func (t *styles) read(w *weights) error {
	for n := range w.tensors {
		if strings.HasSuffix(n, "running_mean") || strings.HasSuffix(n, "running_var") {
			w.used[n] = true
		}
	}
	for t.down = 1; w.has(fmt.Sprintf("conv%d.conv2d.weight", t.down+1)); t.down++ {
		continue
	}
	channels := 3
	for i := 1; i <= max(t.down, 3); i++ {
		channels = t.conv(w, fmt.Sprintf("conv%d", i), fmt.Sprintf("in%d", i), channels)
	}
	for t.blocks = 0; w.has(fmt.Sprintf("res%d.conv1.conv2d.weight", t.blocks+1)) || t.blocks == 0; t.blocks++ {
		p := fmt.Sprintf("res%d.", t.blocks+1)
		c := t.conv(w, p+"conv1", p+"in1", channels)
		t.conv(w, p+"conv2", p+"in2", c)
	}
	for t.up = 0; w.has(fmt.Sprintf("deconv%d.conv2d.weight", t.up+2)) || t.up == 0; t.up++ {
		channels = t.conv(w, fmt.Sprintf("deconv%d", t.up+1), fmt.Sprintf("in%d", t.up+t.down+1), channels)
	}
	last := fmt.Sprintf("deconv%d", t.up+1)
	w.get(last+".conv2d.weight", 0, channels, 0, 0)
	w.get(last+".conv2d.bias", 0)
	return nil
}

// conv wants a convolution and the tables of its normalisation.
func (t *styles) conv(w *weights, conv, norm string, in int) (out int) {
	if x := w.get(conv+".conv2d.weight", 0, in, 0, 0); x != nil {
		out = x.Shape[0]
	}
	w.get(conv+".conv2d.bias", out)
	for _, names := range tables {
		first := w.tensors[norm+names[0]]
		if first == nil || len(first.Shape) != 2 {
			continue
		}
		t.count = first.Shape[0]
		width := out
		if len(names) == 1 {
			width = 2 * out
		}
		for _, n := range names {
			w.get(norm+n, t.count, width)
		}
		return out
	}
	w.missing = append(w.missing, norm+".weight of shape (styles, channels)")
	return out
}

func (t *styles) build(b *mil.Builder, w *weights, h, wd int) {
	x := b.Input("image", mil.Float, 1, 3, h, wd)
	mix := b.Input("style_weights", mil.Float, 1, t.count)
	norm := func(x *mil.Value, name string) *mil.Value {
		scale, shift := t.mixed(b, w, mix, name, x.Shape[1])
		return b.Add(b.Mul(b.InstanceNorm(x, nil, nil, 1e-5), scale), shift)
	}
	for i := 1; i <= t.down; i++ {
		b.Scope(fmt.Sprintf("conv%d", i))
		x = w.reflected(b, x, fmt.Sprintf("conv%d.conv2d", i), min(i, 2))
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

// mixed are the scale and shift (1,C,1,1) of the mixture of styles.
func (t *styles) mixed(b *mil.Builder, w *weights, mix *mil.Value, norm string, c int) (scale, shift *mil.Value) {
	for _, names := range tables {
		if x := w.tensors[norm+names[0]]; x == nil || len(x.Shape) != 2 {
			continue
		}
		first := b.MatMul(mix, w.value(b, norm+names[0]), false, false)
		if len(names) == 2 {
			second := b.MatMul(mix, w.value(b, norm+names[1]), false, false)
			return b.Reshape(first, 1, c, 1, 1), b.Reshape(second, 1, c, 1, 1)
		}
		halves := b.Split(first, 1, c, c)
		return b.Reshape(halves[0], 1, c, 1, 1), b.Reshape(halves[1], 1, c, 1, 1)
	}
	mil.Fail("the styles of %s are missing", norm)
	return nil, nil
}

// Names are the architectures that are known.
func Names() (out []string) {
	for _, a := range architectures() {
		out = append(out, a.Name)
	}
	slices.Sort(out)
	return out
}

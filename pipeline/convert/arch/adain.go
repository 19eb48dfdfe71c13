package arch

import (
	"fmt"
	"strconv"

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

package arch

import (
	"fmt"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// gesso is the network that assets/train trains, as a checkpoint holds it whole. Of its three parts the transform is built: image (1,3,H,W) of 0..1,
// scale_in and shift_in (1,TOTAL,1,1) to stylized (1,3,H,W). assets/train/networks.py says what they are.
func gesso() Architecture {
	return Architecture{"Gesso's own transform", func(w *weights) (builder, error) {
		g := &own{}
		stem := w.get("body.stem.weight", 0, 3, 6, 6)
		if stem == nil {
			return nil, nil
		}
		g.half = stem.Shape[0]
		conv := func(name string, in, k int) int {
			out := 0
			if t := w.get("body."+name+".weight", 0, in, k, k); t != nil {
				out = t.Shape[0]
			}
			w.get("body."+name+".bias", out)
			return out
		}
		w.get("body.stem.bias", g.half)
		g.quarter = conv("down1", g.half, 3)
		g.eighth = conv("down2", g.quarter, 3)
		for g.deep = 0; w.has(fmt.Sprintf("body.deep.%d.weight", g.deep)); g.deep++ {
			conv(fmt.Sprintf("deep.%d", g.deep), g.eighth, 3)
		}
		for g.fine = 0; w.has(fmt.Sprintf("body.fine.%d.weight", g.fine)); g.fine++ {
			conv(fmt.Sprintf("fine.%d", g.fine), g.quarter, 3)
		}
		conv("low2", g.eighth, 1)
		conv("skip2", g.quarter, 1)
		conv("up2", g.quarter, 3)
		conv("low1", g.quarter, 1)
		conv("skip1", g.half, 1)
		conv("up1", g.half, 3)
		conv("head", g.half, 3)
		for n := range w.tensors { // the parts that make codes and scales
			if strings.HasPrefix(n, "style.") || strings.HasPrefix(n, "affine.") {
				w.used[n] = true
			}
		}
		if g.deep%2 != 0 || g.fine%2 != 0 {
			return nil, nil
		}
		return g.build, nil
	}}
}

// own is the structure of Gesso's body.
type own struct {
	half, quarter, eighth, deep, fine int
}

func (g *own) build(b *mil.Builder, w *weights, h, wd int) {
	if h%8 != 0 || wd%8 != 0 {
		mil.Fail("heights and widths are multiples of 8")
	}
	total := g.eighth*(1+g.deep) + g.quarter*(2+g.fine) + 2*g.half
	image := b.Input("image", mil.Float, 1, 3, h, wd)
	scales, shifts := b.Input("scale_in", mil.Float, 1, total, 1, 1), b.Input("shift_in", mil.Float, 1, total, 1, 1)
	at := 0
	mod := func(x *mil.Value) *mil.Value {
		from := at
		at += x.Shape[1]
		return b.Add(b.Mul(x, b.Slice(scales, 1, from, at, 1)), b.Slice(shifts, 1, from, at, 1))
	}
	conv := func(x *mil.Value, name string, stride, pad int) *mil.Value {
		b.Scope(name)
		return b.Conv(x, w.value(b, "body."+name+".weight"), w.value(b, "body."+name+".bias"),
			mil.Window{Strides: []int{stride, stride}, Pad: []int{pad, pad, pad, pad}})
	}
	relu := func(x *mil.Value) *mil.Value { return b.Unary("relu", x) }
	double := func(x *mil.Value) *mil.Value {
		return b.Resize(x, 2*x.Shape[2], 2*x.Shape[3], true, mil.HalfPixel)
	}
	first := relu(conv(image, "stem", 2, 2))
	second := relu(conv(first, "down1", 2, 1))
	t := relu(mod(conv(second, "down2", 2, 1)))
	residual := func(t *mil.Value, name string, n int) *mil.Value {
		for k := 0; k < n; k += 2 {
			y := relu(mod(conv(t, fmt.Sprintf("%s.%d", name, k), 1, 1)))
			t = b.Add(t, mod(conv(y, fmt.Sprintf("%s.%d", name, k+1), 1, 1)))
		}
		return t
	}
	t = residual(t, "deep", g.deep)
	left := mod(conv(double(conv(t, "low2", 1, 0)), "up2", 1, 1))
	u := residual(relu(b.Add(left, mod(conv(second, "skip2", 1, 0)))), "fine", g.fine)
	left = mod(conv(double(conv(u, "low1", 1, 0)), "up1", 1, 1))
	y := relu(b.Add(left, mod(conv(first, "skip1", 1, 0))))
	y = b.DepthToSpace(conv(y, "head", 1, 1), 2, true)
	y = b.Pad(y, []int{0, 0, 0, 0, 0, 1, 0, 1}, "constant", 0)
	b.Output("stylized", b.Pool("avg_pool", y, []int{2, 2}, mil.Window{}))
}

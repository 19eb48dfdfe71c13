package arch

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// conditional is a TransformerNet whose normalisations have a scale and a shift for each of many styles: Dumoulin et al., "A Learned
// Representation for Artistic Style", ICLR 2017. Its second input is the styles' weights (1,S), so that styles blend. The scales and shifts are two
// tables (S,C) or (S,C,1,1), one table of both (S,2C), or a normalisation for each style in a list.
func conditional() Architecture {
	return Architecture{"multi-style TransformerNet (conditional instance normalisation)", func(w *weights) (builder, error) {
		t := &styles{tables: map[string][2]*source.Tensor{}}
		t.read(w)
		if t.count == 0 {
			return nil, nil
		}
		return t.build, nil
	}}
}

// styles is the structure of a network of many styles.
type styles struct {
	transformer
	count  int
	tables map[string][2]*source.Tensor // scales and shifts (S,C) of each normalisation
}

func (t *styles) read(w *weights) {
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
}

// conv wants a convolution and the tables of its normalisation.
func (t *styles) conv(w *weights, conv, norm string, in int) (out int) {
	if x := w.get(conv+".conv2d.weight", 0, in, 0, 0); x != nil {
		out = x.Shape[0]
	}
	w.get(conv+".conv2d.bias", out)
	if !t.table(w, norm, out) {
		w.missing = append(w.missing, norm+".weight of shape (styles, channels)")
	}
	return out
}

// Words for scales and for shifts in tensors' names, and a normalisation of a list.
var (
	scaleWords = regexp.MustCompile(`(weight|gamma|scale)`)
	shiftWords = regexp.MustCompile(`(bias|beta|shift)`)
	listed     = regexp.MustCompile(`\.(\d+)\.(weight|bias)$`)
)

// table finds the scales and shifts of a normalisation of c channels.
func (t *styles) table(w *weights, norm string, c int) bool {
	var names []string
	for n := range w.tensors {
		if strings.HasPrefix(n, norm+".") && !w.used[n] {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	list := map[string]int{}
	for _, n := range names {
		if m := listed.FindStringSubmatch(n); m != nil && len(w.tensors[n].Shape) == 1 && w.tensors[n].Shape[0] == c {
			list[m[2]]++
		}
	}
	switch {
	case list["weight"] > 0 && list["weight"] == list["bias"] && len(names) == 2*list["weight"]:
		return t.listOf(w, norm, names, c, list["weight"])
	case len(names) == 1:
		return t.both(w, norm, names[0], c)
	case len(names) != 2:
		return false
	}
	var pair [2]*source.Tensor
	for _, n := range names {
		x := w.tensors[n]
		if len(x.Shape) < 2 || x.Shape[1] != c || x.Len() != x.Shape[0]*c || (t.count > 0 && x.Shape[0] != t.count) {
			return false
		}
		t.count = x.Shape[0]
		tail := strings.TrimPrefix(n, norm)
		last := tail[strings.LastIndexByte(strings.TrimSuffix(tail, ".weight"), '.')+1:] // gamma.weight is a gamma
		switch {
		case shiftWords.MatchString(last):
			pair[1] = x.Reshaped(t.count, c)
		case scaleWords.MatchString(last):
			pair[0] = x.Reshaped(t.count, c)
		}
		w.used[n] = true
	}
	t.tables[norm] = pair
	return pair[0] != nil && pair[1] != nil
}

// both cuts a table of scales and shifts.
func (t *styles) both(w *weights, norm, name string, c int) bool {
	x := w.get(name, t.count, 2*c)
	if x == nil {
		return false
	}
	t.count = x.Shape[0]
	n := t.count
	half := func(k int) *source.Tensor {
		return source.Computed(fmt.Sprintf("%s.%d", name, k), []int{n, c}, func() ([]float32, error) {
			v, err := x.Floats()
			if err != nil {
				return nil, err
			}
			out := make([]float32, 0, n*c)
			for i := range n {
				out = append(out, v[(2*i+k)*c:(2*i+k+1)*c]...)
			}
			return out, nil
		})
	}
	t.tables[norm] = [2]*source.Tensor{half(0), half(1)}
	return true
}

// listOf joins the normalisations of a list.
func (t *styles) listOf(w *weights, norm string, names []string, c, n int) bool {
	if t.count > 0 && n != t.count {
		return false
	}
	t.count = n
	parts := map[string][]*source.Tensor{"weight": make([]*source.Tensor, n), "bias": make([]*source.Tensor, n)}
	for _, name := range names {
		m := listed.FindStringSubmatch(name)
		var i int
		if _, err := fmt.Sscan(m[1], &i); err != nil || i >= n {
			return false
		}
		parts[m[2]][i] = w.tensors[name]
		w.used[name] = true
	}
	join := func(kind string) *source.Tensor {
		return source.Computed(norm+"."+kind, []int{n, c}, func() ([]float32, error) {
			var out []float32
			for _, p := range parts[kind] {
				v, err := p.Floats()
				if err != nil {
					return nil, err
				}
				out = append(out, v...)
			}
			return out, nil
		})
	}
	t.tables[norm] = [2]*source.Tensor{join("weight"), join("bias")}
	return !slices.Contains(parts["weight"], nil) && !slices.Contains(parts["bias"], nil)
}

func (t *styles) build(b *mil.Builder, w *weights, h, wd int) {
	x := b.Input("image", mil.Float, 1, 3, h, wd)
	mix := b.Input("style_weights", mil.Float, 1, t.count)
	norm := func(x *mil.Value, name string) *mil.Value {
		var v [2]*mil.Value
		for i, table := range t.tables[name] {
			v[i] = b.Reshape(b.MatMul(mix, b.Weight(table), false, false), 1, x.Shape[1], 1, 1)
		}
		return b.Add(b.Mul(b.InstanceNorm(x, nil, nil, 1e-5), v[0]), v[1])
	}
	t.layers(b, w, x, norm)
}

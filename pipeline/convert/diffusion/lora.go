package diffusion

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// delta is a layer's low-rank change: weight + scale up down, or of one that is decomposed (DoRA) its new length.
type delta struct {
	down, up, mid, alpha, magnitude *source.Tensor
	keys                            []string
	kohya                           bool // its magnitude is along either axis
}

// parts of a change's name, longest first, and what they are.
var endings = []struct {
	ending string
	field  func(*delta) **source.Tensor
}{
	{".lora_linear_layer.down.weight", down},
	{".lora_linear_layer.up.weight", up},
	{".lora_A.default.weight", down},
	{".lora_B.default.weight", up},
	{".lora_A.weight", down},
	{".lora_B.weight", up},
	{".lora_A.default_0.weight", down},
	{".lora_B.default_0.weight", up},
	{".lora.down.weight", down},
	{".lora.up.weight", up},
	{"_lora.down.weight", down},
	{"_lora.up.weight", up},
	{".lora_down.weight", down},
	{".lora_up.weight", up},
	{".lora_mid.weight", mid},
	{".alpha", alpha},
	{".dora_scale", magnitude},
	{".lora_magnitude_vector.default.weight", magnitude},
	{".lora_magnitude_vector.weight", magnitude},
	{".lora_magnitude_vector.default", magnitude},
	{".lora_magnitude_vector", magnitude},
}

func down(d *delta) **source.Tensor      { return &d.down }
func up(d *delta) **source.Tensor        { return &d.up }
func mid(d *delta) **source.Tensor       { return &d.mid }
func alpha(d *delta) **source.Tensor     { return &d.alpha }
func magnitude(d *delta) **source.Tensor { return &d.magnitude }

// UnmatchedError lists what of a LoRA fits no layer of a network.
type UnmatchedError struct{ Keys []string }

func (e *UnmatchedError) Error() string {
	const few = 5
	list := strings.Join(e.Keys[:min(few, len(e.Keys))], ", ")
	if len(e.Keys) > few {
		list += fmt.Sprintf(" and %d more", len(e.Keys)-few)
	}
	return fmt.Sprintf("%d of its tensors fit no layer: %s", len(e.Keys), list)
}

// Merge changes the weights by a LoRA's. defaultAlpha is that of layers for which the file has none; 0 stands for their rank. What fits no layer
// is returned; the layers that fit are changed all the same.
func (m *Model) Merge(s *source.Set, strength float64, defaultAlpha float64) (unmatched []string, err error) {
	deltas, unmatched := read(s.Tensors)
	names := m.layerNames()
	for _, name := range slices.Sorted(maps.Keys(deltas)) {
		d := deltas[name]
		l, ok := names[canonical(name)]
		if !ok || d.down == nil || d.up == nil {
			unmatched = append(unmatched, d.keys...)
			continue
		}
		t := l.part.tensors[l.weight]
		merged, err := d.merge(t, strength, defaultAlpha)
		if err != nil {
			return nil, fmt.Errorf("the layer %s: %w", name, err)
		}
		l.part.tensors[l.weight] = merged
	}
	slices.Sort(unmatched)
	return unmatched, nil
}

// read groups a LoRA's tensors by layers.
func read(tensors map[string]*source.Tensor) (map[string]*delta, []string) {
	deltas, unmatched := map[string]*delta{}, []string{}
next:
	for key, t := range tensors {
		for _, e := range endings {
			layer, ok := strings.CutSuffix(key, e.ending)
			if !ok {
				continue
			}
			if strings.HasSuffix(layer, "processor.to_out") || strings.HasSuffix(layer, ".to_out") {
				layer += ".0"
			}
			layer = strings.ReplaceAll(layer, ".processor.", ".")
			if deltas[layer] == nil {
				deltas[layer] = &delta{kohya: strings.HasPrefix(key, "lora_")}
			}
			*e.field(deltas[layer]) = t
			deltas[layer].keys = append(deltas[layer].keys, key)
			continue next
		}
		unmatched = append(unmatched, key)
	}
	return deltas, unmatched
}

// layer is a weight of a part.
type layer struct {
	part   *Part
	weight string
}

// canonical is a layer's name with one sign between its words, as kohya's are.
func canonical(name string) string {
	name = strings.TrimPrefix(name, "base_model.model.")
	return strings.ReplaceAll(name, ".", "_")
}

// layerNames are all names under which a LoRA may name a layer, canonical.
func (m *Model) layerNames() map[string]layer {
	out := map[string]layer{}
	xl := m.Part("text_encoder_2") != nil
	for _, p := range m.Parts {
		for n := range p.tensors {
			base, ok := strings.CutSuffix(n, ".weight")
			if !ok {
				continue
			}
			var names []string
			switch p.Name {
			case "unet":
				names = []string{"unet." + base, "lora_unet_" + base, base}
				if l := toLDM(base, p.tensors); l != "" {
					names = append(names, "lora_unet_"+l, "model.diffusion_model."+l)
				}
			case "text_encoder":
				names = []string{"text_encoder." + base, "text_encoder.text_model." + base, "text_model." + base}
				if xl {
					names = append(names, "lora_te1_text_model_"+base)
				} else {
					names = append(names, "lora_te_text_model_"+base, "lora_te1_text_model_"+base)
				}
			case "text_encoder_2":
				names = []string{"text_encoder_2." + base, "text_encoder_2.text_model." + base, "lora_te2_text_model_" + base}
			default:
				continue
			}
			for _, name := range names {
				out[canonical(name)] = layer{p, n}
			}
		}
	}
	return out
}

// merge gives a weight its change when it is read.
func (d *delta) merge(t *source.Tensor, strength, defaultAlpha float64) (*source.Tensor, error) {
	rank := d.down.Shape[0]
	if len(d.down.Shape) < 2 || len(d.up.Shape) < 2 || len(t.Shape) < 2 || rank < 1 {
		return nil, errors.New("its tensors are no matrices")
	}
	if d.up.Shape[1] != rank && d.mid == nil {
		return nil, fmt.Errorf("its matrices of shapes %v and %v do not go together", d.up.Shape, d.down.Shape)
	}
	if d.mid == nil && (d.up.Shape[0] != t.Shape[0] || d.down.Len()/rank*t.Shape[0] != t.Len()) {
		return nil, fmt.Errorf("its matrices of shapes %v and %v do not fit the weights of %v", d.up.Shape, d.down.Shape, t.Shape)
	}
	if d.mid != nil && (len(d.mid.Shape) != 4 || d.mid.Shape[0] != d.up.Shape[1] || d.mid.Shape[1] != rank || d.up.Shape[0] != t.Shape[0] ||
		d.down.Shape[1]*d.up.Shape[0]*d.mid.Shape[2]*d.mid.Shape[3] != t.Len()) {
		return nil, fmt.Errorf("its tensors of shapes %v, %v and %v do not fit the weights of %v", d.up.Shape, d.mid.Shape, d.down.Shape, t.Shape)
	}
	scale := 1.0
	switch {
	case d.alpha != nil && d.alpha.Len() == 1:
		v, err := d.alpha.Floats()
		if err != nil {
			return nil, err
		}
		scale = float64(v[0]) / float64(rank)
	case defaultAlpha > 0:
		scale = defaultAlpha / float64(rank)
	}
	if d.magnitude != nil {
		if n := d.magnitude.Len(); n != t.Shape[0] && n != t.Shape[1] {
			return nil, fmt.Errorf("its lengths are %d, and the weights have the shape %v", n, t.Shape)
		}
	}
	return source.Computed(t.Name, t.Shape, func() ([]float32, error) { return d.compute(t, scale, strength) }), nil
}

func (d *delta) compute(t *source.Tensor, scale, strength float64) ([]float32, error) {
	w, err := t.Floats()
	if err != nil {
		return nil, err
	}
	w = slices.Clone(w) // weights that are in memory stay as they are
	change, err := d.product(t)
	if err != nil {
		return nil, err
	}
	if d.magnitude == nil {
		k := float32(scale * strength)
		for i := range w {
			w[i] += k * change[i]
		}
		return w, nil
	}
	return d.decomposed(t, w, change, scale, strength)
}

// product is up times down, or of three factors, in the shape of the weights.
func (d *delta) product(t *source.Tensor) ([]float32, error) {
	a, err := d.down.Floats()
	if err != nil {
		return nil, err
	}
	b, err := d.up.Floats()
	if err != nil {
		return nil, err
	}
	rank := d.down.Shape[0]
	if d.mid != nil {
		if a, rank, err = d.tucker(a); err != nil {
			return nil, err
		}
	}
	rows, columns := t.Shape[0], t.Len()/t.Shape[0]
	out := make([]float32, rows*columns)
	for r := range rows {
		row := out[r*columns : (r+1)*columns]
		for k := range rank {
			f := b[r*rank+k]
			for i, v := range a[k*columns : (k+1)*columns] {
				row[i] += f * v
			}
		}
	}
	return out, nil
}

// tucker joins the middle factor (r2,r1,k,k) and the lower one (r1,I): a matrix of r2 rows.
func (d *delta) tucker(a []float32) ([]float32, int, error) {
	m, err := d.mid.Floats()
	if err != nil {
		return nil, 0, err
	}
	s := d.mid.Shape
	in, kernel := d.down.Shape[1], s[2]*s[3]
	out := make([]float32, s[0]*in*kernel)
	for i := range s[0] {
		for j := range s[1] {
			for c := range in {
				f := a[j*in+c]
				for k := range kernel {
					out[(i*in+c)*kernel+k] += m[(i*s[1]+j)*kernel+k] * f
				}
			}
		}
	}
	return out, s[0], nil
}

// decomposed gives the changed weights their new lengths: Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation", 2024. PEFT's lengths are of
// each output; kohya's may be of each input. A strength other than 1 is of the change before in PEFT, and after in kohya's.
func (d *delta) decomposed(t *source.Tensor, w, change []float32, scale, strength float64) ([]float32, error) {
	lengths, err := d.magnitude.Floats()
	if err != nil {
		return nil, err
	}
	k := scale
	if !d.kohya {
		k *= strength
	}
	byInput := len(lengths) != t.Shape[0] || (d.kohya && d.magnitude.Shape[0] == 1 && t.Shape[0] > 1)
	columns := t.Len() / t.Shape[0]
	inner := columns / t.Shape[1]
	group := func(i int) int {
		if byInput {
			return i % columns / inner
		}
		return i / columns
	}
	sums := make([]float64, len(lengths))
	out := make([]float32, len(w))
	for i := range w {
		v := float64(w[i]) + k*float64(change[i])
		out[i] = float32(v)
		sums[group(i)] += v * v
	}
	for i := range out {
		g := group(i)
		v := float64(out[i]) * float64(lengths[g]) / math.Sqrt(max(sums[g], 1e-24))
		if d.kohya {
			v = float64(w[i]) + strength*(v-float64(w[i]))
		}
		out[i] = float32(v)
	}
	return out, nil
}

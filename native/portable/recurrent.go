package portable

import (
	"math"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// Recurrent layers: x (sequence, batch, input) with weights whose gates lie one below the other, in an order that is not ONNX's.

// maxHidden bounds the hidden size of a recurrent layer.
const maxHidden = 1 << 16

// gateFunctions are ONNX's names of the activations of gates. Those that have parameters, which MIL does not give, are not among them.
var gateFunctions = map[string]string{"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "linear": "Affine", "hard_sigmoid": "HardSigmoid", "sigmoid_hard": "HardSigmoid"}

// recurrent is a layer that is being lowered.
type recurrent struct {
	*args
	gates   []int // ONNX's gates, as numbers of MIL's
	hidden  int
	input   int
	suffix  []string // of the names of each direction's weights
	reverse bool
}

// recurrent reads the directions and sizes of a layer.
func (a *args) recurrent(gates ...int) (r *recurrent, ok bool) {
	r = &recurrent{args: a, gates: gates, suffix: []string{""}}
	switch d := a.string("direction", "forward"); d {
	case "forward":
	case "reverse":
		r.reverse = true
	case "bidirectional":
		r.suffix = []string{"", "_back"}
	default:
		a.fail("the direction %q is not known", d)
	}
	in, hid := a.known("weight_ih").Shape, a.known("weight_hh").Shape
	if a.rank("x") != 3 || len(in) != 2 || len(hid) != 2 || in[0] != hid[0] || hid[1] < 1 || hid[1] > maxHidden || hid[0] != int64(len(gates))*hid[1] || in[1] < 1 {
		a.fail("weights of the shapes %v and %v for an x of rank %d", in, hid, a.rank("x"))
	}
	if a.err != nil {
		return nil, false
	}
	r.hidden, r.input = int(hid[1]), int(in[1])
	return r, true
}

// stacked are the weights of an argument for all directions, (directions, gates*H, columns), with the gates in ONNX's order. columns 0 is a vector.
// A part that is missing is of zeros.
func (r *recurrent) stacked(columns int, order []int, keys ...string) string {
	rows, width := r.hidden*max(columns, 1), len(order)*r.hidden*max(columns, 1)
	all := make([]float32, 0, len(r.suffix)*len(keys)*width)
	for _, suffix := range r.suffix {
		for _, key := range keys {
			part := make([]float32, width)
			if key != "" && r.has(key+suffix) {
				c := r.known(key + suffix)
				if c.Len() != int64(width) {
					r.fail("the argument %q has the shape %v", key+suffix, c.Shape)
					return ""
				}
				v := c.Float32s()
				for to, from := range order {
					copy(part[to*rows:(to+1)*rows], v[from*rows:])
				}
			}
			all = append(all, part...)
		}
	}
	shape := []int64{int64(len(r.suffix)), int64(len(keys) * len(order) * r.hidden)}
	if columns > 0 {
		shape = append(shape, int64(columns))
	}
	name, err := r.l.constant(mlpackage.Floats(shape, all))
	if err != nil {
		r.fail("%w", err)
	}
	return name
}

// sequence is x, from its end where the layer goes in reverse: then its steps come out in the order in which they were made, as Core ML has it.
func (r *recurrent) sequence() string {
	if !r.reverse {
		return r.value("x")
	}
	return r.l.node("Slice", "", []string{r.value("x"), r.l.list(endOfAxis), r.l.list(-endOfAxis), r.l.list(0), r.l.list(-1)})
}

// state is an initial state (batch, directions*H) as (directions, batch, H).
func (r *recurrent) state(key string) string {
	split := r.l.node("Reshape", "", []string{r.value(key), r.l.list(-1, int64(len(r.suffix)), int64(r.hidden))})
	return r.l.turned(split, 1, 0, 2)
}

// attrs are the attributes of all kinds: the functions are those of one direction.
func (r *recurrent) attrs(functions ...string) []*onnxpb.AttributeProto {
	var names [][]byte
	var alpha, beta []float32
	for range r.suffix {
		for _, f := range functions {
			onnx := gateFunctions[f]
			if onnx == "" {
				r.fail("the activation %q of a gate", f)
				return nil
			}
			names = append(names, []byte(onnx))
			switch onnx { // in the order of the functions that have such
			case "Affine":
				alpha, beta = append(alpha, 1), append(beta, 0)
			case "HardSigmoid":
				alpha, beta = append(alpha, 0.2), append(beta, 0.5)
			}
		}
	}
	direction := "forward"
	if len(r.suffix) == 2 {
		direction = "bidirectional"
	}
	key, kind := "activations", onnxpb.AttributeProto_STRINGS
	out := []*onnxpb.AttributeProto{{Name: &key, Type: &kind, Strings: names}, attrString("direction", direction), attrInt("hidden_size", int64(r.hidden))}
	if len(alpha) > 0 {
		out = append(out, attrFloats("activation_alpha", alpha), attrFloats("activation_beta", beta))
	}
	return out
}

func attrFloats(name string, v []float32) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_FLOATS.Enum(), Floats: v}
}

// emit adds the ONNX operation; its outputs are all steps (s,directions,batch,H), and the final states (directions,batch,H).
func (r *recurrent) emit(onnx string, in []string, attrs []*onnxpb.AttributeProto) {
	names := r.outs()
	if r.err != nil || len(names) > 3 {
		r.fail("it has %d outputs", len(names))
		return
	}
	raw := []string{r.l.fresh("steps"), r.l.fresh("hidden")}
	if onnx == "LSTM" {
		raw = append(raw, r.l.fresh("cell"))
	}
	if len(names) > len(raw) {
		r.fail("it has %d outputs", len(names))
		return
	}
	r.l.nodes(onnx, raw, in, attrs...)
	width := int64(len(r.suffix) * r.hidden)
	joined := func(v, out string) string { // (directions,batch,H) to (batch,directions*H)
		return r.l.node("Reshape", out, []string{r.l.turned(v, 1, 0, 2), r.l.list(-1, width)})
	}
	if r.flag("output_sequence") {
		r.l.node("Reshape", names[0], []string{r.l.turned(raw[0], 0, 2, 1, 3), r.l.list(0, 0, width)})
	} else {
		r.l.node("Unsqueeze", names[0], []string{joined(raw[1], ""), r.l.list(0)})
	}
	for i, name := range names[1:] {
		joined(raw[i+1], name)
	}
}

// lstm: MIL's gates are input, forget, output, cell; ONNX's input, output, forget, cell.
func (a *args) lstm() {
	r, ok := a.recurrent(0, 2, 1, 3)
	if !ok {
		return
	}
	if a.has("clip") && !math.IsInf(float64(a.float("clip", 0)), 1) {
		a.fail("a clipped cell gate")
		return
	}
	in := []string{
		r.sequence(), r.stacked(r.input, r.gates, "weight_ih"), r.stacked(r.hidden, r.gates, "weight_hh"), r.stacked(0, r.gates, "bias", ""), "", r.state("initial_h"), r.state("initial_c"),
	}
	if a.has("peephole") || a.has("peephole_back") {
		in = append(in, r.stacked(0, []int{0, 2, 1}, "peephole"))
	}
	r.emit("LSTM", in, r.attrs(a.string("recurrent_activation", "sigmoid"), a.string("cell_activation", "tanh"), a.string("activation", "tanh")))
}

// gru: MIL's gates are reset, output, update; ONNX's update, reset, output. The hidden state is reset before it is multiplied, unless the version of
// iOS 18 says reset_after: then bias is that product's and input_bias the input's.
func (a *args) gru() {
	r, ok := a.recurrent(2, 0, 1)
	if !ok {
		return
	}
	own, other := "bias", ""
	if a.has("input_bias") {
		own, other = "input_bias", "bias"
	}
	in := []string{
		r.sequence(), r.stacked(r.input, r.gates, "weight_ih"), r.stacked(r.hidden, r.gates, "weight_hh"), r.stacked(0, r.gates, own, other), "", r.state("initial_h"),
	}
	attrs := r.attrs(a.string("recurrent_activation", "sigmoid"), a.string("activation", "tanh"))
	r.emit("GRU", in, append(attrs, attrInt("linear_before_reset", a.int("reset_after", 0))))
}

func (a *args) rnn() {
	r, ok := a.recurrent(0)
	if !ok {
		return
	}
	in := []string{r.sequence(), r.stacked(r.input, r.gates, "weight_ih"), r.stacked(r.hidden, r.gates, "weight_hh"), r.stacked(0, r.gates, "bias", ""), "", r.state("initial_h")}
	r.emit("RNN", in, r.attrs(a.string("activation", "tanh")))
}

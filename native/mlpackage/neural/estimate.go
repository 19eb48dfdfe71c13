// Package neural estimates what of a model runs on the Apple Neural Engine, from what is published about it. Core ML alone decides; its own plan
// (MLComputePlan) is better where there is one. It imports no engine.
//
// Sources: Apple, "Deploying Transformers on the Apple Neural Engine" (2022); coremltools' guide, "Typed Execution" and "Flexible Inputs"; Matthijs
// Hollemans, "Everything we actually know about the Apple Neural Engine" (layers that it refuses).
package neural

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// Refusal is a kind of operation that the Neural Engine will not run, and why.
type Refusal struct {
	Operation string `json:"operation"`
	Output    string `json:"output"` // of the first one
	Reason    string `json:"reason"`
	Count     int    `json:"count"`
}

// Estimate is what a function will probably do.
type Estimate struct {
	// Share is the part of the estimated cost that the Neural Engine will run, 0..1. The cost of an operation is its multiplications, or the size
	// of its output where it has none.
	Share    float64   `json:"share"`
	Refused  []Refusal `json:"refused,omitempty"`
	Reason   string    `json:"reason,omitempty"` // why all is refused; empty where it is not
	Function string    `json:"function"`
}

// refused are the operations that the Neural Engine does not have.
var refused = map[string]string{
	"lstm": "recurrent layers run on the CPU or the GPU", "gru": "recurrent layers run on the CPU or the GPU", "rnn": "recurrent layers run on the CPU or the GPU",
	"gather": "gathering is not supported", "gather_nd": "gathering is not supported", "gather_along_axis": "gathering is not supported",
	"scatter": "scattering is not supported", "scatter_nd": "scattering is not supported", "scatter_along_axis": "scattering is not supported",
	"non_zero": "the output's shape depends on values", "topk": "sorting is not supported", "argsort": "sorting is not supported",
	"non_maximum_suppression": "the output's shape depends on values", "cond": "control flow is not supported", "while_loop": "control flow is not supported",
	"cumsum": "running sums are not supported", "one_hot": "it makes integers", "range_1d": "it makes integers", "shape": "it makes integers",
	"reverse_sequence": "it is not supported", "band_part": "it is not supported", "resample": "sampling by a grid is not supported", "affine": "sampling by a grid is not supported",
	"crop_resize": "it runs on the CPU", "random_normal": "random numbers are made on the CPU", "random_uniform": "random numbers are made on the CPU",
	"random_bernoulli": "random numbers are made on the CPU", "random_categorical": "random numbers are made on the CPU",
	"acos": "it is not supported", "asin": "it is not supported", "atan": "it is not supported", "atanh": "it is not supported", "cosh": "it is not supported",
	"sinh": "it is not supported", "tan": "it is not supported", "conv_transpose_3d": "three spatial dimensions are not supported",
	// NeuralNetwork layers
	"custom": "custom layers run on the CPU or the GPU", "uniDirectionalLSTM": "recurrent layers run on the CPU or the GPU",
	"biDirectionalLSTM": "recurrent layers run on the CPU or the GPU", "simpleRecurrent": "recurrent layers run on the CPU or the GPU",
	"gatherND": "gathering is not supported", "gatherAlongAxis": "gathering is not supported", "topK": "sorting is not supported", "argSort": "sorting is not supported",
	"branch": "control flow is not supported", "loop": "control flow is not supported", "cropResize": "it runs on the CPU",
}

// The sizes that the Neural Engine takes.
const (
	maxRank   = 5
	maxSize   = 16384 // of a dimension
	maxKernel = 13    // of a pool
)

// Of estimates a function of a model.
func Of(p *mlpackage.Package, function string) (Estimate, error) {
	e := Estimate{Function: function}
	program := p.Spec.GetMlProgram()
	if program == nil {
		return layers(p.Spec, e)
	}
	fn := program.GetFunctions()[function]
	block := fn.GetBlockSpecializations()[fn.GetOpset()]
	if block == nil {
		return e, fmt.Errorf("the program has no function %q", function)
	}
	w := &weigher{types: map[string]*milpb.TensorType{}, refused: map[string]*Refusal{}}
	for _, in := range fn.GetInputs() {
		w.types[in.GetName()] = in.GetType().GetTensorType()
	}
	w.block(block)
	e.Reason = flexible(p.Spec.GetDescription(), function)
	if e.Reason == "" && w.total > 0 {
		e.Share = w.onEngine / w.total
	}
	for _, k := range slices.Sorted(maps.Keys(w.refused)) {
		e.Refused = append(e.Refused, *w.refused[k])
	}
	return e, nil
}

// flexible tells why the Neural Engine refuses a model of any size.
func flexible(d *coremlpb.ModelDescription, function string) string {
	inputs := d.GetInput()
	for _, f := range d.GetFunctions() {
		if f.GetName() == function {
			inputs = f.GetInput()
		}
	}
	for _, in := range inputs {
		if r := in.GetType().GetMultiArrayType().GetShapeRange(); r != nil {
			for _, s := range r.GetSizeRanges() {
				if s.GetUpperBound() < 0 || uint64(s.GetUpperBound()) != s.GetLowerBound() {
					return fmt.Sprintf("the input %q has ranges of sizes: only fixed and enumerated shapes run on the Neural Engine", in.GetName())
				}
			}
		}
		if in.GetType().GetImageType().GetImageSizeRange() != nil {
			return fmt.Sprintf("the input %q has ranges of sizes: only fixed and enumerated shapes run on the Neural Engine", in.GetName())
		}
	}
	return ""
}

type weigher struct {
	types           map[string]*milpb.TensorType
	refused         map[string]*Refusal
	total, onEngine float64
}

func (w *weigher) block(b *milpb.Block) {
	for _, op := range b.GetOperations() {
		for _, o := range op.GetOutputs() {
			w.types[o.GetName()] = o.GetType().GetTensorType()
		}
		kind := op.GetType()
		if kind == "const" || strings.HasPrefix(kind, "constexpr_") || len(op.GetOutputs()) == 0 {
			continue
		}
		cost, reason := w.cost(op), w.reason(op)
		w.total += cost
		if reason == "" {
			w.onEngine += cost
		} else {
			k := kind + "\x00" + reason
			if w.refused[k] == nil {
				w.refused[k] = &Refusal{Operation: kind, Output: op.GetOutputs()[0].GetName(), Reason: reason}
			}
			w.refused[k].Count++
		}
		for _, inner := range op.GetBlocks() {
			w.block(inner)
		}
	}
}

func (w *weigher) dims(op *milpb.Operation, key string) []int64 {
	b := op.GetInputs()[key].GetArguments()
	if len(b) == 0 {
		return nil
	}
	if v := b[0].GetValue(); v != nil {
		return mlpackage.Dims(v.GetType().GetTensorType())
	}
	return mlpackage.Dims(w.types[b[0].GetName()])
}

// elements counts dimensions that are not known as 1.
func elements(dims []int64) float64 {
	n := 1.0
	for _, d := range dims {
		n *= float64(max(d, 1))
	}
	return n
}

func (w *weigher) cost(op *milpb.Operation) float64 {
	out := elements(mlpackage.Dims(op.GetOutputs()[0].GetType().GetTensorType()))
	switch weight := w.dims(op, "weight"); op.GetType() {
	case "conv":
		if len(weight) > 1 {
			return out * elements(weight[1:])
		}
	case "conv_transpose":
		if x := w.dims(op, "x"); len(weight) > 1 {
			return elements(x) * elements(weight[1:])
		}
	case "linear":
		if len(weight) == 2 {
			return out * float64(max(weight[1], 1))
		}
	case "matmul":
		if x := w.dims(op, "x"); len(x) > 0 {
			return out * float64(max(x[len(x)-1], 1))
		}
	case "scaled_dot_product_attention":
		q, k := w.dims(op, "query"), w.dims(op, "key")
		if len(q) > 1 && len(k) > 1 {
			return 2 * elements(q) * float64(max(k[len(k)-2], 1))
		}
	}
	return out
}

// reason tells why an operation is refused; empty where it is not.
func (w *weigher) reason(op *milpb.Operation) string {
	kind := op.GetType()
	if r := refused[kind]; r != "" {
		return r
	}
	t := op.GetOutputs()[0].GetType().GetTensorType()
	switch t.GetDataType() {
	case milpb.DataType_FLOAT32:
		return "it computes in float32: the Neural Engine has float16"
	case milpb.DataType_INT32, milpb.DataType_INT64:
		return "it computes with integers"
	}
	dims := mlpackage.Dims(t)
	if len(dims) > maxRank {
		return fmt.Sprintf("tensors of %d dimensions: the Neural Engine takes %d", len(dims), maxRank)
	}
	for _, d := range dims {
		if d > maxSize {
			return fmt.Sprintf("a dimension of %d: the Neural Engine takes %d", d, maxSize)
		}
	}
	if (kind == "conv" || kind == "conv_transpose") && len(dims) == 5 {
		return "three spatial dimensions are not supported"
	}
	return ""
}

// layers estimates a neural network by the number of its layers, as their sizes are not known.
func layers(spec *coremlpb.Model, e Estimate) (Estimate, error) {
	all := mlpackage.Layers(spec)
	if len(all) == 0 {
		return e, fmt.Errorf("a model of the kind %q has no operations to estimate", mlpackage.Kind(spec))
	}
	seen, on := map[string]*Refusal{}, 0
	for _, l := range all {
		kind := mlpackage.LayerKind(l)
		reason := refused[kind]
		if p := l.GetPooling(); p != nil && slices.ContainsFunc(p.GetKernelSize(), func(k uint64) bool { return k > maxKernel }) {
			reason = fmt.Sprintf("pools of more than %d are not supported", maxKernel)
		}
		if reason == "" {
			on++
			continue
		}
		if seen[kind] == nil {
			seen[kind] = &Refusal{Operation: kind, Output: strings.Join(l.GetOutput(), ", "), Reason: reason}
		}
		seen[kind].Count++
	}
	for _, k := range slices.Sorted(maps.Keys(seen)) {
		e.Refused = append(e.Refused, *seen[k])
	}
	if e.Reason = flexible(spec.GetDescription(), e.Function); e.Reason == "" {
		e.Share = float64(on) / float64(len(all))
	}
	return e, nil
}

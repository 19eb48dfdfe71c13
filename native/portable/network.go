package portable

import (
	"fmt"
	"slices"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

// network lowers the layers of a NeuralNetwork (NeuralNetwork.proto, specifications 1 to 9): most as the MIL operation that does the same.
// All its values are float32.
type network struct {
	l *lowering
	// legacy networks have tensors of five dimensions, (sequence, batch, C, H, W). Here they have four: sequences are not supported, and one of
	// the first two is always 1.
	legacy bool
	blobs  map[string]blob // by the names that layers use, which later layers may use again
}

// blob is a value of the graph.
type blob struct {
	name string
	dims []int64 // -1 is not known; how many there are is
}

// layer reads a layer's inputs and gives its outputs. The first error is kept and makes the rest of no effect.
type layer struct {
	n   *network
	p   *coremlpb.NeuralNetworkLayer
	err error
}

func (y *layer) fail(format string, v ...any) {
	if y.err == nil {
		y.err = fmt.Errorf(format, v...)
	}
}

// in is the i-th input.
func (y *layer) in(i int) blob {
	if i >= len(y.p.GetInput()) {
		y.fail("it has %d inputs", len(y.p.GetInput()))
		return blob{}
	}
	b, ok := y.n.blobs[y.p.GetInput()[i]]
	if !ok {
		y.fail("its input %q is what nothing gives before", y.p.GetInput()[i])
	}
	return b
}

func (y *layer) x() string { return y.in(0).name }

func (y *layer) rank() int { return len(y.in(0).dims) }

func (y *layer) g() *graph { return y.n.l.graph }

// give names the i-th output, of that rank.
func (y *layer) give(i int, name string, rank int) {
	if rank < 0 || rank > maxRank {
		y.fail("its output has %d dimensions", rank)
		return
	}
	y.shaped(i, name, repeat(rank, -1))
}

func (y *layer) shaped(i int, name string, dims []int64) {
	if i >= len(y.p.GetOutput()) {
		y.fail("it has %d outputs", len(y.p.GetOutput()))
		return
	}
	y.n.blobs[y.p.GetOutput()[i]] = blob{name, dims}
	y.n.l.types[name] = floatType(dims)
}

// node gives an ONNX operation's result, of the rank of the first input.
func (y *layer) node(op string, in []string, attrs ...*onnxpb.AttributeProto) {
	y.give(0, y.g().node(op, "", in, attrs...), y.rank())
}

// floatType is a tensor type of those dimensions.
func floatType(dims []int64) *milpb.TensorType {
	t := &milpb.TensorType{DataType: milpb.DataType_FLOAT32, Rank: int64(len(dims))}
	for _, d := range dims {
		dim := &milpb.Dimension{Dimension: &milpb.Dimension_Unknown{Unknown: &milpb.Dimension_UnknownDimension{}}}
		if d > 0 {
			dim = &milpb.Dimension{Dimension: &milpb.Dimension_Constant{Constant: &milpb.Dimension_ConstantDimension{Size: uint64(d)}}}
		}
		t.Dimensions = append(t.Dimensions, dim)
	}
	return t
}

// mil lowers a MIL operation of these arguments and returns its first output. Arguments are names of values, lists of them, constants, and plain
// numbers, truths and texts.
func (y *layer) mil(kind string, arguments map[string]any) string {
	op := &milpb.Operation{Type: kind, Inputs: map[string]*milpb.Argument{}}
	out := y.g().fresh(kind)
	op.Outputs = []*milpb.NamedValueType{{Name: out, Type: &milpb.ValueType{Type: &milpb.ValueType_TensorType{TensorType: floatType(nil)}}}}
	for key, v := range arguments {
		arg := &milpb.Argument{}
		for _, name := range y.named(v) {
			arg.Arguments = append(arg.Arguments, &milpb.Argument_Binding{Binding: &milpb.Argument_Binding_Name{Name: name}})
		}
		op.Inputs[key] = arg
	}
	if y.err != nil {
		return ""
	}
	a := &args{l: y.n.l, op: op, kind: kind}
	y.n.l.ops[kind](a)
	if a.err != nil {
		y.fail("%w", a.err)
	}
	return out
}

// word is a string that is no value's name.
type word string

// named are the names of a MIL argument's values.
func (y *layer) named(v any) []string {
	var c *mlpackage.Const
	switch v := v.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	case *mlpackage.Const:
		c = v
	case []int64:
		c = mlpackage.Ints([]int64{int64(len(v))}, v)
	case int64:
		c = mlpackage.Ints(nil, []int64{v})
	case int:
		c = mlpackage.Ints(nil, []int64{int64(v)})
	case float32:
		c = mlpackage.Floats(nil, []float32{v})
	case bool:
		n := int64(0)
		if v {
			n = 1
		}
		c = mlpackage.Truths(nil, []int64{n})
	case word:
		c = mlpackage.Text(string(v))
	default:
		y.fail("an argument of type %T", v)
		return nil
	}
	name := y.g().fresh("c")
	if c == nil { // weights that are not valid: the error is there
		return nil
	}
	y.n.l.consts[name] = c
	return []string{name}
}

// weights reads weights of that shape; quantized ones have a scale for each position of axis 0.
func (y *layer) weights(w *coremlpb.WeightParams, shape ...int64) *mlpackage.Const {
	return y.weightsAlong(w, 0, shape...)
}

func (y *layer) weightsAlong(w *coremlpb.WeightParams, axis int, shape ...int64) *mlpackage.Const {
	c, err := mlpackage.LayerWeights(w, shape, axis)
	if err != nil {
		y.fail("%w", err)
		return nil
	}
	return c
}

// constant is the name of weights in the graph.
func (y *layer) constant(c *mlpackage.Const) string {
	if c == nil || y.err != nil {
		return ""
	}
	name, err := y.g().constant(c)
	if err != nil {
		y.fail("%w", err)
	}
	return name
}

// parts are a neural network's layers and preprocessing, whatever it is used as.
func parts(m *coremlpb.Model) (layers []*coremlpb.NeuralNetworkLayer, before []*coremlpb.NeuralNetworkPreprocessing, exactArrays, exactImages, ok bool) {
	type network interface {
		GetLayers() []*coremlpb.NeuralNetworkLayer
		GetPreprocessing() []*coremlpb.NeuralNetworkPreprocessing
		GetArrayInputShapeMapping() coremlpb.NeuralNetworkMultiArrayShapeMapping
		GetImageInputShapeMapping() coremlpb.NeuralNetworkImageShapeMapping
	}
	var n network
	switch t := m.GetType().(type) {
	case *coremlpb.Model_NeuralNetwork:
		n = t.NeuralNetwork
	case *coremlpb.Model_NeuralNetworkClassifier:
		n = t.NeuralNetworkClassifier
	case *coremlpb.Model_NeuralNetworkRegressor:
		n = t.NeuralNetworkRegressor
	default:
		return nil, nil, false, false, false
	}
	return n.GetLayers(), n.GetPreprocessing(), n.GetArrayInputShapeMapping() == coremlpb.NeuralNetworkMultiArrayShapeMapping_EXACT_ARRAY_MAPPING,
		n.GetImageInputShapeMapping() == coremlpb.NeuralNetworkImageShapeMapping_RANK4_IMAGE_MAPPING, true
}

// network lowers the model's neural network.
func (l *lowering) network(res *lowered, spec *coremlpb.Model, about *interfaces) error {
	layers, before, exactArrays, exactImages, _ := parts(spec)
	n := &network{l: l, blobs: map[string]blob{}}
	arrays := slices.ContainsFunc(res.in, func(p *port) bool { return p.Image == "" })
	n.legacy = arrays && !exactArrays || !arrays && !exactImages
	for _, p := range res.in {
		if err := n.input(p); err != nil {
			return err
		}
	}
	if err := n.preprocess(res.in, before); err != nil {
		return err
	}
	for i, p := range layers {
		if err := n.layer(p); err != nil {
			return fmt.Errorf("layer %d (%q): %w", i, p.GetName(), err)
		}
	}
	outs, err := n.outputs(spec, about)
	if err != nil {
		return err
	}
	res.out = outs
	return nil
}

// input gives the layers an input, as (1,C,H,W) in a legacy network.
func (n *network) input(p *port) error {
	name := n.l.fresh("x")
	rank := len(p.Shape)
	if p.Image != "" {
		rank = 4
	}
	n.l.accept(p, name, onnxpb.TensorProto_FLOAT, rank)
	dims := p.dims()
	switch {
	case p.Image == engine.BGRA:
		dims = []int64{1, 3, dims[0], dims[1]}
	case p.Image != "":
		dims = []int64{1, 1, dims[0], dims[1]}
	case n.legacy:
		switch rank {
		case 1:
			name, dims = n.l.node("Reshape", "", []string{name, n.l.list(1, -1, 1, 1)}), []int64{1, dims[0], 1, 1}
		case 3:
			name, dims = n.l.node("Unsqueeze", "", []string{name, n.l.list(0)}), append([]int64{1}, dims...)
		case 4:
		case 5: // the sequence, or the batch, is of one element
			name, dims = n.l.node("Squeeze", "", []string{name, n.l.list(0)}), dims[1:]
		default:
			return fmt.Errorf("the input %q: a neural network of this kind takes 1 or 3 dimensions, and it has %d", p.Name, rank)
		}
	}
	n.blobs[p.Name] = blob{name, dims}
	n.l.types[name] = floatType(dims)
	return nil
}

// preprocess scales and shifts pictures.
func (n *network) preprocess(ports []*port, steps []*coremlpb.NeuralNetworkPreprocessing) error {
	for _, s := range steps {
		k := slices.IndexFunc(ports, func(p *port) bool { return p.Name == s.GetFeatureName() })
		if s.GetFeatureName() == "" {
			k = slices.IndexFunc(ports, func(p *port) bool { return p.Image != "" })
		}
		if k < 0 || ports[k].Image == "" {
			return fmt.Errorf("the preprocessing of %q: there is no such picture", s.GetFeatureName())
		}
		p := ports[k]
		b := n.blobs[p.Name]
		switch {
		case s.GetScaler() != nil:
			c := s.GetScaler()
			bias := []float32{c.GetRedBias(), c.GetGreenBias(), c.GetBlueBias()}
			switch p.color {
			case coremlpb.ImageFeatureType_BGR:
				slices.Reverse(bias)
			case coremlpb.ImageFeatureType_GRAYSCALE, coremlpb.ImageFeatureType_GRAYSCALE_FLOAT16:
				bias = []float32{c.GetGrayBias()}
			}
			scaled := n.l.node("Mul", "", []string{b.name, n.l.scalar(c.GetChannelScale())})
			b.name = n.l.node("Add", "", []string{scaled, n.l.floats([]int64{1, int64(len(bias)), 1, 1}, bias)})
		case s.GetMeanImage() != nil:
			mean := s.GetMeanImage().GetMeanImage()
			if want := b.dims[1] * max(b.dims[2], 0) * max(b.dims[3], 0); int64(len(mean)) != want || want == 0 {
				return fmt.Errorf("the preprocessing of %q: a mean picture of %d values for the shape %v", p.Name, len(mean), b.dims)
			}
			b.name = n.l.node("Sub", "", []string{b.name, n.l.floats(b.dims, mean)})
		default:
			return fmt.Errorf("the preprocessing of %q is not known", p.Name)
		}
		n.blobs[p.Name] = b
		n.l.types[b.name] = floatType(b.dims)
	}
	return nil
}

func (n *network) layer(p *coremlpb.NeuralNetworkLayer) error {
	kind := mlpackage.LayerKind(p)
	f := layers[kind]
	if f == nil || len(p.GetOutput()) == 0 {
		output := ""
		if len(p.GetOutput()) > 0 {
			output = p.GetOutput()[0]
		}
		return &UnsupportedError{kind, output, ""}
	}
	y := &layer{n: n, p: p}
	for i := range p.GetInput() {
		y.in(i)
	}
	if y.err == nil {
		f(y)
	}
	if y.err != nil {
		return fmt.Errorf("a layer %q: %w", kind, y.err)
	}
	for _, o := range p.GetOutput() {
		if _, ok := n.blobs[o]; !ok {
			return fmt.Errorf("a layer %q: its output %q is not computed", kind, o)
		}
	}
	return nil
}

// outputs offers what the description names. A classifier's probabilities are offered in the order of its classes.
func (n *network) outputs(spec *coremlpb.Model, about *interfaces) (out []*port, err error) {
	classifier := spec.GetNeuralNetworkClassifier()
	for _, d := range about.out {
		if classifier != nil && (d.GetName() == about.predicted || d.GetName() == about.classes) {
			continue
		}
		p, err := describe(d, "output")
		if err != nil {
			return nil, err
		}
		if err := n.offer(p, p.Name); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	if classifier != nil {
		p, err := n.probabilities(spec, classifier, about)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the network gives nothing")
	}
	return out, nil
}

func (n *network) offer(p *port, value string) error {
	b, ok := n.blobs[value]
	if !ok {
		return fmt.Errorf("the network gives no output %q", value)
	}
	name, described := b.name, p.Shape
	if n.legacy && p.Image == "" {
		switch len(described) {
		case 1:
			name = n.l.node("Reshape", "", []string{name, n.l.list(-1)})
		case 4:
		case 5:
			name = n.l.node("Unsqueeze", "", []string{name, n.l.list(0)})
		default:
			last := n.l.node("Slice", "", []string{n.l.node("Shape", "", []string{name}), n.l.list(-3), n.l.list(endOfAxis), n.l.list(0)})
			name = n.l.node("Reshape", "", []string{name, last})
		}
	}
	p.Shape = nil
	fixed := !slices.ContainsFunc(n.l.onnx.GetInput(), func(i *onnxpb.ValueInfoProto) bool {
		return slices.ContainsFunc(i.GetType().GetTensorType().GetShape().GetDim(), func(d *onnxpb.TensorShapeProto_Dimension) bool { return d.GetDimParam() != "" })
	})
	if fixed && len(described) > 0 {
		p.Shape = described
	}
	p.Shapes, p.Ranges = nil, nil
	n.l.offer(p, name, onnxpb.TensorProto_FLOAT, nil)
	return nil
}

// probabilities are the values behind a classifier's dictionary, which is not made here.
func (n *network) probabilities(spec *coremlpb.Model, c *coremlpb.NeuralNetworkClassifier, about *interfaces) (*port, error) {
	value := c.GetLabelProbabilityLayerName()
	layers, _, _, _, _ := parts(spec)
	if value == "" && len(layers) > 0 { // the last layer's
		value = layers[len(layers)-1].GetOutput()[0]
	}
	p := &port{}
	if p.Name = about.classes; p.Name == "" {
		p.Name = value
	}
	b, ok := n.blobs[value]
	if !ok {
		return nil, fmt.Errorf("the network gives no probabilities %q", value)
	}
	n.blobs[value] = blob{n.l.node("Reshape", "", []string{b.name, n.l.list(-1)}), []int64{-1}}
	n.legacy = false
	return p, n.offer(p, value)
}

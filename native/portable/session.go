package portable

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

const (
	// maxSessions bounds the sessions that a model with several shapes keeps, each with its own copy of the weights.
	maxSessions = 4
	// maxShared is the size in bytes of the weights from which all shapes share a session, which is slower but has one copy of them.
	maxShared = 64 << 20
)

// session is the graph in ONNX Runtime, for inputs of certain shapes, or of any.
type session struct {
	key string
	run *ort.DynamicAdvancedSession
}

// sessions keeps those that were used last; the first is the latest. The graph with its dimensions left open is made into one with fixed
// dimensions for each of the shapes, which ONNX Runtime plans better: of enumerated shapes at once, of ranged ones when one is used again.
type sessions struct {
	low     *lowered
	options engine.Options
	split   bool // one session a shape
	any     bool // there is one for all shapes too
	open    []*session
	last    string // the shapes of the last call
}

// splits tells whether each shape gets a session, and whether there is one for all of them.
func splits(low *lowered, o engine.Options) (split, all bool) {
	several := false
	for _, p := range low.in {
		if slices.Contains(p.changes(), true) {
			several = several || len(p.Shapes) > 0
			all = all || len(p.Ranges) > 0
		}
	}
	split = (several || all) && o.Reshapes != engine.ReshapesFrequent && low.size() <= maxShared
	return split, all || !split
}

// size is the number of bytes of the weights as float32.
func (l *lowered) size() (n int64) {
	for _, t := range l.model.GetGraph().GetInitializer() {
		size := int64(4)
		for _, d := range t.GetDims() {
			size *= d
		}
		n += size
	}
	return n
}

// fixed tells whether no input changes its shape, so that no other session will be made.
func (l *lowered) fixed() bool {
	return !slices.ContainsFunc(l.in, func(p *port) bool { return slices.Contains(p.changes(), true) })
}

// get is the session for inputs of these shapes, one for each of the model's inputs.
func (s *sessions) get(shapes [][]int) (*ort.DynamicAdvancedSession, error) {
	key := ""
	if s.split {
		key = fmt.Sprint(shapes)
	}
	known := slices.ContainsFunc(s.open, func(o *session) bool { return o.key == key })
	if !known && s.any && s.last != key {
		s.last, key = key, ""
	}
	if k := slices.IndexFunc(s.open, func(o *session) bool { return o.key == key }); k >= 0 {
		found := s.open[k]
		s.open = slices.Insert(slices.Delete(s.open, k, k+1), 0, found)
		return found.run, nil
	}
	if len(s.open) == maxSessions {
		last := s.open[maxSessions-1]
		s.open = s.open[:maxSessions-1]
		if err := last.run.Destroy(); err != nil {
			return nil, err
		}
	}
	run, err := s.create(key, shapes)
	if err != nil {
		return nil, err
	}
	s.open = slices.Insert(s.open, 0, &session{key, run})
	return run, nil
}

// create makes a session for these shapes, or for all where the key is empty.
func (s *sessions) create(key string, shapes [][]int) (*ort.DynamicAdvancedSession, error) {
	model := s.low.model
	if key != "" {
		model = shaped(model, s.low.in, shapes)
	}
	data, err := proto.Marshal(model)
	if err != nil {
		return nil, fmt.Errorf("the graph without its weights in files is too large: %w", err)
	}
	options, err := sessionOptions(s.options, manner{planned: key != "" || s.low.fixed(), large: s.low.size() > maxShared, apart: padsPools(model.GetGraph())})
	if err != nil {
		return nil, err
	}
	run, err := ort.NewDynamicAdvancedSessionWithONNXData(data, graphNames(s.low.in), graphNames(s.low.out), options)
	if err = errors.Join(err, options.Destroy()); err != nil {
		return nil, plain(err)
	}
	return run, nil
}

func graphNames(ports []*port) (names []string) {
	for _, p := range ports {
		names = append(names, p.graph)
	}
	return names
}

// plain takes the colours and places in ONNX Runtime's source out of its messages.
func plain(err error) error {
	lines := strings.SplitN(err.Error(), "\n", 2)
	return errors.New(strings.TrimPrefix(lines[0], "Error creating C session: "))
}

// shaped is a graph whose inputs have these shapes. All else is shared.
func shaped(m *onnxpb.ModelProto, in []*port, shapes [][]int) *onnxpb.ModelProto {
	g := m.GetGraph()
	own := &onnxpb.GraphProto{Name: g.Name, Node: g.GetNode(), Initializer: g.GetInitializer(), Output: g.GetOutput()}
	for i, info := range g.GetInput() {
		k := slices.IndexFunc(in, func(p *port) bool { return p.graph == info.GetName() })
		if k < 0 {
			own.Input = append(own.Input, g.GetInput()[i])
			continue
		}
		dims := make([]int64, len(shapes[k]))
		for j, n := range shapes[k] {
			dims[j] = int64(n)
		}
		if len(dims) == 0 {
			dims = []int64{1}
		}
		own.Input = append(own.Input, declare(info.GetName(), wire(in[k].DType), dims))
	}
	return &onnxpb.ModelProto{IrVersion: m.IrVersion, ProducerName: m.ProducerName, Graph: own, OpsetImport: m.GetOpsetImport()}
}

// padsPools tells whether a padding is followed by a pool. ONNX Runtime 1.24 makes one of both, which changes what they give: the greatest of zeros
// and negative numbers becomes the greatest of the latter, and an average at the end of an uneven padding is over fewer elements.
func padsPools(g *onnxpb.GraphProto) bool {
	pads := map[string]bool{}
	for _, n := range g.GetNode() {
		switch n.GetOpType() {
		case "Pad":
			pads[n.GetOutput()[0]] = true
		case "MaxPool", "AveragePool":
			if pads[n.GetInput()[0]] {
				return true
			}
		}
	}
	return false
}

func (s *sessions) close() error {
	var errs []error
	for _, o := range s.open {
		errs = append(errs, o.run.Destroy())
	}
	s.open = nil
	return errors.Join(errs...)
}

// manner is how a session is made.
type manner struct {
	planned bool // all shapes are known
	large   bool // in its weights
	asIs    bool // an ONNX file of another maker
	apart   bool // a pool does not take over the padding before it
}

func sessionOptions(o engine.Options, how manner) (*ort.SessionOptions, error) {
	s, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	n := o.Threads
	if n < 1 {
		n = threads()
	}
	level := ort.GraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll)
	if how.large { // the layouts of the highest level keep convolutions' weights twice
		level = ort.GraphOptimizationLevelEnableExtended
	}
	arena := how.planned || o.KeepMemory // kept from run to run: it spares the system clearing pages anew
	for _, set := range []func() error{
		func() error { return s.SetIntraOpNumThreads(n) },
		func() error { return s.SetInterOpNumThreads(1) },
		func() error { return s.SetGraphOptimizationLevel(level) },
		func() error { return s.SetCpuMemArena(arena) },
		func() error { return s.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") },
		func() error {
			if !how.apart && !how.asIs {
				return nil
			}
			return s.AddSessionConfigEntry("optimization.disable_specified_optimizers", "Pad_Fusion")
		},
		func() error {
			if how.asIs {
				return nil
			}
			return s.AddSessionConfigEntry("session.strict_shape_type_inference", "1") // the program's shapes are checked
		},
		func() error {
			if how.asIs { // its weights lie beside it
				return nil
			}
			return s.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", weightsFolder)
		},
	} {
		if err := set(); err != nil {
			return nil, errors.Join(err, s.Destroy())
		}
	}
	return s, nil
}

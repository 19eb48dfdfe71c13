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
// dimensions for each of the shapes, which ONNX Runtime plans better.
type sessions struct {
	low     *lowered
	options engine.Options
	split   bool // one session a shape
	open    []*session
}

// splits tells whether each shape gets a session.
func splits(low *lowered, o engine.Options) bool {
	several := false
	for _, p := range low.in {
		several = several || len(p.Shapes) > 0 && slices.Contains(p.changes(), true)
		if len(p.Ranges) > 0 && slices.Contains(p.changes(), true) {
			return false
		}
	}
	return several && o.Reshapes != engine.ReshapesFrequent && low.size() <= maxShared
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
	run, err := s.create(shapes)
	if err != nil {
		return nil, err
	}
	s.open = slices.Insert(s.open, 0, &session{key, run})
	return run, nil
}

func (s *sessions) create(shapes [][]int) (*ort.DynamicAdvancedSession, error) {
	model := s.low.model
	if s.split {
		model = shaped(model, s.low.in, shapes)
	}
	data, err := proto.Marshal(model)
	if err != nil {
		return nil, fmt.Errorf("the graph without its weights in files is too large: %w", err)
	}
	options, err := sessionOptions(s.options, s.split || s.low.fixed())
	if err != nil {
		return nil, err
	}
	var in, out []string
	for _, p := range s.low.in {
		in = append(in, p.graph)
	}
	for _, p := range s.low.out {
		out = append(out, p.graph)
	}
	run, err := ort.NewDynamicAdvancedSessionWithONNXData(data, in, out, options)
	if err = errors.Join(err, options.Destroy()); err != nil {
		return nil, plain(err)
	}
	return run, nil
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

func (s *sessions) close() error {
	var errs []error
	for _, o := range s.open {
		errs = append(errs, o.run.Destroy())
	}
	s.open = nil
	return errors.Join(errs...)
}

func sessionOptions(o engine.Options, planned bool) (*ort.SessionOptions, error) {
	s, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	n := o.Threads
	if n < 1 {
		n = threads()
	}
	_ = planned
	for _, set := range []func() error{
		func() error { return s.SetIntraOpNumThreads(n) },
		func() error { return s.SetInterOpNumThreads(1) },
		func() error { return s.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll) },
		func() error { return s.SetCpuMemArena(o.KeepMemory) }, // without it memory goes back after a run
		func() error { return s.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") },
		func() error {
			return s.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", weightsFolder)
		},
	} {
		if err := set(); err != nil {
			return nil, errors.Join(err, s.Destroy())
		}
	}
	return s, nil
}

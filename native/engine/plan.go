package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Placement is where Core ML's compute plan puts a model: a plan, not a measurement.
type Placement struct {
	Known bool
	// NeuralEngine is the share of the estimated cost on the Neural Engine, 0..1; the share of the operations where the plan has no costs.
	NeuralEngine float64
	// ByCount is the share of the operations on the Neural Engine, 0..1. Operations for which the plan names no device are not counted.
	ByCount float64
	// Operations is how many operations the plan names a device for.
	Operations int
}

// Device is a kind of processor.
type Device int

// The kinds of processors. UnknownDevice is also what a constant has, which nothing computes.
const (
	UnknownDevice Device = iota
	CPU
	GPU
	NeuralEngine
)

func (d Device) String() string {
	if d < UnknownDevice || d > NeuralEngine {
		return fmt.Sprintf("Device(%d)", int(d))
	}
	return [...]string{"unknown", "CPU", "GPU", "Neural Engine"}[d]
}

// Operation is an operation of a model, or a layer, as Core ML's compute plan has it (MLComputePlan).
type Operation struct {
	Function  string // of the program that it is in
	Type      string // such as ios17.conv
	Output    string // the name of its first output
	Preferred Device
	Supported []Device
	// Cost is its share of the model's estimated cost, 0..1; negative where the plan has none.
	Cost float64
}

// Place sums up a plan.
func Place(operations []Operation) Placement {
	var p Placement
	var onEngine int
	var cost, engineCost float64
	for _, o := range operations {
		if o.Preferred == UnknownDevice {
			continue
		}
		p.Operations++
		c := max(o.Cost, 0)
		cost += c
		if o.Preferred == NeuralEngine {
			onEngine++
			engineCost += c
		}
	}
	if p.Operations == 0 {
		return Placement{}
	}
	p.Known = true
	p.ByCount = float64(onEngine) / float64(p.Operations)
	p.NeuralEngine = p.ByCount
	if cost > 0 {
		p.NeuralEngine = engineCost / cost
	}
	return p
}

// Leaving puts the operations that the plan keeps off the Neural Engine first, the dearest at the top; those without a device come last.
func Leaving(operations []Operation) []Operation {
	rank := func(o Operation) int {
		switch o.Preferred {
		case UnknownDevice:
			return 2
		case NeuralEngine:
			return 1
		default:
			return 0
		}
	}
	out := slices.Clone(operations)
	slices.SortStableFunc(out, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Cost, a.Cost))
	})
	return out
}

// Planner is a Model whose plan can be read operation by operation.
type Planner interface {
	// Plan returns the operations in the model's order; none where the system makes no plans (before macOS 14.4).
	Plan(ctx context.Context) ([]Operation, error)
}

// Batcher is a Model that runs several inputs in one call.
type Batcher interface {
	// PredictBatch is Predict for each pair of in and out, which are as many.
	PredictBatch(ctx context.Context, in, out []map[string]*Tensor) error
}

// Stateful is a Model that may keep memory from one prediction to the next.
type Stateful interface {
	// States describes that memory; empty where the model has none.
	States() []Feature
	// NewState returns memory as the model begins with. It needs macOS 15.
	NewState() (State, error)
}

// State is the memory of a model. Its calls run one after the other. Close it before its model.
type State interface {
	Predict(ctx context.Context, in, out map[string]*Tensor) error
	// Read copies the memory of that name into t, which has its shape; Write copies t there.
	Read(name string, t *Tensor) error
	Write(name string, t *Tensor) error
	Close() error
}

// Error is an error or an exception of the system's frameworks.
type Error struct {
	Doing     string // such as "compile"
	Domain    string // of the NSError, such as com.apple.CoreML, or the NSException's name
	Code      int    // of the NSError
	Message   string // in the system's words
	Exception bool
}

func (e *Error) Error() string {
	if e.Exception {
		return fmt.Sprintf("%s: %s (exception %s)", e.Doing, e.Message, e.Domain)
	}
	return fmt.Sprintf("%s: %s (%s %d)", e.Doing, e.Message, e.Domain, e.Code)
}

// Thermal is how hot a machine is, as NSProcessInfoThermalState has it. From Serious on, work that nobody waits for should slow down.
type Thermal int

// The thermal states.
const (
	ThermalNominal Thermal = iota
	ThermalFair
	ThermalSerious
	ThermalCritical
)

func (t Thermal) String() string {
	if t < ThermalNominal || t > ThermalCritical {
		return fmt.Sprintf("Thermal(%d)", int(t))
	}
	return [...]string{"nominal", "fair", "serious", "critical"}[t]
}

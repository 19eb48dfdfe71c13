// Package engine holds what every engine shares: tensors, features, units, placement. Package native re-exports it; it imports no engine.
package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoRuntime means that the library that runs networks is missing.
var ErrNoRuntime = errors.New("the library that runs networks is missing")

// Units is which processors Core ML may use. Away from macOS only the CPU is used.
type Units int

// The compute units, named as Core ML's MLComputeUnits.
const (
	UnitsAll Units = iota
	UnitsCPUAndNeuralEngine
	UnitsCPUAndGPU
	UnitsCPUOnly
)

var unitNames = []string{"all", "cpuAndNeuralEngine", "cpuAndGPU", "cpuOnly"}

func (u Units) String() string {
	if u < 0 || int(u) >= len(unitNames) {
		return fmt.Sprintf("Units(%d)", int(u))
	}
	return unitNames[u]
}

// ParseUnits reads a name that String writes, in any case.
func ParseUnits(s string) (Units, error) {
	for i, n := range unitNames {
		if strings.EqualFold(n, s) {
			return Units(i), nil
		}
	}
	return 0, fmt.Errorf("compute units %q: they are one of %s", s, strings.Join(unitNames, ", "))
}

// Feature describes an input or an output of a model.
type Feature struct {
	Name  string
	DType DType
	// Shape is the default shape, such as (1,3,256,256). A dimension of an output that follows from the inputs is 0.
	Shape []int
	// Shapes are all permitted shapes, the default among them; empty where Shape is the only one.
	Shapes [][]int
}

// Permits tells whether a tensor of that shape may be given.
func (f Feature) Permits(shape []int) bool {
	if len(f.Shapes) == 0 {
		return slices.Equal(f.Shape, shape)
	}
	return slices.ContainsFunc(f.Shapes, func(s []int) bool { return slices.Equal(s, shape) })
}

// Placement is where Core ML's compute plan puts a model: a plan, not a measurement.
type Placement struct {
	Known bool
	// NeuralEngine is the share of the estimated cost on the Neural Engine, 0..1.
	NeuralEngine float64
}

// Options is how a model is opened. The zero value asks for all units.
type Options struct {
	Units   Units
	Threads int // of the portable engine; 0: one for each physical core, and no more than Go may use processors
}

// Model is an open network. One goroutine at a time may use it.
type Model interface {
	Inputs() []Feature
	Outputs() []Feature
	// Predict runs the model once. in and out hold a tensor for every input and output, of a permitted shape; they stay the caller's, and out is
	// written in place. When ctx ends during a run, the portable engine stops between two operations; Core ML finishes the call. The error is
	// then ctx's.
	Predict(ctx context.Context, in, out map[string]*Tensor) error
	Placement() Placement
	// Close frees the model. It may be called again.
	Close() error
}

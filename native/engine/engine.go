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
	// Half says that the model itself reads or writes float16: a Float16 tensor is taken too, and saves a conversion.
	Half bool
	// Shape is the default shape, such as (1,3,256,256). A dimension of an output that follows from the inputs is 0; where nothing is known of
	// an output's shape it is empty.
	Shape []int
	// Shapes are all permitted shapes, the default among them; empty where Shape is the only one.
	Shapes [][]int
	// Ranges are the permitted sizes of each dimension, in place of Shapes; empty where there are none.
	Ranges []Range
	// Image is set where the model takes or gives a picture: a tensor (H,W,4) of Uint8 as BGRA or ARGB, or (H,W) of Uint8 or Float16.
	Image PixelFormat
	// Optional says that an input may be left out.
	Optional bool
}

// Range is the permitted sizes of a dimension. Max is 0 where there is no upper bound.
type Range struct{ Min, Max int }

// PixelFormat is how a picture's pixels lie in memory; empty for what is no picture.
type PixelFormat string

// The pixel formats of Core ML.
const (
	BGRA     PixelFormat = "BGRA"     // 32 bits
	ARGB     PixelFormat = "ARGB"     // 32 bits
	Gray     PixelFormat = "gray"     // 8 bits
	GrayHalf PixelFormat = "grayhalf" // float16
)

// Permits tells whether a tensor of that shape may be given.
func (f Feature) Permits(shape []int) bool {
	if len(f.Ranges) > 0 {
		return slices.EqualFunc(f.Ranges, shape, func(r Range, n int) bool { return n >= r.Min && (r.Max == 0 || n <= r.Max) })
	}
	if len(f.Shapes) == 0 {
		return slices.Equal(f.Shape, shape)
	}
	return slices.ContainsFunc(f.Shapes, func(s []int) bool { return slices.Equal(s, shape) })
}

// Options is how a model is opened. The zero value asks for all units. All but Threads and KeepMemory is Core ML's.
type Options struct {
	Units   Units
	Threads int // of the portable engine; 0: one for each physical core, and no more than Go may use processors
	// KeepMemory lets the portable engine keep the memory of one prediction for the next: quicker where pictures follow each other closely, at the
	// cost of holding the most that any of them needed until Close.
	KeepMemory bool
	// Function picks one of a package's several functions; empty: the default one. It needs macOS 15.
	Function string
	// Reshapes says how often the inputs' shape changes: a hint, from macOS 14.4.
	Reshapes Reshapes
	// FastPrediction lets Core ML load longer in order to predict faster: a hint, from macOS 15.
	FastPrediction bool
	// CacheDir keeps compiled packages; empty: gesso/coreml in the user's cache folder.
	CacheDir string
}

// Reshapes is how often the shape of a model's inputs changes, named as Core ML's MLReshapeFrequencyHint.
type Reshapes int

// The hints on shapes.
const (
	ReshapesDefault Reshapes = iota
	ReshapesFrequent
	ReshapesInfrequent
)

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

// Runner is a Model that makes its outputs itself, so that their shapes need not be known before.
type Runner interface {
	// Run is Predict with outputs of the shapes that follow from the inputs. They are the caller's to close.
	Run(ctx context.Context, in map[string]*Tensor) (out map[string]*Tensor, err error)
}

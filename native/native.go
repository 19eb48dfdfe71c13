// Package native runs networks: Core ML on macOS, the portable engine elsewhere, over the same .mlpackage files. Nothing outside of it knows
// cgo. It must not import pipeline, ui or assets.
package native

import "github.com/gesso-app/gesso/native/engine"

// The shared types of all engines.
type (
	Model     = engine.Model
	Tensor    = engine.Tensor
	DType     = engine.DType
	Units     = engine.Units
	Feature   = engine.Feature
	Range     = engine.Range
	Placement = engine.Placement
	Options   = engine.Options
	Operation = engine.Operation
	Device    = engine.Device
	Thermal   = engine.Thermal
	Error     = engine.Error

	Planner  = engine.Planner
	Batcher  = engine.Batcher
	Stateful = engine.Stateful
	State    = engine.State
	Runner   = engine.Runner
)

// Element types, compute units, processors and thermal states.
const (
	Float32 = engine.Float32
	Float16 = engine.Float16
	Int32   = engine.Int32
	Uint8   = engine.Uint8

	UnitsAll                = engine.UnitsAll
	UnitsCPUAndNeuralEngine = engine.UnitsCPUAndNeuralEngine
	UnitsCPUAndGPU          = engine.UnitsCPUAndGPU
	UnitsCPUOnly            = engine.UnitsCPUOnly

	UnknownDevice = engine.UnknownDevice
	CPU           = engine.CPU
	GPU           = engine.GPU
	NeuralEngine  = engine.NeuralEngine

	ThermalNominal  = engine.ThermalNominal
	ThermalFair     = engine.ThermalFair
	ThermalSerious  = engine.ThermalSerious
	ThermalCritical = engine.ThermalCritical
)

// ErrNoRuntime means that the library that runs networks is missing.
var ErrNoRuntime = engine.ErrNoRuntime

// NewTensor returns a tensor of zeros.
func NewTensor(d DType, shape ...int) (*Tensor, error) { return engine.NewTensor(d, shape...) }

// ParseUnits reads the name of compute units: all, cpuAndNeuralEngine, cpuAndGPU or cpuOnly.
func ParseUnits(s string) (Units, error) { return engine.ParseUnits(s) }

// Place sums up a plan.
func Place(operations []Operation) Placement { return engine.Place(operations) }

// Leaving puts the operations that a plan keeps off the Neural Engine first, the dearest at the top; those without a device come last.
func Leaving(operations []Operation) []Operation { return engine.Leaving(operations) }

// Open loads the network in a .mlpackage folder or a .mlmodel file.
func Open(path string, o Options) (Model, error) { return open(path, o) }

// OpenONNX loads an ONNX file as it is, where an engine runs those: the error is errors.ErrUnsupported elsewhere, and for inputs and outputs of
// other types than float32 and 32-bit integers.
func OpenONNX(path string, o Options) (Model, error) { return openONNX(path, o) }

// Describe reads a model's inputs and outputs and tells whether the engine runs it. Away from macOS it is not loaded for that.
func Describe(path string, o Options) (in, out []Feature, err error) { return describe(path, o) }

// Engine names what runs networks, such as "ONNX Runtime 1.24.1 (CPU)".
func Engine() string { return name() }

// Devices are the kinds of processors that networks may run on, and how many cores the Neural Engine has.
func Devices() (devices []Device, engineCores int) { return processors() }

// Heat is how hot the machine is; nominal where the system does not tell.
func Heat() Thermal { return thermal() }

// OnMemoryPressure has f called, on a goroutine of its own, whenever memory runs short on the machine, until stop is called: the time to close
// models that can be opened again. Only macOS tells.
func OnMemoryPressure(f func(critical bool)) (stop func()) { return onMemoryPressure(f) }

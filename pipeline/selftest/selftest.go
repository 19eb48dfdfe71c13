// Package selftest tries the engine of this machine: it loads each embedded network, runs it on pictures by formula, compares what comes out with
// PyTorch's outputs, reads the plan and takes the time of each choice of compute units. Its report is made to be attached to a bug. It must not import
// ui.
package selftest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/style"
)

// halfTolerance is how far values may be from PyTorch's where Core ML may compute in float16, as a share of the output's range: 10 bits, and some
// thirty layers.
const halfTolerance = 5e-2

// Options is what is tried. The zero value tries all.
type Options struct {
	Units    []native.Units // default: every choice where there is a choice
	Runs     int            // timed predictions of each network; default 5
	Threads  int            // of the portable engine; 0: one for each core
	CacheDir string         // where the networks are unpacked and compiled; default: gesso in the user's cache folder

	open style.Opener // for tests; default native.Open
}

// Report is what came of it.
type Report struct {
	Gesso      string    `json:"gesso"`
	Time       time.Time `json:"time"`
	Engine     string    `json:"engine"`
	System     string    `json:"system"`
	Go         string    `json:"go"`
	Processors int       `json:"processors"`
	// Devices are the kinds of processors that the engine knows; none where the system does not tell (before macOS 14).
	Devices           []string `json:"devices"`
	NeuralEngineCores int      `json:"neural_engine_cores"`
	// ThermalBefore and ThermalAfter are how hot the machine was, as NSProcessInfoThermalState has it.
	ThermalBefore string `json:"thermal_before"`
	ThermalAfter  string `json:"thermal_after"`
	// Tolerance is how far a value may be from PyTorch's, as a share of its output's range.
	Tolerance float64   `json:"tolerance"`
	Networks  []Network `json:"networks"`
	// Passed is whether every network loaded, ran, and gave what it should.
	Passed bool `json:"passed"`
}

// Network is how a network did with a choice of compute units. Times are seconds.
type Network struct {
	Units string `json:"compute_units"`
	Name  string `json:"network"`
	// Load is the time until the network could run. The first load of a network on a Mac includes compiling it.
	Load float64 `json:"load_seconds"`
	// First is the time of the first prediction, Median of those after it.
	First   float64  `json:"first_seconds"`
	Median  float64  `json:"median_seconds"`
	Outputs []Output `json:"outputs"`
	Plan    Plan     `json:"plan"`
	// Error is what kept the network from running, else empty.
	Error string `json:"error,omitempty"`
}

// Output is how far an output was from PyTorch's.
type Output struct {
	Name string `json:"name"`
	// Difference is the greatest distance of a value, as a share of the output's range; -1 where the values cannot be compared, such as NaN.
	Difference float64 `json:"difference"`
	Passed     bool    `json:"passed"`
}

// Plan is where Core ML plans to run a network: a plan, not a measurement.
type Plan struct {
	Known bool `json:"known"`
	// Share and ByCount are how much of the network is planned for the Neural Engine, 0..1: of the estimated cost and of the operations.
	Share   float64 `json:"neural_engine_share"`
	ByCount float64 `json:"neural_engine_by_count"`
	// Operations are those that leave the Neural Engine, the dearest first, and then the others.
	Operations []Operation `json:"operations,omitempty"`
	Error      string      `json:"error,omitempty"`
}

// Operation is a line of the plan. Cost is -1 where the plan has none.
type Operation struct {
	Type      string   `json:"type"`
	Output    string   `json:"output"`
	Preferred string   `json:"preferred"`
	Supported []string `json:"supported,omitempty"`
	Cost      float64  `json:"cost"`
}

// Run tries everything. What fails is in the report; the error is that of ctx, or of unpacking the networks. said is told what is being tried, and
// may be nil.
func Run(ctx context.Context, o Options, said func(step string)) (Report, error) {
	devices, cores := native.Devices()
	o = o.withDefaults(devices)
	r := Report{
		Gesso:             pipeline.Version,
		Time:              time.Now().UTC().Truncate(time.Second),
		Engine:            native.Engine(),
		System:            runtime.GOOS + "/" + runtime.GOARCH,
		Go:                runtime.Version(),
		Processors:        runtime.NumCPU(),
		Devices:           names(devices),
		NeuralEngineCores: cores,
		ThermalBefore:     native.Heat().String(),
		Tolerance:         style.Tolerance,
		Passed:            true,
	}
	if hasChoice(devices) {
		r.Tolerance = halfTolerance
	}
	dir, err := pipeline.UnpackNetworks(o.CacheDir)
	if err != nil {
		return r, err
	}
	trials, err := style.Trials()
	if err != nil {
		return r, err
	}
	for _, u := range o.Units {
		for _, t := range trials {
			if err := ctx.Err(); err != nil {
				return r, err
			}
			if said != nil {
				said(fmt.Sprintf("the %s network, %v", t.Network, u))
			}
			n := Network{Units: u.String(), Name: t.Network}
			if err := try(ctx, dir, t, u, o, r.Tolerance, &n); err != nil {
				if ctx.Err() != nil {
					return r, ctx.Err()
				}
				n.Error = tidy(err)
			}
			r.Networks = append(r.Networks, n)
			r.Passed = r.Passed && n.passed()
		}
	}
	r.ThermalAfter = native.Heat().String()
	return r, nil
}

// hasChoice tells whether these are Core ML's devices; the portable engine has the CPU alone.
func hasChoice(devices []native.Device) bool {
	return !slices.Equal(devices, []native.Device{native.CPU})
}

// withDefaults fills in what is not set.
func (o Options) withDefaults(devices []native.Device) Options {
	if len(o.Units) == 0 {
		o.Units = []native.Units{native.UnitsAll}
		if hasChoice(devices) {
			o.Units = append(o.Units, native.UnitsCPUAndNeuralEngine, native.UnitsCPUAndGPU, native.UnitsCPUOnly)
		}
	}
	if o.Runs == 0 {
		o.Runs = 5
	}
	if o.open == nil {
		o.open = native.Open
	}
	return o
}

func (n Network) passed() bool {
	return n.Error == "" && len(n.Outputs) > 0 && !slices.ContainsFunc(n.Outputs, func(o Output) bool { return !o.Passed })
}

// try loads and runs a network and fills n.
func try(ctx context.Context, dir string, t style.Trial, u native.Units, o Options, tolerance float64, n *Network) (err error) {
	options := native.Options{Units: u, Threads: o.Threads}
	if o.CacheDir != "" {
		options.CacheDir = filepath.Join(o.CacheDir, "coreml")
	}
	start := time.Now()
	m, err := o.open(filepath.Join(dir, t.Network+".mlpackage"), options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	n.Load = time.Since(start).Seconds()

	in, out := map[string]*native.Tensor{}, map[string]*native.Tensor{}
	defer func() {
		for _, tensors := range []map[string]*native.Tensor{in, out} {
			for _, x := range tensors {
				err = errors.Join(err, x.Close())
			}
		}
	}()
	for _, v := range t.In {
		if in[v.Name], err = native.NewTensor(native.Float32, v.Shape...); err != nil {
			return err
		}
		copy(in[v.Name].Float32s(), v.Data)
	}
	for _, v := range t.Out {
		if out[v.Name], err = native.NewTensor(native.Float32, v.Shape...); err != nil {
			return err
		}
	}
	times := make([]float64, 0, o.Runs)
	for i := range o.Runs + 1 {
		start := time.Now()
		if err := m.Predict(ctx, in, out); err != nil {
			return err
		}
		took := time.Since(start).Seconds()
		if i == 0 {
			n.First = took
			n.Outputs = compare(t, out, tolerance)
			continue
		}
		times = append(times, took)
	}
	slices.Sort(times)
	n.Median = times[len(times)/2]
	n.Plan = PlanOf(ctx, m)
	return nil
}

func compare(t style.Trial, out map[string]*native.Tensor, tolerance float64) (list []Output) {
	for _, v := range t.Out {
		d := v.Difference(out[v.Name].Float32s())
		o := Output{Name: v.Name, Difference: d, Passed: d <= tolerance}
		if d > 1e30 { // JSON has no infinity
			o.Difference = -1
		}
		list = append(list, o)
	}
	return list
}

// PlanOf reads the plan of an open model. It is unknown where there is none.
func PlanOf(ctx context.Context, m native.Model) Plan {
	planner, ok := m.(native.Planner)
	if !ok {
		return Plan{}
	}
	operations, err := planner.Plan(ctx)
	if err != nil {
		return Plan{Error: tidy(err)}
	}
	placed := native.Place(operations)
	p := Plan{Known: placed.Known, Share: placed.NeuralEngine, ByCount: placed.ByCount}
	for _, o := range native.Leaving(operations) {
		if o.Preferred == native.UnknownDevice { // a constant
			continue
		}
		p.Operations = append(p.Operations, Operation{o.Type, o.Output, o.Preferred.String(), names(o.Supported), o.Cost})
	}
	return p
}

func names(devices []native.Device) []string {
	out := make([]string, len(devices))
	for i, d := range devices {
		out[i] = d.String()
	}
	return out
}

// tidy is an error on one line, without the name of the user's home.
func tidy(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if home, _ := os.UserHomeDir(); len(home) > 1 {
		text = strings.ReplaceAll(text, home, "~")
	}
	return cmp.Or(text, "an error without words")
}

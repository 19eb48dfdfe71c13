//go:build darwin || fakecoreml

package coreml

// #include "bridge.h"
import "C"

import (
	"context"
	"unsafe"

	"github.com/gesso-app/gesso/native/engine"
)

// Plan returns where Core ML plans to run each operation; none before macOS 14.4. It is read once, which may take as long as loading the model. A
// context that ends meanwhile does not stop that; its error is returned at once.
func (m *Model) Plan(ctx context.Context) ([]engine.Operation, error) {
	type plan struct {
		operations []engine.Operation
		err        error
	}
	read := make(chan plan, 1)
	if err := m.begin(); err != nil {
		return nil, err
	}
	go func() {
		defer m.flight.Done() // the compiled package must stay until then
		operations, err := m.plan()
		read <- plan{operations, err}
	}()
	select {
	case p := <-read:
		if p.err != nil {
			return nil, doing("plan", m.path, p.err)
		}
		return p.operations, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Placement sums up the plan. It is unknown where there is none.
func (m *Model) Placement() engine.Placement {
	operations, err := m.Plan(context.Background())
	if err != nil {
		return engine.Placement{}
	}
	return engine.Place(operations)
}

func readPlan(compiled string, c config) ([]engine.Operation, error) {
	call, ended := newCall()
	c.with(compiled, func(p *C.char, k *C.gesso_config) { C.gesso_plan_load(p, k, call) })
	a := <-ended
	plan := (*C.gesso_plan)(a.result)
	defer C.gesso_plan_free(plan)
	if a.err != nil || plan == nil {
		return nil, a.err
	}
	var out []engine.Operation
	for _, o := range unsafe.Slice(plan.operations, plan.count) {
		op := engine.Operation{
			Function: C.GoString(o.function), Type: C.GoString(o._type), Output: C.GoString(o.output),
			Preferred: engine.Device(o.preferred), Cost: float64(o.cost), Supported: processors(uint32(o.supported)),
		}
		out = append(out, op)
	}
	return out, nil
}

// processors reads a set of bits.
func processors(bits uint32) (out []engine.Device) {
	for d := engine.CPU; d <= engine.NeuralEngine; d++ {
		if bits&(1<<d) != 0 {
			out = append(out, d)
		}
	}
	return out
}

//go:build darwin || fakecoreml

package native

import (
	"errors"

	"github.com/gesso-app/gesso/native/coreml"
	"github.com/gesso-app/gesso/native/engine"
)

func open(path string, o Options) (Model, error) { return coreml.Open(path, o) }

func openONNX(string, Options) (Model, error) { return nil, errors.ErrUnsupported }

func describe(path string, o Options) (in, out []Feature, err error) {
	m, err := coreml.Open(path, o)
	if err != nil {
		return nil, nil, err
	}
	return m.Inputs(), m.Outputs(), m.Close()
}

func openONNX(string, Options) (Model, error) { return nil, errors.ErrUnsupported }

func name() string { return coreml.Name() }

func processors() ([]engine.Device, int) { return coreml.Devices() }

func thermal() engine.Thermal { return coreml.Thermal() }

func onMemoryPressure(f func(critical bool)) (stop func()) { return coreml.OnMemoryPressure(f) }

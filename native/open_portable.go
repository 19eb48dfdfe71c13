//go:build !darwin && !fakecoreml

package native

import (
	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/portable"
)

func open(path string, o Options) (Model, error) { return portable.Open(path, o) }

func describe(path string, o Options) (in, out []Feature, err error) {
	return portable.Describe(path, o)
}

func openONNX(path string, o Options) (Model, error) { return portable.OpenONNX(path, o) }

func name() string { return portable.Name() }

func processors() ([]engine.Device, int) { return []engine.Device{engine.CPU}, 0 }

func thermal() engine.Thermal { return engine.ThermalNominal }

func onMemoryPressure(func(critical bool)) (stop func()) { return func() {} }

//go:build darwin || fakecoreml

package coreml

// #include "bridge.h"
import "C"

import (
	"strings"
	"sync"
	"unsafe"

	"github.com/gesso-app/gesso/native/engine"
)

// systemVersion is such as "14.5 (Build 23F79)".
func systemVersion() string {
	v := C.gesso_version()
	defer C.gesso_free(unsafe.Pointer(v))
	return strings.TrimPrefix(C.GoString(v), "Version ")
}

// Name is what Result.Engine says, such as "Core ML (macOS 14.5)".
func Name() string {
	version, _, _ := strings.Cut(systemVersion(), " (")
	return "Core ML (macOS " + version + ")"
}

// Devices are the processors that Core ML knows on this machine, and how many cores its Neural Engine has; none before macOS 14.
func Devices() (devices []engine.Device, cores int) {
	var n C.int32_t
	bits := C.gesso_devices(&n)
	return processors(uint32(bits)), int(n)
}

// Thermal is how hot the machine is.
func Thermal() engine.Thermal { return engine.Thermal(C.gesso_thermal()) }

// pressure is who wants to know that memory runs short. The system is asked while there is anybody.
var pressure struct {
	mu    sync.Mutex
	last  int
	on    map[int]func(critical bool)
	watch unsafe.Pointer
}

// OnMemoryPressure has f called, on a goroutine of its own, whenever memory runs short on the machine, until stop is called.
func OnMemoryPressure(f func(critical bool)) (stop func()) {
	pressure.mu.Lock()
	defer pressure.mu.Unlock()
	if pressure.on == nil {
		pressure.on = map[int]func(bool){}
	}
	if len(pressure.on) == 0 {
		pressure.watch = C.gesso_watch_pressure()
	}
	pressure.last++
	id := pressure.last
	pressure.on[id] = f
	return sync.OnceFunc(func() {
		pressure.mu.Lock()
		defer pressure.mu.Unlock()
		delete(pressure.on, id)
		if len(pressure.on) == 0 && pressure.watch != nil {
			C.gesso_unwatch_pressure(pressure.watch)
			pressure.watch = nil
		}
	})
}

//export gessoPressure
func gessoPressure(critical C.int32_t) {
	pressure.mu.Lock()
	defer pressure.mu.Unlock()
	for _, f := range pressure.on {
		go f(critical != 0)
	}
}

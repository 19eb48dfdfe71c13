//go:build darwin || fakecoreml

package coreml

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"unsafe"

	"github.com/gesso-app/gesso/native/engine"
)

// config is how a model is loaded.
type config struct{ engine.Options }

// with runs f with c as C has it.
func (c config) with(path string, f func(path *C.char, c *C.gesso_config)) {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	k := C.gesso_config{units: C.int32_t(c.Units), reshapes: C.int32_t(c.Reshapes)}
	if c.FastPrediction {
		k.fast = 1
	}
	if c.Function != "" {
		k.function = C.CString(c.Function)
		defer C.free(unsafe.Pointer(k.function))
	}
	f(p, &k)
}

func (c config) load(path string) (handle unsafe.Pointer, err error) {
	err = try(func(e *C.gesso_error) {
		c.with(path, func(p *C.char, k *C.gesso_config) { handle = C.gesso_load(p, k, e) })
	})
	return handle, err
}

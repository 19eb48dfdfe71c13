//go:build fakecoreml && linux

package fake

// #include "fake.h"
import "C"

import (
	"sync"
	"time"
)

// Stage is a step of using Core ML that can be made to fail.
type Stage int

// The stages.
const (
	Nothing Stage = iota
	Compile
	Load
	Predict // batches too
	Plan
	State
)

// Modes is how the fake behaves. The zero value is Core ML of macOS 15 at its best.
type Modes struct {
	IgnoreBackings bool          // outputs lie in memory of the fake's own
	Padded         bool          // the fake's own memory has gaps between rows, full of NaN
	ErrorAt        Stage         // this stage ends with an NSError, com.apple.CoreML 7
	ExceptionAt    Stage         // this stage throws an NSException, FakeException
	Late           time.Duration // so long after a prediction the fake still reads its arrays, and only then releases them
	Slow           time.Duration // a prediction takes at least so long
	NilUsage       bool          // the plan knows neither processors nor costs
	NoProgram      bool          // the model's structure is one of layers
	Short          int           // so many bytes of an array's memory are said not to be there
	MacOS          float64       // 0: 15.0
	Thermal        int
}

var set sync.Mutex

// Set makes the fake behave so from now on.
func Set(m Modes) {
	set.Lock()
	defer set.Unlock()
	if m.MacOS == 0 {
		m.MacOS = 15
	}
	for mode, value := range map[C.int]int{
		C.FAKE_IGNORE_BACKINGS: flag(m.IgnoreBackings),
		C.FAKE_PADDED:          flag(m.Padded),
		C.FAKE_ERROR_AT:        int(m.ErrorAt),
		C.FAKE_EXCEPTION_AT:    int(m.ExceptionAt),
		C.FAKE_LATE_MS:         int(m.Late.Milliseconds()),
		C.FAKE_SLOW_MS:         int(m.Slow.Milliseconds()),
		C.FAKE_NIL_USAGE:       flag(m.NilUsage),
		C.FAKE_NO_PROGRAM:      flag(m.NoProgram),
		C.FAKE_MACOS:           int(m.MacOS*100 + 0.5),
		C.FAKE_THERMAL:         m.Thermal,
		C.FAKE_SHORT:           m.Short,
	} {
		C.fake_set(mode, C.int(value))
	}
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

// Objects is how many of Core ML's objects there are.
func Objects() int { return int(C.fake_objects()) }

// MostFlying returns the greatest number of predictions that were under way at once since it was last called.
func MostFlying() int { return int(C.fake_flying(1)) }

// Pressure plays a memory warning.
func Pressure(critical bool) { C.fake_pressure(C.int(flag(critical))) }

//go:build darwin || fakecoreml

package coreml

// #include "bridge.h"
import "C"

// outstanding is how much C memory the bridge has out, how many tensors it holds, and how many calls have not ended.
func outstanding() (allocations, tensors, pending int) {
	return int(C.gesso_allocations()), holds.len(), calls.len()
}

// Package coreml runs networks on macOS through Core ML, by a bridge in Objective-C with a flat C face (bridge.h). Elsewhere it is empty, but for the
// build tag fakecoreml: with it the very same files run on Linux against package fake, which plays Core ML and macOS. It imports engine alone.
//
// # Threads and cancelling
//
// An open model belongs to a goroutine that is locked to an operating-system thread: it loads the model, starts every prediction and frees the
// model. Several goroutines may call Predict at once. From macOS 14 on their calls run side by side, as Core ML sees fit; before, one after the
// other. A context that ends while a call waits for the model's thread cancels the call. Once Core ML has it, it runs to its end, since Core ML
// cannot be stopped and writes into the caller's tensors; then the context's error is returned.
//
// # Memory
//
// Core ML reads and writes the tensors' own memory, outside Go's heap, where the element types agree and copies otherwise. A tensor may be closed
// as soon as a call has returned: its memory stays mapped until Core ML's last array over it is gone (engine.Tensor.Hold).
package coreml

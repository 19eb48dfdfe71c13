// Package fake plays Core ML, and what else of macOS the bridge calls, under GNUstep on Linux, with the build tag fakecoreml; without it the package
// is empty. It is strict where Core ML is: names, shapes, element types, strides, pixel formats. What a model computes, the portable engine computes.
//
// Its modes make it behave in every way that Core ML may (see Modes), and it counts its objects, so that tests see what the bridge lost or freed
// twice. It proves ownership, marshalling and the flow of errors; of Core ML's numbers, speed and placement it proves nothing.
package fake

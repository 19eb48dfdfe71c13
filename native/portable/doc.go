// Package portable runs Core ML packages where Core ML is not: it lowers a package's ML program to an ONNX graph in memory and has ONNX Runtime
// run it on the CPU. Weights stay in the package's weight.bin, which the graph points into. It imports engine and mlpackage alone.
package portable

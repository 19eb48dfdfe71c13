package coreml

/*
#cgo CFLAGS: -fobjc-arc
#cgo LDFLAGS: -framework Foundation -framework CoreML -framework CoreVideo
*/
import "C"

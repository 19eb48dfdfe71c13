//go:build fakecoreml && linux

package fake

// #include <stdlib.h>
// #include "fake.h"
import "C"

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/cgo"
	"strings"
	"unsafe"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
)

var background = context.Background() // Core ML cannot be cancelled

// inside is where a compiled folder keeps its package.
const inside = "package.mlpackage"

func message(err error) *C.char {
	if err == nil {
		return nil
	}
	return C.CString(err.Error())
}

//export fakeCompile
func fakeCompile(source, folder *C.char, compiled **C.char) *C.char {
	path := C.GoString(source)
	if _, err := readSpec(path); err != nil {
		return message(err)
	}
	dir, err := os.MkdirTemp(C.GoString(folder), "fakecoreml-*")
	if err != nil {
		return message(err)
	}
	out := filepath.Join(dir, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))+".mlmodelc")
	if err := os.CopyFS(filepath.Join(out, inside), os.DirFS(path)); err != nil {
		return message(err)
	}
	*compiled = C.CString(out)
	return nil
}

//export fakeOpen
func fakeOpen(compiled, function *C.char, id *C.uintptr_t, list **C.fake_feature, count *C.int) *C.char {
	name := ""
	if function != nil {
		name = C.GoString(function)
	}
	m, err := openModel(filepath.Join(C.GoString(compiled), inside), name)
	if err != nil {
		return message(err)
	}
	d := m.description
	n := len(d.GetInput()) + len(d.GetOutput()) + len(d.GetState())
	*list = (*C.fake_feature)(C.calloc(C.size_t(n+1), C.sizeof_fake_feature))
	all := unsafe.Slice(*list, n)
	for role, features := range [][]*coremlpb.FeatureDescription{d.GetInput(), d.GetOutput(), d.GetState()} {
		for _, f := range features {
			describe(&all[*count], f)
			all[*count].role = C.int(role)
			*count++
		}
	}
	*id = C.uintptr_t(cgo.NewHandle(m))
	return nil
}

// describe fills c, which is zero.
func describe(c *C.fake_feature, f *coremlpb.FeatureDescription) {
	c.name = C.CString(f.GetName())
	if f.GetType().GetIsOptional() {
		c.optional = 1
	}
	if image := f.GetType().GetImageType(); image != nil {
		c.kind = C.FAKE_IMAGE
		c.format = map[coremlpb.ImageFeatureType_ColorSpace]C.uint32_t{
			coremlpb.ImageFeatureType_RGB: 0x42475241, coremlpb.ImageFeatureType_BGR: 0x42475241,
			coremlpb.ImageFeatureType_GRAYSCALE: 0x4c303038, coremlpb.ImageFeatureType_GRAYSCALE_FLOAT16: 0x4c303068,
		}[image.GetColorSpace()]
		if image.GetColorSpace() == coremlpb.ImageFeatureType_BGR {
			c.bgr = 1
		}
		c.rank = 2
		c.shape[0], c.shape[1] = C.int64_t(image.GetHeight()), C.int64_t(image.GetWidth())
		return
	}
	array := f.GetType().GetMultiArrayType()
	if s := f.GetType().GetStateType(); s != nil {
		array = s.GetArrayType()
	}
	c.dtype = C.int(array.GetDataType())
	c.rank = C.int(len(array.GetShape()))
	for i, n := range array.GetShape() {
		c.shape[i] = C.int64_t(n)
	}
	shapes := array.GetEnumeratedShapes().GetShapes()
	c.shapes = C.int(len(shapes))
	c.enumerated = (*C.int64_t)(C.calloc(C.size_t(len(shapes)+1), C.size_t(8*len(array.GetShape())+8)))
	for i, s := range shapes {
		for j, n := range s.GetShape() {
			unsafe.Slice(c.enumerated, len(shapes)*len(s.GetShape()))[i*len(s.GetShape())+j] = C.int64_t(n)
		}
	}
	for i, r := range array.GetShapeRange().GetSizeRanges() {
		c.ranged = 1
		c.low[i], c.high[i] = C.int64_t(r.GetLowerBound()), C.int64_t(r.GetUpperBound())
	}
}

//export fakeClose
func fakeClose(id C.uintptr_t) {
	h := cgo.Handle(id)
	if err := h.Value().(*model).close(); err != nil {
		panic(err) // a test's
	}
	h.Delete()
}

//export fakeRun
func fakeRun(id C.uintptr_t, in *C.fake_tensor, nin C.int, out **C.fake_tensor, nout *C.int) *C.char {
	m := cgo.Handle(id).Value().(*model)
	tensors := map[string]*engine.Tensor{}
	defer func() {
		for _, t := range tensors {
			_ = t.Close()
		}
	}()
	for _, c := range unsafe.Slice(in, nin) {
		shape := make([]int, c.rank)
		for i := range shape {
			shape[i] = int(c.shape[i])
		}
		t, err := engine.NewTensor(engine.DType(c.dtype), shape...)
		if err != nil {
			return message(err)
		}
		copy(t.Bytes(), unsafe.Slice((*byte)(c.data), len(t.Bytes())))
		tensors[C.GoString(c.name)] = t
	}
	results, err := m.run(tensors)
	if err != nil {
		return message(fmt.Errorf("the portable engine: %w", err))
	}
	*out = (*C.fake_tensor)(C.calloc(C.size_t(len(results)+1), C.sizeof_fake_tensor))
	all := unsafe.Slice(*out, len(results))
	for name, t := range results {
		c := &all[*nout]
		*nout++
		c.name, c.dtype, c.rank, c.data = C.CString(name), C.int(t.DType()), C.int(len(t.Shape())), C.CBytes(t.Bytes())
		for i, n := range t.Shape() {
			c.shape[i] = C.int64_t(n)
		}
		_ = t.Close()
	}
	return nil
}

// Units and processors, as MLComputeUnits and fake_operation number them.
const (
	unitsAll             = 2
	unitsCPUAndANE       = 3
	cpu, neuralEngine    = 1, 3
	convolution, another = 10, 1 // what they cost, before all is divided by the sum
)

// onCPU are operations that the fake keeps off the Neural Engine.
var onCPU = map[string]bool{"softmax": true, "gather": true, "cast": true, "reduce_mean": true}

//export fakePlan
func fakePlan(compiled *C.char, units C.int, list **C.fake_operation, count *C.int) *C.char {
	spec, err := readSpec(filepath.Join(C.GoString(compiled), inside))
	if err != nil {
		return message(err)
	}
	var all []C.fake_operation
	var sum float64
	for name, f := range spec.GetMlProgram().GetFunctions() {
		for _, op := range f.GetBlockSpecializations()[f.GetOpset()].GetOperations() {
			o := C.fake_operation{function: C.CString(name), _type: C.CString(op.GetType()), output: C.CString(op.GetOutputs()[0].GetName())}
			if op.GetType() != "const" {
				o.device, o.cost = cpu, another
				if op.GetType() == "conv" {
					o.cost = convolution
				}
				if (units == unitsAll || units == unitsCPUAndANE) && !onCPU[op.GetType()] {
					o.device = neuralEngine
				}
				sum += float64(o.cost)
			}
			all = append(all, o)
		}
	}
	*list = (*C.fake_operation)(C.calloc(C.size_t(len(all)+1), C.sizeof_fake_operation))
	*count = C.int(len(all))
	for i, o := range all {
		o.cost /= C.double(max(sum, 1))
		unsafe.Slice(*list, len(all))[i] = o
	}
	return nil
}

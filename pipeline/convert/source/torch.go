package source

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// storage is an array's memory outside of the pickle.
type storage struct {
	key   string
	dtype DType
	count int64 // elements
	typed bool  // false: the tensors say what the elements are
}

// view is a tensor as a pickle has it: part of a storage.
type view struct {
	storage *storage
	dtype   DType
	offset  int64
	shape   []int
	stride  []int64
}

// object is something of a TorchScript module: its attributes.
type object struct {
	class global
	state *dict
}

// opaque is a value that weights are not made of.
type opaque struct{ global }

// storages are the names of storages' types in PyTorch, and of its element types.
var storages = map[string]DType{
	"FloatStorage": F32, "HalfStorage": F16, "BFloat16Storage": BF16, "DoubleStorage": F64, "LongStorage": I64, "IntStorage": I32,
	"ShortStorage": I16, "CharStorage": I8, "ByteStorage": U8, "BoolStorage": Bool,
}

var torchTypes = map[string]DType{
	"float32": F32, "float16": F16, "bfloat16": BF16, "float64": F64, "int64": I64, "int32": I32, "int16": I16, "int8": I8, "uint8": U8, "bool": Bool,
	"float": F32, "half": F16, "double": F64, "long": I64, "int": I32, "float8_e4m3fn": F8E4M3, "float8_e5m2": F8E5M2, "uint16": U16, "uint32": U32, "uint64": U64,
}

// rebuilders are the names that a checkpoint calls to make what it holds.
var rebuilders = map[string]func(args tuple) (any, error){
	"collections.OrderedDict":                    func(args tuple) (any, error) { return dictOf(args) },
	"collections.defaultdict":                    func(tuple) (any, error) { return newDict(), nil },
	"builtins.set":                               func(tuple) (any, error) { return &list{}, nil },
	"__builtin__.set":                            func(tuple) (any, error) { return &list{}, nil },
	"torch.Size":                                 func(args tuple) (any, error) { return args, nil },
	"torch._utils._rebuild_tensor":               rebuildTensor,
	"torch._utils._rebuild_tensor_v2":            rebuildTensor,
	"torch._utils._rebuild_tensor_v3":            rebuildTensorTyped,
	"torch._utils._rebuild_parameter":            first,
	"torch._utils._rebuild_parameter_with_state": first,
	"torch._tensor._rebuild_from_type_v2":        rebuildFromType,
	"torch.nn.parameter.Parameter":               first,
	"torch.serialization._get_layout":            func(tuple) (any, error) { return nil, nil },
	"torch.jit._pickle.restore_type_tag":         first,
	"torch.jit._pickle.build_intlist":            first,
	"torch.jit._pickle.build_doublelist":         first,
	"torch.jit._pickle.build_boollist":           first,
	"torch.jit._pickle.build_tensorlist":         first,
	"torch.jit._pickle.build_tensor_from_id":     inert,
	"torch.device":                               inert,
	"numpy.core.multiarray.scalar":               inert,
	"numpy._core.multiarray.scalar":              inert,
	"numpy.dtype":                                inert,
	"_codecs.encode":                             inert,
}

// inert stands for values of training, such as a device or the best loss, which are read past.
func inert(tuple) (any, error) { return opaque{}, nil }

func first(args tuple) (any, error) {
	if len(args) == 0 {
		return nil, damaged("a call without arguments")
	}
	return args[0], nil
}

func dictOf(args tuple) (any, error) {
	d := newDict()
	if len(args) == 0 {
		return d, nil
	}
	pairs, ok := args[0].(*list)
	if !ok {
		return nil, damaged("a dictionary of what is no list")
	}
	for _, p := range pairs.items {
		switch kv := p.(type) {
		case *list:
			if len(kv.items) == 2 {
				d.set(kv.items[0], kv.items[1])
			}
		case tuple:
			if len(kv) == 2 {
				d.set(kv[0], kv[1])
			}
		}
	}
	return d, nil
}

// torchHooks knows the names of checkpoints; script allows TorchScript's classes too, of which the attributes are read.
func torchHooks(script bool, persistent func(any) (any, error)) hooks {
	return hooks{
		allow: func(g global) error {
			if known(g) || (script && strings.HasPrefix(g.module, "__torch__")) {
				return nil
			}
			return fmt.Errorf("its pickle names %s, which is refused: no code of a file is run; save the model's state_dict() alone, best as .safetensors", g)
		},
		call: func(g global, args tuple) (any, error) {
			if f := rebuilders[g.String()]; f != nil {
				return f(args)
			}
			if strings.HasPrefix(g.module, "__torch__") {
				return &object{class: g}, nil
			}
			return nil, fmt.Errorf("its pickle calls %s, which is refused: no code of a file is run", g)
		},
		build: func(o, state any) error {
			if m, ok := o.(*object); ok {
				m.state, _ = state.(*dict) // an object without attributes has no weights
			}
			return nil // the state of a dictionary or a tensor is no weight
		},
		persistent: persistent,
	}
}

func known(g global) bool {
	if f := rebuilders[g.String()]; f != nil {
		return true
	}
	switch g.module {
	case "torch":
		_, isStorage := storages[g.name]
		_, isType := torchTypes[g.name]
		return isStorage || isType || g.name == "Tensor" || g.name == "UntypedStorage" || g.name == "strided" || g.name == "contiguous_format"
	case "torch.storage":
		return g.name == "UntypedStorage"
	}
	return false
}

// storageOf reads a persistent identity: ("storage", type, key, place, count, ...).
func storageOf(id any) (*storage, error) {
	t, ok := id.(tuple)
	if !ok || len(t) < 5 || t[0] != "storage" {
		return nil, damaged("a reference that is no storage")
	}
	class, ok := t[1].(global)
	if !ok {
		return nil, damaged("a storage without a type")
	}
	s := &storage{}
	switch key := t[2].(type) {
	case string:
		s.key = key
	case int64:
		s.key = strconv.FormatInt(key, 10)
	default:
		return nil, damaged("a storage without a key")
	}
	s.dtype, s.typed = storages[class.name]
	if !s.typed && class.name != "UntypedStorage" {
		return nil, damaged("a storage of type %s", class)
	}
	if !s.typed {
		s.dtype = U8
	}
	s.count, ok = t[4].(int64)
	if !ok || s.count < 0 || s.count > maxElements {
		return nil, damaged("a storage's length")
	}
	return s, nil
}

func integers(v any) ([]int64, error) {
	var items []any
	switch x := v.(type) {
	case tuple:
		items = x
	case *list:
		items = x.items
	default:
		return nil, damaged("a shape that is no tuple")
	}
	out := make([]int64, len(items))
	for i, it := range items {
		n, ok := it.(int64)
		if !ok {
			return nil, damaged("a dimension that is no integer")
		}
		out[i] = n
	}
	return out, nil
}

// rebuildTensor makes a tensor of (storage, offset, shape, stride, ...).
func rebuildTensor(args tuple) (any, error) {
	if len(args) < 4 {
		return nil, damaged("a tensor of %d arguments", len(args))
	}
	s, ok := args[0].(*storage)
	offset, ok2 := args[1].(int64)
	if !ok || !ok2 || offset < 0 {
		return nil, damaged("a tensor without a storage")
	}
	dims, err := integers(args[2])
	if err != nil {
		return nil, err
	}
	shape, err := checked(dims)
	if err != nil {
		return nil, err
	}
	stride, err := integers(args[3])
	if err != nil {
		return nil, err
	}
	v := &view{s, s.dtype, offset, shape, stride}
	return v, v.check()
}

// rebuildTensorTyped makes a tensor of an untyped storage; the element type is the argument after the hooks.
func rebuildTensorTyped(args tuple) (any, error) {
	if len(args) < 7 {
		return nil, damaged("a tensor of %d arguments", len(args))
	}
	g, ok := args[6].(global)
	d, ok2 := torchTypes[g.name]
	s, ok3 := args[0].(*storage)
	if !ok || !ok2 || !ok3 {
		return nil, damaged("a tensor without an element type")
	}
	typed := &storage{s.key, d, s.count * int64(s.dtype.Size()) / int64(d.Size()), true}
	return rebuildTensor(append(tuple{typed}, args[1:]...))
}

// rebuildFromType makes a tensor of (function, type, arguments, state).
func rebuildFromType(args tuple) (any, error) {
	if len(args) >= 3 {
		g, _ := args[0].(global)
		inner, _ := args[2].(tuple)
		switch g.String() {
		case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
			return rebuildTensor(inner)
		case "torch._utils._rebuild_tensor_v3":
			return rebuildTensorTyped(inner)
		}
	}
	return nil, damaged("a tensor of a type that is not known")
}

// maxRepeated is how many elements a tensor may have that its storage lacks, as one that was made by expand has.
const maxRepeated = 1 << 22

// check tells whether all elements lie in the storage.
func (v *view) check() error {
	if len(v.stride) != len(v.shape) {
		return damaged("a shape of %d dimensions and strides of %d", len(v.shape), len(v.stride))
	}
	last, n := v.offset, int64(1)
	for i, d := range v.shape {
		if v.stride[i] < 0 || v.stride[i] > maxElements {
			return damaged("a stride of %d", v.stride[i])
		}
		n *= int64(d)
		last += int64(max(d-1, 0)) * v.stride[i]
		if last > maxElements {
			return damaged("a tensor of shape %v ends past its storage", v.shape)
		}
	}
	if n > 0 && last >= v.storage.count {
		return damaged("a tensor of shape %v at offset %d ends past its storage of %d elements", v.shape, v.offset, v.storage.count)
	}
	if n > v.storage.count && n > maxRepeated {
		return damaged("a tensor of shape %v repeats a storage of %d elements", v.shape, v.storage.count)
	}
	return nil
}

// contiguous tells whether the elements lie one after the other.
func (v *view) contiguous() bool {
	want := int64(1)
	for i, d := range slices.Backward(v.shape) {
		if d != 1 && v.stride[i] != want {
			return false
		}
		want *= int64(d)
	}
	return true
}

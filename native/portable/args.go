package portable

import (
	"fmt"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// args reads an operation's arguments. The first error is kept and makes the rest of no effect.
type args struct {
	l    *lowering
	op   *milpb.Operation
	kind string // of op
	err  error
}

func (a *args) fail(format string, v ...any) {
	if a.err == nil {
		a.err = fmt.Errorf(format, v...)
	}
}

func (a *args) out() string { return a.op.GetOutputs()[0].GetName() }

func (a *args) outs() (names []string) {
	for _, o := range a.op.GetOutputs() {
		names = append(names, o.GetName())
	}
	return names
}

func (a *args) bindings(key string) []*milpb.Argument_Binding {
	return a.op.GetInputs()[key].GetArguments()
}

func (a *args) has(key string) bool { return len(a.bindings(key)) > 0 }

// isKnown tells whether an argument is there and constant.
func (a *args) isKnown(key string) bool {
	b := a.bindings(key)
	return len(b) > 0 && (b[0].GetValue() != nil || a.l.consts[b[0].GetName()] != nil)
}

// constantAt is the i-th value of a variadic argument, or nil where it is missing or computed.
func (a *args) constantAt(key string, i int) *mlpackage.Const {
	b := a.bindings(key)
	switch {
	case i >= len(b):
		return nil
	case b[i].GetValue() != nil:
		return a.read(b[i].GetValue())
	}
	return a.l.consts[b[i].GetName()]
}

// constant is the value of an argument, or nil where it is missing. An argument that the program computes is an error: a default in its place
// would give a wrong result.
func (a *args) constant(key string) *mlpackage.Const {
	b := a.bindings(key)
	if len(b) == 0 {
		if v := a.op.GetAttributes()[key]; v != nil {
			return a.read(v)
		}
		return nil
	}
	if v := b[0].GetValue(); v != nil {
		return a.read(v)
	}
	c := a.l.consts[b[0].GetName()]
	if c == nil {
		a.fail("the argument %q must be a constant", key)
	}
	return c
}

func (a *args) read(v *milpb.Value) *mlpackage.Const {
	c, err := a.l.pkg.Value(v)
	if err != nil {
		a.fail("%w", err)
		return nil
	}
	return c
}

// known is an argument that must be there and constant.
func (a *args) known(key string) *mlpackage.Const {
	c := a.constant(key)
	if c == nil {
		a.fail("the argument %q must be a constant", key)
		return &mlpackage.Const{}
	}
	return c
}

// values are the names of a variadic argument's values in the graph.
func (a *args) values(key string) (names []string) {
	for _, b := range a.bindings(key) {
		var n string
		var err error
		switch {
		case b.GetValue() != nil:
			if c := a.read(b.GetValue()); c != nil {
				n, err = a.l.constant(c)
			}
		case a.l.consts[b.GetName()] != nil:
			n, err = a.l.constName(b.GetName())
		case a.l.types[b.GetName()] == nil:
			err = fmt.Errorf("the argument %q is the value %q, which nothing gives before", key, b.GetName())
		default:
			n = b.GetName()
		}
		if err != nil {
			a.fail("%w", err)
		}
		names = append(names, n)
	}
	return names
}

// value is the name of an argument that must be there.
func (a *args) value(key string) string {
	n := a.values(key)
	if len(n) == 0 {
		a.fail("the argument %q is missing", key)
		return ""
	}
	return n[0]
}

func (a *args) x() []string { return []string{a.value("x")} }

func (a *args) ints(key string, missing []int64) []int64 {
	if c := a.constant(key); c != nil {
		return c.Ints()
	}
	return missing
}

func (a *args) int(key string, missing int64) int64 {
	if c := a.constant(key); c != nil {
		if v := c.Ints(); len(v) > 0 {
			return v[0]
		}
	}
	return missing
}

func (a *args) flag(key string) bool { return a.int(key, 0) != 0 }

func (a *args) float(key string, missing float32) float32 {
	if c := a.constant(key); c != nil {
		if f := c.Float32s(); len(f) > 0 {
			return f[0]
		}
	}
	return missing
}

func (a *args) string(key, missing string) string {
	if c := a.constant(key); c != nil && len(c.Strings) > 0 {
		return c.Strings[0]
	}
	return missing
}

// dims are the dimensions of an argument as the program states them.
func (a *args) dims(key string) []int64 {
	d, ok := a.dimsAt(key, 0)
	if !ok {
		a.fail("the argument %q is missing", key)
	}
	return d
}

// dimsAt are those of the i-th value of a variadic argument.
func (a *args) dimsAt(key string, i int) ([]int64, bool) {
	b := a.bindings(key)
	if i >= len(b) {
		return nil, false
	}
	if v := b[i].GetValue(); v != nil {
		return mlpackage.Dims(v.GetType().GetTensorType()), true
	}
	if c := a.l.consts[b[i].GetName()]; c != nil {
		return c.Shape, true
	}
	t := a.l.types[b[i].GetName()]
	return mlpackage.Dims(t), t != nil
}

// dtype is the type of an argument's elements as the program states it.
func (a *args) dtype(key string) milpb.DataType {
	b := a.bindings(key)
	if len(b) == 0 {
		return milpb.DataType_UNUSED_TYPE
	}
	if v := b[0].GetValue(); v != nil {
		return v.GetType().GetTensorType().GetDataType()
	}
	return a.l.types[b[0].GetName()].GetDataType()
}

// optional is the name of an argument, or of a scalar of its default.
func (a *args) optional(key string, missing string) string {
	if a.has(key) {
		return a.value(key)
	}
	return missing
}

func (a *args) rank(key string) int { return len(a.dims(key)) }

package onnx

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// message builds a protobuf by hand.
type message []byte

func (m message) int(num protowire.Number, v uint64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, num, protowire.VarintType), v)
}

func (m message) bytes(num protowire.Number, v []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, num, protowire.BytesType), v)
}

func (m message) text(num protowire.Number, v string) message { return m.bytes(num, []byte(v)) }

// file is a model with that graph.
func file(graph message) []byte {
	return message{}.int(1, 8).bytes(7, graph).bytes(8, message{}.text(1, "").int(2, 17))
}

func tensor(name string, typ uint64, raw []byte, dims ...uint64) message {
	m := message{}
	for _, d := range dims {
		m = m.int(1, d)
	}
	return m.int(2, typ).text(8, name).bytes(9, raw)
}

func external(location, offset, length string) message {
	m := message{}.int(1, 4).int(2, 1).text(8, "w").int(14, 1)
	for k, v := range map[string]string{"location": location, "offset": offset, "length": length} {
		m = m.bytes(13, message{}.text(1, k).text(2, v))
	}
	return m
}

func TestFilesRefused(t *testing.T) {
	deep := message{}
	for range 12 {
		deep = message{}.bytes(1, message{}.text(4, "If").bytes(5, message{}.text(1, "then_branch").bytes(6, deep)))
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":                {nil, "empty"},
		"no graph":             {message{}.int(1, 8), "it has no graph"},
		"not a protobuf":       {[]byte("hello, world"), "no ONNX file"},
		"cut":                  {file(message{}.bytes(5, tensor("w", 1, make([]byte, 16), 4)))[:20], "damaged"},
		"too few bytes":        {file(message{}.bytes(5, tensor("w", 1, make([]byte, 12), 4))), "needs 16 bytes, and there are 12"},
		"a dimension of 2^63":  {file(message{}.bytes(5, tensor("w", 1, nil, 1<<63))), "out of range"},
		"an overflowing shape": {file(message{}.bytes(5, tensor("w", 3, nil, 1<<31-1, 1<<31-1, 1<<31-1))), "out of range"},
		"an unknown type":      {file(message{}.bytes(5, tensor("w", 14, nil, 1))), "type 14"},
		"climbing weights":     {file(message{}.bytes(5, external("../secret", "0", "16"))), "lies outside of the model's folder"},
		"absolute weights":     {file(message{}.bytes(5, external("/etc/passwd", "0", "16"))), "lies outside of the model's folder"},
		"absent weights":       {file(message{}.bytes(5, external("absent", "0", "16"))), "no such file"},
		"weights past the end": {file(message{}.bytes(5, external("data", "8", "16"))), "ends past its file"},
		"a negative offset":    {file(message{}.bytes(5, external("data", "-8", "16"))), "ends past its file"},
		"another length":       {file(message{}.bytes(5, external("data", "0", "8"))), "damaged"},
		"nested graphs":        {file(deep), "nested too deep"},
		"sparse weights":       {file(message{}.bytes(15, nil)), "sparse"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "m.onnx")
			require.NoError(t, os.WriteFile(path, c.file, 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "data"), make([]byte, 16), 0o600))
			_, err := Open(path)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestGraphsRefused(t *testing.T) {
	value := func(name string, dims ...uint64) message {
		shape := message{}
		for _, d := range dims {
			shape = shape.bytes(1, message{}.int(1, d))
		}
		return message{}.text(1, name).bytes(2, message{}.bytes(1, message{}.int(1, 1).bytes(2, shape)))
	}
	node := func(op, in, out string) message { return message{}.text(1, in).text(2, out).text(4, op) }
	ints := func(n message, name string, v ...uint64) message {
		a := message{}.text(1, name).int(20, 7)
		for _, x := range v {
			a = a.int(8, x)
		}
		return n.bytes(5, a)
	}
	for name, c := range map[string]struct {
		node message
		want string
	}{
		"unknown operations": {node("Loop", "x", "y"), "not supported: Loop"},
		"a missing value":    {node("Relu", "z", "y"), `the value "z" is used before it is given`},
		"a missing input":    {node("Conv", "x", "y"), "its input 1 is missing"},
		"an axis too far":    {ints(node("Transpose", "x", "y"), "perm", 0, 1, 2, 9), "there is no axis 9"},
		"few axes":           {ints(node("Transpose", "x", "y"), "perm", 0), "cannot be put in the order"},
		"a huge kernel":      {ints(node("MaxPool", "x", "y"), "kernel_shape", 1<<40, 2), "smaller than the pool"},
		"no kernel":          {node("MaxPool", "x", "y"), "a pool of the shape"},
		"a contradiction":    {node("Upsample", "x", "y"), "operation \"Upsample\""},
	} {
		t.Run(name, func(t *testing.T) {
			graph := message{}.bytes(1, c.node).bytes(11, value("x", 1, 3, 8, 8)).bytes(12, value("y", 1, 3, 8, 8))
			path := filepath.Join(t.TempDir(), "m.onnx")
			require.NoError(t, os.WriteFile(path, file(graph), 0o600))
			f, err := Open(path)
			require.NoError(t, err)
			defer f.Close()
			_, err = f.Build([][]int{{1, 3, 8, 8}}, mil.Options{})
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// FuzzOpen reads and builds files of any bytes: it may fail but not panic.
func FuzzOpen(f *testing.F) {
	b, err := os.ReadFile(filepath.Join("..", "testdata", "transformer.onnx"))
	require.NoError(f, err)
	f.Add(b)
	f.Add(file(message{}.bytes(1, message{}.text(1, "x").text(2, "y").text(4, "Relu"))))
	path := filepath.Join(f.TempDir(), "m.onnx")
	f.Fuzz(func(t *testing.T, b []byte) {
		require.NoError(t, os.WriteFile(path, b, 0o600))
		m, err := Open(path)
		if err != nil {
			return
		}
		defer m.Close()
		var shapes [][]int
		for _, in := range m.Inputs() {
			s := bytes.Repeat([]byte{1}, len(in.Shape))
			shape := make([]int, len(s))
			for i := range shape {
				shape[i] = max(1, min(in.Shape[i], 16))
			}
			shapes = append(shapes, shape)
		}
		_, _ = m.Build(shapes, mil.Options{}) // a graph that cannot be is no failure
	})
}

package npy

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

func file(version byte, head string, data ...byte) []byte {
	b := append([]byte(magic), version, 0)
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(head)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(head)))
	}
	return append(append(b, head...), data...)
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want Array
	}{
		"rows":    {file(1, "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2), }\n", 1, 0, 2, 0, 3, 0, 4, 0), Array{"int16", []int{2, 2}, []byte{1, 0, 2, 0, 3, 0, 4, 0}}},
		"columns": {file(2, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", 1, 4, 2, 5, 3, 6), Array{"uint8", []int{2, 3}, []byte{1, 2, 3, 4, 5, 6}}},
		"big":     {file(3, "{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }\n", 1, 2, 3, 4), Array{"float32", []int{1}, []byte{4, 3, 2, 1}}},
		"scalar":  {file(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (), }\n", 1), Array{"bool", []int{}, []byte{1}}},
		"empty":   {file(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (0, 3), }\n"), Array{"float16", []int{0, 3}, []byte{}}},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := Read(bytes.NewReader(c.file), 1<<20)
			require.NoError(t, err)
			require.Equal(t, c.want, *a)
			var out bytes.Buffer
			require.NoError(t, a.Write(&out))
			require.Zero(t, (out.Len()-len(a.Data))%64)
			again, err := Read(&out, 1<<20)
			require.NoError(t, err)
			require.Equal(t, a, again)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"nothing":    {nil, "not a .npy file"},
		"text":       {[]byte("a picture, perhaps"), "not a .npy file"},
		"objects":    {file(1, "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), "only arrays of numbers"},
		"complex":    {file(1, "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }"), "only numbers"},
		"records":    {file(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }"), "only arrays of numbers"},
		"cut":        {file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 1, 2, 3, 4), "cut short"},
		"header cut": {file(1, "{'descr'")[:12], "cut short"},
		"huge":       {file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2000000000, 2000000000), }"), "is larger than"},
		"overflow":   {file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }"), "an array of shape"},
		"version":    {file(9, "{}"), "version 9"},
		"long":       {file(2, "{}", 0)[:8], "cut short"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(bytes.NewReader(c.file), 1<<20)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	require.ErrorContains(t, (&Array{Type: "float32", Shape: []int{2}, Data: make([]byte, 4)}).Write(&bytes.Buffer{}), "4 bytes of data")
	require.ErrorContains(t, (&Array{Type: "text", Shape: []int{1}, Data: nil}).Write(&bytes.Buffer{}), "type text")
}

func FuzzRead(f *testing.F) {
	f.Add(file(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }", 1, 2, 3, 4, 5, 6, 7, 8))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := Read(bytes.NewReader(b), 1<<16); err == nil {
			require.NoError(t, a.Write(&bytes.Buffer{}))
		}
	})
}

package aten

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// records are those of an exported program.
func records(t testing.TB) map[string][]byte {
	t.Helper()
	r, err := zip.OpenReader(filepath.Join("..", "testdata", "transformer.pt2"))
	require.NoError(t, err)
	defer r.Close()
	out := map[string][]byte{}
	for _, f := range r.File {
		rc, err := f.Open()
		require.NoError(t, err)
		out[f.Name], err = io.ReadAll(rc)
		require.NoError(t, err)
		require.NoError(t, rc.Close())
	}
	return out
}

func save(t testing.TB, path string, records map[string][]byte) {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, data := range records {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		require.NoError(t, err)
		_, err = f.Write(data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
}

func build(path string) error {
	f, err := Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var shapes [][]int
	for _, in := range f.Inputs {
		shape := make([]int, len(in.Shape))
		for i, d := range in.Shape {
			shape[i] = min(max(d, 1), 64)
		}
		shapes = append(shapes, shape)
	}
	_, err = f.Build(shapes, mil.Options{})
	return err
}

func TestProgramsRefused(t *testing.T) {
	good := records(t)
	path := filepath.Join(t.TempDir(), "p.pt2")
	save(t, path, good)
	require.NoError(t, build(path))
	require.True(t, Is(path))
	change := func(old, by string) func(map[string][]byte) {
		return func(m map[string][]byte) {
			require.Contains(t, string(m[oldProgram]), old)
			m[oldProgram] = []byte(strings.ReplaceAll(string(m[oldProgram]), old, by))
		}
	}
	for name, c := range map[string]struct {
		change func(map[string][]byte)
		want   string
	}{
		"no graph":          {func(m map[string][]byte) { delete(m, oldProgram) }, "its archive has no graph"},
		"no JSON":           {func(m map[string][]byte) { m[oldProgram] = []byte("{") }, "its graph"},
		"an empty program":  {func(m map[string][]byte) { m[oldProgram] = []byte("{}") }, "its graph has no inputs"},
		"weights cut":       {func(m map[string][]byte) { m["serialized_state_dict.pt"] = m["serialized_state_dict.pt"][:1000] }, "its archive"},
		"no weights":        {func(m map[string][]byte) { delete(m, "serialized_state_dict.pt") }, "are missing"},
		"an operation":      {change("aten.relu.default", "aten.bernoulli.default"), "not supported: bernoulli"},
		"a call of Python":  {change("torch.ops.aten.relu.default", "os.system"), "not supported: os.system"},
		"a missing value":   {change(`"name":"pad_1"`, `"name":"pad_one"`), ""},
		"arguments missing": {change(`"inputs":[{"name":"self"`, `"inputs":[{"name":"other"`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := map[string][]byte{}
			for k, v := range good {
				m[k] = v
			}
			c.change(m)
			save(t, path, m)
			err := build(path)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}

// FuzzProgram builds programs of any text: it may fail but not panic.
func FuzzProgram(f *testing.F) {
	good := records(f)
	f.Add(good[oldProgram])
	path := filepath.Join(f.TempDir(), "p.pt2")
	f.Fuzz(func(t *testing.T, program []byte) {
		m := map[string][]byte{oldProgram: program, "serialized_state_dict.pt": good["serialized_state_dict.pt"]}
		save(t, path, m)
		_ = build(path) // a program that cannot be is no failure
	})
}

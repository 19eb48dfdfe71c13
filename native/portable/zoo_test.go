package portable

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
	"github.com/gesso-app/gesso/native/mlpackage/npy"
)

// zooCase is a model with inputs and the outputs that they must give, by run and name: see testdata/pack.py.
type zooCase struct {
	name      string
	model     string // its path
	tolerance float64
	in, out   map[string]map[string]*npy.Array
}

// unpack reads an archive of testdata.
func unpack(t testing.TB, archive string) (cases []*zooCase) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", archive))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	dir, byName := t.TempDir(), map[string]*zooCase{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return cases
		}
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		name, rest, _ := strings.Cut(h.Name, "/")
		c := byName[name]
		if c == nil {
			c = &zooCase{name, filepath.Join(dir, name+".mlpackage"), 0, map[string]map[string]*npy.Array{}, map[string]map[string]*npy.Array{}}
			byName[name] = c
			cases = append(cases, c)
		}
		parts := strings.Split(rest, "/")
		switch {
		case rest == "tolerance":
			c.tolerance, err = strconv.ParseFloat(string(b), 64)
			require.NoError(t, err)
		case rest == "model":
			c.model = filepath.Join(dir, name+".mlmodel")
			require.NoError(t, os.WriteFile(c.model, b, 0o644))
		case parts[0] == "model":
			file := filepath.Join(c.model, filepath.FromSlash(strings.TrimPrefix(rest, "model/")))
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, b, 0o644))
		default:
			a, err := npy.Read(bytes.NewReader(b), 1<<24)
			require.NoError(t, err, h.Name)
			side := c.in
			if parts[1] == "out" {
				side = c.out
			}
			if side[parts[0]] == nil {
				side[parts[0]] = map[string]*npy.Array{}
			}
			side[parts[0]][strings.TrimSuffix(parts[2], ".npy")] = a
		}
	}
}

// check runs a case in all of its runs.
func (c *zooCase) check(t *testing.T) {
	m, err := Open(c.model, engine.Options{Threads: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	require.NotEmpty(t, c.out)
	for run, want := range c.out {
		in, out := map[string]*engine.Tensor{}, map[string]*engine.Tensor{}
		for name, a := range c.in[run] {
			in[name] = fromArray(t, m.Inputs(), name, a)
		}
		for name, a := range want {
			k := slices.IndexFunc(m.Outputs(), func(f engine.Feature) bool { return f.Name == name })
			require.GreaterOrEqual(t, k, 0, "the model has no output %q", name)
			out[name] = tensor(t, m.Outputs()[k].DType, a.Shape)
		}
		require.NoError(t, m.Predict(t.Context(), in, out))
		for name, a := range want {
			near(t, run+"/"+name, out[name], a, max(c.tolerance, 1e-4))
		}
	}
}

func fromArray(t *testing.T, features []engine.Feature, name string, a *npy.Array) *engine.Tensor {
	k := slices.IndexFunc(features, func(f engine.Feature) bool { return f.Name == name })
	require.GreaterOrEqual(t, k, 0, "the model has no input %q", name)
	x := tensor(t, features[k].DType, a.Shape)
	require.Len(t, a.Data, len(x.Bytes()), name)
	copy(x.Bytes(), a.Data)
	return x
}

// near holds every element to a tolerance that is a part of the reference's range; integers are equal.
func near(t *testing.T, name string, got *engine.Tensor, want *npy.Array, tolerance float64) {
	t.Helper()
	switch got.DType() {
	case engine.Uint8:
		for i, v := range got.Bytes() {
			require.InDelta(t, want.Data[i], v, 1, "%s[%d]", name, i)
		}
		return
	case engine.Int32:
		require.Equal(t, want.Data, got.Bytes(), name)
		return
	}
	w, err := want.Float32s()
	require.NoError(t, err)
	if got.DType() == engine.Float16 {
		half := &npy.Array{Type: "float16", Shape: got.Shape(), Data: got.Bytes()}
		v, err := half.Float32s()
		require.NoError(t, err)
		got = tensor(t, engine.Float32, got.Shape())
		copy(got.Float32s(), v)
	}
	require.Equal(t, len(w), got.Len(), name)
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range w {
		low, high = min(low, float64(v)), max(high, float64(v))
	}
	for i, v := range got.Float32s() {
		d := math.Abs(float64(v) - float64(w[i]))
		require.False(t, d > tolerance*max(high-low, math.Abs(high), 1e-3) || math.IsNaN(float64(v)) != math.IsNaN(float64(w[i])), "%s[%d]: %v, expected %v", name, i, v, w[i])
	}
}

// TestZoo runs every operation of the table, TestCompressed every way to compress weights.
func TestZoo(t *testing.T) { checkAll(t, "zoo.tar.gz") }

func TestCompressed(t *testing.T) { checkAll(t, "compressed.tar.gz") }

// TestSequences runs recurrent layers, suppression of boxes, random numbers, and pools of padded inputs.
func TestSequences(t *testing.T) { checkAll(t, "sequences.tar.gz") }

// TestNetworks runs the layers of .mlmodel files.
func TestNetworks(t *testing.T) { checkAll(t, "network.tar.gz") }

func checkAll(t *testing.T, archive string) {
	for _, c := range unpack(t, archive) {
		t.Run(c.name, c.check)
	}
}

// TestZooHoldsEveryOperation compares the table with what the archives of testdata hold.
func TestZooHoldsEveryOperation(t *testing.T) {
	seen := map[string]bool{}
	var count func(b *milpb.Block)
	count = func(b *milpb.Block) {
		for _, op := range b.GetOperations() {
			seen[op.GetType()] = true
			for _, inner := range op.GetBlocks() {
				count(inner)
			}
		}
	}
	for _, archive := range []string{"zoo.tar.gz", "compressed.tar.gz", "sequences.tar.gz"} {
		for _, c := range unpack(t, archive) {
			p, err := mlpackage.Open(c.model)
			require.NoError(t, err)
			for _, fn := range p.Spec.GetMlProgram().GetFunctions() {
				count(fn.GetBlockSpecializations()[fn.GetOpset()])
			}
			require.NoError(t, p.Close())
		}
	}
	for op := range operations {
		require.True(t, seen[op], "no case of testdata holds %q", op)
	}
}

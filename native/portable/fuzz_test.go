package portable

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/mlpackage"
)

// lowerAll lowers what is at path, and decodes its weights piece by piece: it may fail but not panic.
func lowerAll(t *testing.T, path string) {
	p, err := mlpackage.Open(path)
	if err != nil {
		return
	}
	defer func() { require.NoError(t, p.Close()) }()
	if low, err := lower(p, p.Spec, "", true); err == nil {
		require.NoError(t, low.weights.close())
	}
	_, err = p.Summarize()
	require.NoError(t, err)
}

// FuzzNetwork lowers neural networks of any bytes.
// Run it with -fuzz FuzzNetwork -fuzzminimizetime 1x: by default minimising its large inputs takes all of the time.
func FuzzNetwork(f *testing.F) {
	for _, c := range unpack(f, "network.tar.gz") {
		b, err := os.ReadFile(c.model)
		require.NoError(f, err)
		f.Add(b)
	}
	file := filepath.Join(f.TempDir(), "any.mlmodel")
	f.Fuzz(func(t *testing.T, b []byte) {
		require.NoError(t, os.WriteFile(file, b, 0o644))
		lowerAll(t, file)
	})
}

// FuzzCompressed lowers programs of any bytes with weights of any bytes.
// Run it with -fuzz FuzzCompressed -fuzzminimizetime 1x.
func FuzzCompressed(f *testing.F) {
	var dir string
	for _, c := range unpack(f, "compressed.tar.gz") {
		spec, err := os.ReadFile(filepath.Join(c.model, specOf))
		require.NoError(f, err)
		weights, err := os.ReadFile(filepath.Join(c.model, weightsOf))
		if err != nil {
			continue // all is in the specification
		}
		f.Add(spec, weights)
		dir = c.model
	}
	f.Fuzz(func(t *testing.T, spec, weights []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, specOf), spec, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, weightsOf), weights, 0o644))
		lowerAll(t, dir)
	})
}

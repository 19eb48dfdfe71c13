package mlpackage

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzOpen opens packages of any bytes and reads all constants: it may fail but not panic, and what it reads agrees with its shape.
// Run it with -fuzz FuzzOpen -fuzzminimizetime 1x: by default minimising its large inputs takes all of the time.
func FuzzOpen(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "tiny.mlpackage")
	require.NoError(f, Write(dir, build))
	names := []string{manifestFile, specFile, blobFile}
	var seed [3][]byte
	for i, name := range names {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(f, err)
		seed[i] = b
	}
	f.Add(seed[0], seed[1], seed[2])
	f.Add(seed[0], seed[1], seed[2][:floatAt+64])
	f.Add([]byte("{}"), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, manifest, spec, blob []byte) {
		for i, b := range [][]byte{manifest, spec, blob} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, names[i]), b, 0o644))
		}
		p, err := Open(dir)
		if err != nil {
			return
		}
		for _, v := range constants(p) {
			c, err := p.Value(v)
			if err != nil {
				continue
			}
			if c.IsFloat() {
				require.EqualValues(t, c.Len(), len(c.Float32s()))
			} else {
				require.EqualValues(t, c.Len(), len(c.Ints())+len(c.Strings))
			}
		}
		require.NoError(t, p.Close())
	})
}

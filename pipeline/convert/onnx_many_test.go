package convert

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestManyONNX converts all ONNX files of the folder ONNX_FILES and compares with ONNX Runtime.
func TestManyONNX(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(os.Getenv("ONNX_FILES"), "*.onnx"))
	require.NoError(t, err)
	if os.Getenv("ONNX_FILES") == "" {
		t.Skip("ONNX_FILES names no folder of ONNX files")
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			o := Options{ModelPath: f, OutputPath: filepath.Join(t.TempDir(), "x.mlpackage"), Float32: true, Check: true}
			r, err := Run(t.Context(), o, nil)
			require.NoError(t, err)
			require.Less(t, r.Packages[0].Check.Relative, 1e-4)
		})
	}
}

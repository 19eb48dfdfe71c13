package convert

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/convert/compress"
	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// TestCoremltoolsReadsAll writes packages of all kinds and has coremltools load them and read their programs. COREMLTOOLS_PYTHON names a Python
// that has it: `make packages` makes one.
func TestCoremltoolsReadsAll(t *testing.T) {
	python := os.Getenv("COREMLTOOLS_PYTHON")
	if python == "" {
		t.Skip("COREMLTOOLS_PYTHON names no Python with coremltools; make packages does")
	}
	picture := map[string]mil.Image{"image": {Color: mil.BGR, Scale: 2, Bias: [3]float64{1, 2, 3}}, "stylized": {Color: mil.RGB}}
	small := [][2]int{{32, 48}}
	cases := []Options{
		{ModelPath: "transformer.pth", Sizes: small},
		{ModelPath: "transformer.pth", Sizes: small, Float32: true, Target: mil.IOS15},
		{ModelPath: "transformer.safetensors", Sizes: [][2]int{{32, 48}, {64, 64}, {48, 32}}},
		{ModelPath: "transformer.safetensors", Sizes: [][2]int{{32, 48}, {64, 64}}, Images: picture},
		{ModelPath: "transformer.onnx", Sizes: small, Target: mil.IOS17, Images: picture},
		{ModelPath: "transformer.pt2"},
		{ModelPath: "transformer_core.pt2", Target: mil.IOS18},
		{ModelPath: "multistyle.safetensors", Sizes: small},
		{ModelPath: "vgg_normalised.pth", Sizes: small},
		{ModelPath: "decoder.pth", Sizes: small},
	}
	for _, a := range []string{"original", "split-einsum", "split-einsum-v2"} {
		cases = append(cases, Options{ModelPath: "diffusion/sdxl", Attention: a}, Options{ModelPath: "diffusion/sd1", Attention: a, Float32: true})
	}
	for _, c := range []compress.Options{
		{Mode: compress.Palette, Bits: 1},
		{Mode: compress.Palette, Bits: 2},
		{Mode: compress.Palette, Bits: 3},
		{Mode: compress.Palette, Bits: 4},
		{Mode: compress.Palette, Bits: 6},
		{Mode: compress.Palette, Bits: 8},
		{Mode: compress.Palette, Bits: 4, Group: 4},
		{Mode: compress.Linear, Bits: 8},
		{Mode: compress.Linear, Bits: 8, PerTensor: true},
		{Mode: compress.Linear, Bits: 4},
		{Mode: compress.Linear, Bits: 4, Block: 4},
		{Mode: compress.Linear, Bits: 8, Block: 4},
	} {
		c.Size = 64
		cases = append(cases, Options{ModelPath: "transformer.pth", Sizes: small, Compress: c})
	}
	args := []string{filepath.Join("testdata", "check.py")}
	for i, o := range cases {
		o.ModelPath, o.OutputPath = filepath.Join("testdata", o.ModelPath), filepath.Join(t.TempDir(), fmt.Sprintf("p%d.mlpackage", i))
		r, err := Run(t.Context(), o, nil)
		require.NoError(t, err, "%+v", o)
		for _, p := range r.Packages {
			args = append(args, p.Path)
		}
	}
	out, err := exec.CommandContext(t.Context(), python, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, len(args)-1, strings.Count(string(out), ".mlpackage version "), "%s", out)
}

package convert

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/convert/compress"
)

// TestCancelLeavesNothing ends the context at each report of progress in turn.
func TestCancelLeavesNothing(t *testing.T) {
	for _, model := range []string{"transformer.pth", "transformer.onnx", filepath.Join("diffusion", "sd1")} {
		total := 0
		dir := t.TempDir()
		o := Options{ModelPath: filepath.Join("testdata", model), OutputPath: filepath.Join(dir, "out.mlpackage"), Sizes: [][2]int{{32, 32}}, Check: model == "transformer.pth"}
		_, err := Run(t.Context(), o, func(Progress) { total++ })
		require.NoError(t, err)
		require.NoError(t, os.RemoveAll(o.OutputPath))
		for at := 1; at <= total; at += max(1, total/10) {
			ctx, cancel := context.WithCancel(t.Context())
			seen := 0
			_, err := Run(ctx, o, func(Progress) {
				if seen++; seen == at {
					cancel()
				}
			})
			if seen < total || err != nil { // the last report may come when all is written
				require.ErrorIs(t, err, context.Canceled)
				left, err := os.ReadDir(dir)
				require.NoError(t, err)
				require.Empty(t, left)
			} else {
				require.NoError(t, os.RemoveAll(o.OutputPath))
			}
		}
	}
}

// TestNumbersOutOfHalf converts weights of which one is past float16's range: its operation stays in float32.
func TestNumbersOutOfHalf(t *testing.T) {
	b, err := os.ReadFile("testdata/transformer.safetensors")
	require.NoError(t, err)
	header := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	var entries map[string]struct {
		Offsets [2]int `json:"data_offsets"`
	}
	require.NoError(t, json.Unmarshal(b[8:8+header], &entries))
	at := 8 + header + entries["res1.conv1.conv2d.weight"].Offsets[0]
	copy(b[at:], []byte{0x00, 0x60, 0xea, 0x48}) // 480000
	path := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, os.WriteFile(path, b, 0o600))
	size := [][2]int{{32, 48}}
	half, halfPath := convert(t, Options{ModelPath: path, Sizes: size})
	require.Len(t, half.Packages[0].Float32, 1)
	full, fullPath := convert(t, Options{ModelPath: path, Sizes: size, Float32: true})
	require.Empty(t, full.Packages[0].Float32)
	in := map[string][]float32{"image": pattern(3*32*48, 255)}
	within(t, run(t, fullPath, in, nil)["stylized"], run(t, halfPath, in, nil)["stylized"], 2e-2)
}

// TestCompressedPackagesRun runs compressed packages: fewer bits differ more.
func TestCompressedPackagesRun(t *testing.T) {
	size := [][2]int{{32, 48}}
	for _, c := range []compress.Options{
		{Mode: compress.Palette, Bits: 8},
		{Mode: compress.Palette, Bits: 4},
		{Mode: compress.Palette, Bits: 4, Group: 4},
		{Mode: compress.Linear, Bits: 8},
		{Mode: compress.Linear, Bits: 4},
		{Mode: compress.Linear, Bits: 4, Block: 4},
		{Mode: compress.Palette, Bits: 3},
		{Mode: compress.Palette, Bits: 6},
	} {
		c.Size = 64
		r, _ := convert(t, Options{ModelPath: "testdata/transformer.pth", Sizes: size, Compress: c, Check: true})
		p := r.Packages[0]
		require.Less(t, p.Compressed.After, p.Compressed.Before)
		worst := map[int]float64{3: 0.3, 4: 0.15, 6: 0.05, 8: 0.02}[c.Bits]
		for _, l := range p.Compressed.Layers {
			require.Less(t, l.Error, worst, "%+v", l)
		}
		require.Greater(t, p.Check.PSNR, map[int]float64{3: 8, 4: 14, 6: 26, 8: 35}[c.Bits], "%+v: %+v", c, p.Check)
	}
}

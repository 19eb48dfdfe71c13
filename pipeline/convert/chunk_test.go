package convert

import (
	"maps"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestChunks runs the two halves of a U-Net one after the other, the second with the outputs of the first, and compares with diffusers.
func TestChunks(t *testing.T) {
	for network, width := range map[string]int{"sd1": 16, "sd2": 16, "sdxl": 32} {
		t.Run(network, func(t *testing.T) {
			r, path := convert(t, Options{
				ModelPath: filepath.Join(diffusionDir, network), Float32: true, Attention: "original", Part: "unet", ChunkUNet: true,
			})
			require.Len(t, r.Packages, 2)
			require.Equal(t, filepath.Join(path, "UnetChunk1.mlpackage"), r.Packages[0].Path)
			require.Equal(t, filepath.Join(path, "UnetChunk2.mlpackage"), r.Packages[1].Path)
			share := float64(r.Packages[0].Bytes) / float64(r.Packages[0].Bytes+r.Packages[1].Bytes)
			require.InDelta(t, 0.5, share, 0.2, "the halves are of about one size")
			in := diffusionInputs()
			in["encoder_hidden_states"] = pattern(2*width*77, 1)
			first := run(t, r.Packages[0].Path, in, nil)
			maps.Copy(in, first)
			got := run(t, r.Packages[1].Path, in, nil)
			want := floatsOf(t, filepath.Join(diffusionDir, network, "reference", "Unet.noise_pred.f32"))
			within(t, want, got["noise_pred"], 1e-3)
		})
	}
}

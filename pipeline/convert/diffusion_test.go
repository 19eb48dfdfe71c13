package convert

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// diffusionDir holds the tiny networks that testdata/diffusion.py makes.
var diffusionDir = filepath.Join("testdata", "diffusion")

func TestMain(m *testing.M) {
	if d := os.Getenv("GESSO_DIFFUSION"); d != "" {
		diffusionDir = d
	}
	os.Exit(m.Run())
}

// diffusionInputs are the inputs of testdata/diffusion.py.
func diffusionInputs() map[string][]float32 {
	ids := make([]float32, 77)
	copy(ids, []float32{98, 5, 17, 30, 42, 7, 99, 1, 1})
	return map[string][]float32{
		"sample": pattern(2*4*16*16, 1), "timestep": {521, 521}, "time_ids": pattern(2*6, 100), "text_embeds": pattern(2*16, 1), "input_ids": ids,
		"z": pattern(4*16*16, 1), "x": pattern(3*32*32, 1),
	}
}

// comparePart runs a part's package and compares all outputs with diffusers'.
func comparePart(t *testing.T, network, name, tag, path string, tolerance float64) {
	t.Helper()
	in := diffusionInputs()
	in["encoder_hidden_states"] = pattern(2*16*77, 1)
	if network == "sdxl" {
		in["encoder_hidden_states"] = pattern(2*32*77, 1)
	}
	for out, got := range run(t, path, in, nil) {
		b, err := os.ReadFile(filepath.Join(diffusionDir, network, "reference", name+tag+"."+out+".f32"))
		require.NoError(t, err)
		want := make([]float32, len(b)/4)
		for i := range want {
			want[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		within(t, want, got, tolerance)
	}
}

// TestStableDiffusion converts each network with each attention and compares its parts with diffusers.
func TestStableDiffusion(t *testing.T) {
	for network, parts := range map[string][]string{
		"sd1":  {"TextEncoder", "Unet", "VAEDecoder", "VAEEncoder"},
		"sd2":  {"Unet"},
		"sdxl": {"TextEncoder", "TextEncoder2", "Unet", "VAEDecoder", "VAEEncoder"},
	} {
		for _, attention := range []string{"original", "split-einsum", "split-einsum-v2"} {
			t.Run(network+" "+attention, func(t *testing.T) {
				for _, full := range []bool{true, false} {
					if !full && attention == "split-einsum-v2" {
						continue // what differs from split-einsum is not the precision
					}
					r, path := convert(t, Options{ModelPath: filepath.Join(diffusionDir, network), Float32: full, Attention: attention})
					require.Len(t, r.Packages, len(parts))
					if network == "sd2" { // its folder has the U-Net alone
						require.Equal(t, path, r.Packages[0].Path)
						comparePart(t, network, "Unet", "", path, map[bool]float64{true: 1e-3, false: 2e-2}[full])
						continue
					}
					tolerance := 2e-2
					if full {
						tolerance = 1e-3
					}
					for i, p := range parts {
						require.Equal(t, p, r.Packages[i].Name)
						comparePart(t, network, p, "", r.Packages[i].Path, tolerance)
					}
					for _, f := range []string{"merges.txt", "vocab.json", "scheduler_config.json"} {
						require.FileExists(t, filepath.Join(path, f))
					}
				}
			})
		}
	}
}

// TestLoRAs merges each form and compares with diffusers.
func TestLoRAs(t *testing.T) {
	for _, c := range []struct{ network, form string }{
		{"sd1", "peft"}, {"sd1", "kohya"}, {"sd1", "locon"}, {"sd1", "dora_peft"}, {"sd1", "dora_kohya"}, {"sdxl", "kohya_ldm"}, {"sdxl", "peft"},
	} {
		t.Run(c.network+" "+c.form, func(t *testing.T) {
			file := filepath.Join(diffusionDir, c.network, c.form+".safetensors")
			r, _ := convert(t, Options{
				ModelPath: filepath.Join(diffusionDir, c.network), Float32: true, Attention: "original", LoRAs: []LoRA{{file, 0.8}},
			})
			for _, p := range r.Packages {
				if strings.HasPrefix(p.Name, "VAE") {
					continue
				}
				comparePart(t, c.network, p.Name, "."+c.form, p.Path, 1e-3)
			}
		})
	}
}

// TestSingleCheckpoints converts what testdata/single.py made in the folder GESSO_SINGLE, and compares with diffusers.
func TestSingleCheckpoints(t *testing.T) {
	dir := os.Getenv("GESSO_SINGLE")
	if dir == "" {
		t.Skip("GESSO_SINGLE names no folder that testdata/single.py made")
	}
	diffusionDir = dir
	for network, width := range map[string]int{"one": 768, "two": 1024, "xl": 2048} {
		for _, file := range []string{"model.safetensors", "model.ckpt"} {
			t.Run(network+" "+file, func(t *testing.T) {
				r, _ := convert(t, Options{ModelPath: filepath.Join(dir, network, file), Float32: true, Attention: "original", Sizes: [][2]int{{32, 32}}})
				for _, p := range r.Packages {
					in := diffusionInputs()
					in["encoder_hidden_states"] = pattern(2*width*77, 1)
					for out, got := range run(t, p.Path, in, nil) {
						within(t, floatsOf(t, filepath.Join(dir, network, "reference", p.Name+"."+out+".f32")), got, 1e-3)
					}
				}
			})
		}
	}
}

func floatsOf(t *testing.T, path string) []float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

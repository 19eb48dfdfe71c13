package diffusion

import (
	"context"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/native/mlpackage/npy"
	"github.com/gesso-app/gesso/pipeline/convert"
)

// small is what testdata/make.py made. GESSO_DIFFUSERS names another folder of it, with more networks and cases.
func small() string {
	if d := os.Getenv("GESSO_DIFFUSERS"); d != "" {
		return d
	}
	return "testdata/small"
}

// open converts a tiny network and opens it.
func open(t *testing.T, kind string, full bool, loras ...convert.LoRA) *Model {
	t.Helper()
	dir := filepath.Join(t.TempDir(), kind)
	_, err := convert.Run(t.Context(), convert.Options{ModelPath: filepath.Join(small(), kind), OutputPath: dir, Float32: full, LoRAs: loras}, nil)
	require.NoError(t, err)
	m, err := Open(dir, native.Options{Threads: 1})
	require.NoError(t, err)
	return m
}

func picture(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	img, err := png.Decode(f)
	require.NoError(t, err)
	return img
}

// TestLikeDiffusers compares latents with those of diffusers' pipelines.
func TestLikeDiffusers(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(small(), "cases.json"))
	require.NoError(t, err)
	var cases []struct {
		Model, Scheduler, Prompt, File string
		Steps                          int
		Guidance, Strength             float64
		Negative                       *string
		Seed                           uint64
	}
	require.NoError(t, json.Unmarshal(b, &cases))
	require.NotEmpty(t, cases)
	models := map[string]*Model{}
	photo := picture(t, filepath.Join(small(), "photo.png"))
	for _, c := range cases {
		if models[c.Model] == nil {
			models[c.Model] = open(t, c.Model, true)
		}
		r := Request{Prompt: c.Prompt, NegativePrompt: c.Negative, Scheduler: c.Scheduler, Steps: c.Steps, Guidance: c.Guidance, Seed: c.Seed}
		if c.Strength > 0 {
			r.Content, r.Strength = photo, c.Strength
		}
		p, err := models[c.Model].Generate(t.Context(), r, nil)
		require.NoError(t, err, "%+v", c)
		f, err := os.Open(filepath.Join(small(), c.File))
		require.NoError(t, err)
		a, err := npy.Read(f, 1<<20)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		want, err := a.Float32s()
		require.NoError(t, err)
		require.Equal(t, a.Shape, p.Shape)
		for i, v := range want {
			require.InDelta(t, v, p.Latents[i], 2e-3, "%+v", c)
		}
	}
}

// TestPicture compares a decoded picture with diffusers', within a level.
func TestPicture(t *testing.T) {
	m := open(t, "sd1", true)
	var previews int
	p, err := m.Generate(t.Context(), Request{Prompt: "a cat", Scheduler: "ddim", Steps: 5, Guidance: 7.5, Seed: 1, Preview: 2}, func(p Progress) {
		if p.Preview != nil {
			previews++
		}
	})
	require.NoError(t, err)
	require.Equal(t, 2, previews)
	require.Len(t, p.StepTimes, 5)
	want := picture(t, filepath.Join(small(), "cat.png"))
	require.Equal(t, want.Bounds(), p.Image.Bounds())
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			r, g, b, _ := want.At(x, y).RGBA()
			got := p.Image.NRGBAAt(x, y)
			for i, v := range []uint32{r, g, b} {
				require.InDelta(t, v>>8, []uint8{got.R, got.G, got.B}[i], 1)
			}
		}
	}
}

func TestCancelAndRefuse(t *testing.T) {
	m := open(t, "sd1", true)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	_, err := m.Generate(ctx, Request{Prompt: "x", Steps: 50, Guidance: 2}, func(p Progress) {
		if p.Phase == "steps" {
			calls++
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, calls)
	var input *InputError
	for want, r := range map[string]Request{
		"leaves no step to take":    {Steps: 10, Content: image.NewNRGBA(image.Rect(0, 0, 32, 32)), Strength: 0.05},
		"the noise has 3 numbers":   {Steps: 10, Noise: make([]float32, 3)},
		"steps is 0":                {},
		"guidance_scale is 1e+06":   {Steps: 1, Guidance: 1e6},
		`rng is "dice"`:             {Steps: 1, RNG: "dice"},
		"guidance_rescale is 2: it": {Steps: 1, Rescale: 2},
	} {
		_, err := m.Generate(t.Context(), r, nil)
		require.ErrorContains(t, err, want)
		require.ErrorAs(t, err, &input)
	}
	_, err = Open(t.TempDir(), native.Options{})
	require.ErrorContains(t, err, "is no Stable Diffusion model")
	m.encoder = ""
	_, err = m.Generate(t.Context(), Request{Steps: 9, Content: image.NewNRGBA(image.Rect(0, 0, 9, 9)), Strength: 1}, nil)
	require.ErrorContains(t, err, "starts from no photo")
}

// TestPrepare merges a LoRA by the files that a model was converted from, and keeps the copy.
func TestPrepare(t *testing.T) {
	cache := t.TempDir()
	folder := "../convert/testdata/diffusion/sd1"
	lora := convert.LoRA{Path: folder + "/peft.safetensors", Weight: 0.8}
	made := filepath.Join(t.TempDir(), "sd1")
	_, err := convert.Run(t.Context(), convert.Options{ModelPath: folder, OutputPath: made, Float32: true}, nil)
	require.NoError(t, err)
	plain, err := Prepare(t.Context(), made, nil, cache)
	require.NoError(t, err)
	require.Equal(t, made, plain)
	first, err := Prepare(t.Context(), made, []convert.LoRA{lora}, cache)
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(first, "Unet.mlpackage", "Manifest.json"))
	again, err := Prepare(t.Context(), made, []convert.LoRA{lora}, cache)
	require.NoError(t, err)
	require.Equal(t, first, again)
	lora.Weight = 0.5
	other, err := Prepare(t.Context(), made, []convert.LoRA{lora}, cache)
	require.NoError(t, err)
	require.NotEqual(t, first, other)
	require.NoError(t, os.Remove(filepath.Join(made, convert.OriginFile)))
	_, err = Prepare(t.Context(), made, []convert.LoRA{lora}, cache)
	require.ErrorContains(t, err, "are not known or gone")
}

func TestFit(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 40, 20))
	for i := range img.Pix {
		img.Pix[i] = uint8(i)
	}
	fit := Fit(img, 40, 40)
	require.Equal(t, img.NRGBAAt(7, 0), fit.NRGBAAt(7, 3), "the edge is drawn out")
	require.Equal(t, img.Pix, Unfit(fit, 40, 20).Pix)
	require.Equal(t, image.Rect(0, 0, 400, 200), Unfit(fit, 400, 200).Bounds())
}

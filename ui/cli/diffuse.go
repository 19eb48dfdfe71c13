package cli

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/native/mlpackage/npy"
	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/convert"
	"github.com/gesso-app/gesso/pipeline/diffusion"
	"github.com/gesso-app/gesso/pipeline/diffusion/schedule"
	"github.com/gesso-app/gesso/pipeline/picture"
)

const aboutDiffuse = `Make a picture with Stable Diffusion 1, 2 or XL, of a prompt alone or of a prompt and a photo.

The model is a folder in the layout of Apple's ml-stable-diffusion, as gesso convert writes it, or a folder of diffusers, which is converted first and kept.
Schedulers, seeds and strengths mean what they mean in diffusers. A photo is laid into the model's size as a whole, and the result comes back at its size.`

// diffuseRecipe is what decides a picture of diffuse: it is printed, and written into the output.
type diffuseRecipe struct {
	Engine         string   `json:"engine"`
	Version        string   `json:"version"`
	Model          string   `json:"model"`
	Prompt         string   `json:"prompt"`
	NegativePrompt *string  `json:"negative_prompt,omitempty"`
	Weights        bool     `json:"prompt_weights,omitempty"`
	Content        string   `json:"content_image_path,omitempty"`
	Strength       *float64 `json:"strength,omitempty"`
	Scheduler      string   `json:"scheduler"`
	Steps          int      `json:"steps"`
	Guidance       float64  `json:"guidance_scale"`
	Rescale        float64  `json:"guidance_rescale,omitempty"`
	Seed           uint64   `json:"seed"`
	RNG            string   `json:"rng"`
	LoRAs          []string `json:"loras,omitempty"`
	Noise          string   `json:"noise,omitempty"`
}

// diffuseReport is what diffuse prints as JSON.
type diffuseReport struct {
	diffuseRecipe
	OutputPath     string    `json:"output_path"`
	LatentsPath    string    `json:"latents_path,omitempty"`
	LatentsShape   []int     `json:"latents_shape"`
	Width          int       `json:"width"`
	Height         int       `json:"height"`
	Calls          int       `json:"unet_calls"`
	Notes          []string  `json:"notes,omitempty"`
	TextSeconds    float64   `json:"text_seconds"`
	StepSeconds    []float64 `json:"step_seconds"`
	StepsPerSecond float64   `json:"steps_per_second"`
	PictureSeconds float64   `json:"picture_seconds"`
	Seconds        float64   `json:"processing_time"`
	Runtime        string    `json:"runtime"`
}

type diffuseFlags struct {
	recipe                     diffuseRecipe
	negative, output           string
	latents                    string
	strength                   float64
	loras                      []string
	force, asJSON, hasNegative bool
}

func (p *program) diffuse() *cobra.Command {
	var d diffuseFlags
	var engine engineFlags
	cmd := &cobra.Command{
		Use:   "diffuse --model DIR --prompt TEXT --output FILE",
		Short: "Make a picture of a sentence, or restyle a photo by one, with Stable Diffusion",
		Long:  aboutDiffuse,
		Example: "  gesso diffuse --model sd15 --prompt \"a lighthouse, oil on canvas\" --seed 7 --output lighthouse.png\n" +
			"  gesso diffuse --model sd15 --prompt \"an impressionist painting\" --content-image photo.jpg --strength 0.5 --output painted.png",
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := engine.options(true)
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("seed") {
				d.recipe.Seed = uint64(rand.Uint32())
			}
			d.hasNegative = cmd.Flags().Changed("negative-prompt")
			return p.runDiffuse(cmd.Context(), &d, native.Options{Units: e.Units, Threads: e.Threads})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	r := &d.recipe
	f.StringVar(&r.Model, "model", "", "`folder` of the model")
	f.StringVar(&r.Prompt, "prompt", "", "`text` of what the picture shows")
	f.StringVar(&d.negative, "negative-prompt", "", "`text` of what it shall not show")
	f.BoolVar(&r.Weights, "prompt-weights", false, "read (word:1.3), (word) and [word] in the prompts as weights; \\( and \\) are brackets")
	f.StringVar(&r.Content, "content-image", "", "`file` of a photo to start from")
	f.Float64Var(&d.strength, "strength", 0.7, "how much of the photo is redone, from 0 to 1")
	f.StringVar(&r.Scheduler, "scheduler", "", strings.Join(schedule.Names, ", ")+"; default: the model's")
	f.IntVar(&r.Steps, "steps", 20, "of diffusion, 1 to 1000")
	f.Float64Var(&r.Guidance, "guidance-scale", 7.5, "how strongly the prompt leads; 1 and less: no guidance")
	f.Float64Var(&r.Rescale, "guidance-rescale", 0, "keeps contrast at strong guidance, from 0 to 1")
	f.Uint64Var(&r.Seed, "seed", 0, "of the random numbers; default: another each time")
	f.StringVar(&r.RNG, "rng", "torch", "whose random numbers: torch, numpy or nvidia")
	f.StringArrayVar(&d.loras, "lora", nil, "`FILE[:WEIGHT]` of low-rank changes to merge in; may be given again")
	f.StringVar(&r.Noise, "noise", "", "`file` (.npy) of the noise, in place of the seed's")
	f.StringVar(&d.latents, "latents-out", "", "`file` (.npy) to write the final latents to")
	f.StringVar(&d.output, "output", "", "`file` of the picture: .png, .jpg, .tif or .webp")
	f.BoolVar(&d.force, "force", false, "replace the output if it exists")
	f.BoolVar(&d.asJSON, "json", false, "print the recipe and the times as JSON")
	engine.add(cmd)
	return cmd
}

func (d *diffuseFlags) check() error {
	switch {
	case d.recipe.Model == "":
		return &usageError{errors.New("--model is missing: it names the folder of a Stable Diffusion model, which gesso convert makes of a folder of diffusers")}
	case d.output == "":
		return &usageError{errors.New("--output is missing: it names the picture to make")}
	}
	if err := picture.CheckOutput(d.output); err != nil {
		return err
	}
	if _, err := os.Lstat(d.output); err == nil && !d.force {
		return &usageError{fmt.Errorf("the output %s exists: choose another name, or replace it with --force", d.output)}
	}
	return nil
}

// diffusionError makes bad input of what the engine says is one.
func diffusionError(err error) error {
	var input *diffusion.InputError
	if errors.As(err, &input) {
		return &usageError{err}
	}
	return err
}

func (p *program) runDiffuse(ctx context.Context, d *diffuseFlags, o native.Options) error {
	start := time.Now()
	if err := d.check(); err != nil {
		return err
	}
	r, content, err := d.request(ctx)
	if err != nil {
		return diffusionError(err)
	}
	var loras []convert.LoRA
	for _, s := range d.loras {
		l, err := convert.ParseLoRA(s)
		if err != nil {
			return &usageError{err}
		}
		loras = append(loras, l)
		d.recipe.LoRAs = append(d.recipe.LoRAs, s)
	}
	bar := p.newBar()
	defer bar.close()
	dir, err := diffusion.Prepare(ctx, d.recipe.Model, loras, "")
	if err != nil {
		return diffusionError(err)
	}
	m, err := diffusion.Open(dir, o)
	if err != nil {
		return diffusionError(err)
	}
	made, err := m.Generate(ctx, r, bar.diffuse)
	if err != nil {
		return diffusionError(err)
	}
	bar.close()
	report := d.report(made)
	img := made.Image
	save := picture.SaveOptions{Overwrite: d.force}
	if content != nil {
		img = diffusion.Unfit(img, content.Bounds().Dx(), content.Bounds().Dy())
		save.Meta = content.Meta
	}
	report.Width, report.Height = img.Bounds().Dx(), img.Bounds().Dy()
	if save.Recipe, err = json.Marshal(report.diffuseRecipe); err != nil {
		return err
	}
	if d.latents != "" {
		if err := writeLatents(d.latents, made.Shape, made.Latents); err != nil {
			return &outputError{err}
		}
	}
	if err := picture.Save(ctx, d.output, img, save); err != nil {
		return &outputError{err}
	}
	report.Seconds = time.Since(start).Seconds()
	if d.asJSON {
		return printJSON(p.stdout, report)
	}
	return printTable(p.stdout, report.rows())
}

// request reads the files that a picture is made of.
func (d *diffuseFlags) request(ctx context.Context) (r diffusion.Request, content *picture.Picture, err error) {
	c := &d.recipe
	r = diffusion.Request{
		Prompt: c.Prompt, Scheduler: c.Scheduler, Steps: c.Steps, Guidance: c.Guidance, Rescale: c.Rescale, Seed: c.Seed, RNG: c.RNG,
		Weights: c.Weights,
	}
	if d.hasNegative {
		r.NegativePrompt, c.NegativePrompt = &d.negative, &d.negative
	}
	if c.Content != "" {
		if content, err = picture.Open(ctx, c.Content, picture.Limits{}); err != nil {
			return r, nil, err
		}
		r.Content, r.Strength, c.Strength = content.Image, d.strength, &d.strength
	}
	if c.Noise != "" {
		if r.Noise, err = readNoise(c.Noise); err != nil {
			return r, nil, &usageError{fmt.Errorf("read the noise %s: %w", c.Noise, err)}
		}
	}
	return r, content, r.Validate()
}

func (d *diffuseFlags) report(made *diffusion.Picture) *diffuseReport {
	r := &diffuseReport{
		diffuseRecipe: d.recipe, OutputPath: d.output, LatentsPath: d.latents, LatentsShape: made.Shape, Calls: made.Steps, Notes: made.Notes,
		TextSeconds: made.TextTime.Seconds(), PictureSeconds: made.PictureTime.Seconds(), Runtime: native.Engine(),
	}
	r.Engine, r.Version, r.Scheduler = "diffusion", pipeline.Version, made.Scheduler
	total := 0.0
	for _, t := range made.StepTimes {
		r.StepSeconds = append(r.StepSeconds, t.Seconds())
		total += t.Seconds()
	}
	if total > 0 {
		r.StepsPerSecond = float64(len(made.StepTimes)) / total
	}
	return r
}

func (r *diffuseReport) rows() [][]string {
	rows := [][]string{
		{"Picture", fmt.Sprintf("%s, %d x %d pixels", r.OutputPath, r.Width, r.Height)},
		{"Scheduler", fmt.Sprintf("%s, %d steps", r.Scheduler, r.Steps)},
		{"Seed", fmt.Sprintf("%d (%s)", r.Seed, r.RNG)},
	}
	for _, n := range r.Notes {
		rows = append(rows, []string{"Note", n})
	}
	return append(rows, []string{"Speed", fmt.Sprintf("%.2f steps a second", r.StepsPerSecond)}, []string{"Time", fmt.Sprintf("%.2f s", r.Seconds)},
		[]string{"Engine", r.Runtime})
}

// diffuse shows the progress of a picture.
func (b *bar) diffuse(p diffusion.Progress) {
	if b.ProgressBar == nil {
		return
	}
	name := map[string]string{"text": "reading", "photo": "looking", "steps": "painting", "picture": "developing"}[p.Phase]
	b.Describe(name)
	_ = b.Set(min(p.Step*barSteps/max(p.Steps, 1), barSteps-1)) // as in show
}

const maxNoise = 1 << 30

func readNoise(path string) ([]float32, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a, err := npy.Read(f, maxNoise)
	if err != nil {
		return nil, err
	}
	return a.Float32s()
}

// writeLatents writes a .npy file, whole or not at all.
func writeLatents(path string, shape []int, v []float32) (err error) {
	a := &npy.Array{Type: "float32", Shape: shape}
	for _, x := range v {
		a.Data = binary.LittleEndian.AppendUint32(a.Data, math.Float32bits(x))
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".gesso-*.npy")
	if err != nil {
		return fmt.Errorf("write the latents: %w", err)
	}
	err = errors.Join(a.Write(f), f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the latents %s: %w", path, err), os.Remove(f.Name()))
	}
	return nil
}

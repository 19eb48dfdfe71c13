package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/pipeline/convert"
	"github.com/gesso-app/gesso/pipeline/convert/arch"
	"github.com/gesso-app/gesso/pipeline/convert/compress"
	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

const aboutConvert = `Make a Core ML package of a network that was published for PyTorch or ONNX. No Python is needed, and nothing in the file is run.

It reads .safetensors (and the index of several), .pth, .pt, .ckpt and .bin of PyTorch, TorchScript's weights, .onnx of opset 7 to 23, .pt2 of
torch.export, and folders that diffusers writes. Files that hold weights alone must be of a network that is known.

Stable Diffusion becomes a folder of packages, as Apple's ml-stable-diffusion lays them out.

Known networks: `

// convertFlags are flags that are read into other types.
type convertFlags struct {
	precision, target    string
	sizes, shapes        []string
	images, loras        []string
	mode                 string
	asJSON               bool
	bits, group, block   int
	maxError             float64
	perTensor, allowRest bool
}

func (p *program) convert() *cobra.Command {
	var o convert.Options
	var c convertFlags
	cmd := &cobra.Command{
		Use:   "convert --model-path FILE|FOLDER --output OUT.mlpackage",
		Short: "Make a Core ML package of a PyTorch, safetensors or ONNX network",
		Long:  aboutConvert + strings.Join(arch.Names(), ", ") + ", Stable Diffusion 1, 2 and XL.",
		Example: "  gesso convert --model-path mosaic.pth --output mosaic.mlpackage --size 512 --size 1024x768\n" +
			"  gesso convert --model-path net.onnx --output net.mlpackage --image image:RGB:1/255 --compress palettize --bits 6 --check",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.apply(&o); err != nil {
				return &usageError{err}
			}
			return p.runConvert(cmd.Context(), o, c.asJSON)
		},
	}
	cmd.DisableFlagsInUseLine = true
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.ModelPath, "model-path", "", "`file or folder` to convert")
	f.StringVar(&o.OutputPath, "output", "", "`package` to make, or the folder of several")
	f.BoolVar(&o.Force, "force", false, "replace the output if it exists")
	f.StringVar(&c.precision, "precision", "float16", "float16 or float32")
	f.StringVar(&c.target, "target", "", "oldest `system` that it is for: macOS12 to macOS15, or iOS15 to iOS18; default macOS13")
	f.StringArrayVar(&c.sizes, "size", nil, "`size` of pictures in pixels, such as 512 or 640x480 (width x height); several make a package of several sizes")
	f.StringArrayVar(&c.shapes, "input-shape", nil, "`shape` of a graph's input, such as image=1,3,512,512")
	f.StringArrayVar(&c.images, "image", nil, "input or output that is a picture, as `NAME[:COLOR[:SCALE[:BIAS]]]`, such as image:RGB:1/255; x = pixel SCALE + BIAS")
	f.StringVar(&c.mode, "compress", "", "form of the weights: palettize or linear")
	f.IntVar(&c.bits, "bits", 8, "of each weight: 1, 2, 3, 4, 6 or 8 of palettize, 4 or 8 of linear")
	f.IntVar(&c.group, "group", 0, "output channels that share a palette; 0 is all of them")
	f.IntVar(&c.block, "block", 0, "input channels that share a scale; 0 is all of them")
	f.BoolVar(&c.perTensor, "per-tensor", false, "one scale for all of a layer's weights")
	f.Float64Var(&c.maxError, "max-error", 0, "greatest relative error of a layer, 0 to 1; more bits are taken where it is passed; 0 is no bound")
	f.StringArrayVar(&c.loras, "lora", nil, "`FILE[:WEIGHT]` of low-rank changes to merge into Stable Diffusion")
	f.BoolVar(&c.allowRest, "allow-unmatched", false, "leave out what of a LoRA fits no layer")
	f.StringVar(&o.Attention, "attention", "", "of Stable Diffusion: original, split-einsum or split-einsum-v2; default split-einsum")
	f.StringVar(&o.Part, "part", "", "convert one `part` of Stable Diffusion alone: text_encoder, text_encoder_2, unet, vae_decoder, vae_encoder or controlnet")
	f.BoolVar(&o.ChunkUNet, "chunk-unet", false, "cut Stable Diffusion's U-Net in two halves, UnetChunk1 and UnetChunk2, as phones need it")
	f.BoolVar(&o.ControlledUNet, "unet-support-controlnet", false, "make ControlledUnet, a U-Net that takes what a ControlNet gives, in place of Unet")
	f.StringVar(&o.Author, "author", "", "`name` for the package's metadata")
	f.StringVar(&o.License, "license", "", "`licence` for the package's metadata")
	f.StringVar(&o.Description, "description", "", "`text` for the package's metadata")
	f.BoolVar(&o.Check, "check", false, "run the network before and after, and compare")
	f.BoolVar(&c.asJSON, "json", false, "print the result as JSON")
	return cmd
}

// apply reads the flags into options.
func (c *convertFlags) apply(o *convert.Options) (err error) {
	switch c.precision {
	case "float16":
	case "float32":
		o.Float32 = true
	default:
		return &convert.FieldError{Field: "precision", Value: c.precision, Want: "it is float16 or float32"}
	}
	if c.target != "" {
		if o.Target, err = convert.ParseTarget(c.target); err != nil {
			return err
		}
	}
	for _, s := range c.sizes {
		size, err := convert.ParseSize(s)
		if err != nil {
			return err
		}
		o.Sizes = append(o.Sizes, size)
	}
	o.Shapes, o.Images = map[string][]int{}, map[string]mil.Image{}
	for _, s := range c.shapes {
		name, shape, err := convert.ParseShape(s)
		if err != nil {
			return err
		}
		o.Shapes[name] = shape
	}
	for _, s := range c.images {
		name, im, err := convert.ParseImage(s)
		if err != nil {
			return err
		}
		o.Images[name] = im
	}
	for _, s := range c.loras {
		l, err := convert.ParseLoRA(s)
		if err != nil {
			return err
		}
		o.LoRAs = append(o.LoRAs, l)
	}
	o.AllowUnmatched = c.allowRest
	o.Compress = compress.Options{Mode: compress.Mode(c.mode), Bits: c.bits, Group: c.group, Block: c.block, PerTensor: c.perTensor, MaxError: c.maxError}
	if o.ModelPath == "" || o.OutputPath == "" {
		return errors.New("name what is converted with --model-path, and the package with --output")
	}
	return o.Validate()
}

func (p *program) runConvert(ctx context.Context, o convert.Options, asJSON bool) error {
	bar := p.newBar()
	defer bar.close()
	r, err := convert.Run(ctx, o, bar.convert)
	bar.close()
	switch {
	case errors.Is(err, convert.ErrExists):
		return &usageError{fmt.Errorf("%w: choose another name, or replace it with --force", err)}
	case err != nil && ctx.Err() == nil && !isWriteError(err):
		return &usageError{err} // the file is none that can be converted
	case err != nil:
		return err
	}
	if asJSON {
		return printJSON(p.stdout, r)
	}
	return printTable(p.stdout, convertRows(r))
}

// isWriteError tells failures of the machine from bad input.
func isWriteError(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission)
}

// inspectSource prints what of a network that can be converted holds.
func (p *program) inspectSource(path string, asJSON bool) error {
	s, err := convert.Inspect(path)
	if err != nil {
		return &usageError{err}
	}
	if asJSON {
		return printJSON(p.stdout, s)
	}
	rows := [][]string{{"File", s.Path}, {"Format", s.Format}, {"Network", s.Architecture}, {"Parameters", fmt.Sprint(s.Parameters)}}
	for _, t := range s.Tensors {
		rows = append(rows, []string{t.Name, fmt.Sprintf("%s %v", t.DType, t.Shape)})
	}
	return printTable(p.stdout, rows)
}

func convertRows(r *convert.Result) [][]string {
	rows := [][]string{{"Source", r.ModelPath}, {"Format", r.Format}, {"Network", r.Architecture}}
	for _, m := range r.Packages {
		rows = append(rows, []string{"Package", m.Path}, []string{"For", m.Target}, []string{"Operations", fmt.Sprint(m.Operations)},
			[]string{"Weights", fmt.Sprintf("%.1f MB", float64(m.Bytes)/1e6)})
		for _, n := range slices.Sorted(maps.Keys(m.Inputs)) {
			rows = append(rows, []string{"Input", fmt.Sprintf("%s %v", n, m.Inputs[n])})
		}
		for _, n := range slices.Sorted(maps.Keys(m.Outputs)) {
			rows = append(rows, []string{"Output", fmt.Sprintf("%s %v", n, m.Outputs[n])})
		}
		if len(m.Float32) > 0 {
			rows = append(rows, []string{"In float32", strings.Join(m.Float32, ", ")})
		}
		if c := m.Compressed; c != nil {
			rows = append(rows, []string{"Compressed", fmt.Sprintf("%.1f MB to %.1f MB", float64(c.Before)/1e6, float64(c.After)/1e6)})
		}
		if c := m.Check; c != nil {
			rows = append(rows, []string{"Check", fmt.Sprintf("against %s: largest difference %.3g, PSNR %.1f dB", c.Against, c.Difference, c.PSNR)})
		}
	}
	for _, w := range r.Warnings {
		rows = append(rows, []string{"Warning", w})
	}
	return append(rows, []string{"Time", fmt.Sprintf("%.2f s", r.Seconds)})
}

// convert shows the progress of a conversion.
func (b *bar) convert(p convert.Progress) {
	if b.ProgressBar == nil {
		return
	}
	b.Describe(strings.TrimSpace(string(p.Phase) + " " + p.Part))
	_ = b.Set(min(int(p.Fraction*barSteps), barSteps-1)) // as in show
}

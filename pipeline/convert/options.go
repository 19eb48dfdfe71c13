// Package convert turns what authors of networks publish into Core ML packages: PyTorch's and safetensors' weights of known architectures, ONNX
// files and exported programs. It needs no Python, and executes nothing of a file.
//
// It must not import ui.
package convert

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/compress"
	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// Options is what is converted and how.
type Options struct {
	// ModelPath is a file or a folder; OutputPath the package that is made, or the folder of a network of several packages.
	ModelPath, OutputPath string
	// Force replaces an output that exists.
	Force bool
	// Float32 computes in float32; else in float16, but for operations whose weights are out of its range.
	Float32 bool
	// Target is the oldest system that the package is for; 0 is macOS 13, iOS 16. Operations and compression may raise it.
	Target mil.Target
	// Sizes are the heights and widths of pictures, the default first; 1..16384 each, 128 of them at most. Empty: the network's own.
	Sizes [][2]int
	// Shapes are those of a graph's inputs by their names, where the file does not fix them or fixes others.
	Shapes map[string][]int
	// Images are inputs and outputs that are pictures, by their names.
	Images map[string]mil.Image
	// Compress gives weights another form; the zero value none.
	Compress compress.Options
	// LoRAs are merged into the weights of Stable Diffusion.
	LoRAs []LoRA
	// AllowUnmatched leaves out what of a LoRA fits no layer; else that is an error.
	AllowUnmatched bool
	// Attention is how Stable Diffusion's U-Net computes it: original, split-einsum or split-einsum-v2; empty is split-einsum.
	Attention string
	// Part converts one part of Stable Diffusion alone: text_encoder, text_encoder_2, unet, vae_decoder, vae_encoder or controlnet.
	Part string
	// ControlledUNet makes ControlledUnet, a U-Net that takes what a ControlNet gives, in place of Unet.
	ControlledUNet bool
	// ChunkUNet makes UnetChunk1 and UnetChunk2 of Stable Diffusion's U-Net, each with half of its weights, as phones need it.
	ChunkUNet bool
	// Check runs the network before and after, and compares.
	Check bool

	Author, License, Description string
}

// LoRA is a file of low-rank changes and how strongly they act.
type LoRA struct {
	Path   string
	Weight float64 // 1 is as it was trained; -10..10
}

// FieldError says which option is out of range.
type FieldError struct {
	Field string
	Value any
	Want  string
}

func (e *FieldError) Error() string { return fmt.Sprintf("%s is %v: %s", e.Field, e.Value, e.Want) }

// Limits on pictures' sizes.
const (
	maxSide  = 16384
	maxSizes = 128 // as Core ML has it for enumerated shapes
)

// Validate names the first option that is out of range.
func (o Options) Validate() error {
	switch {
	case o.ModelPath == "":
		return &FieldError{"model_path", "empty", "name the file or folder to convert"}
	case o.OutputPath == "":
		return &FieldError{"output", "empty", "name the package to make"}
	case o.Target != 0 && (o.Target < mil.IOS15 || o.Target > mil.IOS18):
		return &FieldError{"target", o.Target, "it is macOS12 to macOS15, or iOS15 to iOS18"}
	case len(o.Sizes) > maxSizes:
		return &FieldError{"size", len(o.Sizes), fmt.Sprintf("a package has %d sizes at most", maxSizes)}
	}
	for _, s := range o.Sizes {
		if min(s[0], s[1]) < 1 || max(s[0], s[1]) > maxSide {
			return &FieldError{"size", fmt.Sprintf("%dx%d", s[1], s[0]), fmt.Sprintf("widths and heights go from 1 to %d", maxSide)}
		}
	}
	for n, im := range o.Images {
		if err := im.Validate(); err != nil {
			return &FieldError{"image", n, err.Error()}
		}
	}
	for _, l := range o.LoRAs {
		if !(l.Weight >= -10 && l.Weight <= 10) {
			return &FieldError{"lora", l.Weight, "a weight goes from -10 to 10"}
		}
	}
	switch o.Attention {
	case "", "original", "split-einsum", "split-einsum-v2":
	default:
		return &FieldError{"attention", o.Attention, "it is original, split-einsum or split-einsum-v2"}
	}
	return o.Compress.Validate()
}

// ParseTarget reads the name of a system, such as macOS13 or iOS16.
func ParseTarget(s string) (mil.Target, error) {
	lower := strings.ToLower(s)
	for t := mil.IOS15; t <= mil.IOS18; t++ {
		if lower == fmt.Sprintf("ios%d", t) || lower == fmt.Sprintf("macos%d", t-3) {
			return t, nil
		}
	}
	return 0, &FieldError{"target", s, "it is macOS12 to macOS15, or iOS15 to iOS18"}
}

// ParseSize reads a picture's size, such as 512 or 640x480 (width by height), as height and width.
func ParseSize(s string) ([2]int, error) {
	w, h, two := strings.Cut(strings.ToLower(s), "x")
	if !two {
		h = w
	}
	wn, err1 := strconv.Atoi(w)
	hn, err2 := strconv.Atoi(h)
	if err1 != nil || err2 != nil {
		return [2]int{}, &FieldError{"size", s, "it is a number of pixels, or width x height such as 640x480"}
	}
	return [2]int{hn, wn}, nil
}

// ParseShape reads the shape of an input, such as image=1,3,512,512.
func ParseShape(s string) (name string, shape []int, err error) {
	name, list, ok := strings.Cut(s, "=")
	bad := &FieldError{"input_shape", s, "it is a name and dimensions, such as image=1,3,512,512"}
	if !ok || name == "" {
		return "", nil, bad
	}
	for _, d := range strings.Split(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(d))
		if err != nil || n < 1 || n > 1<<31-1 {
			return "", nil, bad
		}
		shape = append(shape, n)
	}
	return name, shape, nil
}

// ParseImage reads a picture's description: NAME[:COLOR[:SCALE[:BIAS,BIAS,BIAS]]], such as image:RGB:1/255.
func ParseImage(s string) (name string, im mil.Image, err error) {
	parts := strings.Split(s, ":")
	bad := func(want string) error { return &FieldError{"image", s, want} }
	im = mil.Image{Color: mil.RGB, Scale: 1}
	if len(parts) > 4 || parts[0] == "" {
		return "", im, bad("it is NAME[:COLOR[:SCALE[:BIAS]]], such as image:RGB:1/255")
	}
	if len(parts) > 1 {
		im.Color = mil.Color(strings.ToUpper(parts[1]))
		if im.Color == "GREY" {
			im.Color = mil.Gray
		}
	}
	if len(parts) > 2 {
		if im.Scale, err = fraction(parts[2]); err != nil || im.Scale == 0 {
			return "", im, bad("its scale is no number")
		}
	}
	if len(parts) > 3 {
		list := strings.Split(parts[3], ",")
		for i := range im.Bias {
			if im.Bias[i], err = fraction(list[min(i, len(list)-1)]); err != nil {
				return "", im, bad("its bias is no number, or not one for each channel")
			}
		}
	}
	if err := im.Validate(); err != nil {
		return "", im, bad(err.Error())
	}
	return parts[0], im, nil
}

// fraction reads a number or a quotient of two.
func fraction(s string) (float64, error) {
	a, b, two := strings.Cut(s, "/")
	x, err := strconv.ParseFloat(a, 64)
	if err != nil || !two {
		return x, err
	}
	y, err := strconv.ParseFloat(b, 64)
	return x / y, err
}

// ParseLoRA reads FILE or FILE:WEIGHT.
func ParseLoRA(s string) (LoRA, error) {
	l := LoRA{Path: s, Weight: 1}
	if i := strings.LastIndexByte(s, ':'); i > 0 {
		if w, err := strconv.ParseFloat(s[i+1:], 64); err == nil {
			l = LoRA{s[:i], w}
		}
	}
	if l.Path == "" {
		return l, &FieldError{"lora", s, "it is FILE or FILE:WEIGHT"}
	}
	return l, nil
}

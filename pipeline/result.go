package pipeline

import (
	"context"
	"encoding/json"
	"image"
	"math"
	"time"

	"github.com/gesso-app/gesso/pipeline/picture"
)

// Result is what a transfer did. ProcessingTime and PhaseTimes are seconds in JSON.
type Result struct {
	OutputPath string `json:"output_path,omitempty"`
	// ProcessingTime is the time from reading the photo to the saved file.
	ProcessingTime time.Duration `json:"-"`
	// SSIMScore compares luminance with the photo (Wang et al. 2004), -1..1; 1 is the photo itself.
	SSIMScore float64 `json:"ssim_score"`
	// StyleLoss is the relative distance of feature statistics to the style, 0 is equal; it is comparable between pictures of one style.
	// NaN, which is null in JSON, for a picture of Stable Diffusion.
	StyleLoss float64 `json:"style_loss"`
	// ContentPreservation is the share of the photo's structure in the features that is kept, 0..1.
	ContentPreservation float64 `json:"content_preservation"`
	// ANEUtilized is whether Core ML's compute plan places a part of the networks on the Neural Engine. Away from macOS it is false.
	ANEUtilized bool `json:"ane_utilized"`
	// ANEShare is the planned share of the networks' cost on the Neural Engine, 0..1: a plan, not a measurement.
	ANEShare float64 `json:"ane_share"`
	// Engine is what ran the networks, such as "ONNX Runtime 1.24.1 (CPU)".
	Engine string `json:"engine"`
	// StrengthUsed is the strength in the picture: below the requested one when the gate held it.
	StrengthUsed float64 `json:"strength_used"`
	// BrushScaleUsed is the breadth of the strokes: what BrushScale 0 was settled to, or BrushScale itself.
	BrushScaleUsed float64 `json:"brush_scale_used"`
	// DetailKept is how much of the photo's own luminance the gate put back, 0..1, fine detail first; 0 unless the gate had to.
	DetailKept float64 `json:"detail_kept"`
	// Style names what gave the style: the painting's path, or the built-in styles that were blended.
	Style string `json:"style"`
	// StyleConfidence is how well the built-in styles fit StylePrompt, 0..1; 0 without a prompt.
	StyleConfidence float64 `json:"style_confidence,omitempty"`
	// GateNote is one sentence on the gate where it has something to say, else empty.
	GateNote string `json:"gate_note,omitempty"`
	// Warnings are sentences on the photo's file, each of which continues its path, such as "is animated: its first frame is taken".
	Warnings []string `json:"warnings,omitempty"`
	// Heat is serious or critical where the machine is so hot that the system slows it down (NSProcessInfoThermalState), else empty.
	Heat string `json:"heat,omitempty"`
	// Width and Height are the output's size in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
	// PhaseTimes is the time spent in each phase.
	PhaseTimes map[Phase]time.Duration `json:"-"`
}

// MarshalJSON writes durations as seconds and a style loss that was not measured as null.
func (r Result) MarshalJSON() ([]byte, error) {
	type plain Result
	phases := make(map[Phase]float64, len(r.PhaseTimes))
	for p, d := range r.PhaseTimes {
		phases[p] = d.Seconds()
	}
	var loss *float64
	if !math.IsNaN(r.StyleLoss) {
		loss = &r.StyleLoss
	}
	return json.Marshal(struct {
		plain
		StyleLoss      *float64          `json:"style_loss"`
		ProcessingTime float64           `json:"processing_time"`
		PhaseTimes     map[Phase]float64 `json:"phase_times,omitempty"`
	}{plain(r), loss, r.ProcessingTime.Seconds(), phases})
}

// Version is the program's version, written into recipes.
const Version = "0.1.0"

// Phase is a step of a transfer.
type Phase string

// The phases in their order.
const (
	PhaseOpen    Phase = "open"    // decode the pictures
	PhaseStyle   Phase = "style"   // the style's code and the photo's statistics
	PhaseStylize Phase = "stylize" // the tiles
	PhaseMeasure Phase = "measure" // scores
	PhaseSave    Phase = "save"    // encode and write
)

// Progress is how far a transfer is.
type Progress struct {
	Phase    Phase
	Fraction float64 // of the whole transfer, 0..1, never falling
}

// Rendering is a stylized picture that is not yet a file.
type Rendering struct {
	Config  Config
	Content *picture.Picture // the photo at the output's size
	Image   *image.NRGBA     // the stylized picture, same size as Content
	Result  Result
	// Bare has Save write neither the recipe nor the photo's metadata.
	Bare bool
}

// Save writes the picture with its recipe to path, whole or not at all, and notes it in Result.OutputPath.
func (r *Rendering) Save(ctx context.Context, path string, overwrite bool) error {
	recipe, err := json.Marshal(struct {
		Config
		Version string `json:"gesso_version"`
	}{r.Config, Version})
	if err != nil {
		return err
	}
	o := picture.SaveOptions{
		Quality: r.Config.Quality, Recipe: recipe, Meta: r.Content.Meta, Overwrite: overwrite,
		Colour: r.Config.OutputColour, NoPrivate: r.Config.StripPrivate,
	}
	if r.Bare {
		o.Recipe, o.Meta = nil, picture.Metadata{}
	}
	if err := picture.Save(ctx, path, r.Image, o); err != nil {
		return err
	}
	r.Result.OutputPath = path
	return nil
}

package pipeline

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline/adjust"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// Gate is what happens when the picture's SSIM falls below Config.MinSSIM.
type Gate string

// The gates. A painterly result of any tool lies near an SSIM of 0.2 to 0.5, so the gate is a choice, not a rule.
const (
	GateOff  Gate = "off"  // scores are reported, nothing more
	GateWarn Gate = "warn" // Result.GateNote says that the score is below the threshold
	GateHold Gate = "hold" // the greatest strength that still meets the threshold is found and used
)

// Gates lists the gates in the order in which they are offered.
var Gates = []Gate{GateOff, GateWarn, GateHold}

// Config is everything that decides a stylized picture; it is written into the output's metadata as the recipe.
// Start from DefaultConfig: the zero value asks for strength 0.
type Config struct {
	// ContentImagePath is the photo: JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF.
	ContentImagePath string `json:"content_image_path"`
	// StyleImagePath is the painting. Exactly one of StyleImagePath, StyleName, StylePrompt, StyleMix and StyleCode is set.
	StyleImagePath string `json:"style_image_path,omitempty"`
	// StyleName is the identifier of a built-in style, such as "starry-night".
	StyleName string `json:"style_name,omitempty"`
	// StylePrompt is a sentence that is matched against the built-in styles, such as "van Gogh, starry night".
	StylePrompt string `json:"style_prompt,omitempty"`
	// Diffusion, where it is not nil, has Stable Diffusion paint by StylePrompt instead.
	Diffusion *Diffusion `json:"diffusion,omitempty"`
	// StyleMix are two to four styles to blend.
	StyleMix []StyleShare `json:"style_mix,omitempty"`
	// StyleCode is a style that was read before.
	StyleCode *StyleCode `json:"style_code,omitempty"`
	// OutputPath is the picture to write: .jpg, .jpeg, .png, .tif, .tiff or .webp. Render does not use it.
	OutputPath string `json:"output_path,omitempty"`
	// StyleStrength is how far to go from the photo (0) to the painting (1); default 0.7.
	StyleStrength float64 `json:"style_strength"`
	// BrushScale is the breadth of the strokes, 0.5 to 16: 1 draws them on every pixel, 2 twice as broad, 0.5 finer. 0 (the default) fits them to
	// the photo's size, so that they look alike on every photo that is seen whole.
	BrushScale float64 `json:"brush_scale,omitempty"`
	// PreserveColour keeps the photo's own colours and takes the lightness of the painting (CIE L*a*b*).
	PreserveColour bool `json:"preserve_colour,omitempty"`
	// UseANE lets Core ML use the Neural Engine; default true. It has no effect away from macOS.
	UseANE bool `json:"use_ane"`
	// Size is the longest side of the output in pixels, 64 to 30000; 0 (the default) keeps the photo's size. Photos are never enlarged.
	Size int `json:"size,omitempty"`
	// Pre are steps on the photo before it is stylized, in their order, before Size: crop, fit, fill, long-edge; none by default.
	Pre []adjust.Step `json:"pre,omitempty"`
	// Post are steps on the stylized picture, in their order, such as detail, sharpen and grain; none by default. The scores count them.
	Post []adjust.Step `json:"post,omitempty"`
	// MaskPath is a picture that says where to stylize: where it is opaque, or, if it has no transparency, white. It has the photo's proportions. The
	// rest stays the photo.
	MaskPath string `json:"mask_path,omitempty"`
	// MaskFeather is the width of the soft edge in pixels of the photo, 0 (the default) to 1000.
	MaskFeather float64 `json:"mask_feather,omitempty"`
	// MaskInvert stylizes where the mask is transparent or black instead.
	MaskInvert bool `json:"mask_invert,omitempty"`
	// Gate is what happens below MinSSIM; default GateWarn.
	Gate Gate `json:"gate"`
	// MinSSIM is the gate's threshold, 0..1; default 0.85.
	MinSSIM float64 `json:"min_ssim"`
	// Quality is the JPEG quality, 1..100; default 92.
	Quality int `json:"quality"`
	// OutputColour is the colour space of the output: source (the default), that of the photo's ICC profile where it is one of RGB with a matrix, such as
	// Display P3, or srgb. The networks know sRGB alone, so that a wider space holds no wider colours of theirs.
	OutputColour picture.Colour `json:"output_colour,omitempty"`
	// StripPrivate leaves out of the output's metadata where the photo was taken, names, serial numbers and makers' notes, and all XMP and IPTC.
	StripPrivate bool `json:"strip_private,omitempty"`
	// Force allows OutputPath to be replaced when it exists or is one of the inputs.
	Force bool `json:"-"`
}

// StyleShare is one style of a mix: a painting or a built-in style.
type StyleShare struct {
	StyleImagePath string `json:"style_image_path,omitempty"`
	StyleName      string `json:"style_name,omitempty"`
	// Weight is the style's part in proportion to the others', above 0 and up to 1000.
	Weight float64 `json:"weight"`
}

// NeedsStylePictures tells whether the style is read from one or more pictures on disk.
func (c Config) NeedsStylePictures() bool {
	return c.StyleImagePath != "" || slices.ContainsFunc(c.StyleMix, func(s StyleShare) bool { return s.StyleImagePath != "" })
}

// StyleWord names the style in a few words, for lists and the names of files; a mix's parts are joined by a plus.
func (c Config) StyleWord() string {
	stem := func(path string) string { return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) }
	switch {
	case c.StyleCode != nil:
		return c.StyleCode.Title
	case c.StyleImagePath != "":
		return stem(c.StyleImagePath)
	case c.StyleName != "":
		return c.StyleName
	case len(c.StyleMix) > 0:
		var words []string
		for _, s := range c.StyleMix {
			word := s.StyleName
			if s.StyleImagePath != "" {
				word = stem(s.StyleImagePath)
			}
			words = append(words, word)
		}
		return strings.Join(words, "+")
	}
	return c.StylePrompt
}

// maxMix is how many styles a mix may blend.
const maxMix = 4

// DefaultConfig returns a Config with every default set and no paths.
func DefaultConfig() Config {
	return Config{StyleStrength: 0.7, UseANE: true, Gate: GateWarn, MinSSIM: 0.85, Quality: 92}
}

// FieldError says which setting is wrong, what it holds and what it may hold.
type FieldError struct {
	Field string // JSON name
	Value any
	Want  string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("%s is %v: %s", strings.ReplaceAll(e.Field, "_", " "), e.Value, e.Want)
}

// Validate checks the values of c, not the files that it names. The error is a *FieldError.
func (c Config) Validate() error {
	if c.ContentImagePath == "" {
		return &FieldError{"content_image_path", "empty", "name the photo to stylize"}
	}
	styles := 0
	for _, s := range []string{c.StyleImagePath, c.StyleName, strings.TrimSpace(c.StylePrompt)} {
		if s != "" {
			styles++
		}
	}
	if c.StyleMix != nil {
		styles++
	}
	if c.StyleCode != nil {
		styles++
		if err := c.StyleCode.Validate(); err != nil {
			return err
		}
	}
	if styles != 1 {
		return &FieldError{"style", fmt.Sprintf("given %d times", styles), "give one style image, one built-in style, one prompt or one mix"}
	}
	if c.StyleMix != nil && (len(c.StyleMix) < 2 || len(c.StyleMix) > maxMix) {
		return &FieldError{"style_mix", fmt.Sprintf("of %d styles", len(c.StyleMix)), fmt.Sprintf("it blends 2 to %d", maxMix)}
	}
	for _, m := range c.StyleMix {
		if (m.StyleImagePath == "") == (m.StyleName == "") {
			return &FieldError{"style_mix", "ambiguous", "each part is one style image or one built-in style"}
		}
		if !(m.Weight > 0 && m.Weight <= 1000) {
			return &FieldError{"style_mix", m.Weight, "a weight is above 0 and at most 1000"}
		}
	}
	if !(c.StyleStrength >= 0 && c.StyleStrength <= 1) {
		return &FieldError{"style_strength", c.StyleStrength, "it goes from 0 (the photo) to 1 (the painting)"}
	}
	if c.BrushScale != 0 && !(c.BrushScale >= 0.5 && c.BrushScale <= 16) {
		return &FieldError{"brush_scale", c.BrushScale, "it is 0 (fit to the photo) or from 0.5 (fine) to 16 (broad)"}
	}
	if !(c.MinSSIM >= 0 && c.MinSSIM <= 1) || math.IsNaN(c.MinSSIM) {
		return &FieldError{"min_ssim", c.MinSSIM, "it goes from 0 to 1"}
	}
	if c.Gate != GateOff && c.Gate != GateWarn && c.Gate != GateHold {
		return &FieldError{"gate", c.Gate, "it is off, warn or hold"}
	}
	if err := c.validateDiffusion(); err != nil {
		return err
	}
	if c.Size != 0 && (c.Size < 64 || c.Size > 30000) {
		return &FieldError{"size", c.Size, "it is 0 or from 64 to 30000 pixels"}
	}
	if err := c.validateSteps(); err != nil {
		return err
	}
	if c.OutputColour != "" && c.OutputColour != picture.ColourSource && c.OutputColour != picture.ColourSRGB {
		return &FieldError{"output_colour", c.OutputColour, "it is source or srgb"}
	}
	if c.Quality < 1 || c.Quality > 100 {
		return &FieldError{"quality", c.Quality, "it goes from 1 to 100"}
	}
	return nil
}

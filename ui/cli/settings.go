package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/pipeline/preset"
)

// settingsFlags are the flags of everything that decides a picture but its photo and its name: transfer, watch and preset save share them.
type settingsFlags struct {
	config *pipeline.Config
	preset string
	from   string
	mix    []string
}

var styleFlags = []string{"style-image", "style", "style-prompt", "mix"}

func (s *settingsFlags) add(cmd *cobra.Command, c *pipeline.Config, withPreset bool) {
	s.config = c
	f := cmd.Flags()
	if withPreset {
		f.StringVar(&s.preset, "preset", "", "`name` of a preset (gesso preset list); flags beside it go before its settings")
	}
	if withPreset {
		f.StringVar(&s.from, "from", "", "`picture` that Gesso made: its settings, and its photo where none is named, are used again; flags beside it go before them")
	}
	f.StringVar(&c.StyleImagePath, "style-image", "", "`file` of the painting")
	f.StringVar(&c.StyleName, "style", "", "`name` of a built-in style, such as starry-night")
	f.StringVar(&c.StylePrompt, "style-prompt", "", "`text` matched against the built-in styles, such as \"van Gogh, starry night\"")
	f.StringArrayVar(&s.mix, "mix", nil, "`style:weight` to blend, a file or a built-in style; give it two to four times, such as --mix starry-night:2 --mix wave.jpg:1")
	f.Float64Var(&c.StyleStrength, "style-strength", c.StyleStrength, "from 0, the photo, to 1, the painting")
	f.Float64Var(&c.BrushScale, "brush-scale", c.BrushScale, "breadth of the strokes, from 0.5, fine, to 16, broad; 1 draws on every pixel, 0 fits the photo's size")
	f.BoolVar(&c.PreserveColour, "preserve-colour", c.PreserveColour, "keep the photo's colours, take the painting's light and strokes")
	f.IntVar(&c.Size, "size", c.Size, "longest side of the output in pixels, 64 to 30000; 0 is the photo's size")
	addSteps(f, c)
	f.StringVar((*string)(&c.Gate), "gate", string(c.Gate), "below --min-ssim: off does nothing, warn says so, hold lowers the strength until it fits")
	f.Float64Var(&c.MinSSIM, "min-ssim", c.MinSSIM, "threshold of the gate, 0 to 1")
	f.IntVar(&c.Quality, "quality", c.Quality, "JPEG quality, 1 to 100")
	f.StringVar((*string)(&c.OutputColour), "output-colour", string(c.OutputColour), "colour space of outputs: source (the photo's, such as Display P3) or srgb")
	f.BoolVar(&c.StripPrivate, "strip-private", c.StripPrivate, "leave places, names, serial numbers, XMP and IPTC out of the photo's metadata")
	f.BoolVar(&c.UseANE, "use-ane", c.UseANE, "let Core ML use the Neural Engine; macOS only")
}

// apply puts the preset's settings under those of the flags that were given. A style flag replaces the preset's style.
func (s *settingsFlags) apply(f *pflag.FlagSet) error {
	mix, err := parseMix(s.mix)
	if err != nil {
		return err
	}
	if s.preset != "" && s.from != "" {
		return &usageError{errors.New("--preset and --from both bring settings: give one of them")}
	}
	switch {
	case s.preset != "":
		store, err := presetStore()
		if err != nil {
			return err
		}
		p, err := store.Get(s.preset)
		if err != nil {
			return &usageError{err}
		}
		if err := s.underlay(f, p.Config()); err != nil {
			return err
		}
	case s.from != "":
		from, err := recipeOf(s.from)
		if err != nil {
			return err
		}
		if f.Lookup("content-image") != nil && !f.Changed("content-image") && f.NArg() == 0 {
			s.config.ContentImagePath = from.ContentImagePath
		}
		if err := s.underlay(f, from); err != nil {
			return err
		}
	}
	if mix != nil {
		s.config.StyleMix = mix
	}
	return nil
}

// recipeOf is the configuration that a picture was made with.
func recipeOf(path string) (c pipeline.Config, err error) {
	raw, err := picture.Recipe(path)
	if err != nil {
		return c, err
	}
	c = pipeline.DefaultConfig()
	var own struct { // every recipe of transfer has it, and none of diffuse
		Strength *float64 `json:"style_strength"`
	}
	if err := errors.Join(json.Unmarshal(raw, &c), json.Unmarshal(raw, &own)); err != nil {
		return c, &usageError{fmt.Errorf("the recipe in %s is damaged: %w", path, err)}
	}
	if own.Strength == nil {
		return c, &usageError{fmt.Errorf("the recipe in %s is not one of gesso transfer", path)}
	}
	return c, nil
}

// givenFlags are the flags that were given, with their values: those of the variables behind them, so it is called before these change.
func givenFlags(f *pflag.FlagSet) map[*pflag.Flag]string {
	given := map[*pflag.Flag]string{}
	f.Visit(func(flag *pflag.Flag) { given[flag] = flag.Value.String() })
	return given
}

// underlay puts settings under those of the flags that were given.
func (s *settingsFlags) underlay(f *pflag.FlagSet, from pipeline.Config) error {
	given := givenFlags(f)
	from.ContentImagePath, from.OutputPath, from.Force = s.config.ContentImagePath, s.config.OutputPath, s.config.Force
	for _, name := range styleFlags {
		if f.Changed(name) {
			from.StyleImagePath, from.StyleName, from.StylePrompt, from.StyleCode, from.StyleMix = "", "", "", nil, nil
			if name != "style-prompt" {
				from.Diffusion = nil
			}
		}
	}
	*s.config = from
	for flag, v := range given {
		if _, list := flag.Value.(pflag.SliceValue); list {
			continue // no setting, and setting it again would append
		}
		if err := flag.Value.Set(v); err != nil {
			return err
		}
	}
	return nil
}

// parseMix reads STYLE:WEIGHT, where the weight may be left out. What has a dot or a slash is a file, all else a built-in style.
func parseMix(values []string) (mix []pipeline.StyleShare, err error) {
	for _, v := range values {
		share := pipeline.StyleShare{Weight: 1}
		name := mixName(v)
		if name != v {
			if share.Weight, err = strconv.ParseFloat(v[len(name)+1:], 64); err != nil {
				return nil, &pipeline.FieldError{Field: "mix", Value: strconv.Quote(v), Want: "after the colon stands a weight, such as starry-night:0.5"}
			}
		}
		if isMixFile(name) {
			share.StyleImagePath = name
		} else {
			share.StyleName = name
		}
		mix = append(mix, share)
	}
	return mix, nil
}

// isMixFile tells whether the name of a part of a mix, without its weight, is a file's.
func isMixFile(name string) bool { return strings.ContainsAny(name, `./\`) }

// mixName is what stands before the weight.
func mixName(value string) string {
	if i := strings.LastIndex(value, ":"); i > 0 {
		return value[:i]
	}
	return value
}

func presetStore() (*preset.Store, error) {
	dir, err := preset.DefaultDir()
	return &preset.Store{Dir: dir}, err
}

// Package diffusion builds the networks of Stable Diffusion, 1, 2 and XL, in MIL: text encoders, U-Net, VAE. It reads diffusers' folders and single
// checkpoints, merges LoRAs, and lays packages out as Apple's ml-stable-diffusion does.
//
// Names of tensors are diffusers' and transformers'. It must not import an engine or ui.
package diffusion

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gesso-app/gesso/pipeline/disk"
)

// Config is a config.json of diffusers or transformers, as far as the tensors do not say the same.
type Config struct {
	Class string `json:"_class_name"`
	// U-Net and VAE
	Heads        oneOrMany `json:"num_attention_heads"`
	HeadDim      oneOrMany `json:"attention_head_dim"` // which is the number of heads, by an old mistake
	Groups       int       `json:"norm_num_groups"`
	Epsilon      float64   `json:"norm_eps"`
	FlipSinCos   *bool     `json:"flip_sin_to_cos"`
	FreqShift    float64   `json:"freq_shift"`
	AddTimeDim   int       `json:"addition_time_embed_dim"`
	AddType      string    `json:"addition_embed_type"`
	ClassType    string    `json:"class_embed_type"`
	SampleSize   oneOrMany `json:"sample_size"`
	CenterInput  bool      `json:"center_input_sample"`
	ActFn        string    `json:"act_fn"`
	CrossOnly    any       `json:"only_cross_attention"`
	TimeScale    string    `json:"resnet_time_scale_shift"`
	LatentChans  int       `json:"latent_channels"`
	ForceUpcast  bool      `json:"force_upcast"`
	ScaleFactor  float64   `json:"scaling_factor"`
	PatchSize    int       `json:"patch_size"`
	DownPad      *int      `json:"downsample_padding"`
	CrossDims    oneOrMany `json:"cross_attention_dim"`
	DualCross    bool      `json:"dual_cross_attention"`
	UpcastAttn   bool      `json:"upcast_attention"`
	TimeCondProj any       `json:"time_cond_proj_dim"`
	// text encoders
	Act       string  `json:"hidden_act"`
	LayerNorm float64 `json:"layer_norm_eps"`
	EOS       int     `json:"eos_token_id"`
	Positions int     `json:"max_position_embeddings"`
	Projected int     `json:"projection_dim"`
}

// oneOrMany is a number, a list of them, or null.
type oneOrMany []int

// UnmarshalJSON reads either.
func (o *oneOrMany) UnmarshalJSON(b []byte) error {
	var one int
	if json.Unmarshal(b, &one) == nil {
		*o = nil
		if string(b) != "null" {
			*o = oneOrMany{one}
		}
		return nil
	}
	var many []int
	if err := json.Unmarshal(b, &many); err != nil {
		return fmt.Errorf("%.40s is neither a number nor a list of them", b)
	}
	*o = many
	return nil
}

// at is the number for block i; missing where there is none.
func (o oneOrMany) at(i, missing int) int {
	switch {
	case len(o) == 0:
		return missing
	case i < len(o):
		return o[i]
	}
	return o[len(o)-1]
}

const maxConfig = 4 << 20 // bytes of a config.json

// readConfig reads the config.json of a part, with the defaults of its class.
func readConfig(dir string) (*Config, error) {
	c := &Config{}
	if err := disk.ReadJSON(filepath.Join(dir, "config.json"), maxConfig, c); err != nil {
		return nil, err
	}
	return c, c.check()
}

// check fills in defaults and refuses what would change the graph and is not built.
func (c *Config) check() error {
	if c.Groups == 0 {
		c.Groups = 32
	}
	if c.Groups < 0 {
		return fmt.Errorf("norm_num_groups is %d", c.Groups)
	}
	for what, is := range map[string]bool{
		"center_input_sample": c.CenterInput, "class_embed_type": c.ClassType != "", "dual_cross_attention": c.DualCross,
		"resnet_time_scale_shift": c.TimeScale != "" && c.TimeScale != "default", "act_fn": c.ActFn != "" && c.ActFn != "silu" && c.ActFn != "swish",
		"addition_embed_type": c.AddType != "" && c.AddType != "text_time",
	} {
		if is {
			return errors.New("its " + what + " is none that Stable Diffusion 1, 2 or XL has")
		}
	}
	return nil
}

package schedule

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Config is a scheduler_config.json. What is not in it is as the class of the scheduler has it, not as the class that wrote the file.
type Config struct {
	Class        string          `json:"_class_name"`
	Train        int             `json:"num_train_timesteps"`
	BetaStart    float64         `json:"beta_start"`
	BetaEnd      float64         `json:"beta_end"`
	BetaSchedule string          `json:"beta_schedule"`
	TrainedBetas json.RawMessage `json:"trained_betas"`
	Prediction   string          `json:"prediction_type"`
	Spacing      string          `json:"timestep_spacing"`
	Offset       int             `json:"steps_offset"`
	AlphaToOne   *bool           `json:"set_alpha_to_one"`
	Clip         *bool           `json:"clip_sample"`
	ClipRange    float64         `json:"clip_sample_range"`
	SkipPRK      bool            `json:"skip_prk_steps"`
	Thresholding bool            `json:"thresholding"`
	ZeroSNR      bool            `json:"rescale_betas_zero_snr"`
	Karras       bool            `json:"use_karras_sigmas"`
	Exponential  bool            `json:"use_exponential_sigmas"`
	Beta         bool            `json:"use_beta_sigmas"`
	Lu           bool            `json:"use_lu_lambdas"`
	Flow         bool            `json:"use_flow_sigmas"`
	FinalSigmas  string          `json:"final_sigmas_type"`
	SigmaMin     *float64        `json:"sigma_min"`
	SigmaMax     *float64        `json:"sigma_max"`
	Order        int             `json:"solver_order"`
	Solver       string          `json:"solver_type"`
	Algorithm    string          `json:"algorithm_type"`
	LowerFinal   *bool           `json:"lower_order_final"`
	EulerFinal   bool            `json:"euler_at_final"`
	PredictX0    *bool           `json:"predict_x0"`
	LambdaMin    any             `json:"lambda_min_clipped"`
	Original     int             `json:"original_inference_steps"`
	Scaling      float64         `json:"timestep_scaling"`
	Interpolate  string          `json:"interpolation_type"`
	Continuous   string          `json:"timestep_type"`
}

// Default is the configuration of Stable Diffusion 1, for models without one.
func Default() Config {
	no := false
	return Config{
		Class: names["pndm"], Train: 1000, BetaStart: 0.00085, BetaEnd: 0.012, BetaSchedule: "scaled_linear", Offset: 1, AlphaToOne: &no, Clip: &no,
		SkipPRK: true, Spacing: "leading",
	}
}

// Corrected is the configuration as diffusers' pipelines of Stable Diffusion 1 and 2 correct it when they load it: steps_offset is 1, and samples,
// which are no pictures, are not clipped.
func (c Config) Corrected() Config {
	c.Offset = 1
	if c.Clip != nil || c.Class == names["ddim"] {
		no := false
		c.Clip = &no
	}
	return c
}

// Parse reads a scheduler_config.json.
func Parse(b []byte) (c Config, err error) {
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("read the scheduler's settings: %w", err)
	}
	return c, nil
}

// name is the scheduler of the configuration's class, or empty.
func (c Config) name() string {
	for _, n := range Names {
		if names[n] == c.Class {
			if c.Karras && names[n+"-karras"] != "" {
				return n + "-karras"
			}
			return n
		}
	}
	return ""
}

// complete fills in the defaults of the scheduler's class.
func (c Config) complete(name string) Config {
	start, end, betas := 0.0001, 0.02, "linear"
	if name == "lcm" {
		start, end, betas = 0.00085, 0.012, "scaled_linear"
	}
	spacing := "linspace"
	if name == "pndm" || name == "ddim" {
		spacing = "leading"
	}
	orBool := func(b *bool, d bool) *bool {
		if b == nil {
			return &d
		}
		return b
	}
	c.Train, c.BetaStart, c.BetaEnd = cmp.Or(c.Train, 1000), cmp.Or(c.BetaStart, start), cmp.Or(c.BetaEnd, end)
	c.BetaSchedule, c.Spacing, c.Prediction = cmp.Or(c.BetaSchedule, betas), cmp.Or(c.Spacing, spacing), cmp.Or(c.Prediction, "epsilon")
	c.AlphaToOne, c.Clip, c.LowerFinal = orBool(c.AlphaToOne, name != "pndm"), orBool(c.Clip, name == "ddim"), orBool(c.LowerFinal, true)
	c.PredictX0 = orBool(c.PredictX0, true)
	c.ClipRange, c.Order, c.Original = cmp.Or(c.ClipRange, 1), cmp.Or(c.Order, 2), cmp.Or(c.Original, 50)
	c.Scaling, c.FinalSigmas = cmp.Or(c.Scaling, 10), cmp.Or(c.FinalSigmas, "zero")
	c.ZeroSNR = c.ZeroSNR && name != "pndm"
	c.Karras = c.Karras || strings.HasSuffix(name, "-karras")
	if name == "unipc" && c.Solver != "bh1" {
		c.Solver = "bh2"
	} else if name != "unipc" && c.Solver != "heun" {
		c.Solver = "midpoint"
	}
	return c
}

// check refuses what is not built.
func (c Config) check() error {
	if c.Train < 2 || c.Train > 1<<20 || !(c.BetaStart > 0 && c.BetaStart <= c.BetaEnd && c.BetaEnd < 1) {
		return fmt.Errorf("the scheduler's settings have %d steps of training with betas from %v to %v", c.Train, c.BetaStart, c.BetaEnd)
	}
	if c.Order < 1 || c.Order > 3 || c.Original < 1 || c.Original > c.Train {
		return fmt.Errorf("the scheduler's settings have solver_order %d and original_inference_steps %d", c.Order, c.Original)
	}
	if c.Offset < 0 || c.Offset >= c.Train {
		return fmt.Errorf("the scheduler's settings have steps_offset %d", c.Offset)
	}
	for what, is := range map[string]bool{
		"trained_betas": len(c.TrainedBetas) > 0 && string(c.TrainedBetas) != "null", "thresholding": c.Thresholding,
		"use_exponential_sigmas": c.Exponential, "use_beta_sigmas": c.Beta, "use_lu_lambdas": c.Lu, "use_flow_sigmas": c.Flow,
		"algorithm_type " + c.Algorithm:       c.Algorithm != "" && c.Algorithm != "dpmsolver++" && c.Algorithm != "deis",
		"prediction_type " + c.Prediction:     c.Prediction != "epsilon" && c.Prediction != "v_prediction",
		"timestep_spacing " + c.Spacing:       c.Spacing != "leading" && c.Spacing != "trailing" && c.Spacing != "linspace",
		"interpolation_type " + c.Interpolate: c.Interpolate != "" && c.Interpolate != "linear",
		"timestep_type " + c.Continuous:       c.Continuous != "" && c.Continuous != "discrete",
		"final_sigmas_type " + c.FinalSigmas:  c.FinalSigmas != "zero" && c.FinalSigmas != "sigma_min",
		"predict_x0 false":                    !*c.PredictX0,
	} {
		if is {
			return errors.New("the scheduler's settings have " + what + ", which Gesso has not: choose another scheduler, or take it out of scheduler_config.json")
		}
	}
	if s := c.BetaSchedule; s != "linear" && s != "scaled_linear" && s != "squaredcos_cap_v2" {
		return fmt.Errorf("the scheduler's settings have the beta_schedule %q: it is linear, scaled_linear or squaredcos_cap_v2", s)
	}
	return nil
}

// alphas are alphas_cumprod, in float32 steps as PyTorch computes them.
func (c Config) alphas() []float64 {
	betas := make([]float64, c.Train)
	switch c.BetaSchedule {
	case "squaredcos_cap_v2":
		bar := func(t float64) float64 { v := math.Cos((t + 0.008) / 1.008 * math.Pi / 2); return v * v }
		for i := range betas {
			betas[i] = float64(float32(min(1-bar(float64(i+1)/float64(c.Train))/bar(float64(i)/float64(c.Train)), 0.999)))
		}
	default:
		from, to := c.BetaStart, c.BetaEnd
		if c.BetaSchedule == "scaled_linear" {
			from, to = math.Sqrt(from), math.Sqrt(to)
		}
		step := (float32(to) - float32(from)) / float32(c.Train-1)
		for i := range betas {
			v := float32(from) + step*float32(i)
			if i >= c.Train/2 {
				v = float32(to) - step*float32(c.Train-1-i)
			}
			if c.BetaSchedule == "scaled_linear" {
				v *= v
			}
			betas[i] = float64(v)
		}
	}
	out := make([]float64, c.Train)
	product := 1.0
	for i, b := range betas {
		product *= float64(float32(1 - b))
		out[i] = float64(float32(product))
	}
	if c.ZeroSNR {
		c.rescale(out)
	}
	return out
}

// rescale takes the last alpha to zero (Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed", algorithm 1).
func (c Config) rescale(alphas []float64) {
	first, last := math.Sqrt(alphas[0]), math.Sqrt(alphas[len(alphas)-1])
	for i, a := range alphas {
		v := (math.Sqrt(a) - last) * first / (first - last)
		alphas[i] = v * v
	}
}

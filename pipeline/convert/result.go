package convert

import (
	"time"

	"github.com/gesso-app/gesso/pipeline/convert/compress"
)

// Phase is what a conversion is doing.
type Phase string

// The phases of a conversion.
const (
	PhaseRead  Phase = "reading"
	PhaseWrite Phase = "writing"
	PhaseCheck Phase = "checking"
)

// Progress is how far a conversion is, 0..1.
type Progress struct {
	Phase    Phase
	Part     string // of a network of several packages
	Fraction float64
}

// Result says what was made. Its JSON names are those of gesso convert --json.
type Result struct {
	ModelPath    string        `json:"model_path"`
	OutputPath   string        `json:"output_path"`
	Format       string        `json:"format"`
	Architecture string        `json:"architecture"`
	Time         time.Duration `json:"-"`
	Seconds      float64       `json:"seconds"`
	SourceSHA256 string        `json:"source_sha256,omitempty"`
	Packages     []Package     `json:"packages"`
	Warnings     []string      `json:"warnings,omitempty"`
}

// Package is one package that was made.
type Package struct {
	Name       string            `json:"name"`
	Path       string            `json:"path"`
	Target     string            `json:"target"`
	Operations int               `json:"operations"`
	Bytes      int64             `json:"bytes"`
	Inputs     map[string][]int  `json:"inputs"`
	Outputs    map[string][]int  `json:"outputs"`
	Names      map[string]string `json:"names,omitempty"` // of inputs and outputs in the source, where they had to change
	Float32    []string          `json:"float32,omitempty"`
	Check      *Check            `json:"check,omitempty"`
	Compressed *compress.Report  `json:"compressed,omitempty"`
}

// Check compares a package's outputs with those of the source.
type Check struct {
	Against    string  `json:"against"` // what ran the source
	Difference float64 `json:"max_difference"`
	Relative   float64 `json:"relative_difference"` // the largest difference by the largest value
	PSNR       float64 `json:"psnr_db"`
	Output     string  `json:"output"` // that differs most
}

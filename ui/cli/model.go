package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/pipeline/selftest"
)

func (p *program) model() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "Look into Core ML models",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(p.modelInspect())
	return cmd
}

// modelReport is what inspect prints as JSON.
type modelReport struct {
	File     string            `json:"file"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Inputs   []featureReport   `json:"inputs"`
	Outputs  []featureReport   `json:"outputs"`
	Plan     *selftest.Plan    `json:"plan,omitempty"`
}

// featureReport describes an input or an output; a dimension of 0 follows from the input.
type featureReport struct {
	Name     string         `json:"name"`
	Type     string         `json:"type"`
	Shape    []int          `json:"shape"`
	Shapes   [][]int        `json:"shapes,omitempty"`
	Ranges   []native.Range `json:"ranges,omitempty"`
	Optional bool           `json:"optional,omitempty"`
}

func (p *program) modelInspect() *cobra.Command {
	var withPlan, asJSON bool
	var engine engineFlags
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Print a model's inputs, outputs and metadata, and where Core ML plans to run it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o, err := engine.options(true)
			if err != nil {
				return err
			}
			r := modelReport{File: args[0], Metadata: metadata(args[0])}
			m, err := native.Open(args[0], native.Options{Units: o.Units, Threads: o.Threads})
			if err != nil {
				return &usageError{err}
			}
			defer func() { err = errors.Join(err, m.Close()) }()
			r.Inputs, r.Outputs = featureReports(m.Inputs()), featureReports(m.Outputs())
			if withPlan {
				plan := selftest.PlanOf(cmd.Context(), m)
				if err := cmd.Context().Err(); err != nil {
					return err
				}
				r.Plan = &plan
			}
			if asJSON {
				return printJSON(p.stdout, r)
			}
			return p.printModel(r)
		},
	}
	cmd.Flags().BoolVar(&withPlan, "plan", false, "print where Core ML plans to run each operation, those that leave the Neural Engine first; macOS 14.4 or newer")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	engine.add(cmd)
	return cmd
}

// metadata is what a package says of itself; nothing where the file is no package.
func metadata(path string) map[string]string {
	m, err := mlpackage.Open(path)
	if err != nil {
		return nil // what is wrong with it, the engine says
	}
	defer m.Close()
	said := m.Spec.GetDescription().GetMetadata()
	out := map[string]string{"specification version": fmt.Sprint(m.Spec.GetSpecificationVersion())}
	for k, v := range said.GetUserDefined() {
		out[k] = v
	}
	for k, v := range map[string]string{
		"description": said.GetShortDescription(), "version": said.GetVersionString(), "author": said.GetAuthor(), "license": said.GetLicense(),
	} {
		if v != "" {
			out[k] = v
		}
	}
	return out
}

func featureReports(features []native.Feature) []featureReport {
	out := make([]featureReport, len(features))
	for i, f := range features {
		out[i] = featureReport{f.Name, f.DType.String(), f.Shape, f.Shapes, f.Ranges, f.Optional}
		if f.Half {
			out[i].Type = native.Float16.String()
		}
		if f.Image != "" {
			out[i].Type = string(f.Image) + " picture"
		}
	}
	return out
}

func (p *program) printModel(r modelReport) error {
	rows := [][]string{{"File", r.File}}
	for _, k := range slices.Sorted(maps.Keys(r.Metadata)) {
		rows = append(rows, []string{oneLine(k), oneLine(r.Metadata[k])})
	}
	for _, f := range r.Inputs {
		rows = append(rows, []string{"Input " + oneLine(f.Name), f.String()})
	}
	for _, f := range r.Outputs {
		rows = append(rows, []string{"Output " + oneLine(f.Name), f.String()})
	}
	if r.Plan == nil {
		return printTable(p.stdout, rows)
	}
	known := r.Plan.Known
	switch {
	case known:
		rows = append(rows, []string{"Neural Engine", fmt.Sprintf("planned for %.0f %% of the cost, %.0f %% of the operations", 100*r.Plan.Share, 100*r.Plan.ByCount)})
	case r.Plan.Error != "":
		rows = append(rows, []string{"Neural Engine", "unknown: " + r.Plan.Error})
	default:
		rows = append(rows, []string{"Neural Engine", "unknown: only Core ML makes a plan, from macOS 14.4 on"})
	}
	if err := printTable(p.stdout, rows); err != nil || !known {
		return err
	}
	if err := printLine(p.stdout, ""); err != nil {
		return err
	}
	return printTable(p.stdout, r.Plan.Rows())
}

// oneLine is a text from a file that nobody vouches for, as it may be shown: without what moves a terminal's cursor, and not too long.
func oneLine(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	for i, c := range r {
		if !unicode.IsPrint(c) {
			r[i] = unicode.ReplacementChar
		}
	}
	if len(r) > 300 {
		r = append(r[:299], '…')
	}
	return string(r)
}

// String is such as "float16 (1,3,288,288), or one of 20 other shapes".
func (f featureReport) String() string {
	s := f.Type + " " + dimensions(f.Shape)
	switch {
	case len(f.Shape) == 0:
		s = f.Type + ", of a shape that the model does not tell"
	case len(f.Ranges) > 0:
		sizes := make([]string, len(f.Ranges))
		for i, r := range f.Ranges {
			switch {
			case r.Max == 0:
				sizes[i] = fmt.Sprintf("%d and more", r.Min)
			case r.Min == r.Max:
				sizes[i] = fmt.Sprint(r.Min)
			default:
				sizes[i] = fmt.Sprintf("%d to %d", r.Min, r.Max)
			}
		}
		s += ", permitted: " + strings.Join(sizes, " x ")
	case len(f.Shapes) > 1:
		s += fmt.Sprintf(", or one of %d other shapes", len(f.Shapes)-1)
	}
	if f.Optional {
		s += ", may be left out"
	}
	return s
}

func dimensions(shape []int) string {
	out := make([]string, len(shape))
	for i, n := range shape {
		out[i] = fmt.Sprint(n)
		if n == 0 {
			out[i] = "?"
		}
	}
	return "(" + strings.Join(out, ",") + ")"
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/neural"
	"github.com/gesso-app/gesso/pipeline/convert"
	"github.com/gesso-app/gesso/pipeline/predict"
	"github.com/gesso-app/gesso/pipeline/selftest"
)

func (p *program) model() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "Look into Core ML models, and run them",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(p.modelInspect(), p.modelPredict(), p.modelVerify(), p.modelTokenize())
	return cmd
}

// modelReport is what inspect prints as JSON.
type modelReport struct {
	File          string             `json:"file"`
	Format        string             `json:"format"`
	Kind          string             `json:"kind"`
	Specification int                `json:"specification_version"`
	Bytes         int64              `json:"bytes"`
	Metadata      map[string]string  `json:"metadata,omitempty"`
	Inputs        []featureReport    `json:"inputs"`
	Outputs       []featureReport    `json:"outputs"`
	States        []string           `json:"states,omitempty"`
	Functions     []functionReport   `json:"functions,omitempty"`
	Models        []string           `json:"models,omitempty"`
	Weights       []weightReport     `json:"weights,omitempty"`
	Refused       string             `json:"refused,omitempty"` // why this machine's engine does not run it
	Plan          *selftest.Plan     `json:"plan,omitempty"`
	Estimates     []*neural.Estimate `json:"neural_engine_estimates,omitempty"`
}

type functionReport struct {
	Name       string         `json:"name"`
	Default    bool           `json:"default"`
	Opset      string         `json:"opset,omitempty"`
	Operations map[string]int `json:"operations"`
}

type weightReport struct {
	Type        string `json:"type"`
	Compression string `json:"compression"`
	Tensors     int    `json:"tensors"`
	Elements    int64  `json:"elements"`
	Bytes       int64  `json:"bytes"`
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
	var function string
	var engine engineFlags
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Print what a model takes, gives and holds, and what of it will run on the Neural Engine",
		Long: "Print what a model takes, gives and holds, and what of it will run on the Neural Engine; of a file that gesso convert reads,\n" +
			"the tensors and the network that they are.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if convert.IsSource(args[0]) {
				return p.inspectSource(args[0], asJSON)
			}
			if err := isModel(args[0]); err != nil {
				return &usageError{err}
			}
			o, err := engine.options(true)
			if err != nil {
				return err
			}
			r, err := inspectModel(args[0], native.Options{Units: o.Units, Threads: o.Threads, Function: function})
			if err != nil {
				return err
			}
			if withPlan {
				if err := r.plan(cmd.Context(), native.Options{Units: o.Units, Threads: o.Threads, Function: function}); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(p.stdout, r)
			}
			return p.printModel(r)
		},
	}
	cmd.Flags().BoolVar(&withPlan, "plan", false, "print where Core ML plans to run each operation (macOS 14.4 or newer), and what the Neural Engine will refuse by published rules")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	cmd.Flags().StringVar(&function, "function", "", "`name` of the function to describe, of a package with several")
	engine.add(cmd)
	return cmd
}

// isModel refuses in a sentence what plainly is no model: a picture, a text, a folder of other things.
func isModel(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil //nolint:nilerr,nolintlint // reading it as a model tells why it cannot be opened
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if st.IsDir() {
		entries, err := f.ReadDir(1)
		if len(entries) == 0 && errors.Is(err, io.EOF) {
			return fmt.Errorf("the folder %s is empty: name a .mlpackage, a .mlmodel, or what gesso convert reads", path)
		}
		return nil
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if kind, _, _ := strings.Cut(http.DetectContentType(head[:n]), ";"); strings.HasPrefix(kind, "image/") {
		return fmt.Errorf("%s is a picture (%s), no model: name a .mlpackage, a .mlmodel, or what gesso convert reads", path, kind)
	}
	return nil
}

func inspectModel(path string, o native.Options) (r *modelReport, err error) {
	m, err := mlpackage.Open(path)
	if err != nil {
		return nil, &usageError{err}
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	s, err := m.Summarize()
	if err != nil {
		return nil, &usageError{fmt.Errorf("read the model %s: %w", path, err)}
	}
	r = &modelReport{File: path, Format: s.Format, Kind: s.Kind, Specification: s.Specification, Bytes: s.Bytes, Metadata: s.Metadata, States: s.States, Models: s.Models}
	for _, f := range s.Functions {
		r.Functions = append(r.Functions, functionReport{f.Name, f.Default, f.Opset, f.Operations})
	}
	for _, w := range s.Weights {
		r.Weights = append(r.Weights, weightReport{w.Type, w.Compression, w.Tensors, w.Elements, w.Bytes})
	}
	in, out, err := native.Describe(path, o)
	if err != nil { // what it takes and gives is told all the same
		r.Refused = err.Error()
		in, out = predict.Described(m.Spec, o.Function)
	}
	r.Inputs, r.Outputs = featureReports(in), featureReports(out)
	return r, nil
}

// plan asks Core ML for its plan, and estimates one by published rules.
func (r *modelReport) plan(ctx context.Context, o native.Options) (err error) {
	r.Plan = &selftest.Plan{}
	if m, err := native.Open(r.File, o); err == nil {
		*r.Plan = selftest.PlanOf(ctx, m)
		if err := errors.Join(ctx.Err(), m.Close()); err != nil {
			return err
		}
	}
	m, err := mlpackage.Open(r.File)
	if err != nil {
		return &usageError{err}
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	for _, f := range r.Functions {
		if o.Function != "" && f.Name != o.Function {
			continue
		}
		if e, err := neural.Of(m, f.Name); err == nil {
			r.Estimates = append(r.Estimates, &e)
		}
	}
	return nil
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

func (p *program) printModel(r *modelReport) error {
	rows := [][]string{
		{"File", r.File}, {"Format", fmt.Sprintf("%s, %s, specification %d", r.Format, cmp.Or(r.Kind, "of an unknown kind"), r.Specification)}, {"Size", amount(r.Bytes)},
	}
	for _, k := range slices.Sorted(maps.Keys(r.Metadata)) {
		rows = append(rows, []string{oneLine(k), oneLine(r.Metadata[k])})
	}
	for _, f := range r.Inputs {
		rows = append(rows, []string{"Input " + oneLine(f.Name), f.String()})
	}
	for _, f := range r.Outputs {
		rows = append(rows, []string{"Output " + oneLine(f.Name), f.String()})
	}
	rows = append(rows, r.contents()...)
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
	rows = append(rows, r.estimates()...)
	if err := printTable(p.stdout, rows); err != nil || !known {
		return err
	}
	if err := printLine(p.stdout, ""); err != nil {
		return err
	}
	return printTable(p.stdout, r.Plan.Rows())
}

// contents are the operations and weights, and why the model does not run here.
func (r *modelReport) contents() (rows [][]string) {
	for _, s := range r.States {
		rows = append(rows, []string{"State " + oneLine(s), "kept between predictions"})
	}
	for _, m := range r.Models {
		rows = append(rows, []string{"Model", m})
	}
	for _, f := range r.Functions {
		total := 0
		kinds := slices.SortedFunc(maps.Keys(f.Operations), func(a, b string) int {
			return cmp.Or(cmp.Compare(f.Operations[b], f.Operations[a]), cmp.Compare(a, b))
		})
		var list []string
		for _, k := range kinds {
			total += f.Operations[k]
			list = append(list, fmt.Sprintf("%d %s", f.Operations[k], oneLine(cmp.Or(k, "unknown"))))
		}
		name := "Operations"
		if len(r.Functions) > 1 {
			name += " of " + oneLine(f.Name)
		}
		rows = append(rows, []string{name, fmt.Sprintf("%d: %s", total, strings.Join(list, ", "))})
	}
	for _, w := range r.Weights {
		kind := w.Type
		if w.Compression != "none" {
			kind += ", " + w.Compression
		}
		rows = append(rows, []string{"Weights", fmt.Sprintf("%s: %d tensors, %d elements, %s", kind, w.Tensors, w.Elements, amount(w.Bytes))})
	}
	if r.Refused != "" {
		rows = append(rows, []string{"Does not run here", oneLine(r.Refused)})
	}
	return rows
}

// estimates tell what the Neural Engine will probably do.
func (r *modelReport) estimates() (rows [][]string) {
	for _, e := range r.Estimates {
		about := fmt.Sprintf("%.0f %% of the cost, by published rules", 100*e.Share)
		if e.Reason != "" {
			about = "nothing: " + oneLine(e.Reason)
		}
		name := "Estimated share"
		if len(r.Estimates) > 1 {
			name += " of " + oneLine(e.Function)
		}
		rows = append(rows, []string{name, about})
		for _, f := range e.Refused {
			rows = append(rows, []string{"Refused", fmt.Sprintf("%d %s, such as %s: %s", f.Count, f.Operation, oneLine(f.Output), f.Reason)})
		}
	}
	return rows
}

// amount is a number of bytes for people.
func amount(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	default:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
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

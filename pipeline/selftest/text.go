package selftest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gesso-app/gesso/native"
)

// Text writes the report for people.
func (r Report) Text(w io.Writer) error {
	var b strings.Builder
	cores := ""
	if r.NeuralEngineCores > 0 {
		cores = fmt.Sprintf(" (%d cores)", r.NeuralEngineCores)
	}
	devices := strings.Join(r.Devices, ", ")
	if devices == "" {
		devices = "unknown"
	}
	fmt.Fprintf(&b, "Gesso %s, self test of %s\n\n", r.Gesso, r.Time.Format(time.RFC3339))
	table(&b, [][]string{
		{"Engine", r.Engine},
		{"System", fmt.Sprintf("%s, %d processors, %s", r.System, r.Processors, r.Go)},
		{"Devices", devices + cores},
		{"Heat", fmt.Sprintf("%s before, %s after", r.ThermalBefore, r.ThermalAfter)},
	})
	b.WriteString("\n")
	rows := [][]string{{"UNITS", "NETWORK", "LOAD", "FIRST RUN", "LATER RUNS", "NEURAL ENGINE", "FARTHEST FROM PYTORCH"}}
	for _, n := range r.Networks {
		if n.Error != "" {
			rows = append(rows, []string{n.Units, n.Name, "failed: " + n.Error})
			continue
		}
		rows = append(rows, []string{n.Units, n.Name, seconds(n.Load), seconds(n.First), seconds(n.Median), n.Plan.share(), n.farthest()})
	}
	table(&b, rows)
	fmt.Fprintf(&b, "\nA value may be %.1f %% of its output's range away. The shares of the Neural Engine are planned, not measured.\n", 100*r.Tolerance)
	for _, n := range r.Networks {
		n.text(&b)
	}
	if r.Passed {
		b.WriteString("\nAll is well.\n")
	} else {
		b.WriteString("\nIt FAILED.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// text writes the dearest operations that leave the Neural Engine, where it may be used; the rest of the plan is in the report's JSON.
func (n Network) text(b *strings.Builder) {
	switch {
	case n.Plan.Error != "":
		fmt.Fprintf(b, "\nThe plan of %s (%s) cannot be read: %s\n", n.Name, n.Units, n.Plan.Error)
	case n.Plan.Known && n.Units != native.UnitsCPUAndGPU.String() && n.Units != native.UnitsCPUOnly.String():
		fmt.Fprintf(b, "\nThe plan of %s (%s): %.0f %% of the operations on the Neural Engine. What leaves it:\n", n.Name, n.Units, 100*n.Plan.ByCount)
		table(b, n.Plan.leaving().Rows())
	}
}

// leaving is the plan without what stays on the Neural Engine, and not too long for a page.
func (p Plan) leaving() Plan {
	p.Operations = slices.DeleteFunc(slices.Clone(p.Operations), func(o Operation) bool { return o.Preferred == native.NeuralEngine.String() })
	p.Operations = p.Operations[:min(len(p.Operations), 30)]
	return p
}

// Rows is the plan as a table, with its heading.
func (p Plan) Rows() [][]string {
	rows := [][]string{{"RUNS ON", "COST", "OPERATION", "OUTPUT", "COULD RUN ON"}}
	for _, o := range p.Operations {
		cost := "unknown"
		if o.Cost >= 0 {
			cost = fmt.Sprintf("%.2f %%", 100*o.Cost)
		}
		rows = append(rows, []string{o.Preferred, cost, o.Type, o.Output, strings.Join(o.Supported, ", ")})
	}
	return rows
}

func (p Plan) share() string {
	if !p.Known {
		return "unknown"
	}
	return fmt.Sprintf("%.0f %%", 100*p.Share)
}

// farthest names the output that is farthest from PyTorch's.
func (n Network) farthest() string {
	if len(n.Outputs) == 0 {
		return "nothing came out"
	}
	worst := n.Outputs[0]
	for _, o := range n.Outputs {
		if o.Difference < 0 || worst.Difference >= 0 && o.Difference > worst.Difference {
			worst = o
		}
	}
	verdict := "good"
	if !n.passed() {
		verdict = "TOO FAR"
	}
	if worst.Difference < 0 {
		return fmt.Sprintf("%s is not of numbers, or of another shape: %s", worst.Name, verdict)
	}
	return fmt.Sprintf("%s by %.2f %%: %s", worst.Name, 100*worst.Difference, verdict)
}

func seconds(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%.1f ms", 1000*s)
	}
	return fmt.Sprintf("%.2f s", s)
}

// table writes rows with their columns aligned.
func table(b *strings.Builder, rows [][]string) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush() // a Builder takes everything
}

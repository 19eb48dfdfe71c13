package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/gesso-app/gesso/pipeline"
)

func printJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return printLine(w, string(b))
}

func printLine(w io.Writer, line string) error {
	if _, err := fmt.Fprintln(w, line); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// printTable prints rows with their columns aligned.
func printTable(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(t, "\t") // Flush has the error
			}
			fmt.Fprint(t, plainCell(cell))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// plainCell keeps a cell on its line: names of files may hold control characters, which a terminal would obey.
func plainCell(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return '\ufffd'
		}
		return r
	}, s)
}

// printResult prints what a transfer did.
func printResult(w io.Writer, r pipeline.Result, asJSON bool) error {
	if asJSON {
		return printJSON(w, r)
	}
	output := r.OutputPath
	if output == stream {
		output = "stdout"
	}
	strength := fmt.Sprintf("%.2f", r.StrengthUsed)
	if r.DetailKept > 0 {
		strength += fmt.Sprintf(", with %.0f %% of the photo's own luminance put back", 100*r.DetailKept)
	}
	rows := [][]string{
		{"Picture", fmt.Sprintf("%s, %d x %d pixels", output, r.Width, r.Height)},
		{"Style", r.Style},
	}
	if r.StyleConfidence > 0 {
		rows = append(rows, []string{"Match", fmt.Sprintf("%.0f %% sure", 100*r.StyleConfidence)})
	}
	rows = append(rows, []string{"Strength", strength})
	if r.BrushScaleUsed != 1 {
		rows = append(rows, []string{"Brush scale", fmt.Sprintf("%.2g", r.BrushScaleUsed)})
	}
	rows = append(rows, scoreRows(r)...)
	rows = append(rows, []string{"Time", r.ProcessingTime.Round(10 * time.Millisecond).String()}, []string{"Engine", r.Engine})
	if r.ANEUtilized {
		rows = append(rows, []string{"Neural Engine", fmt.Sprintf("planned for %.0f %% of the work", 100*r.ANEShare)})
	}
	if r.Heat != "" {
		rows = append(rows, []string{"Heat", r.Heat + ": the machine is slowed down until it has cooled"})
	}
	for _, w := range r.Warnings {
		rows = append(rows, []string{"Photo", w})
	}
	if r.GateNote != "" {
		rows = append(rows, []string{"Note", r.GateNote})
	}
	return printTable(w, rows)
}

// scoreRows are the scores with what their ends mean.
func scoreRows(r pipeline.Result) [][]string {
	rows := [][]string{
		{"SSIM", fmt.Sprintf("%.3f  (1 is the photo itself)", r.SSIMScore)},
		{"Photo kept", fmt.Sprintf("%.3f  (1 is all of its structure)", r.ContentPreservation)},
	}
	if !math.IsNaN(r.StyleLoss) {
		rows = append(rows, []string{"Style distance", fmt.Sprintf("%.3f  (0 is the style itself)", r.StyleLoss)})
	}
	return rows
}

package batch

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/gesso-app/gesso/pipeline/journal"
)

// Row is a source in a report. The scores are nil where no picture was made, or none in this journal's time.
type Row struct {
	N        int           `json:"n"` // from 1, in the order in which the sources were given
	Source   string        `json:"source"`
	State    journal.State `json:"state"`
	Output   string        `json:"output,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Attempts int           `json:"attempts,omitempty"`
	Seconds  float64       `json:"seconds,omitempty"` // from its claim to its end
	SHA256   string        `json:"source_sha256,omitempty"`
	Scores   *Scores       `json:"scores,omitempty"`
}

// Scores are the parts of a pipeline.Result that a report holds, under the same names.
type Scores struct {
	SSIM                float64  `json:"ssim_score"`
	StyleLoss           *float64 `json:"style_loss"` // nil: not measured
	ContentPreservation float64  `json:"content_preservation"`
	StrengthUsed        float64  `json:"strength_used"`
	DetailKept          float64  `json:"detail_kept"`
	Style               string   `json:"style"`
	GateNote            string   `json:"gate_note,omitempty"`
	Width               int      `json:"width"`
	Height              int      `json:"height"`
}

// Report returns the jobs of a scope and recipe in the order in which they were given. Jobs for which keep is false are left out; nil keeps all.
func Report(ctx context.Context, j *journal.Journal, scope, key string, keep func(*journal.Job) bool) (rows []Row, err error) {
	n := 0
	readErr := j.Jobs(ctx, scope, key, func(job *journal.Job) bool {
		n++
		if keep != nil && !keep(job) {
			return true
		}
		r := Row{N: n, Source: job.Source.Path, State: job.State, Output: job.Output, Reason: job.Reason, Attempts: job.Attempts, Seconds: job.Took.Seconds(), SHA256: job.Hash}
		if job.State == journal.Done && len(job.Result) > 0 {
			r.Scores = &Scores{}
			if err = json.Unmarshal(job.Result, r.Scores); err != nil {
				err = fmt.Errorf("read the scores of %s: %w", job.Source.Path, err)
				return false
			}
		}
		rows = append(rows, r)
		return true
	})
	if readErr != nil {
		return nil, readErr
	}
	return rows, err
}

var csvHead = []string{"n", "source", "state", "output", "ssim_score", "content_preservation", "style_loss", "strength_used", "detail_kept", "width", "height", "seconds", "attempts", "reason", "gate_note", "source_sha256"}

// WriteCSV writes a report as comma-separated values (RFC 4180) with a head. A field that a spreadsheet would take for a formula begins with
// an apostrophe.
func WriteCSV(w io.Writer, rows []Row) error {
	c := csv.NewWriter(w)
	if err := c.Write(csvHead); err != nil {
		return err
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 4, 64) }
	for _, r := range rows {
		s, loss := Scores{}, ""
		scored := []string{"", "", "", "", "", "", ""}
		if r.Scores != nil {
			s = *r.Scores
			if s.StyleLoss != nil {
				loss = number(*s.StyleLoss)
			}
			scored = []string{number(s.SSIM), number(s.ContentPreservation), loss, number(s.StrengthUsed), number(s.DetailKept), strconv.Itoa(s.Width), strconv.Itoa(s.Height)}
		}
		line := append([]string{strconv.Itoa(r.N), plain(r.Source), string(r.State), plain(r.Output)}, scored...)
		line = append(line, strconv.FormatFloat(r.Seconds, 'f', 3, 64), strconv.Itoa(r.Attempts), plain(r.Reason), plain(s.GateNote), r.SHA256)
		if err := c.Write(line); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// plain keeps a spreadsheet from running text that came from a file's name.
func plain(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t' || s[0] == '\r') {
		return "'" + s
	}
	return s
}

// WriteJSON writes a report as a list of objects.
func WriteJSON(w io.Writer, rows []Row) error {
	if rows == nil {
		rows = []Row{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rows)
}

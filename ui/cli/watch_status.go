package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gesso-app/gesso/pipeline/journal"
)

// statusReport is the status as JSON.
type statusReport struct {
	Journal   string                `json:"journal"`
	Counts    map[journal.State]int `json:"counts"`
	PerHour   float64               `json:"pictures_per_hour"` // over the last ten minutes
	Last      *time.Time            `json:"last_done,omitempty"`
	Processes []journal.Process     `json:"processes"`
	Current   []string              `json:"current"`
	Errors    []statusError         `json:"last_errors"`
}

type statusError struct {
	Source   string    `json:"source"`
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	SetAside bool      `json:"set_aside"`
	Time     time.Time `json:"time,omitzero"`
}

// maxShownErrors is how many errors a status shows.
const maxShownErrors = 10

// watchStatus prints how the processes get on that fill an output folder.
func (p *program) watchStatus(ctx context.Context, output, path string, asJSON bool) error {
	if path == "" {
		if output == "" {
			return &usageError{errors.New("name the folder of the pictures with --output, or the journal with --journal")}
		}
		var err error
		if path, err = journal.PathFor(output); err != nil {
			return err
		}
	}
	s, err := journal.Peek(ctx, path, maxShownErrors)
	if errors.Is(err, fs.ErrNotExist) {
		return &usageError{fmt.Errorf("nothing is remembered of %s: there is no journal %s", output, path)}
	}
	if err != nil {
		return err
	}
	r := report(path, s)
	if asJSON {
		return printJSON(p.stdout, r)
	}
	return p.printStatus(r)
}

func report(path string, s journal.Status) statusReport {
	r := statusReport{Journal: path, Counts: map[journal.State]int{}, PerHour: s.PerHour(), Processes: []journal.Process{}, Current: []string{}, Errors: []statusError{}}
	for _, state := range journal.States {
		r.Counts[state] = s.Counts[state]
	}
	if !s.Last.IsZero() {
		r.Last = &s.Last
	}
	r.Processes = append(r.Processes, s.Processes...)
	for _, j := range s.Current {
		r.Current = append(r.Current, j.Source.Path)
	}
	for _, j := range s.Errors {
		r.Errors = append(r.Errors, statusError{j.Source.Path, j.Reason, j.Attempts, j.State == journal.Failed, j.Finished})
	}
	return r
}

func (p *program) printStatus(r statusReport) error {
	rows := [][]string{{"Journal", r.Journal}}
	for _, x := range r.Processes {
		rows = append(rows, []string{"Running", fmt.Sprintf("process %d on %s since %s", x.PID, x.Scope, x.Started.Format(time.DateTime))})
	}
	if len(r.Processes) == 0 {
		rows = append(rows, []string{"Running", "no process"})
	}
	for _, state := range journal.States {
		if n := r.Counts[state]; n > 0 || state == journal.Pending || state == journal.Done || state == journal.Failed {
			rows = append(rows, []string{string(state), strconv.Itoa(n)})
		}
	}
	rows = append(rows, []string{"Rate", fmt.Sprintf("%.0f pictures an hour, over the last ten minutes", r.PerHour)})
	for _, c := range r.Current {
		rows = append(rows, []string{"Now", c})
	}
	for _, e := range r.Errors {
		what := "Waits"
		if e.SetAside {
			what = "Set aside"
		}
		rows = append(rows, []string{what, fmt.Sprintf("%s: %s (attempt %d)", filepath.Base(e.Source), e.Reason, e.Attempts)})
	}
	return printTable(p.stdout, rows)
}

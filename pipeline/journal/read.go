package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const columns = "id, scope, recipe, source, size, time, hash, state, attempts, crashes, ready, output, output_hash, result, reason, added, claimed, finished, tidied, owner"

// scanAll reads and closes rows of columns.
func scanAll(rows *sql.Rows) (jobs []*Job, err error) {
	defer rows.Close()
	for rows.Next() {
		var j Job
		var state string
		var ready, added, claimed, finished int64
		err := rows.Scan(&j.ID, &j.Scope, &j.Recipe, &j.Source.Path, &j.Source.Size, &j.Source.Time, &j.Hash, &state, &j.Attempts, &j.Crashes, &ready,
			&j.Output, &j.OutputHash, &j.Result, &j.Reason, &added, &claimed, &finished, &j.Tidied, &j.owner)
		if err != nil {
			return nil, fmt.Errorf("read a job: %w", err)
		}
		j.State, j.Ready, j.Added = State(state), time.UnixMilli(ready), time.UnixMilli(added)
		if finished > 0 {
			j.Finished = time.UnixMilli(finished)
		}
		if finished > 0 && claimed > 0 {
			j.Took = time.Duration(finished-claimed) * time.Millisecond
		}
		jobs = append(jobs, &j)
	}
	return jobs, rows.Err()
}

func isConstraint(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
}

// Jobs calls f with the jobs of a scope and recipe in the order in which they were added, until f returns false.
func (j *Journal) Jobs(ctx context.Context, scope, recipe string, f func(*Job) bool) error {
	for last := int64(0); ; {
		rows, err := j.db.QueryContext(ctx, "SELECT "+columns+" FROM job WHERE scope = ? AND recipe = ? AND id > ? ORDER BY id LIMIT 500", scope, recipe, last)
		if err != nil {
			return fmt.Errorf("read the journal %s: %w", j.path, err)
		}
		jobs, err := scanAll(rows)
		if err != nil {
			return err
		}
		for _, job := range jobs {
			if !f(job) {
				return nil
			}
			last = job.ID
		}
		if len(jobs) < 500 {
			return nil
		}
	}
}

// Process is one that has the journal open.
type Process struct {
	PID     int       `json:"pid"`
	Scope   string    `json:"scope"`
	Started time.Time `json:"started"`
}

// Status is what a journal says about the work it stands for.
type Status struct {
	Counts    map[State]int
	Processes []Process // that run
	Current   []*Job    // being worked on, by processes that run
	Errors    []*Job    // the last ones, latest first
	Recent    int       // pictures done within Window before now
	Window    time.Duration
	Last      time.Time // when the last picture was done
}

// PerHour is the rate of pictures within the window.
func (s Status) PerHour() float64 { return float64(s.Recent) / s.Window.Hours() }

// rateWindow is the time over which the rate is taken.
const rateWindow = 10 * time.Minute

// Status sums up all scopes and recipes; maxErrors is how many errors it lists. Waiting jobs that have failed before count as errors too.
func (j *Journal) Status(ctx context.Context, maxErrors int) (s Status, err error) {
	s = Status{Counts: map[State]int{}, Window: rateWindow}
	defer func() {
		if err != nil {
			err = fmt.Errorf("read the journal %s: %w", j.path, err)
		}
	}()
	counts, err := j.db.QueryContext(ctx, "SELECT state, count(*), max(finished) FROM job GROUP BY state")
	if err != nil {
		return s, err
	}
	defer counts.Close()
	for counts.Next() {
		var state string
		var n int
		var last int64
		if err := counts.Scan(&state, &n, &last); err != nil {
			return s, err
		}
		s.Counts[State(state)] = n
		if State(state) == Done {
			s.Last = time.UnixMilli(last)
		}
	}
	if err := counts.Err(); err != nil {
		return s, err
	}
	since := j.now().Add(-rateWindow).UnixMilli()
	if err := j.db.QueryRowContext(ctx, "SELECT count(*) FROM job WHERE finished > ? AND state = 'done'", since).Scan(&s.Recent); err != nil {
		return s, err
	}
	if s.Processes, err = j.processes(ctx); err != nil {
		return s, err
	}
	rows, err := j.db.QueryContext(ctx, "SELECT "+columns+" FROM job WHERE owner <> '' ORDER BY claimed")
	if err != nil {
		return s, err
	}
	if s.Current, err = scanAll(rows); err != nil {
		return s, err
	}
	s.Current = slices.DeleteFunc(s.Current, func(job *Job) bool { return !j.alive(job.owner) }) // those wait to be taken over
	rows, err = j.db.QueryContext(ctx, "SELECT "+columns+" FROM job WHERE state = 'failed' OR (state = 'pending' AND reason <> '') ORDER BY max(finished, claimed) DESC LIMIT ?", maxErrors)
	if err != nil {
		return s, err
	}
	s.Errors, err = scanAll(rows)
	return s, err
}

// processes lists those that hold their locks, this one left out.
func (j *Journal) processes(ctx context.Context) (all []Process, err error) {
	rows, err := j.db.QueryContext(ctx, "SELECT id, pid, scope, started FROM owner WHERE id <> ? ORDER BY started", j.owner)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var p Process
		var started int64
		if err := rows.Scan(&id, &p.PID, &p.Scope, &started); err != nil {
			return nil, err
		}
		p.Started = time.UnixMilli(started)
		if j.alive(id) {
			all = append(all, p)
		}
	}
	return all, rows.Err()
}

// Owned tells whether a process works on the job.
func (j *Journal) Owned(ctx context.Context, id int64) (bool, error) {
	var n int
	if err := j.db.QueryRowContext(ctx, "SELECT count(*) FROM job WHERE id = ? AND owner <> ''", id).Scan(&n); err != nil {
		return false, fmt.Errorf("read the journal %s: %w", j.path, err)
	}
	return n > 0, nil
}

package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Claim takes the job that has waited longest, for this process to work on; nil means that none is ready. While a file is being worked on, a
// later state of the same file waits.
func (j *Journal) Claim(ctx context.Context, scope, recipe string) (*Job, error) {
	var job *Job
	err := j.write(ctx, func(tx *sql.Tx) error {
		now := j.now().UnixMilli()
		rows, err := tx.QueryContext(ctx, `UPDATE job SET state = 'running', owner = ?, claimed = ? WHERE id = (
			SELECT id FROM job AS j WHERE scope = ? AND recipe = ? AND state = 'pending' AND ready <= ? AND NOT EXISTS (
				SELECT 1 FROM job AS o WHERE o.scope = j.scope AND o.source = j.source AND o.recipe = j.recipe AND o.state IN ('running', 'publishing'))
			ORDER BY ready, id LIMIT 1) RETURNING `+columns, j.owner, now, scope, recipe, now)
		if err != nil {
			return err
		}
		all, err := scanAll(rows)
		if len(all) > 0 {
			job = all[0]
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim a job: %w", err)
	}
	return job, nil
}

// Next tells when the first of the jobs that wait is ready, if there is one, and how many are being worked on.
func (j *Journal) Next(ctx context.Context, scope, recipe string) (ready time.Time, pending bool, running int, err error) {
	var first sql.NullInt64
	// One statement sees one state: between two, a job that is put back would be neither waiting nor worked on.
	err = j.db.QueryRowContext(ctx, `SELECT (SELECT min(ready) FROM job WHERE scope = ? AND recipe = ? AND state = 'pending'),
		(SELECT count(*) FROM job WHERE owner <> '' AND scope = ? AND recipe = ?)`, scope, recipe, scope, recipe).Scan(&first, &running)
	if err != nil {
		return time.Time{}, false, 0, fmt.Errorf("read the journal %s: %w", j.path, err)
	}
	return time.UnixMilli(first.Int64), first.Valid, running, nil
}

// Identify notes the hash of the source's content and looks for a job that already did, or does, this very picture by the same recipe: under the
// same path, or, with the same time, under another where one of the two files is there no more, which means that it was renamed. there tells whether
// there is a file. It returns the job that did it, if any; wait says that another process is at it, so that the answer is known later.
func (j *Journal) Identify(ctx context.Context, job *Job, hash string, there func(path string) bool) (same *Job, wait bool, err error) {
	err = j.own(ctx, job, "UPDATE job SET hash = ? WHERE", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT "+columns+` FROM job WHERE hash = ? AND scope = ? AND recipe = ? AND id <> ? AND
			(source = ? OR (size = ? AND time = ?)) AND state IN ('running', 'publishing', 'done', 'skipped') ORDER BY id`,
			hash, job.Scope, job.Recipe, job.ID, job.Source.Path, job.Source.Size, job.Source.Time)
		if err != nil {
			return err
		}
		others, err := scanAll(rows)
		if err != nil {
			return err
		}
		for _, o := range others {
			if o.Source.Path != job.Source.Path && there(o.Source.Path) && there(job.Source.Path) {
				continue // a copy: a picture of its own
			}
			if o.State == Done || o.State == Skipped {
				same = o
				return nil
			}
			wait = true
		}
		return nil
	}, hash)
	if err != nil {
		return nil, false, err
	}
	job.Hash = hash
	return same, wait, nil
}

// Publish says that a file with that hash, of which result tells what it is, is about to get the name output. The error wraps ErrTaken if another job is about to use the name.
func (j *Journal) Publish(ctx context.Context, job *Job, output, hash string, result []byte) error {
	err := j.own(ctx, job, "UPDATE job SET state = 'publishing', output = ?, output_hash = ?, result = ? WHERE", nil, output, hash, result)
	if isConstraint(err) {
		return fmt.Errorf("%s: %w", output, ErrTaken)
	}
	if err != nil {
		return err
	}
	job.State, job.Output, job.OutputHash, job.Result = Publishing, output, hash, result
	return nil
}

// OwnerOf returns the source whose finished picture has that name, or "".
func (j *Journal) OwnerOf(ctx context.Context, output string) (source string, err error) {
	err = j.db.QueryRowContext(ctx, "SELECT source FROM job WHERE output = ? AND state IN ('publishing', 'done') ORDER BY id DESC LIMIT 1", output).Scan(&source)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the journal %s: %w", j.path, err)
	}
	return source, nil
}

// Finish ends a job in a final state. result is kept as it is; reason is empty for a picture that was made. tidied says that nothing is left
// to do to the source.
func (j *Journal) Finish(ctx context.Context, job *Job, state State, result []byte, reason string, tidied bool) error {
	now := j.now()
	err := j.own(ctx, job, `UPDATE job SET state = ?, result = coalesce(?, result), reason = ?, finished = ?, tidied = ?, owner = '',
		attempts = attempts + (? = 'failed') WHERE`, nil, string(state), nullable(result), reason, now.UnixMilli(), tidied, string(state))
	if err != nil {
		return err
	}
	if state == Failed {
		job.Attempts++
	}
	if result != nil {
		job.Result = result
	}
	job.State, job.Reason, job.Finished, job.Tidied = state, reason, now, tidied
	return nil
}

func nullable(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// Adopt ends a job as done with a picture that was there already.
func (j *Journal) Adopt(ctx context.Context, job *Job, output, reason string, tidied bool) error {
	now := j.now()
	err := j.own(ctx, job, "UPDATE job SET state = 'done', output = ?, reason = ?, finished = ?, tidied = ?, owner = '' WHERE", nil, output, reason, now.UnixMilli(), tidied)
	if err != nil {
		return err
	}
	job.State, job.Output, job.Reason, job.Finished, job.Tidied = Done, output, reason, now, tidied
	return nil
}

// Retry puts the job back after an attempt that ended with reason, to wait until ready.
func (j *Journal) Retry(ctx context.Context, job *Job, ready time.Time, reason string) error {
	return j.own(ctx, job, "UPDATE job SET state = 'pending', owner = '', output = '', output_hash = '', attempts = attempts + 1, ready = ?, reason = ? WHERE", nil, ready.UnixMilli(), reason)
}

// Release puts the job back as if it had not been claimed, to wait until ready; reason may be empty.
func (j *Journal) Release(ctx context.Context, job *Job, ready time.Time, reason string) error {
	return j.own(ctx, job, "UPDATE job SET state = 'pending', owner = '', output = '', output_hash = '', ready = ?, reason = ? WHERE", nil, ready.UnixMilli(), reason)
}

// Changed puts the job back with what its file is now: it was written to after it had been noted.
func (j *Journal) Changed(ctx context.Context, job *Job, now Source, ready time.Time) error {
	return j.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "DELETE FROM job WHERE id = ? AND owner = ?", job.ID, j.owner)
		if err != nil {
			return fmt.Errorf("note a changed file: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrLost)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO job(scope, recipe, source, size, time, state, ready, added) VALUES(?, ?, ?, ?, ?, 'pending', ?, ?)
			ON CONFLICT DO UPDATE SET state = 'pending', ready = excluded.ready, finished = 0, attempts = 0, reason = '' WHERE state = 'gone'`, job.Scope, job.Recipe, job.Source.Path, now.Size, now.Time, ready.UnixMilli(), job.Added.UnixMilli())
		if err != nil {
			return fmt.Errorf("note a changed file: %w", err)
		}
		return nil
	})
}

// Tidy says that nothing is left to do to the source of a finished job.
func (j *Journal) Tidy(ctx context.Context, job *Job) error {
	return j.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE job SET tidied = 1 WHERE id = ?", job.ID); err != nil {
			return fmt.Errorf("note a moved file: %w", err)
		}
		return nil
	})
}

// Untidy lists finished jobs whose sources are still to be looked after, from the one after the id given, at most limit of them.
func (j *Journal) Untidy(ctx context.Context, scope, recipe string, after int64, limit int) ([]*Job, error) {
	rows, err := j.db.QueryContext(ctx, "SELECT "+columns+" FROM job WHERE scope = ? AND recipe = ? AND tidied = 0 AND finished > 0 AND id > ? ORDER BY id LIMIT ?", scope, recipe, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the journal %s: %w", j.path, err)
	}
	return scanAll(rows)
}

// own changes a job of this process: statement ends in WHERE. check runs in the same transaction, after the change.
func (j *Journal) own(ctx context.Context, job *Job, statement string, check func(*sql.Tx) error, args ...any) error {
	return j.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, statement+" id = ? AND owner = ?", append(args, job.ID, j.owner)...)
		if err != nil {
			return fmt.Errorf("write the journal %s: %w", j.path, err)
		}
		n, err := r.RowsAffected()
		if err != nil {
			return fmt.Errorf("write the journal %s: %w", j.path, err)
		}
		if n == 0 {
			return fmt.Errorf("%s: %w", job.Source.Path, ErrLost)
		}
		if check == nil {
			return nil
		}
		return check(tx)
	})
}

package journal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"time"
)

// batchSize is how many files one transaction takes: many, as each costs an fsync, yet few enough that others can write in between.
const batchSize = 2000

// Observe notes files that were seen, to be taken from the time ready on unless they change until then. Files that the journal knows as they
// are stay as they are, except that a vanished one that is back waits again. A file that has changed since it was noted, and that nobody works
// on yet, is noted anew. It returns how many files are new to the journal or have changed.
func (j *Journal) Observe(ctx context.Context, scope, recipe string, sources []Source, ready time.Time) (added int, err error) {
	for len(sources) > 0 {
		n := min(len(sources), batchSize)
		k, err := j.insert(ctx, scope, recipe, sources[:n], Pending, ready, nil)
		if err != nil {
			return added, err
		}
		added += k
		sources = sources[n:]
	}
	return added, nil
}

// Baseline notes the files that were there before a watch began, which it is to leave alone, and that it has begun: all or nothing.
func (j *Journal) Baseline(ctx context.Context, scope, recipe string, sources []Source) error {
	_, err := j.insert(ctx, scope, recipe, sources, Ignored, j.now(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO baseline VALUES(?, ?, ?)", scope, recipe, j.now().UnixMilli())
		return err
	})
	return err
}

// HasBaseline tells whether Baseline was called for the watch before, by whatever process.
func (j *Journal) HasBaseline(ctx context.Context, scope, recipe string) (bool, error) {
	var n int
	err := j.db.QueryRowContext(ctx, "SELECT count(*) FROM baseline WHERE scope = ? AND recipe = ?", scope, recipe).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read the journal %s: %w", j.path, err)
	}
	return n > 0, nil
}

func (j *Journal) insert(ctx context.Context, scope, recipe string, sources []Source, state State, ready time.Time, also func(*sql.Tx) error) (added int, err error) {
	err = j.write(ctx, func(tx *sql.Tx) error {
		stale, err := tx.PrepareContext(ctx, `DELETE FROM job WHERE scope = ? AND source = ? AND recipe = ? AND state = 'pending' AND (size <> ? OR time <> ?)`)
		if err != nil {
			return err
		}
		defer stale.Close()
		add, err := tx.PrepareContext(ctx, `INSERT INTO job(scope, recipe, source, size, time, state, ready, added, finished, tidied) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET state = excluded.state, ready = excluded.ready, finished = excluded.finished, attempts = 0, reason = '', tidied = excluded.tidied WHERE state = 'gone'`)
		if err != nil {
			return err
		}
		defer add.Close()
		all := context.WithoutCancel(ctx) // watching ctx would cost more than the statement; the loop looks at it
		now, finished, tidied := j.now().UnixMilli(), int64(0), 0
		if state == Ignored {
			finished, tidied = now, 1
		}
		for _, s := range sources {
			if err := ctx.Err(); err != nil {
				return err
			}
			if state == Pending {
				if _, err := stale.ExecContext(all, scope, s.Path, recipe, s.Size, s.Time); err != nil {
					return err
				}
			}
			r, err := add.ExecContext(all, scope, recipe, s.Path, s.Size, s.Time, string(state), ready.UnixMilli(), now, finished, tidied)
			if err != nil {
				return err
			}
			n, err := r.RowsAffected()
			if err != nil {
				return err
			}
			added += int(n)
		}
		if also != nil {
			return also(tx)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("note files in the journal: %w", err)
	}
	return added, nil
}

// Known is a set of sources, 16 bytes each: a scan of a large folder asks it before it asks the journal.
type Known map[[16]byte]struct{}

// Has tells whether the source is in the set.
func (k Known) Has(s Source) bool {
	_, ok := k[sourceKey(s)]
	return ok
}

// Add puts the source into the set.
func (k Known) Add(s Source) { k[sourceKey(s)] = struct{}{} }

func sourceKey(s Source) [16]byte {
	h := sha256.New()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], uint64(s.Size))
	binary.LittleEndian.PutUint64(b[8:], uint64(s.Time))
	h.Write(b[:])
	h.Write([]byte(s.Path))
	return [16]byte(h.Sum(nil))
}

// Known returns the sources that the journal knows for a watch and that need not be noted again.
func (j *Journal) Known(ctx context.Context, scope, recipe string) (Known, error) {
	known := Known{}
	rows, err := j.db.QueryContext(ctx, "SELECT source, size, time FROM job WHERE scope = ? AND recipe = ? AND state <> 'gone'", scope, recipe)
	if err != nil {
		return nil, fmt.Errorf("read the journal %s: %w", j.path, err)
	}
	defer rows.Close()
	for rows.Next() {
		var s Source
		if err := rows.Scan(&s.Path, &s.Size, &s.Time); err != nil {
			return nil, fmt.Errorf("read the journal %s: %w", j.path, err)
		}
		known.Add(s)
	}
	return known, rows.Err()
}

// IsOutput tells whether a file is one that the journal has written or is about to write.
func (j *Journal) IsOutput(ctx context.Context, path string) (bool, error) {
	var n int
	err := j.db.QueryRowContext(ctx, "SELECT count(*) FROM job WHERE output = ? AND state IN ('publishing', 'done')", path).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read the journal %s: %w", j.path, err)
	}
	return n > 0, nil
}

// Restart makes the jobs of a scope wait again that ended in one of the states; with no states it forgets all jobs of the scope and the recipe
// that no process works on.
func (j *Journal) Restart(ctx context.Context, scope, recipe string, states ...State) error {
	return j.write(ctx, func(tx *sql.Tx) error {
		if len(states) == 0 {
			_, err := tx.ExecContext(ctx, "DELETE FROM job WHERE scope = ? AND recipe = ? AND owner = ''", scope, recipe)
			return err
		}
		for _, s := range states {
			_, err := tx.ExecContext(ctx, `UPDATE job SET state = 'pending', attempts = 0, crashes = 0, ready = 0, finished = 0, reason = '', tidied = 0
				WHERE scope = ? AND recipe = ? AND state = ? AND owner = ''`, scope, recipe, string(s))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

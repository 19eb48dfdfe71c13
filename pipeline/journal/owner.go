package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// maxCrashes is how many processes may end without a word over one picture before it is set aside. It is larger than the number of attempts,
// since a process ends for many reasons that are not the picture's fault.
const maxCrashes = 10

// crashDelay is how long a picture waits after the process that worked on it ended without a word, for each time that this has happened, so
// that one that brings the program down does so after all others.
const crashDelay = 5 * time.Second

// lock takes the lock under which processes come, go and look after each other.
func (j *Journal) lock(ctx context.Context) (unlock func(), err error) {
	l := flock.New(j.path + ".lock")
	ok, err := l.TryLockContext(ctx, 10*time.Millisecond)
	if err != nil {
		return nil, fmt.Errorf("lock the journal %s: %w", j.path, err)
	}
	if !ok {
		return nil, fmt.Errorf("lock the journal %s: another process holds it", j.path)
	}
	return func() { _ = l.Close() }, nil
}

// ErrHeld says that another process holds what Hold was asked for.
var ErrHeld = errors.New("another process is at it")

// Hold keeps other processes from holding what has the same name in this journal, until release or the end of this process, however it ends.
// name is of letters and digits. The error wraps ErrHeld if it is held already.
func (j *Journal) Hold(name string) (release func(), err error) {
	l := flock.New(j.path + ".hold-" + name) // the file stays: removing it would let two hold it
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the journal %s: %w", j.path, err)
	}
	if !ok {
		return nil, ErrHeld
	}
	return func() { _ = l.Close() }, nil
}

func (j *Journal) ownerFile(id string) string { return j.path + ".owner-" + id }

// register says in the journal that this process is there, and holds its lock. j.lock is held.
func (j *Journal) register(ctx context.Context, scope string) error {
	j.ownLock = flock.New(j.ownerFile(j.owner))
	if ok, err := j.ownLock.TryLock(); err != nil || !ok {
		return fmt.Errorf("lock %s: %w", j.ownLock.Path(), err)
	}
	return j.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO owner VALUES(?, ?, ?, ?)", j.owner, os.Getpid(), scope, j.now().UnixMilli())
		return err
	})
}

// unregister gives this process's jobs back as if they had never been begun, and drops its lock.
func (j *Journal) unregister(ctx context.Context) error {
	err := j.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE job SET state = 'pending', owner = '' WHERE owner = ? AND state = 'running'", j.owner); err != nil {
			return err
		}
		var left int // a file that is about to get its name is for the next process to look after
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM job WHERE owner = ?", j.owner).Scan(&left); err != nil || left > 0 {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM owner WHERE id = ?", j.owner)
		return err
	})
	return errors.Join(err, j.ownLock.Close(), os.Remove(j.ownLock.Path()))
}

// alive tells whether the process of that id still runs: then it holds its lock.
func (j *Journal) alive(id string) bool {
	if id == j.owner {
		return true
	}
	l := flock.New(j.ownerFile(id), flock.SetFlag(os.O_RDWR)) // no O_CREATE: the file comes and goes with its process
	ok, err := l.TryLock()
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	if err != nil || !ok {
		return true // in doubt a job is not taken from anyone
	}
	_ = l.Close() // it was only tried
	return false
}

// anyoneAlive tells whether a process has the journal open. j.lock is held.
func (j *Journal) anyoneAlive() bool {
	files, err := filepath.Glob(escapeGlob(j.path) + ".owner-*")
	if err != nil {
		return true
	}
	for _, f := range files {
		if j.alive(strings.TrimPrefix(f, j.path+".owner-")) {
			return true
		}
	}
	return false
}

// escapeGlob makes path stand for itself in a pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

// Recover takes over what processes that have ended left behind. Their running jobs wait again; the jobs whose file was about to get its name
// are handed to the caller, who finds out whether it has, and are this process's until then. ended is how many processes there were; it is cheap
// when there are none.
func (j *Journal) Recover(ctx context.Context) (publishing []*Job, ended int, err error) {
	unlock, err := j.lock(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer unlock()
	dead, err := j.dead(ctx)
	if err != nil || len(dead) == 0 {
		return nil, 0, err
	}
	err = j.write(ctx, func(tx *sql.Tx) error {
		for _, id := range dead {
			if err := j.takeOver(ctx, tx, id); err != nil {
				return fmt.Errorf("take over the jobs of an ended process: %w", err)
			}
		}
		rows, err := tx.QueryContext(ctx, "SELECT "+columns+" FROM job WHERE owner = ? AND state = 'publishing' AND claimed = 0", j.owner)
		if err != nil {
			return err
		}
		if publishing, err = scanAll(rows); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE job SET claimed = ? WHERE owner = ? AND state = 'publishing' AND claimed = 0", j.now().UnixMilli(), j.owner)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	for _, id := range dead {
		if err := os.Remove(j.ownerFile(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return publishing, len(dead), fmt.Errorf("take over the jobs of an ended process: %w", err)
		}
	}
	return publishing, len(dead), nil
}

// dead lists the processes that have ended without saying so.
func (j *Journal) dead(ctx context.Context) (dead []string, err error) {
	rows, err := j.db.QueryContext(ctx, "SELECT id FROM owner UNION SELECT DISTINCT owner FROM job WHERE owner <> ''")
	if err != nil {
		return nil, fmt.Errorf("read the journal %s: %w", j.path, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		if !j.alive(id) {
			dead = append(dead, id)
		}
	}
	return dead, rows.Err()
}

func (j *Journal) takeOver(ctx context.Context, tx *sql.Tx, id string) error {
	now := j.now().UnixMilli()
	_, err := tx.ExecContext(ctx, `UPDATE job SET state = 'failed', owner = '', crashes = crashes + 1, finished = ?, reason = ?
		WHERE owner = ? AND state = 'running' AND crashes + 1 >= ?`,
		now, fmt.Sprintf("the program ended %d times while it worked on this picture", maxCrashes), id, maxCrashes)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE job SET state = 'pending', owner = '', crashes = crashes + 1, ready = max(ready, ? + crashes * ?)
		WHERE owner = ? AND state = 'running'`, now, crashDelay.Milliseconds(), id) // crashes is the number before: the first costs no time
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE job SET owner = ?, claimed = 0 WHERE owner = ? AND state = 'publishing'", j.owner, id); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM owner WHERE id = ?", id)
	return err
}

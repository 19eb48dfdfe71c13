// Package journal remembers every picture that unattended work has to make, over the end of the process and of the machine: which source, by
// which recipe, how far, and with what result. It is a SQLite database (WAL, one writer at a time) that several processes may have open at
// once. It knows no pictures and must not import the rest of Gesso.
//
// Who owns a running job is told by a lock on a file, which the system drops when a process ends however it ends: unlike a lease with a time it
// needs no clock, survives a sleeping laptop and lets a restarted process go on at once. Locks and WAL both want a local disk; so a journal lies
// in the user's state folder and not beside the pictures, which may be on a share.
package journal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// schemaVersion is SQLite's user_version of the tables below.
const schemaVersion = 1

const schema = `
CREATE TABLE about(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE owner(id TEXT PRIMARY KEY, pid INTEGER NOT NULL, scope TEXT NOT NULL, started INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE baseline(scope TEXT NOT NULL, recipe TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(scope, recipe)) WITHOUT ROWID;
CREATE TABLE job(
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	scope       TEXT NOT NULL,
	recipe      TEXT NOT NULL,
	source      TEXT NOT NULL,
	size        INTEGER NOT NULL,
	time        INTEGER NOT NULL,
	hash        TEXT NOT NULL DEFAULT '',
	state       TEXT NOT NULL,
	attempts    INTEGER NOT NULL DEFAULT 0,
	crashes     INTEGER NOT NULL DEFAULT 0,
	ready       INTEGER NOT NULL,
	owner       TEXT NOT NULL DEFAULT '',
	claimed     INTEGER NOT NULL DEFAULT 0,
	output      TEXT NOT NULL DEFAULT '',
	output_hash TEXT NOT NULL DEFAULT '',
	result      BLOB,
	reason      TEXT NOT NULL DEFAULT '',
	added       INTEGER NOT NULL,
	finished    INTEGER NOT NULL DEFAULT 0,
	tidied      INTEGER NOT NULL DEFAULT 0,
	UNIQUE(scope, source, recipe, size, time)
);
CREATE INDEX job_waiting ON job(scope, recipe, ready, id) WHERE state = 'pending';
CREATE INDEX job_owned ON job(owner) WHERE owner <> '';
CREATE INDEX job_hash ON job(hash) WHERE hash <> '';
CREATE INDEX job_output ON job(output) WHERE output <> '';
CREATE INDEX job_finished ON job(finished) WHERE finished > 0;
CREATE INDEX job_untidy ON job(scope, recipe, id) WHERE tidied = 0 AND finished > 0;
CREATE UNIQUE INDEX job_publishing ON job(output) WHERE state = 'publishing';
`

// Journal is an open journal. Its methods may be called from any goroutine.
type Journal struct {
	path     string
	id       string // the same for every process that opens this file
	owner    string // this process's
	ownLock  *flock.Flock
	db       *sql.DB
	replaced string
	now      func() time.Time
}

// PathFor is where the journal of an output folder lies: one for each folder, whatever fills it, in the user's state folder.
func PathFor(output string) (string, error) {
	dir, err := stateDir()
	if err != nil {
		return "", err
	}
	output, err = Resolve(output)
	if err != nil {
		return "", err
	}
	sum, err := Hash(strings.NewReader(output))
	if err != nil {
		return "", err
	}
	base := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/\|?*`, r) || r < ' ' {
			return '_'
		}
		return r
	}, filepath.Base(output))
	if len(base) > 60 {
		base = base[:60]
	}
	return filepath.Join(dir, "journals", strings.ToValidUTF8(base, "_")+"-"+sum[:12]+".db"), nil
}

// Resolve makes a path absolute and follows the links of the part of it that exists, so that one folder has one name.
func Resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", path, err)
	}
	for dir, rest := abs, ""; ; {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, rest), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return abs, nil
		}
		rest = filepath.Join(filepath.Base(dir), rest)
		dir = parent
	}
}

// Open opens the journal at path and makes it if there is none. A journal that is damaged is put aside under another name, which Replaced tells;
// one that a newer Gesso wrote is an error. scope is for Status to tell what this process does.
func Open(ctx context.Context, path, scope string) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the journal: %w", err)
	}
	j := &Journal{path: path, owner: strings.ToLower(rand.Text()[:16]), now: time.Now}
	unlock, err := j.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	err = j.open(ctx)
	if isDamage(err) && !j.anyoneAlive() {
		if j.replaced, err = putAside(path); err == nil {
			err = j.open(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the journal %s: %w", path, err)
	}
	if err := j.register(ctx, scope); err != nil {
		return nil, errors.Join(fmt.Errorf("open the journal %s: %w", path, err), j.db.Close())
	}
	return j, nil
}

// open connects, checks the file and makes the tables.
func (j *Journal) open(ctx context.Context) (err error) {
	// FULL makes every commit last even when the machine loses power, at one fsync each: little beside a picture.
	err = j.connect(url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(30000)", "journal_mode(WAL)", "synchronous(FULL)", "temp_store(MEMORY)"}})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.db.Close())
		}
	}()
	var version int
	if err := j.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("a newer Gesso wrote it (version %d, this one knows %d): update Gesso, or name another with --journal", version, schemaVersion)
	}
	if version == 0 {
		script := fmt.Sprintf("BEGIN IMMEDIATE; %s INSERT INTO about VALUES('id', '%s'); PRAGMA user_version = %d; COMMIT;", schema, strings.ToLower(rand.Text()[:12]), schemaVersion)
		if _, err := j.db.ExecContext(ctx, script); err != nil {
			return err
		}
	}
	if err := j.check(ctx); err != nil {
		return err
	}
	return j.db.QueryRowContext(ctx, "SELECT value FROM about WHERE name = 'id'").Scan(&j.id)
}

// connect makes the connection; query is SQLite's.
func (j *Journal) connect(query url.Values) (err error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(j.path)}).EscapedPath(), RawQuery: query.Encode()}
	if j.db, err = sql.Open("sqlite", u.String()); err != nil {
		return err
	}
	j.db.SetMaxOpenConns(1) // within the process too there is one writer, and it never meets SQLITE_BUSY
	return nil
}

// Peek is Status of a journal that stays as it is: on a full disk too, and while others work with it. The error is fs.ErrNotExist where there is none.
func Peek(ctx context.Context, path string, maxErrors int) (s Status, err error) {
	if _, err := os.Stat(path); err != nil {
		return s, err
	}
	j := &Journal{path: path, now: time.Now}
	if err := j.connect(url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(30000)", "temp_store(MEMORY)"}}); err != nil {
		return s, fmt.Errorf("open the journal %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, j.db.Close()) }()
	return j.Status(ctx, maxErrors)
}

// check looks for damage if a process has ended without closing the journal, as when the machine lost power.
func (j *Journal) check(ctx context.Context) error {
	dead, err := j.dead(ctx)
	if err != nil || len(dead) == 0 {
		return err
	}
	var found string
	if err := j.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, found)
	}
	return nil
}

var errDamaged = errors.New("the file is damaged")

// isDamage tells whether the file is no whole SQLite database.
func isDamage(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return errors.Is(err, errDamaged)
	}
	code := e.Code() & 0xff
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// IsFull tells whether a write failed for want of room.
func IsFull(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL
}

// putAside renames a damaged journal with its companions.
func putAside(path string) (string, error) {
	aside := path + ".damaged-" + time.Now().UTC().Format("20060102T150405") + "-" + strings.ToLower(rand.Text()[:4])
	if err := os.Rename(path, aside); err != nil {
		return "", err
	}
	for _, end := range []string{"-wal", "-shm"} {
		if err := os.Rename(path+end, aside+end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	return aside, nil
}

// Path is where the journal lies.
func (j *Journal) Path() string { return j.path }

// ID is a word of letters and digits that belongs to this journal alone, for the names of temporary files.
func (j *Journal) ID() string { return j.id }

// Replaced is where a damaged journal was put, or empty.
func (j *Journal) Replaced() string { return j.replaced }

// Close gives back this process's jobs and closes the journal.
func (j *Journal) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := j.unregister(ctx)
	return errors.Join(err, j.db.Close())
}

// write runs f in a transaction that is committed if f returns nil.
func (j *Journal) write(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := j.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write the journal %s: %w", j.path, err)
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the first error tells more
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write the journal %s: %w", j.path, err)
	}
	return nil
}

// stateDir is where programs keep what they remember between runs.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "gesso"), nil
	}
	return platformStateDir()
}

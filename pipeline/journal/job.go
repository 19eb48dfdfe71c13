package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"time"
)

// State is where a job is in its life.
type State string

// The states. Pending, Running and Publishing are work to do; the others are final, but Gone comes back when its file does.
const (
	Pending    State = "pending"    // waits until Ready
	Running    State = "running"    // a process works on it
	Publishing State = "publishing" // the finished file is about to get its name
	Done       State = "done"       // the picture is written
	Repeat     State = "repeat"     // the same picture was done before: only its name or its time changed
	Skipped    State = "skipped"    // a file was in the way, and the policy is to skip
	Failed     State = "failed"     // set aside, with its reason
	Gone       State = "gone"       // the source vanished before it was read
	Ignored    State = "ignored"    // there before the watch began, or one of Gesso's own pictures
)

// States lists the states in the order of a job's life.
var States = []State{Pending, Running, Publishing, Done, Repeat, Skipped, Failed, Gone, Ignored}

// Source is a file as it was seen.
type Source struct {
	Path string // absolute
	Size int64  // bytes
	Time int64  // of the last change, nanoseconds since 1970
}

// SourceOf is the source that info, of the file at path, describes.
func SourceOf(path string, info fs.FileInfo) Source {
	return Source{Path: path, Size: info.Size(), Time: info.ModTime().UnixNano()}
}

// Job is a source to be made into a picture by a recipe.
type Job struct {
	ID     int64
	Scope  string // the watched folder, or the batch
	Recipe string // key of the recipe
	Source Source
	Hash   string // of the source's content, hex SHA-256; empty until it was read
	State  State

	Attempts int       // that ended in an error, since the file last changed
	Crashes  int       // processes that ended without a word while they worked on it
	Ready    time.Time // not before this time

	Output     string // path of the picture, once it is about to be written
	OutputHash string // of its content, hex SHA-256
	Result     []byte // what was made, with its scores: JSON
	Reason     string // why it failed, waits for another attempt, was skipped or ignored

	Added    time.Time
	Finished time.Time     // zero until the state is final
	Took     time.Duration // from claim to finish
	owner    string
	Tidied   bool // nothing is left to do to the source: it was moved away, or is to stay
}

var (
	// ErrLost says that the job is no longer this process's: it must drop what it made.
	ErrLost = errors.New("the job belongs to another process now")
	// ErrTaken says that another job is about to write a file of that name.
	ErrTaken = errors.New("another job is about to write a file of that name")
)

// Hash returns the hex SHA-256 of what r holds.
func Hash(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

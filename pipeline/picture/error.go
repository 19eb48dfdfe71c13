package picture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

var (
	// ErrExists says that the file to write is there already and that SaveOptions.Overwrite is false.
	ErrExists = errors.New("already exists")
	// ErrNoRecipe says that a picture carries no recipe.
	ErrNoRecipe = errors.New("carries no recipe")
)

// readable ends the sentences about files of other kinds.
const readable = "use JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF"

// Error is a picture that cannot be read or written. Its text is one sentence for people: the path, then the reason.
type Error struct {
	Path   string // as the caller gave it
	Reason string // continues the path: "is empty", "does not exist"
	Err    error  // the cause, for errors.Is; may be nil and is no part of the text
}

// Error returns the sentence.
func (e *Error) Error() string { return e.Path + " " + e.Reason }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// refuse makes an Error without a cause.
func refuse(path, format string, args ...any) *Error {
	return &Error{Path: path, Reason: fmt.Sprintf(format, args...)}
}

// fileError puts an error of the file system into a sentence; verb is "read" or "written".
func fileError(path, verb string, err error) *Error {
	e := &Error{Path: path, Err: err}
	var cause *fs.PathError
	var link *os.LinkError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Reason = "does not exist"
	case errors.Is(err, fs.ErrPermission):
		e.Reason = fmt.Sprintf("cannot be %s: permission denied", verb)
	case errors.As(err, &cause):
		e.Reason = fmt.Sprintf("cannot be %s: %v", verb, cause.Err)
	case errors.As(err, &link):
		e.Reason = fmt.Sprintf("cannot be %s: %v", verb, link.Err)
	default:
		e.Reason = fmt.Sprintf("cannot be %s: %v", verb, err)
	}
	return e
}

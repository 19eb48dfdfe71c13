package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gesso-app/gesso/pipeline/disk"
)

// maxKept bounds the files in which the session keeps its state, in bytes.
const maxKept = 64 << 20

// keeper writes a state to a file whenever it has changed, on a goroutine of the session; changes that follow each other quickly are written
// together. Its fields are guarded by Session.mu.
type keeper struct {
	path    string
	state   func() any // called with Session.mu held; what it returns is not changed afterwards
	writing bool
	again   bool // it has changed while it was written
	failed  bool // that it cannot be written was said
}

// keeper returns one for a file in the state folder; nil where there is none.
func (s *Session) keeper(name string, state func() any) *keeper {
	if s.o.StateFolder == "" {
		return nil
	}
	return &keeper{path: filepath.Join(s.o.StateFolder, name), state: state}
}

// keep writes the state of k soon. s.mu is held.
func (s *Session) keep(k *keeper) {
	switch {
	case k == nil:
		return
	case k.writing:
		k.again = true
		return
	}
	k.writing = true
	state := k.state()
	s.spawn(func() {
		for again := true; again; {
			err := writeKept(k.path, state)
			s.mu.Lock()
			if err != nil && !k.failed {
				k.failed = true
				s.status = Status{Text: sentence(err), Tone: ToneWarn}
				s.touch()
			}
			if again = k.again; again {
				k.again = false
				state = k.state()
			} else {
				k.writing = false
			}
			s.mu.Unlock()
		}
	})
}

// writeKept replaces the file by state as JSON, whole or not at all.
func writeKept(path string, state any) error {
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = disk.Replace(path, 0o600, func(w io.Writer) error { return json.NewEncoder(w).Encode(state) })
	}
	if err != nil {
		return fmt.Errorf("keep %s: %w", path, err)
	}
	return nil
}

// readKept reads the state that k wrote in an earlier session into state. That there is none is no error. A file that cannot be read is set
// aside under another name, so that nothing in it is lost.
func readKept(k *keeper, state any) error {
	if k == nil {
		return nil
	}
	err := readState(k.path, state)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if closed := (*fs.PathError)(nil); errors.As(err, &closed) {
		return fmt.Errorf("read what was kept from the last time: %w", err)
	}
	aside := k.path + ".broken"
	return errors.Join(fmt.Errorf("%s cannot be read and was set aside as %s: %w", k.path, filepath.Base(aside), err), os.Rename(k.path, aside))
}

// readState reads a state from a file. The error is a *fs.PathError where the file could not be opened.
func readState(path string, state any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKept+1))
	if err != nil {
		return err
	}
	if len(data) > maxKept {
		return errors.New("it is too large")
	}
	return json.Unmarshal(data, state)
}

package predict

import (
	"context"
	"errors"
	"fmt"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/native/mlpackage"
)

// Verified is what verifying a model found to be well.
type Verified struct {
	Model     string   `json:"model"`
	Functions []string `json:"functions,omitempty"`
	// Loaded says that the engine has loaded it. It is false where the engine's library is missing: then the file was read and no more.
	Loaded bool   `json:"loaded"`
	Engine string `json:"engine"`
}

// Verify reads a model with all of its weights and loads it, but does not run it. The error says what is wrong with the file.
func Verify(ctx context.Context, path string) (*Verified, error) {
	p, err := mlpackage.Open(path)
	if err != nil {
		return nil, &InputError{err}
	}
	s, err := p.Summarize()
	if err = errors.Join(err, p.Close()); err != nil {
		return nil, &InputError{fmt.Errorf("read the model %s: %w", path, err)}
	}
	v := &Verified{Model: path, Loaded: true, Engine: native.Engine()}
	functions := []string{""}
	if len(s.Functions) > 1 && len(s.Models) == 0 { // not a pipeline, whose functions are its models'
		functions = nil
		for _, f := range s.Functions {
			functions = append(functions, f.Name)
		}
		v.Functions = functions
	}
	for _, f := range functions {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := native.Open(path, native.Options{Function: f})
		switch {
		case err == nil:
			if err := m.Close(); err != nil {
				return nil, err
			}
			continue
		case errors.Is(err, native.ErrNoRuntime):
			v.Loaded = false
			_, _, err = native.Describe(path, native.Options{Function: f})
		}
		if err != nil {
			return nil, &InputError{err}
		}
	}
	return v, nil
}

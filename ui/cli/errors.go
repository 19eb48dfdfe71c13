package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/adjust"
	"github.com/gesso-app/gesso/pipeline/diffusion"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// The exit codes, as the help tells them.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUsage     = 2
	exitCancelled = 130
)

var errCancelled = errors.New("cancelled")

// usageError is wrong usage or bad input, whatever its cause.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// outputError is a failure to write after the output was found to be writable: no fault of the input.
type outputError struct{ error }

func (e *outputError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var (
		usage  *usageError
		output *outputError
		field  *pipeline.FieldError
		pict   *picture.Error
		input  *diffusion.InputError
	)
	switch {
	case errors.Is(err, errCancelled):
		return exitCancelled
	case errors.As(err, &output):
		return exitFailed
	case errors.As(err, &usage), errors.As(err, &field), errors.As(err, &pict), errors.As(err, &input):
		return exitUsage
	case errors.Is(err, pipeline.ErrSameFile), errors.Is(err, picture.ErrExists), errors.Is(err, picture.ErrNoRecipe):
		return exitUsage
	}
	return exitFailed
}

// flagError puts a flag's wrong value in plain words.
func flagError(_ *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	if !errors.As(err, &value) {
		return err
	}
	var step *adjust.StepError
	if errors.As(err, &step) {
		return fmt.Errorf("--%s: %w", value.GetFlag().Name, step)
	}
	want := map[string]string{"float64": "it takes a number", "int": "it takes a whole number", "bool": "it takes true or false"}[value.GetFlag().Value.Type()]
	return fmt.Errorf("--%s is %q: %s", value.GetFlag().Name, value.GetValue(), want)
}

//go:build headless

package main

import (
	"context"
	"os"

	"github.com/gesso-app/gesso/ui/cli"
)

// noArguments prints the help, as this build has no window, and returns the exit code.
func noArguments(ctx context.Context) int {
	return cli.Main(ctx, []string{"help"}, os.Stdin, os.Stdout, os.Stderr)
}

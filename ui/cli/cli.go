// Package cli is Gesso's commands. Results go to stdout, messages and progress to stderr.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/pipeline"
)

const about = `Gesso gives a photo the look of a painting.

Without arguments it opens the window, if this build has one.

Exit codes:
  0    all went well
  1    it failed
  2    wrong usage or bad input: a flag, a value, a file that cannot be read or must not be replaced
  130  cancelled (Ctrl-C)`

// program is what a command works with.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	started        bool // cobra found the command and parsed its flags: errors before that are wrong usage
}

// Main runs the command in args (without the program's name) and returns the exit code. Ending ctx cancels the command.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr}
	root := p.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		err = errCancelled
	case errors.Is(err, syscall.EPIPE):
		return exitFailed // whoever read the output has stopped, which is no news to them
	case !p.started:
		err = &usageError{err}
	}
	fmt.Fprintln(stderr, "gesso: "+strings.Join(strings.Fields(err.Error()), " "))
	return exitCode(err)
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:                "gesso",
		Short:              "Give a photo the look of a painting",
		Long:               about,
		Version:            pipeline.Version,
		SilenceErrors:      true,
		SilenceUsage:       true,
		DisableSuggestions: true, // they take several lines
		CompletionOptions:  cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRun:   func(*cobra.Command, []string) { p.started = true },
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(p.transfer(), p.score(), p.styles(), p.recipe(), p.preset(), p.watch(), p.version(), p.model(), p.selftest(), p.bench(), p.convert(), p.diffuse(), p.models())
	return root
}

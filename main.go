// Command gesso gives a photo the look of a painting: without arguments it opens the window, with arguments it is a command.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/gesso-app/gesso/ui/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if len(os.Args) == 1 {
		os.Exit(noArguments(ctx))
	}
	signal.Ignore(syscall.SIGPIPE) // writing to a closed pipe is then an error, after which temporary files are removed
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

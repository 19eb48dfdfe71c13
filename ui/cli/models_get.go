package cli

import (
	"cmp"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/pipeline/library"
)

const aboutModelsGet = `Download a model from a hub, such as Hugging Face's, into Gesso's own folder. What was cut short goes on where it ended.

A repository that holds several models needs --include, a pattern of paths: Apple's, for one, hold split_einsum/packages/** for every machine and
split_einsum/compiled/** for Macs alone. Where a licence must be accepted, accept it on the hub, set HF_TOKEN to a token of your account, and
pass --accept-license. HF_ENDPOINT names another hub, as --endpoint does.`

func (p *program) modelsGet() *cobra.Command {
	var o library.GetOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:                   "get OWNER/NAME[@REVISION]",
		Short:                 "Download a model",
		Long:                  aboutModelsGet,
		Example:               "  gesso models get apple/coreml-stable-diffusion-v1-5 --include 'split_einsum/packages/**'",
		Args:                  cobra.ExactArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Reference, err = library.ParseReference(args[0]); err != nil {
				return &usageError{err}
			}
			if err := o.Validate(); err != nil {
				return &usageError{err}
			}
			l, err := library.Default()
			if err != nil {
				return err
			}
			o.Endpoint, o.Token = cmp.Or(o.Endpoint, os.Getenv("HF_ENDPOINT")), os.Getenv("HF_TOKEN")
			bar := p.newBar()
			defer bar.close()
			o.Card = func(c library.Card) {
				fmt.Fprintf(p.stderr, "%s, licence: %s, card: %s\n", c.ID, cmp.Or(oneLine(c.License), "not named"), c.Link)
			}
			o.Progress = p.tellDownload(bar)
			r, err := l.Get(cmd.Context(), o)
			bar.close()
			if err != nil {
				return libraryError(err)
			}
			if asJSON {
				return printJSON(p.stdout, r)
			}
			return printLine(p.stdout, fmt.Sprintf("%s, revision %.12s, is at %s", r.Repository, r.Revision, r.Path))
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVar(&o.Include, "include", nil, "`pattern` of paths to download, such as split_einsum/packages/**; may be repeated; default: all")
	f.StringVar(&o.Endpoint, "endpoint", "", "`address` of the hub; default: HF_ENDPOINT, or "+library.DefaultEndpoint)
	f.BoolVar(&o.Accept, "accept-license", false, "say that you accept the licence of a gated model")
	f.IntVar(&o.Parallel, "parallel", 0, "files that come at once, 1 to 16; 0 picks it")
	f.BoolVar(&o.Force, "force", false, "replace another revision that is there")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// tellDownload shows progress on the bar of a terminal, and elsewhere in a line now and then.
func (p *program) tellDownload(b *bar) func(library.Progress) {
	const every = 10 * time.Second
	last := time.Now()
	return func(q library.Progress) {
		if b.ProgressBar != nil {
			b.bytes(transferText(q), q.Done, q.Total)
			return
		}
		if now := time.Now(); now.Sub(last) >= every {
			last = now
			fmt.Fprintf(p.stderr, "%s, %d of %d files\n", transferText(q), q.Files, q.Of)
		}
	}
}

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/selftest"
)

const aboutSelftest = `Try the engine of this machine: load each embedded network, run it, compare what comes out with what PyTorch gave,
read the plan of where it runs, and time every choice of compute units.

The report is printed, and written to gesso-selftest.txt and gesso-selftest.json, to be attached to a bug. It names this machine's
processors and versions, and nothing of yours. The exit code is 1 if anything is not as it should be.`

func (p *program) selftest() *cobra.Command {
	var o selftest.Options
	var units, folder string
	var asJSON bool
	cmd := &cobra.Command{
		Use:                   "selftest [flags]",
		Short:                 "Try the engine of this machine and write a report",
		Long:                  aboutSelftest,
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Runs < 1 || o.Runs > 1000 {
				return &pipeline.FieldError{Field: "runs", Value: o.Runs, Want: "it goes from 1 to 1000"}
			}
			if units != "" {
				u, err := native.ParseUnits(units)
				if err != nil {
					return &usageError{fmt.Errorf("--compute-units: %w", err)}
				}
				o.Units = []native.Units{u}
			}
			if st, err := os.Stat(folder); folder != "" && (err != nil || !st.IsDir()) {
				return &usageError{fmt.Errorf("--report names no folder: %s", folder)}
			}
			return p.runSelftest(cmd.Context(), o, folder, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&folder, "report", ".", "`folder` for the report's two files; empty writes none")
	f.StringVar(&units, "compute-units", "", "`units` to try alone: all, cpuAndNeuralEngine, cpuAndGPU or cpuOnly; empty tries every choice")
	f.IntVar(&o.Runs, "runs", 5, "timed predictions of each network")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

func (p *program) runSelftest(ctx context.Context, o selftest.Options, folder string, asJSON bool) error {
	r, err := selftest.Run(ctx, o, func(step string) { fmt.Fprintln(p.stderr, "trying "+step) })
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := r.Text(&text); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if asJSON {
		err = printLine(p.stdout, string(raw))
	} else {
		_, err = p.stdout.Write(text.Bytes())
	}
	if folder != "" {
		base := filepath.Join(folder, "gesso-selftest")
		written := errors.Join(os.WriteFile(base+".txt", text.Bytes(), 0o644), os.WriteFile(base+".json", append(raw, '\n'), 0o644))
		if written == nil {
			fmt.Fprintf(p.stderr, "the report is in %s.txt and %s.json\n", base, base)
		} else {
			err = errors.Join(err, &outputError{fmt.Errorf("write the report: %w", written)})
		}
	}
	if err == nil && !r.Passed {
		err = errors.New("the self test failed: attach its report to a bug")
	}
	return err
}

package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/pipeline"
)

// bench times the transform network alone; its output is JSON always, for the scripts that compare it.
func (p *program) bench() *cobra.Command {
	var size, runs int
	var engine engineFlags
	cmd := &cobra.Command{
		Use:    "bench",
		Short:  "Time the transform network alone",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if size < 64 || size > 4096 {
				return &pipeline.FieldError{Field: "size", Value: size, Want: "it goes from 64 to 4096"}
			}
			if runs < 1 || runs > 10000 {
				return &pipeline.FieldError{Field: "runs", Value: runs, Want: "it goes from 1 to 10000"}
			}
			o, err := engine.options(true)
			if err != nil {
				return err
			}
			t, err := pipeline.Open(cmd.Context(), o)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, t.Close()) }()
			times, err := t.BenchTransform(cmd.Context(), size, runs)
			if err != nil {
				return err
			}
			ms := make([]float64, len(times))
			for i, d := range times {
				ms[i] = float64(d) / float64(time.Millisecond)
			}
			return printJSON(p.stdout, map[string]any{"size": size, "network_ms": ms})
		},
	}
	cmd.Flags().IntVar(&size, "size", 512, "side of the picture in pixels")
	cmd.Flags().IntVar(&runs, "runs", 5, "how often to run")
	cmd.Flags().Bool("json", true, "accepted for symmetry: the output is JSON anyway")
	engine.add(cmd)
	return cmd
}

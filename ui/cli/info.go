package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
)

func (p *program) recipe() *cobra.Command {
	return &cobra.Command{
		Use:                   "recipe FILE",
		Short:                 "Print the settings a picture was made with, as JSON",
		Args:                  cobra.ExactArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			raw, err := picture.Recipe(args[0])
			if err != nil {
				return err
			}
			var b bytes.Buffer
			if err := json.Indent(&b, raw, "", "  "); err != nil {
				return &usageError{fmt.Errorf("the recipe in %s is damaged: %w", args[0], err)}
			}
			return printLine(p.stdout, b.String())
		},
	}
}

func (p *program) version() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the program and its engine",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			platform := runtime.GOOS + "/" + runtime.GOARCH
			if asJSON {
				return printJSON(p.stdout, map[string]string{
					"version": pipeline.Version, "engine": native.Engine(), "go": runtime.Version(), "platform": platform,
				})
			}
			return printTable(p.stdout, [][]string{
				{"gesso", pipeline.Version}, {"engine", native.Engine()}, {"go", runtime.Version()}, {"platform", platform},
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print them as JSON")
	return cmd
}

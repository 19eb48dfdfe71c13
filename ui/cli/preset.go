package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/preset"
)

const aboutPreset = `Settings with a name, for transfer and watch: --preset NAME.

A preset made with --style-image holds the style's code, so that it works without the picture. The files are JSON; their schema
is printed by gesso preset schema. Presets that come with Gesso cannot be changed.`

func (p *program) preset() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "preset",
		Short: "List, show, save, delete, import and export presets",
		Long:  aboutPreset,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New("name what to do with presets: list, show, save, delete, import, export or schema")}
		},
	}
	cmd.AddCommand(p.presetList(), p.presetShow(), p.presetSave(), p.presetDelete(), p.presetImport(), p.presetExport(), p.presetSchema())
	return cmd
}

// inStore runs f with the store and takes its refusals for wrong usage.
func inStore(f func(*preset.Store) error) error {
	s, err := presetStore()
	if err != nil {
		return err
	}
	err = f(s)
	var format *preset.FormatError
	var name *preset.NameError
	known := errors.As(err, &format) || errors.As(err, &name)
	for _, e := range []error{preset.ErrNotFound, preset.ErrExists, preset.ErrBuiltin} {
		known = known || errors.Is(err, e)
	}
	if known {
		return &usageError{err}
	}
	return err
}

func (p *program) presetList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the presets",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return inStore(func(s *preset.Store) error {
				all, damaged := s.List()
				err := p.printPresets(all, asJSON)
				return errors.Join(err, damaged)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	return cmd
}

func (p *program) printPresets(all []*preset.Preset, asJSON bool) error {
	type row struct {
		Name        string  `json:"name"`
		Description string  `json:"description"`
		Style       string  `json:"style"`
		Strength    float64 `json:"style_strength"`
		Builtin     bool    `json:"builtin"`
	}
	list := []row{}
	table := [][]string{{"PRESET", "STYLE", "STRENGTH", "OF", "DESCRIPTION"}}
	for _, x := range all {
		r := row{x.Name, x.Description, x.Config().StyleWord(), x.Settings.StyleStrength, x.Builtin}
		of := "you"
		if x.Builtin {
			of = "Gesso"
		}
		list = append(list, r)
		table = append(table, []string{r.Name, r.Style, fmt.Sprintf("%.2f", r.Strength), of, r.Description})
	}
	if asJSON {
		return printJSON(p.stdout, list)
	}
	return printTable(p.stdout, table)
}

func (p *program) presetShow() *cobra.Command {
	return &cobra.Command{
		Use:                   "show NAME",
		Short:                 "Print a preset as JSON",
		Args:                  cobra.ExactArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return inStore(func(s *preset.Store) error {
				x, err := s.Get(args[0])
				if err != nil {
					return err
				}
				b, err := x.JSON()
				if err != nil {
					return err
				}
				return printLine(p.stdout, strings.TrimSuffix(string(b), "\n"))
			})
		},
	}
}

func (p *program) presetSave() *cobra.Command {
	c := pipeline.DefaultConfig()
	var engine engineFlags
	var settings settingsFlags
	var description string
	var force bool
	cmd := &cobra.Command{
		Use:     "save NAME (--style-image FILE | --style NAME | --style-prompt TEXT | --preset NAME)",
		Short:   "Save settings under a name",
		Example: "  gesso preset save Weddings --style-image painting.jpg --style-strength 0.4",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return inStore(func(s *preset.Store) error {
				if err := settings.apply(cmd.Flags()); err != nil {
					return err
				}
				if c.MaskPath != "" {
					var err error
					if c.MaskPath, err = filepath.Abs(c.MaskPath); err != nil {
						return err
					}
				}
				x := &preset.Preset{Name: args[0], Description: description, Settings: c}
				if err := x.Validate(); err != nil { // before the engine is opened for nothing
					return err
				}
				o, err := engine.options(c.UseANE)
				if err != nil {
					return err
				}
				if err := encodeStyle(cmd.Context(), x, o); err != nil {
					return err
				}
				if err := s.Save(x, force); err != nil {
					return err
				}
				return printLine(p.stdout, "Saved the preset "+x.Name)
			})
		},
	}
	cmd.DisableFlagsInUseLine = true
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&description, "description", "", "`text` that says what it is for")
	settings.add(cmd, &c, true)
	engine.add(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "replace the preset if there is one of that name")
	return cmd
}

// encodeStyle puts the style's code in place of its pictures.
func encodeStyle(ctx context.Context, x *preset.Preset, o pipeline.Options) (err error) {
	if !x.Settings.NeedsStylePictures() {
		return nil
	}
	path := x.Settings.StyleImagePath // of a mix there is none: its code is kept alone
	if path != "" {
		if path, err = filepath.Abs(path); err != nil {
			return err
		}
	}
	t, err := pipeline.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	if x.Settings.StyleCode, err = t.StyleCode(ctx, x.Settings); err != nil {
		return err
	}
	x.Settings.StyleImagePath, x.Settings.StyleMix, x.StyleImage = "", nil, path
	return nil
}

func (p *program) presetDelete() *cobra.Command {
	return &cobra.Command{
		Use:                   "delete NAME",
		Short:                 "Delete a preset",
		Args:                  cobra.ExactArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return inStore(func(s *preset.Store) error {
				if err := s.Delete(args[0]); err != nil {
					return err
				}
				return printLine(p.stdout, "Deleted the preset "+args[0])
			})
		},
	}
}

func (p *program) presetImport() *cobra.Command {
	var as string
	var force bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take in a preset, or a recipe as gesso recipe prints it; - is stdin",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return inStore(func(s *preset.Store) error {
				in, name := p.stdin, "preset"
				if args[0] != stream {
					f, err := os.Open(args[0])
					if err != nil {
						return &usageError{fmt.Errorf("read the preset: %w", err)}
					}
					defer f.Close()
					in, name = f, strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0]))
				}
				x, err := s.Import(in, name, as, force)
				if err != nil {
					return err
				}
				return printLine(p.stdout, "Saved the preset "+x.Name)
			})
		},
	}
	cmd.DisableFlagsInUseLine = true
	cmd.Flags().StringVar(&as, "as", "", "`name` to give it instead of its own")
	cmd.Flags().BoolVar(&force, "force", false, "replace the preset if there is one of that name")
	return cmd
}

func (p *program) presetExport() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "export NAME FILE",
		Short: "Write a preset to a file; - is stdout",
		Args:  cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return inStore(func(s *preset.Store) error {
				x, err := s.Get(args[0])
				if err != nil {
					return err
				}
				b, err := x.JSON()
				if err != nil {
					return err
				}
				if args[1] == stream {
					return printLine(p.stdout, strings.TrimSuffix(string(b), "\n"))
				}
				return exportFile(args[1], b, force)
			})
		},
	}
	cmd.DisableFlagsInUseLine = true
	cmd.Flags().BoolVar(&force, "force", false, "replace the file if it exists")
	return cmd
}

// exportFile writes a new file, or one that may be replaced.
func exportFile(path string, b []byte, force bool) error {
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, mode, 0o644)
	if errors.Is(err, os.ErrExist) {
		return &usageError{fmt.Errorf("%s already exists: choose another name, or replace it with --force", path)}
	}
	if err != nil {
		return &usageError{fmt.Errorf("write the preset: %w", err)}
	}
	if _, err := f.Write(b); err != nil {
		return errors.Join(fmt.Errorf("write the preset: %w", err), f.Close())
	}
	return f.Close()
}

func (p *program) presetSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of presets",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return printLine(p.stdout, strings.TrimSuffix(preset.Schema, "\n"))
		},
	}
}

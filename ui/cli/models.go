package cli

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/pipeline/library"
)

const aboutModels = `Diffusion models on this machine, in Apple's ml-stable-diffusion layout or as diffusers' folders.

They are found in Gesso's own folder, in ~/MochiDiffusion/models, in the cache of Hugging Face's programs, and in the folders that GESSO_MODELS and --folder
name, and are used where they are, without copying. The network is used by gesso models get alone.`

// modelFolders are folders of models that flags name.
type modelFolders struct{ extra []string }

func (m *modelFolders) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&m.extra, "folder", nil, "look for models in this `folder` too; may be repeated")
}

func (p *program) models() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "models",
		Short: "List, download, verify, import and remove diffusion models",
		Long:  aboutModels,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New("name what to do with models: list, info, path, get, verify, import or remove")}
		},
	}
	cmd.AddCommand(p.modelsList(), p.modelsInfo(), p.modelsPath(), p.modelsGet(), p.modelsVerify(), p.modelsImport(), p.modelsRemove())
	return cmd
}

// libraryError takes a library's refusals for wrong usage.
func libraryError(err error) error {
	for _, e := range []error{library.ErrNotFound, library.ErrExists, library.ErrForeign, library.ErrChoose, library.ErrLicense, library.ErrGated} {
		if errors.Is(err, e) {
			return &usageError{err}
		}
	}
	return err
}

func (p *program) modelsList() *cobra.Command {
	var folders modelFolders
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the models",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			l, err := library.Default(folders.extra...)
			if err != nil {
				return err
			}
			all, damaged := l.List()
			if asJSON {
				return errors.Join(printJSON(p.stdout, append([]*library.Model{}, all...)), damaged)
			}
			if len(all) == 0 {
				return errors.Join(printLine(p.stdout, "There are no diffusion models: gesso models get OWNER/NAME downloads one to "+l.Own), damaged)
			}
			rows := [][]string{{"MODEL", "KIND", "FORM", "ATTENTION", "SIZE", "USABLE HERE"}}
			for _, m := range all {
				rows = append(rows, []string{m.Name, m.Kind, string(m.Form), m.Attention, amount(m.Bytes), usable(m)})
			}
			return errors.Join(printTable(p.stdout, rows), damaged)
		},
	}
	folders.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	return cmd
}

// usable says whether a model can be used on this machine, or why not.
func usable(m *library.Model) string {
	switch {
	case len(m.Lacks) > 0:
		return "no: it lacks " + strings.Join(m.Lacks, ", ")
	case m.Form == library.Diffusers:
		return "no: convert it first"
	case !m.Usable(runtime.GOOS == "darwin"):
		return "no: .mlmodelc needs a Mac"
	case m.NoPhotos:
		return "without photos: it lacks VAEEncoder"
	}
	return "yes"
}

// onModel makes a command of one model.
func (p *program) onModel(use, short string, run func(cmd *cobra.Command, l *library.Library, m *library.Model) error) *cobra.Command {
	var folders modelFolders
	cmd := &cobra.Command{
		Use:                   use + " NAME|FOLDER",
		Short:                 short,
		Args:                  cobra.ExactArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := library.Default(folders.extra...)
			if err != nil {
				return err
			}
			m, err := l.Find(args[0])
			if err != nil {
				return libraryError(err)
			}
			return libraryError(run(cmd, l, m))
		},
	}
	folders.add(cmd)
	return cmd
}

func (p *program) modelsPath() *cobra.Command {
	return p.onModel("path", "Print the folder of a model", func(_ *cobra.Command, _ *library.Library, m *library.Model) error {
		return printLine(p.stdout, m.Path)
	})
}

func (p *program) modelsInfo() *cobra.Command {
	var asJSON bool
	cmd := p.onModel("info", "Print what a model is, its parts, and what it lacks", func(_ *cobra.Command, _ *library.Library, m *library.Model) error {
		if asJSON {
			return printJSON(p.stdout, m)
		}
		rows := [][]string{
			{"Model", m.Name},
			{"Folder", m.Path},
			{"Found in", string(m.Origin)},
			{"Kind", m.Kind},
			{"Form", string(m.Form)},
			{"Size", amount(m.Bytes)},
			{"Parts", strings.Join(m.PartNames(), ", ")},
			{"Usable here", usable(m)},
		}
		for _, r := range [][2]string{
			{"Attention", m.Attention},
			{"Repository", m.Repository},
			{"Revision", m.Revision},
			{"Licence", m.License},
			{"ControlNet", strings.Join(m.ControlNet, ", ")},
			{"Lacks", strings.Join(m.Lacks, ", ")},
			{"Note", m.Note},
		} {
			if r[1] != "" {
				rows = append(rows, r[:])
			}
		}
		if m.Width > 0 {
			rows = append(rows, []string{"Pictures", fmt.Sprintf("%d x %d pixels", m.Width, m.Height)})
		}
		return printTable(p.stdout, rows)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}

func (p *program) modelsVerify() *cobra.Command {
	var asJSON bool
	cmd := p.onModel("verify", "Compare a model's files with their hashes, and open its packages", func(cmd *cobra.Command, _ *library.Library, m *library.Model) error {
		bar := p.newBar()
		defer bar.close()
		v, err := library.Verify(cmd.Context(), m, func(done int64) { bar.bytes("verifying", done, m.Bytes) })
		bar.close()
		if err != nil {
			return err
		}
		if asJSON {
			err = printJSON(p.stdout, v)
		} else {
			rows := [][]string{
				{"Model", v.Model}, {"Hashes", fmt.Sprintf("%d files, %s, against %s", v.Files, amount(v.Bytes), v.Against)}, {"Opened", fmt.Sprintf("%d parts", v.Opened)},
			}
			for _, d := range v.Damaged {
				rows = append(rows, []string{"Damaged", d.Path + ": " + d.Reason})
			}
			err = printTable(p.stdout, rows)
		}
		if err == nil && len(v.Damaged) > 0 {
			err = fmt.Errorf("%s: %d of its files are damaged: download or import it again with --force", v.Model, len(v.Damaged))
		}
		return err
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func (p *program) modelsRemove() *cobra.Command {
	return p.onModel("remove", "Delete a model of Gesso's own folder", func(_ *cobra.Command, l *library.Library, m *library.Model) error {
		dir, err := l.Remove(m)
		if err != nil {
			return err
		}
		return printLine(p.stdout, "Removed "+dir)
	})
}

func (p *program) modelsImport() *cobra.Command {
	var name string
	var force bool
	cmd := &cobra.Command{
		Use:                   "import FOLDER|FILE.zip",
		Short:                 "Copy a model into Gesso's own folder",
		Args:                  cobra.ExactArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := library.Default()
			if err != nil {
				return err
			}
			if _, err := os.Stat(args[0]); err != nil {
				return &usageError{fmt.Errorf("there is no file or folder %s: %w", args[0], err)}
			}
			m, err := l.Import(cmd.Context(), args[0], name, force)
			if err != nil {
				return libraryError(err)
			}
			return printLine(p.stdout, fmt.Sprintf("Imported %s (%s) to %s", m.Name, m.Kind, m.Path))
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "`name` of the model's folder; default: that of what is imported")
	cmd.Flags().BoolVar(&force, "force", false, "replace a model of that name")
	return cmd
}

// bytes shows how much of something is done.
func (b *bar) bytes(what string, done, total int64) {
	if b.ProgressBar == nil {
		return
	}
	b.Describe(what)
	_ = b.Set(min(int(float64(done)/float64(max(total, 1))*barSteps), barSteps-1)) // as in show
}

// transferText describes a download for people.
func transferText(q library.Progress) string {
	s := fmt.Sprintf("%s of %s", amount(q.Done), amount(q.Total))
	if q.Rate > 0 {
		s += fmt.Sprintf(", %s/s", amount(int64(q.Rate)))
	}
	if q.Remaining > 0 {
		s += ", " + q.Remaining.Round(time.Second).String() + " left"
	}
	return s
}

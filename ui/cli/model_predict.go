package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline/predict"
)

const aboutPredict = `Run a Core ML model once.

Inputs are NumPy arrays (.npy, of float32, float16 or whole numbers) and, where the model takes pictures, PNG, JPEG or GIF files or arrays of uint8 of
shape (height,width,3). Outputs are written to the folder by their names: arrays as .npy files, pictures as PNG files. Files that are there are replaced.`

func (p *program) modelPredict() *cobra.Command {
	var inputs []string
	var o predict.Options
	var asJSON bool
	var engine engineFlags
	cmd := &cobra.Command{
		Use:   "predict FILE --input NAME=FILE ... --output FOLDER",
		Short: "Run a model on arrays and pictures",
		Long:  aboutPredict,
		Example: "  gesso model predict style.mlpackage --input image=photo.npy --output out\n" +
			"  gesso model predict classic.mlmodel --input image=photo.png --output out --json",
		Args:                  cobra.ExactArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := engine.options(true)
			if err != nil {
				return err
			}
			if o.Output == "" {
				return &usageError{errors.New("--output is missing: it names the folder for the outputs")}
			}
			o.Model, o.Units, o.Threads = args[0], e.Units, e.Threads
			if o.Inputs, err = pairs(inputs); err != nil {
				return err
			}
			r, err := predict.Run(cmd.Context(), o)
			if err != nil {
				return modelError(err)
			}
			if asJSON {
				return printJSON(p.stdout, r)
			}
			rows := [][]string{}
			for _, f := range r.Outputs {
				rows = append(rows, []string{"Output " + oneLine(f.Name), fmt.Sprintf("%s %s, %s", f.Type, dimensions(f.Shape), f.File)})
			}
			rows = append(rows, []string{"Opened in", fmt.Sprintf("%.3f s", r.Open)}, []string{"Ran in", fmt.Sprintf("%.3f s", r.Predict)}, []string{"Engine", r.Engine})
			return printTable(p.stdout, rows)
		},
	}
	cmd.Flags().StringArrayVar(&inputs, "input", nil, "`NAME=FILE` of an input; once for each")
	cmd.Flags().StringVar(&o.Output, "output", "", "`folder` for the outputs, which is made")
	cmd.Flags().StringVar(&o.Function, "function", "", "`name` of the function to run, of a package with several")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print shapes and times as JSON")
	engine.add(cmd)
	return cmd
}

// pairs reads NAME=FILE.
func pairs(list []string) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range list {
		name, file, ok := strings.Cut(s, "=")
		if !ok || name == "" || file == "" {
			return nil, &usageError{fmt.Errorf("--input is %q: it takes NAME=FILE", s)}
		}
		if out[name] != "" {
			return nil, &usageError{fmt.Errorf("--input gives %q twice", name)}
		}
		out[name] = file
	}
	return out, nil
}

// modelError makes bad input of what the package says is one.
func modelError(err error) error {
	var input *predict.InputError
	if errors.As(err, &input) {
		return &usageError{err}
	}
	return err
}

func (p *program) modelVerify() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a model's files without running it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := predict.Verify(cmd.Context(), args[0])
			if err != nil {
				return modelError(err)
			}
			if asJSON {
				return printJSON(p.stdout, v)
			}
			said := "can be run by " + v.Engine
			if !v.Loaded {
				said = "was read, but not loaded: " + native.ErrNoRuntime.Error()
			}
			return printLine(p.stdout, oneLine(v.Model)+": "+said)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// batchFlags are those of transfer that are for many photos.
type batchFlags struct {
	out           outputFlags
	recursive     bool
	resume        bool
	engines       int
	report, sheet string
	names         []string // of all these flags
}

func (b *batchFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	before := map[string]bool{}
	f.VisitAll(func(flag *pflag.Flag) { before[flag.Name] = true })
	f.BoolVar(&b.recursive, "recursive", false, "many photos: take those in folders below the folders, too")
	b.out.add(cmd)
	f.IntVar(&b.engines, "engines", 0, "many photos: how often to load the networks, to run them side by side; 0 picks it, one for each core up to four")
	f.BoolVar(&b.resume, "resume", false, "many photos: go on with an earlier run, and do again only what is not done")
	f.StringVar(&b.report, "report", "", "many photos: `file` for a report with scores, .csv or .json")
	f.StringVar(&b.sheet, "sheet", "", "many photos: `file` for a contact sheet of before and after, .jpg or .png")
	f.VisitAll(func(flag *pflag.Flag) {
		if !before[flag.Name] {
			b.names = append(b.names, flag.Name)
		}
	})
}

// check refuses flags that have no meaning for one photo, or for many.
func (b *batchFlags) check(f *pflag.FlagSet, many bool) error {
	if many {
		if f.Changed("content-image") {
			return &usageError{errors.New("name photos either with --content-image or without it")}
		}
		if f.Changed("force") && f.Changed("on-collision") {
			return &usageError{errors.New("--force is --on-collision overwrite: give one of them")}
		}
		return nil
	}
	for _, name := range b.names {
		if f.Changed(name) {
			return &usageError{fmt.Errorf("--%s is for many photos: name them without --content-image", name)}
		}
	}
	return nil
}

// runBatch makes many pictures.
func (p *program) runBatch(ctx context.Context, args []string, c pipeline.Config, o pipeline.Options, b batchFlags, asJSON bool) (err error) {
	recipe, err := b.out.recipe(c)
	if err != nil {
		return err
	}
	output, err := b.prepare(c.OutputPath)
	if err != nil {
		return err
	}
	items, err := batch.List(args, b.recursive, output)
	if err != nil {
		return &usageError{err}
	}
	count := b.engines
	if count == 0 {
		count = fittingEngines(len(items), runtime.GOMAXPROCS(0))
	}
	o.KeepMemory = true
	engines, recipe, err := openEngines(ctx, o, recipe, count)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engines.close()) }()
	bar := p.newBar()
	defer bar.close()
	var ended atomic.Int64
	s := batch.Settings{
		Items: items, Output: output, Recipe: recipe, Resume: b.resume, Open: engines.open, Engines: count, Jobs: b.out.jobs,
		Template: batch.Template(b.out.template), Collision: batch.Collision(b.out.collision), KeepTimes: b.out.keepTimes, JournalPath: b.out.journal,
		Event: func(e batch.Event) {
			if e.State != journal.Running && e.State != journal.Pending {
				bar.count(ended.Add(1), len(items))
			}
		},
	}
	if c.Force {
		s.Collision = batch.CollisionOverwrite
	}
	work, err := batch.Start(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, work.Close()) }()
	if err := work.Run(ctx); err != nil {
		return err
	}
	bar.close()
	return p.reportBatch(ctx, work, b, asJSON)
}

// maxEngines bounds the memory that a batch takes: with large photos an engine works in several hundred megabytes.
const maxEngines = 4

// fittingEngines is how many engines make a batch of photos quickest. The networks of one run on all cores, yet not evenly, and what comes before
// and after them leaves cores idle: side by side two fill each other's gaps. Core ML shares its units out itself.
func fittingEngines(photos, cores int) int {
	if runtime.GOOS == "darwin" {
		return 1
	}
	return max(1, min(photos, cores, maxEngines))
}

// prepare checks the folders and files to write before any work, and makes the output folder.
func (b *batchFlags) prepare(output string) (string, error) {
	if output == "" || output == stream {
		return "", &pipeline.FieldError{Field: "output_path", Value: "no folder", Want: "name the folder for the pictures"}
	}
	if ext := strings.ToLower(filepath.Ext(b.report)); b.report != "" && ext != ".csv" && ext != ".json" {
		return "", &pipeline.FieldError{Field: "report", Value: b.report, Want: "its name ends in .csv or .json"}
	}
	if b.sheet != "" {
		if err := picture.CheckOutput(b.sheet); err != nil {
			return "", &usageError{err}
		}
	}
	if b.engines < 0 || b.engines > 64 {
		return "", &pipeline.FieldError{Field: "engines", Value: b.engines, Want: "it goes from 0 to 64"}
	}
	if err := os.Mkdir(output, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return "", &usageError{fmt.Errorf("make the folder for the pictures: %w", err)}
	}
	if info, err := os.Stat(output); err != nil || !info.IsDir() {
		return "", &pipeline.FieldError{Field: "output_path", Value: output, Want: "for many photos it is a folder"}
	}
	return journal.Resolve(output)
}

// reportBatch writes the report and the sheet, prints what was done, and returns an error that counts the failures.
func (p *program) reportBatch(ctx context.Context, work *batch.Batch, b batchFlags, asJSON bool) error {
	cancelled := ctx.Err()
	ctx = context.WithoutCancel(ctx) // what was done is told even so
	rows, err := work.Rows(ctx)
	if err != nil {
		return err
	}
	if b.report != "" {
		if err := writeReport(b.report, rows); err != nil {
			return &outputError{err}
		}
	}
	if b.sheet != "" && cancelled == nil {
		if err := writeSheets(ctx, b.sheet, rows); err != nil {
			return &outputError{err}
		}
	}
	if cancelled != nil {
		return cancelled
	}
	if err := p.printBatch(rows, asJSON); err != nil {
		return err
	}
	failed := 0
	for _, r := range rows {
		if r.State == journal.Failed {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d photos failed; --resume tries them again", failed, len(rows))
	}
	return nil
}

func (p *program) printBatch(rows []batch.Row, asJSON bool) error {
	if asJSON {
		return batch.WriteJSON(p.stdout, rows)
	}
	table := [][]string{{"N", "PHOTO", "PICTURE", "SSIM", "NOTE"}}
	for _, r := range rows {
		ssim, note := "", r.Reason
		if r.Scores != nil {
			ssim = fmt.Sprintf("%.3f", r.Scores.SSIM)
			if note == "" {
				note = r.Scores.GateNote
			}
		}
		picture := r.Output
		if r.State != journal.Done {
			picture = string(r.State)
		}
		table = append(table, []string{fmt.Sprint(r.N), filepath.Base(r.Source), picture, ssim, note})
	}
	return printTable(p.stdout, table)
}

func writeReport(path string, rows []batch.Row) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	write := batch.WriteJSON
	if strings.EqualFold(filepath.Ext(path), ".csv") {
		write = batch.WriteCSV
	}
	if err := errors.Join(write(f, rows), f.Close()); err != nil {
		return fmt.Errorf("write the report %s: %w", path, err)
	}
	return nil
}

func writeSheets(ctx context.Context, path string, rows []batch.Row) error {
	ext := filepath.Ext(path)
	return batch.Sheets(ctx, rows, func(n int, img image.Image) error {
		name := path
		if n > 1 {
			name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(path, ext), n, ext)
		}
		return picture.Save(ctx, name, img, picture.SaveOptions{Overwrite: true})
	})
}

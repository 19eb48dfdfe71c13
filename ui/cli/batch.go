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
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// batchScope is a batch's in the journal of its output folder.
const batchScope = "batch"

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
	j, release, err := b.open(ctx, output, recipe, items)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, j.Close())
		release()
	}()
	key, err := recipe.Key()
	if err != nil {
		return err
	}
	bar := p.newBar()
	defer bar.close()
	var ended atomic.Int64
	run := batch.Options{
		Journal: j, Scope: batchScope, Recipe: recipe, Key: key, Output: output, Open: engines.open, Engines: count, Jobs: b.out.jobs,
		Template: batch.Template(b.out.template), Collision: batch.Collision(b.out.collision), KeepTimes: b.out.keepTimes, Adopt: b.resume,
		Event: func(e batch.Event) {
			if e.State != journal.Running && e.State != journal.Pending {
				bar.count(ended.Add(1), len(items))
			}
		},
	}
	if c.Force {
		run.Collision = batch.CollisionOverwrite
	}
	if run.Locate, err = locate(ctx, j, key, items); err != nil {
		return err
	}
	runner, err := batch.New(run)
	if err != nil {
		return err
	}
	if err := runner.Run(ctx, true); err != nil {
		return err
	}
	bar.close()
	return p.reportBatch(ctx, j, key, items, b, asJSON)
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

// open opens the journal and notes the photos in it. Until release no other batch of the recipe fills the folder: the two would take each
// other's photos.
func (b *batchFlags) open(ctx context.Context, output string, recipe batch.Recipe, items []batch.Item) (_ *journal.Journal, release func(), err error) {
	path := b.out.journal
	if path == "" {
		if path, err = journal.PathFor(output); err != nil {
			return nil, nil, err
		}
	}
	key, err := recipe.Key()
	if err != nil {
		return nil, nil, err
	}
	j, err := journal.Open(ctx, path, batchScope)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.Close())
		}
	}()
	if release, err = j.Hold(key); errors.Is(err, journal.ErrHeld) {
		return nil, nil, fmt.Errorf("another gesso transfer fills %s with the same settings: wait for its end, or name another folder with --output", output)
	} else if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	if b.resume {
		err = j.Restart(ctx, batchScope, key, journal.Failed, journal.Gone)
	} else {
		err = j.Restart(ctx, batchScope, key)
	}
	if err != nil {
		return nil, nil, err
	}
	sources := make([]journal.Source, len(items))
	for i, x := range items {
		sources[i] = x.Source
	}
	if _, err = j.Observe(ctx, batchScope, key, sources, time.UnixMilli(0)); err != nil {
		return nil, nil, err
	}
	return j, release, nil
}

// locate tells each job's folder and number.
func locate(ctx context.Context, j *journal.Journal, key string, items []batch.Item) (func(*journal.Job) (string, int64), error) {
	dirs := map[string]string{}
	for _, x := range items {
		dirs[x.Source.Path] = x.Dir
	}
	numbers := map[string]int64{}
	err := j.Jobs(ctx, batchScope, key, func(job *journal.Job) bool {
		numbers[job.Source.Path] = int64(len(numbers) + 1)
		return true
	})
	return func(job *journal.Job) (string, int64) { return dirs[job.Source.Path], numbers[job.Source.Path] }, err
}

// reportBatch writes the report and the sheet, prints what was done, and returns an error that counts the failures.
func (p *program) reportBatch(ctx context.Context, j *journal.Journal, key string, items []batch.Item, b batchFlags, asJSON bool) error {
	named := map[string]bool{}
	for _, x := range items {
		named[x.Source.Path] = true
	}
	cancelled := ctx.Err()
	ctx = context.WithoutCancel(ctx) // what was done is told even so
	rows, err := batch.Report(ctx, j, batchScope, key, func(job *journal.Job) bool { return named[job.Source.Path] })
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

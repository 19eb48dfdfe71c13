package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/watch"
)

const aboutWatch = `Watch a folder and give each photo that comes into it the look of a painting, once, for as long as it runs.

A photo is taken when it has stopped growing and reads; names that programs use for unfinished files, dotfiles and Gesso's own
pictures are left alone. What is done is remembered in a journal: after a crash, a full disk or a volume that was not there the
work goes on where it was, and several processes may share a folder. A photo that fails three times is set aside with its reason.

Stop it with Ctrl-C or SIGTERM. gesso watch --status tells from elsewhere how it gets on.`

// watchFlags are those of watch alone.
type watchFlags struct {
	output, moveDone, onError string
	recursive, existing       bool
	retry                     bool
	settle, rescan            time.Duration
	metrics                   string
	status, asJSON            bool
	service                   string
	log                       logFlags
}

func (p *program) watch() *cobra.Command {
	c := pipeline.DefaultConfig()
	var engine engineFlags
	var settings settingsFlags
	var out outputFlags
	var w watchFlags
	cmd := &cobra.Command{
		Use:   "watch FOLDER --output FOLDER (--preset NAME | --style-image FILE | --style NAME | --style-prompt TEXT)",
		Short: "Stylize every photo that comes into a folder",
		Long:  aboutWatch,
		Example: "  gesso watch Incoming --output Painted --preset 'Night sky' --move-done Done --on-error Bad\n" +
			"  gesso watch --status --output Painted",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if w.status {
				return p.watchStatus(cmd.Context(), w.output, out.journal, w.asJSON)
			}
			if len(args) == 0 {
				return &usageError{errors.New("name the folder to watch")}
			}
			given := cmd.Flags()
			if w.service != "" { // before the preset sets flags of its own
				u, err := newUnit(given, args[0])
				if err != nil {
					return err
				}
				if err := w.check(args[0], &settings, given, &c, out); err != nil {
					return err
				}
				return p.installService(u, w.service)
			}
			if err := settings.apply(given); err != nil {
				return err
			}
			o, err := engine.options(c.UseANE)
			if err != nil {
				return err
			}
			return p.runWatch(cmd.Context(), args[0], c, o, out, w)
		},
	}
	cmd.DisableFlagsInUseLine = true
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&w.output, "output", "", "`folder` for the pictures; it may lie in the watched one")
	f.BoolVar(&w.recursive, "recursive", false, "watch the folders below it too; outputs lie in folders as their photos do")
	f.BoolVar(&w.existing, "existing", false, "take the photos that are there when the folder is watched for the first time, too")
	f.StringVar(&w.moveDone, "move-done", "", "`folder` to which photos go when their picture is made")
	f.StringVar(&w.onError, "on-error", "", "`folder` to which photos go that fail three times, each with a text that says why")
	f.BoolVar(&w.retry, "retry-failed", false, "try again what was set aside before")
	settings.add(cmd, &c, true)
	out.add(cmd)
	engine.add(cmd)
	f.DurationVar(&w.settle, "settle", 2*time.Second, "how long a photo must not change before it is taken")
	f.DurationVar(&w.rescan, "rescan", time.Minute, "how often to look at everything, for shares that send no events")
	w.log.add(cmd)
	f.StringVar(&w.metrics, "metrics-addr", "", "`address` on this machine to serve metrics for Prometheus at, such as 127.0.0.1:9105")
	f.BoolVar(&w.status, "status", false, "print how the processes get on that fill --output, and end")
	f.BoolVar(&w.asJSON, "json", false, "print the status as JSON")
	f.StringVar(&w.service, "install-service", "", "`how` to run at every login: print the unit file for this system, write it, or print one for systemd or launchd")
	f.Lookup("install-service").NoOptDefVal = "print"
	return cmd
}

// check finds what would keep a watch from starting, so that no service is made of it.
func (w *watchFlags) check(dir string, settings *settingsFlags, given *pflag.FlagSet, c *pipeline.Config, out outputFlags) error {
	if err := settings.apply(given); err != nil {
		return err
	}
	if _, err := out.recipe(*c); err != nil {
		return err
	}
	s := watch.Settings{Dir: dir, Output: w.output, MoveDone: w.moveDone, OnError: w.onError}
	return watchFault(s.Check())
}

func (p *program) runWatch(ctx context.Context, dir string, c pipeline.Config, o pipeline.Options, out outputFlags, w watchFlags) (err error) {
	recipe, err := out.recipe(c)
	if err != nil {
		return err
	}
	log, closeLog, err := w.log.open(p.stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	engines, recipe, err := openEngines(ctx, o, recipe, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engines.close()) }()
	s, err := watch.Start(ctx, watch.Settings{
		Dir: dir, Output: w.output, MoveDone: w.moveDone, OnError: w.onError, Recursive: w.recursive, Existing: w.existing,
		Recipe: recipe, Template: batch.Template(out.template), Collision: batch.Collision(out.collision), KeepTimes: out.keepTimes,
		Open: engines.open, Jobs: out.jobs, JournalPath: out.journal, Retry: w.retry, Settle: w.settle, Rescan: w.rescan,
		Log: log, Ready: func() { log.Info("watching", "dir", dir, "output", w.output) },
	})
	if err != nil {
		return watchFault(err)
	}
	work, stop := context.WithCancel(ctx)
	defer stop()
	if w.metrics != "" {
		serving, err := serveMetrics(work, w.metrics, s, log)
		if err != nil {
			stop()
			return errors.Join(err, s.Run(work)) // which ends at once and closes the journal
		}
		defer func() { stop(); <-serving }()
	}
	if err := s.Run(ctx); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// watchFault takes a folder that is not there for wrong usage.
func watchFault(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &usageError{err}
	}
	return err
}

// logFlags say where messages go.
type logFlags struct {
	level, file string
	json        bool
}

func (l *logFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.level, "log-level", "info", "least `level` of messages: debug, info, warn or error")
	cmd.Flags().StringVar(&l.file, "log-file", "", "`file` for messages instead of stderr; at 10 MB it is put aside, and five are kept")
	cmd.Flags().BoolVar(&l.json, "log-json", false, "messages as JSON, one a line")
}

func (l *logFlags) open(stderr io.Writer) (_ *slog.Logger, closeLog func() error, err error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, nil, &pipeline.FieldError{Field: "log_level", Value: l.level, Want: "it is debug, info, warn or error"}
	}
	out, closeLog := stderr, func() error { return nil }
	if l.file != "" {
		f, err := openRotating(l.file, 10<<20, 5)
		if err != nil {
			return nil, nil, &usageError{fmt.Errorf("open the log: %w", err)}
		}
		out, closeLog = f, f.Close
	}
	o := &slog.HandlerOptions{Level: level}
	if l.json {
		return slog.New(slog.NewJSONHandler(out, o)), closeLog, nil
	}
	return slog.New(slog.NewTextHandler(out, o)), closeLog, nil
}

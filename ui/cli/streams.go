package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// stream is the path that stands for stdin or stdout.
const stream = "-"

// streams leads stdin and stdout through files in a temporary folder, where a transfer uses them.
type streams struct {
	stdin               io.Reader
	stdout              io.Writer
	fromStdin, toStdout bool
	dir                 string
	content, output     string // in dir
}

// openStreams makes the folder if c needs it and puts its files in c's place of the streams. The caller must close what it returns.
func (p *program) openStreams(ctx context.Context, c *pipeline.Config) (*streams, error) {
	s := &streams{stdin: p.stdin, stdout: p.stdout, fromStdin: c.ContentImagePath == stream, toStdout: c.OutputPath == stream}
	if !s.fromStdin && !s.toStdout {
		return s, nil
	}
	if s.toStdout && isTerminal(p.stdout) {
		return nil, &usageError{errors.New("a picture is no use on a terminal: send stdout to a file or another program")}
	}
	dir, err := os.MkdirTemp("", "gesso-*")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	s.dir, s.content, s.output = dir, filepath.Join(dir, "stdin"), filepath.Join(dir, "stdout.png")
	if s.fromStdin {
		c.ContentImagePath = s.content
	}
	if s.toStdout {
		c.OutputPath = s.output
	}
	return s, nil
}

func (s *streams) close() error {
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// receive writes stdin to its file. When ctx ends, it returns at once, although a read that waits for input stays behind.
func (s *streams) receive(ctx context.Context) error {
	if !s.fromStdin {
		return nil
	}
	f, err := os.OpenFile(s.content, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(f, io.LimitReader(s.stdin, picture.DefaultLimits.Bytes+1)) // one more, so that opening it tells that it is too long
		done <- errors.Join(err, f.Close())
	}()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("read the photo from stdin: %w", err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run makes the picture and, if it goes to stdout, sends it there. Recipes and results name the streams, not the temporary files.
func (s *streams) run(ctx context.Context, t *pipeline.Transfer, c pipeline.Config, progress func(pipeline.Progress)) (pipeline.Result, error) {
	if s.dir == "" {
		return t.Run(ctx, c, progress)
	}
	r, err := t.Render(ctx, c, progress)
	if pict := (*picture.Error)(nil); errors.As(err, &pict) && pict.Path == s.content {
		return pipeline.Result{}, &picture.Error{Path: "stdin", Reason: pict.Reason, Err: pict.Err}
	}
	if err != nil {
		return pipeline.Result{}, err
	}
	if s.fromStdin {
		r.Config.ContentImagePath = stream
	}
	if s.toStdout {
		r.Config.OutputPath = stream
	}
	if err := r.Save(ctx, c.OutputPath, c.Force); err != nil {
		return pipeline.Result{}, err
	}
	if s.toStdout {
		r.Result.OutputPath = stream
		err = s.send(ctx)
	}
	return r.Result, err
}

// send writes the picture to stdout. When ctx ends, it returns at once, although a write to a reader that has stopped stays behind.
func (s *streams) send(ctx context.Context) error {
	f, err := os.Open(s.output)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(s.stdout, f)
		done <- errors.Join(err, f.Close())
	}()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("write the picture to stdout: %w", err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

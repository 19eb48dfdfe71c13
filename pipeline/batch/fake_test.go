package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// fakeEngine turns a photo's colours round.
type fakeEngine struct {
	rendered atomic.Int32
	before   func(c pipeline.Config) error
	closed   atomic.Bool
	progress bool // it is told
}

func (e *fakeEngine) RenderPicture(ctx context.Context, c pipeline.Config, content *picture.Picture, progress func(pipeline.Progress)) (*pipeline.Rendering, error) {
	if e.progress {
		progress(pipeline.Progress{Phase: pipeline.PhaseStylize, Fraction: 0.5})
	}
	if e.before != nil {
		if err := e.before(c); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e.rendered.Add(1)
	img := image.NewNRGBA(content.Image.Rect)
	for i, v := range content.Image.Pix {
		img.Pix[i] = v
		if i%4 != 3 {
			img.Pix[i] = 255 - v
		}
	}
	r := pipeline.Result{SSIMScore: 0.5, StyleLoss: 0.3, ContentPreservation: 0.7, StrengthUsed: c.StyleStrength, Style: "fake", Width: img.Rect.Dx(), Height: img.Rect.Dy()}
	return &pipeline.Rendering{Config: c, Content: content, Image: img, Result: r}, nil
}

func (e *fakeEngine) Close() error { e.closed.Store(true); return nil }

// bench is a folder of sources, one of outputs and a journal.
type bench struct {
	t       *testing.T
	in, out string
	journal *journal.Journal
	engine  *fakeEngine
	options Options
}

func newBench(t *testing.T) *bench {
	t.Helper()
	root := t.TempDir()
	b := &bench{t: t, in: filepath.Join(root, "in"), out: filepath.Join(root, "out"), engine: &fakeEngine{}}
	require.NoError(t, os.Mkdir(b.in, 0o700))
	require.NoError(t, os.Mkdir(b.out, 0o700))
	var err error
	b.journal, err = journal.Open(t.Context(), filepath.Join(root, "journal.db"), b.in)
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.journal.Close() }) // some tests close it
	c := pipeline.DefaultConfig()
	c.StyleName = "great-wave"
	r := Recipe{Config: c, Format: FormatAuto, Metadata: true}
	key, err := r.Key()
	require.NoError(t, err)
	b.options = Options{
		Journal: b.journal, Scope: b.in, Recipe: r, Key: key, Output: b.out, Patient: true, Backoff: 4 * time.Millisecond, Settle: time.Millisecond, MinFree: 1,
		Open: func(context.Context) (Engine, error) { return b.engine, nil },
	}
	return b
}

// add writes files and notes them, ready at once.
func (b *bench) add(files map[string][]byte) {
	b.t.Helper()
	var all []journal.Source
	for name, data := range files {
		path := filepath.Join(b.in, name)
		require.NoError(b.t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(b.t, os.WriteFile(path, data, 0o600))
		all = append(all, b.source(name))
	}
	b.note(all...)
}

func (b *bench) source(name string) journal.Source {
	b.t.Helper()
	path := filepath.Join(b.in, name)
	info, err := os.Stat(path)
	require.NoError(b.t, err)
	return journal.SourceOf(path, info)
}

func (b *bench) note(all ...journal.Source) {
	b.t.Helper()
	_, err := b.journal.Observe(b.t.Context(), b.options.Scope, b.options.Key, all, time.UnixMilli(0))
	require.NoError(b.t, err)
}

// run drains the journal.
func (b *bench) run() {
	b.t.Helper()
	r, err := New(b.options)
	require.NoError(b.t, err)
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(b.t, r.Run(ctx, true))
	require.NoError(b.t, ctx.Err(), "it did not end: %s", r.Trouble())
}

// jobs returns the jobs by the base name of their source.
func (b *bench) jobs() map[string]*journal.Job {
	b.t.Helper()
	all := map[string]*journal.Job{}
	require.NoError(b.t, b.journal.Jobs(b.t.Context(), b.options.Scope, b.options.Key, func(j *journal.Job) bool {
		all[filepath.Base(j.Source.Path)] = j
		return true
	}))
	return all
}

// outputs lists the files below the output folder, with slashes.
func (b *bench) outputs() (names []string) {
	b.t.Helper()
	return below(b.t, b.out)
}

func below(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	}))
	return names
}

// jpegOf is a small picture that differs with n.
func jpegOf(n int) []byte { return encoded(n, "jpeg") }

func pngOf(n int) []byte { return encoded(n, "png") }

func encoded(n int, format string) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, 24, 20))
	for i := range 20 * 24 {
		img.SetNRGBA(i%24, i/24, color.NRGBA{uint8(n), uint8(n >> 8), uint8(i), 255})
	}
	var b bytes.Buffer
	var err error
	if format == "jpeg" {
		err = jpeg.Encode(&b, img, nil)
	} else {
		err = png.Encode(&b, img)
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

// originOf returns what the output's recipe says of its source.
func originOf(t *testing.T, path string) (o origin) {
	t.Helper()
	raw, err := picture.Recipe(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &o))
	return o
}

// whole checks that every job is done, has its own output that decodes, and that nothing else is there.
func (b *bench) whole(count int) {
	b.t.Helper()
	jobs := b.jobs()
	require.Len(b.t, jobs, count)
	seen := map[string]bool{}
	for name, j := range jobs {
		require.Equal(b.t, journal.Done, j.State, "%s: %s", name, j.Reason)
		require.False(b.t, seen[j.Output], j.Output)
		seen[j.Output] = true
		require.Equal(b.t, j.Hash, originOf(b.t, j.Output).Source)
		_, err := picture.Open(b.t.Context(), j.Output, picture.DefaultLimits)
		require.NoError(b.t, err)
	}
	require.Len(b.t, b.outputs(), count, strings.Join(b.outputs(), " "))
}

func some(n int) map[string][]byte {
	files := map[string][]byte{}
	for i := range n {
		files[fmt.Sprintf("p%02d.jpg", i)] = jpegOf(i)
	}
	return files
}

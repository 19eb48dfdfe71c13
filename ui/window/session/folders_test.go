package session

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/pipeline/unattended"
)

// copier makes pictures for watch folders.
type copier struct{ made atomic.Int32 }

func (c *copier) RenderPicture(_ context.Context, config pipeline.Config, content *picture.Picture, _ func(pipeline.Progress)) (*pipeline.Rendering, error) {
	c.made.Add(1)
	return &pipeline.Rendering{Config: config, Content: content, Image: content.Image, Result: pipeline.Result{SSIMScore: 0.5}}, nil
}

func (c *copier) StyleCode(context.Context, pipeline.Config) (*pipeline.StyleCode, error) {
	return &pipeline.StyleCode{Title: "A style", Code: make(pipeline.Floats, 128)}, nil
}

func (c *copier) Close() error { return nil }

func TestWatchFolders(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	require.NoError(t, os.Mkdir(in, 0o700))
	engine := &copier{}
	open := func() *Session {
		s := New(Options{
			Engine: &fakeEngine{}, StateFolder: filepath.Join(dir, "state"), PreviewDelay: time.Hour,
			Watch: unattended.WatchOptions{
				Open:   func(context.Context) (unattended.Engine, error) { return engine, nil },
				Settle: 20 * time.Millisecond, Refresh: 10 * time.Millisecond, Again: 50 * time.Millisecond,
				Journal: func(string) (string, error) { return filepath.Join(dir, "journal.db"), nil },
			},
		})
		t.Cleanup(s.Close)
		return s
	}
	one := func(s *Session, ok func(Folder) bool) Folder {
		t.Helper()
		var f Folder
		require.Eventually(t, func() bool {
			all := s.Folders()
			if len(all) == 1 {
				f = all[0]
			}
			return len(all) == 1 && ok(f)
		}, 10*time.Second, time.Millisecond)
		return f
	}
	logged := func(text string) func(Folder) bool {
		return func(f Folder) bool {
			return slices.ContainsFunc(f.Log, func(l string) bool { return strings.HasSuffix(l, "  "+text) })
		}
	}
	s := open()
	s.AddFolder(in, out)
	require.Empty(t, s.Folders(), "there is no style yet")
	s.ChooseStyle("udnie")
	s.AddFolder(in, in)
	require.Empty(t, s.Folders(), "the output is the watched folder itself")
	s.AddFolder(filepath.Join(dir, "nowhere"), out)
	require.Eventually(t, func() bool { return s.Snapshot().Status.Tone == ToneBad }, 5*time.Second, time.Millisecond)
	require.Empty(t, s.Folders(), "it is not there")
	s.AddFolder(in, out)
	f := one(s, logged("watching")) // what is there before is left alone
	require.True(t, f.On)
	require.Equal(t, "udnie", f.Style)
	s.AddFolder(in, out)
	require.Equal(t, ToneWarn, s.Snapshot().Status.Tone)
	require.Len(t, s.Folders(), 1)
	writePicture(t, filepath.Join(in, "a.png"), 30, 20)
	require.NoError(t, os.WriteFile(filepath.Join(in, "bad.png"), []byte("no picture"), 0o600))
	f = one(s, func(f Folder) bool { return f.Done == 1 && f.Error != "" })
	require.Contains(t, f.Error, "bad.png is not a picture")
	one(s, logged("a.png  done"))
	s.Close()

	s = open()
	f = one(s, func(f Folder) bool { return f.On && f.Done == 1 })
	s.SetFolder(f.ID, false)
	one(s, func(f Folder) bool { return !f.On })
	writePicture(t, filepath.Join(in, "b.png"), 30, 20)
	s.SetFolder(f.ID, true)
	one(s, func(f Folder) bool { return f.On && f.Done == 2 })
	s.Close()

	// A volume that is not there at the start does not switch a folder off.
	require.NoError(t, os.Rename(in, in+" away"))
	s = open()
	f = one(s, func(f Folder) bool { return f.Error != "" })
	require.True(t, f.On)
	require.NoError(t, os.Rename(in+" away", in))
	writePicture(t, filepath.Join(in, "c.png"), 30, 20)
	one(s, func(f Folder) bool { return f.Done == 3 })
	require.EqualValues(t, 3, engine.made.Load())
	s.RemoveFolder(f.ID)
	require.Eventually(t, func() bool { return len(s.Folders()) == 0 }, 5*time.Second, time.Millisecond)
	s.Close()
	require.Empty(t, open().Folders())
}

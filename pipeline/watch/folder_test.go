package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// fastEngine copies the photo.
type fastEngine struct{ delay time.Duration }

func (e fastEngine) RenderPicture(ctx context.Context, c pipeline.Config, content *picture.Picture, _ func(pipeline.Progress)) (*pipeline.Rendering, error) {
	select {
	case <-time.After(e.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r := pipeline.Result{SSIMScore: 0.5, StyleLoss: 0.2, StrengthUsed: c.StyleStrength, Width: content.Bounds().Dx(), Height: content.Bounds().Dy()}
	return &pipeline.Rendering{Config: c, Content: content, Image: content.Image, Result: r}, nil
}

func (fastEngine) Close() error { return nil }

func testRecipe() batch.Recipe {
	c := pipeline.DefaultConfig()
	c.StyleName = "great-wave"
	return batch.Recipe{Config: c, Format: batch.FormatAuto, Metadata: true}
}

func testSettings(t *testing.T) Settings {
	t.Helper()
	root := t.TempDir()
	s := Settings{
		Dir: filepath.Join(root, "in"), Output: filepath.Join(root, "out"), Existing: true, Recipe: testRecipe(),
		Open:        func(context.Context) (batch.Engine, error) { return fastEngine{}, nil },
		JournalPath: filepath.Join(root, "journal.db"), Settle: 50 * time.Millisecond, Backoff: 20 * time.Millisecond, Rescan: 300 * time.Millisecond,
	}
	require.NoError(t, os.Mkdir(s.Dir, 0o700))
	return s
}

// runService runs a service until the returned function is called.
func runService(t *testing.T, s Settings) (stop func()) {
	t.Helper()
	ready := make(chan struct{})
	s.Ready = func() { close(ready) }
	ctx, cancel := context.WithCancel(t.Context())
	v, err := Start(ctx, s)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	select {
	case <-ready:
	case <-time.After(10 * time.Second):
		t.Fatal("it does not get ready")
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		require.NoError(t, <-done)
	}
	t.Cleanup(stop)
	return stop
}

func photo(n int) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, 20, 18))
	for i := range 18 * 20 {
		img.SetNRGBA(i%20, i/20, color.NRGBA{uint8(n), uint8(n >> 8), uint8(i), 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	return fmt.Appendf(b.Bytes(), "%d", n) // so that no two are alike, whatever the encoder makes of the colours
}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

func files(t testing.TB, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return names
}

func eventually(t *testing.T, dir string, names ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return fmt.Sprint(files(t, dir)) == fmt.Sprint(names) }, 15*time.Second, 10*time.Millisecond, "%v, not %v", names, files(t, dir))
}

// TestFolderThatWasAwayIsWatchedAgain moves the watched folder, and one in it, away and back: what comes then has its events again and does not wait
// for the next look at everything.
func TestFolderThatWasAwayIsWatchedAgain(t *testing.T) {
	s := testSettings(t)
	s.Recursive, s.Rescan = true, time.Hour
	put(t, filepath.Join(s.Dir, "sub", "a.jpg"), photo(1))
	runService(t, s)
	eventually(t, s.Output, "sub/a.jpg")
	for i, dir := range []string{filepath.Join(s.Dir, "sub"), s.Dir} {
		require.NoError(t, os.Rename(dir, dir+" away"))
		time.Sleep(500 * time.Millisecond)
		require.NoError(t, os.Rename(dir+" away", dir))
		if dir == s.Dir {
			time.Sleep(6 * time.Second) // a folder that is gone is looked for every five seconds
		} else {
			time.Sleep(500 * time.Millisecond)
		}
		put(t, filepath.Join(s.Dir, "sub", "b"+fmt.Sprint(i)+".jpg"), photo(2+i))
		require.Eventually(t, func() bool { return len(files(t, s.Output)) == 2+i }, 10*time.Second, 20*time.Millisecond)
	}
	eventually(t, s.Output, "sub/a.jpg", "sub/b0.jpg", "sub/b1.jpg")
}

func TestFolderTakesWhatComes(t *testing.T) {
	s := testSettings(t)
	s.Recursive = true
	put(t, filepath.Join(s.Dir, "before.jpg"), photo(1))
	stop := runService(t, s)
	put(t, filepath.Join(s.Dir, "a.jpg"), photo(2))
	put(t, filepath.Join(s.Dir, "deep", "er", "b.jpg"), photo(3))
	for _, name := range []string{".hidden.jpg", "~a.jpg", "a.part.jpg", "notes.txt", "a.xmp", "x.jpg.part", ".c.jpg.Xa3b1", "Photoshop Temp123.jpg", "pics.download/c.jpg", ".git/d.jpg", "Unconfirmed 1.jpg"} {
		put(t, filepath.Join(s.Dir, name), photo(4))
	}
	eventually(t, s.Output, "a.jpg", "before.jpg", "deep/er/b.jpg")
	require.NoError(t, os.Rename(filepath.Join(s.Dir, ".c.jpg.Xa3b1"), filepath.Join(s.Dir, "c.jpg"))) // as rsync does
	require.NoError(t, os.Rename(filepath.Join(s.Dir, "x.jpg.part"), filepath.Join(s.Dir, "x.jpg")))
	eventually(t, s.Output, "a.jpg", "before.jpg", "c.jpg", "deep/er/b.jpg", "x.jpg")
	stop()
	put(t, filepath.Join(s.Dir, "while away.jpg"), photo(5))
	runService(t, s)
	eventually(t, s.Output, "a.jpg", "before.jpg", "c.jpg", "deep/er/b.jpg", "while away.jpg", "x.jpg")
}

func TestExistingFilesAreLeftAloneUnlessAsked(t *testing.T) {
	s := testSettings(t)
	s.Existing = false
	put(t, filepath.Join(s.Dir, "old.jpg"), photo(1))
	stop := runService(t, s)
	put(t, filepath.Join(s.Dir, "new.jpg"), photo(2))
	eventually(t, s.Output, "new.jpg")
	stop()
	put(t, filepath.Join(s.Dir, "away.jpg"), photo(3)) // nothing is skipped while nobody watches
	stop = runService(t, s)
	eventually(t, s.Output, "away.jpg", "new.jpg")
	stop()
	s.Recipe.Config.StyleStrength = 0.1 // another recipe begins anew, and with all
	s.Output += " 2"
	require.NoError(t, os.Mkdir(s.Output, 0o700))
	s.Existing = true
	stop = runService(t, s)
	eventually(t, s.Output, "away.jpg", "new.jpg", "old.jpg")
	stop()
	put(t, filepath.Join(s.Dir, "last.jpg"), photo(4))
	s.Existing = false
	stop = runService(t, s)
	eventually(t, s.Output, "away.jpg", "last.jpg", "new.jpg", "old.jpg")
	stop()
}

func TestOutputInTheFolderDoesNotLoop(t *testing.T) {
	for _, output := range []string{".", "out", "deep/out"} {
		t.Run(output, func(t *testing.T) {
			s := testSettings(t)
			s.Recursive = true
			s.Output = filepath.Join(s.Dir, output)
			require.NoError(t, os.MkdirAll(s.Output, 0o700))
			stop := runService(t, s)
			put(t, filepath.Join(s.Dir, "a.jpg"), photo(1))
			require.Eventually(t, func() bool { return len(files(t, s.Dir)) == 2 }, 10*time.Second, 10*time.Millisecond)
			time.Sleep(700 * time.Millisecond) // two looks at everything
			require.Len(t, files(t, s.Dir), 2)
			stop()
			require.NoError(t, os.Remove(s.JournalPath)) // and without its memory
			stop = runService(t, s)
			time.Sleep(700 * time.Millisecond)
			require.Len(t, files(t, s.Dir), 2)
			stop()
		})
	}
}

func TestSourcesAreMoved(t *testing.T) {
	s := testSettings(t)
	s.Recursive = true
	s.MoveDone, s.OnError = filepath.Join(s.Dir, "done"), filepath.Join(s.Dir, "bad")
	runService(t, s)
	put(t, filepath.Join(s.Dir, "x", "a.jpg"), photo(1))
	put(t, filepath.Join(s.Dir, "b.jpg"), photo(1)[:200])
	eventually(t, s.Dir, "bad/b.jpg", "bad/b.jpg.txt", "done/x/a.jpg")
	eventually(t, s.Output, "x/a.jpg")
	put(t, filepath.Join(s.Dir, "x", "a.jpg"), photo(2)) // the next card from the same camera
	eventually(t, s.Dir, "bad/b.jpg", "bad/b.jpg.txt", "done/x/a-2.jpg", "done/x/a.jpg")
	eventually(t, s.Output, "x/a-2.jpg", "x/a.jpg")
}

func TestSlowWriterIsWaitedFor(t *testing.T) {
	s := testSettings(t)
	var failed atomic.Int32
	s.Event = func(e batch.Event) {
		if e.State == journal.Failed {
			failed.Add(1)
		}
	}
	runService(t, s)
	data := photo(1)
	f, err := os.Create(filepath.Join(s.Dir, "slow.jpg"))
	require.NoError(t, err)
	for i := 0; i < len(data); i += 100 {
		_, err := f.Write(data[i:min(i+100, len(data))])
		require.NoError(t, err)
		time.Sleep(30 * time.Millisecond)
	}
	require.NoError(t, f.Close())
	eventually(t, s.Output, "slow.jpg")
	require.Zero(t, failed.Load())
}

func TestFolderThatVanishesAndComesBack(t *testing.T) {
	s := testSettings(t)
	runService(t, s)
	put(t, filepath.Join(s.Dir, "a.jpg"), photo(1))
	eventually(t, s.Output, "a.jpg")
	require.NoError(t, os.Rename(s.Dir, s.Dir+".away"))
	put(t, filepath.Join(s.Dir+".away", "b.jpg"), photo(2))
	time.Sleep(500 * time.Millisecond)
	require.NoError(t, os.Rename(s.Dir+".away", s.Dir))
	eventually(t, s.Output, "a.jpg", "b.jpg")
	put(t, filepath.Join(s.Dir, "c.jpg"), photo(3))
	eventually(t, s.Output, "a.jpg", "b.jpg", "c.jpg")
}

func TestTwoServicesOnOneFolder(t *testing.T) {
	s := testSettings(t)
	runService(t, s)
	runService(t, s)
	var want []string
	for i := range 30 {
		put(t, filepath.Join(s.Dir, fmt.Sprintf("p%02d.jpg", i)), photo(i))
		want = append(want, fmt.Sprintf("p%02d.jpg", i))
	}
	eventually(t, s.Output, want...)
	time.Sleep(500 * time.Millisecond)
	require.Equal(t, want, files(t, s.Output))
}

func TestSettingsAreChecked(t *testing.T) {
	for want, spoil := range map[string]func(*Settings){
		"no such file":    func(s *Settings) { s.Dir += "x" },
		"output is empty": func(s *Settings) { s.Output = "" },
		"move done":       func(s *Settings) { s.MoveDone = s.Dir },
		"on error":        func(s *Settings) { s.OnError = s.Output },
		"style strength":  func(s *Settings) { s.Recipe.Config.StyleStrength = 2 },
		"name is":         func(s *Settings) { s.Template = "x" },
		"make the folder": func(s *Settings) { s.Output = filepath.Join(s.Output, "a", "b") },
		"no engine for a test": func(s *Settings) {
			s.Open = func(context.Context) (batch.Engine, error) { return nil, fmt.Errorf("no engine for a test") }
		},
	} {
		s := testSettings(t)
		spoil(&s)
		_, err := Start(t.Context(), s)
		require.ErrorContains(t, err, want)
	}
}

func TestTransient(t *testing.T) {
	for _, name := range []string{
		".a.jpg", "._a.jpg", "~a.jpg", "~$a.jpg", ".a.jpg.Xa3bQ1", ".com.google.Chrome.AbC.jpg", "Photoshop Temp12345.png", "a.part.jpg", "a.tmp.png", "a.jpg.sb-1a2b3c4d-AbCdEf.jpg",
		"Unconfirmed 71.jpg", "a.jpg_exiftool_tmp", "lrtemp-1.jpg", ".gesso-ABC.tmp", "ps3F2A.tmp.jpg",
	} {
		require.True(t, Transient(name), name)
	}
	for _, name := range []string{"a.jpg", "IMG_0001.JPG", "partial eclipse.jpg", "a.b.c.png", "photoshop.jpg", "psalm.jpg", "lr.jpg", "temp.jpg", "2026.11.25.jpg"} {
		require.False(t, Transient(name), name)
	}
	there := map[string]bool{"/d/a.jpg.part": true}
	exists := func(p string) bool { return there[p] }
	require.True(t, beingDownloaded("/d/a.jpg", 0, exists))
	require.False(t, beingDownloaded("/d/a.jpg", 5, exists))
	require.False(t, beingDownloaded("/d/b.jpg", 0, exists))
}

// sourceOf returns the hash of the source that an output's recipe tells.
func sourceOf(path string) (string, error) {
	raw, err := picture.Recipe(path)
	if err != nil {
		return "", err
	}
	var o struct {
		Source string `json:"source_sha256"`
	}
	err = json.Unmarshal(raw, &o)
	return o.Source, err
}

package batch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/journal"
)

func TestRunnerMakesEachPictureOnce(t *testing.T) {
	b := newBench(t)
	b.add(some(20))
	b.run()
	b.whole(20)
	require.True(t, b.engine.closed.Load())
	b.run()
	require.EqualValues(t, 20, b.engine.rendered.Load(), "a second run has nothing to do")
	j := b.jobs()["p03.jpg"]
	require.Contains(t, string(j.Result), `"ssim_score":0.5`)
	require.Equal(t, filepath.Join(b.out, "p03.jpg"), j.Output)
}

func TestTwoRunnersShareTheWork(t *testing.T) {
	b := newBench(t)
	b.add(some(40))
	other := *b
	var err error
	other.journal, err = journal.Open(t.Context(), b.journal.Path(), b.in) // as another process would
	require.NoError(t, err)
	defer other.journal.Close()
	other.options.Journal = other.journal
	done := make(chan struct{})
	go func() {
		defer close(done)
		r, err := New(other.options)
		if err == nil {
			_ = r.Run(t.Context(), true) // what is left undone the checks below tell
		}
	}()
	b.run()
	<-done
	b.whole(40)
	require.EqualValues(t, 40, b.engine.rendered.Load())
}

func TestPoisonIsSetAside(t *testing.T) {
	b := newBench(t)
	b.options.OnError = filepath.Join(filepath.Dir(b.in), "bad")
	b.options.MoveDone = filepath.Join(filepath.Dir(b.in), "good")
	var tries atomic.Int32
	b.options.Event = func(e Event) {
		if e.State == journal.Running && filepath.Base(e.Job.Source.Path) == "bad.jpg" {
			tries.Add(1)
		}
	}
	b.add(map[string][]byte{"bad.jpg": jpegOf(1)[:300], "good.jpg": jpegOf(2), "empty.png": nil})
	b.run()
	jobs := b.jobs()
	require.Equal(t, journal.Failed, jobs["bad.jpg"].State)
	require.Contains(t, jobs["bad.jpg"].Reason, "damaged or incomplete")
	require.Equal(t, 3, jobs["bad.jpg"].Attempts)
	require.EqualValues(t, 3, tries.Load())
	require.Contains(t, jobs["empty.png"].Reason, "is empty")
	require.Equal(t, []string{"good.jpg"}, b.outputs())
	require.Empty(t, below(t, b.in))
	require.Equal(t, []string{"bad.jpg", "bad.jpg.txt", "empty.png", "empty.png.txt"}, below(t, b.options.OnError))
	require.Equal(t, []string{"good.jpg"}, below(t, b.options.MoveDone))
}

func TestGrowingFileIsNotTaken(t *testing.T) {
	b := newBench(t)
	whole := jpegOf(1)
	b.add(map[string][]byte{"a.jpg": whole[:200]})
	require.NoError(t, os.WriteFile(filepath.Join(b.in, "a.jpg"), whole, 0o600)) // after it was noted
	b.run()
	b.whole(1)
	require.Zero(t, b.jobs()["a.jpg"].Attempts)
}

func TestVanishedSource(t *testing.T) {
	b := newBench(t)
	b.add(some(2))
	seen := b.source("p00.jpg")
	require.NoError(t, os.Rename(filepath.Join(b.in, "p00.jpg"), filepath.Join(b.in, "elsewhere")))
	b.run()
	require.Equal(t, journal.Gone, b.jobs()["p00.jpg"].State)
	require.NoError(t, os.Rename(filepath.Join(b.in, "elsewhere"), filepath.Join(b.in, "p00.jpg")))
	b.note(seen)
	b.run()
	b.whole(2)
}

func TestVanishedFolderIsWaitedFor(t *testing.T) {
	for _, which := range []string{"in", "out"} {
		t.Run(which, func(t *testing.T) {
			b := newBench(t)
			b.add(some(4))
			dir := map[string]string{"in": b.in, "out": b.out}[which]
			require.NoError(t, os.Rename(dir, dir+".away"))
			r, err := New(b.options)
			require.NoError(t, err)
			done := make(chan error)
			go func() { done <- r.Run(t.Context(), true) }()
			require.Eventually(t, func() bool { return r.Trouble() != "" }, 5*time.Second, time.Millisecond)
			require.NoDirExists(t, dir, "it is not made anew")
			require.NoError(t, os.Rename(dir+".away", dir))
			require.NoError(t, <-done)
			b.whole(4)
		})
	}
}

func TestImpatientRunnerFails(t *testing.T) {
	b := newBench(t)
	b.add(some(2))
	b.options.Patient = false
	require.NoError(t, os.Remove(filepath.Join(b.in, "p00.jpg")))
	b.run()
	require.Equal(t, journal.Failed, b.jobs()["p00.jpg"].State)
	require.Contains(t, b.jobs()["p00.jpg"].Reason, "does not exist")
	require.Equal(t, journal.Done, b.jobs()["p01.jpg"].State)
}

func TestSamePictureUnderAnotherNameOrTime(t *testing.T) {
	b := newBench(t)
	b.add(map[string][]byte{"a.jpg": jpegOf(1)})
	b.run()
	require.NoError(t, os.Rename(filepath.Join(b.in, "a.jpg"), filepath.Join(b.in, "renamed.jpg")))
	b.note(b.source("renamed.jpg"))
	b.run()
	require.Equal(t, journal.Repeat, b.jobs()["renamed.jpg"].State)
	require.Len(t, b.outputs(), 1)
	require.NoError(t, os.Chtimes(filepath.Join(b.in, "renamed.jpg"), time.Time{}, time.Unix(1e9, 0)))
	b.note(b.source("renamed.jpg"))
	b.add(map[string][]byte{"copy.jpg": jpegOf(1)})
	b.run()
	require.Len(t, b.outputs(), 3, "a copy is a picture of its own; so is what came later and under another name")
}

func TestCollisions(t *testing.T) {
	for policy, want := range map[Collision][]string{
		CollisionNumber:    {"a-2.jpg", "a.jpg"},
		CollisionSkip:      {"a.jpg"},
		CollisionOverwrite: {"a.jpg"},
	} {
		t.Run(string(policy), func(t *testing.T) {
			b := newBench(t)
			b.options.Collision = policy
			old := jpegOf(77)
			require.NoError(t, os.WriteFile(filepath.Join(b.out, "a.jpg"), old, 0o600))
			b.add(map[string][]byte{"a.jpg": jpegOf(1)})
			b.run()
			require.Equal(t, want, b.outputs())
			now, err := os.ReadFile(filepath.Join(b.out, "a.jpg"))
			require.NoError(t, err)
			require.Equal(t, policy != CollisionOverwrite, string(now) == string(old))
			require.Equal(t, policy == CollisionSkip, b.jobs()["a.jpg"].State == journal.Skipped)
			require.Equal(t, policy == CollisionSkip, b.engine.rendered.Load() == 0)
		})
	}
}

func TestNoPolicyLosesAnotherPicture(t *testing.T) {
	for _, policy := range []Collision{CollisionOverwrite, CollisionSkip} {
		b := newBench(t)
		b.options.Collision = policy
		b.options.Recipe.Format = FormatPNG
		b.add(map[string][]byte{"a.jpg": jpegOf(1), "a.png": pngOf(2), "x/a.png": pngOf(3)})
		b.run()
		require.Equal(t, []string{"a-2.png", "a-3.png", "a.png"}, b.outputs())
	}
}

func TestOutputBesideSourceNeverReplacesIt(t *testing.T) {
	b := newBench(t)
	b.options.Output, b.options.Collision, b.options.SkipOwn = b.in, CollisionOverwrite, true
	data := jpegOf(1)
	b.add(map[string][]byte{"a.jpg": data})
	b.run()
	require.Equal(t, []string{"a-2.jpg", "a.jpg"}, below(t, b.in))
	now, err := os.ReadFile(filepath.Join(b.in, "a.jpg"))
	require.NoError(t, err)
	require.Equal(t, data, now)
	b.note(b.source("a-2.jpg"))
	b.run()
	require.Equal(t, journal.Ignored, b.jobs()["a-2.jpg"].State)
	require.Len(t, below(t, b.in), 2)
}

func TestLostJournalDoesNothingTwice(t *testing.T) {
	b := newBench(t)
	b.options.Adopt = true
	b.add(some(5))
	b.add(map[string][]byte{"copy of p01.jpg": jpegOf(1)})
	b.run()
	require.NoError(t, b.journal.Close())
	lost, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "new.db"), b.in)
	require.NoError(t, err)
	defer lost.Close()
	b.journal, b.options.Journal = lost, lost
	b.add(some(6))
	b.add(map[string][]byte{"copy of p01.jpg": jpegOf(1)})
	b.run()
	require.EqualValues(t, 6+1, b.engine.rendered.Load(), "one new picture")
	b.whole(7)
}

func TestCancelGivesBack(t *testing.T) {
	b := newBench(t)
	b.add(some(6))
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan struct{})
	var once sync.Once
	b.options.Event = func(e Event) {
		if e.State == journal.Done {
			once.Do(func() { close(written) })
		}
	}
	b.engine.before = func(pipeline.Config) error {
		if b.engine.rendered.Load() == 2 {
			<-written // one is done, and one may be on its way
			cancel()
		}
		return nil
	}
	r, err := New(b.options)
	require.NoError(t, err)
	require.NoError(t, r.Run(ctx, false))
	require.NotEmpty(t, b.outputs())
	for _, j := range b.jobs() {
		require.Contains(t, []journal.State{journal.Done, journal.Pending}, j.State)
		require.Zero(t, j.Attempts)
	}
	b.engine.before = nil
	b.run()
	b.whole(6)
}

func TestEngineThatDoesNotOpenIsNoPicturesFault(t *testing.T) {
	b := newBench(t)
	b.add(some(2))
	var tries atomic.Int32
	b.options.Open = func(context.Context) (Engine, error) {
		if tries.Add(1) < 4 {
			return nil, errors.New("no engine")
		}
		return b.engine, nil
	}
	b.run()
	b.whole(2)
	require.Zero(t, b.jobs()["p00.jpg"].Attempts)
}

func TestTemplatesAndFolders(t *testing.T) {
	b := newBench(t)
	b.options.Template = "{style}/{name}-{strength}-{n:3}"
	b.options.Locate = func(j *journal.Job) (string, int64) {
		rel, err := filepath.Rel(b.in, filepath.Dir(j.Source.Path))
		require.NoError(t, err)
		return rel, 7
	}
	b.options.KeepTimes = true
	b.add(map[string][]byte{"x/y/a.b.jpg": jpegOf(1)})
	b.run()
	require.Equal(t, []string{"x/y/great-wave/a.b-0.70-007.jpg"}, b.outputs())
	info, err := os.Stat(b.jobs()["a.b.jpg"].Output)
	require.NoError(t, err)
	require.Equal(t, b.source("x/y/a.b.jpg").Time, info.ModTime().UnixNano())
}

func TestRecipeKey(t *testing.T) {
	base := newBench(t).options.Recipe
	key := func(change func(*Recipe)) string {
		r := base
		change(&r)
		k, err := r.Key()
		require.NoError(t, err)
		return k
	}
	same := key(func(*Recipe) {})
	require.Equal(t, same, key(func(r *Recipe) { r.Config.ContentImagePath, r.Config.OutputPath, r.Config.UseANE = "a", "b", false }))
	require.NotEqual(t, same, key(func(r *Recipe) { r.Config.StyleStrength = 0.6 }))
	require.NotEqual(t, same, key(func(r *Recipe) { r.Format = FormatPNG }))
	require.NotEqual(t, same, key(func(r *Recipe) { r.Metadata = false }))

	painting := filepath.Join(t.TempDir(), "p.jpg")
	image := func(r *Recipe) { r.Config.StyleName, r.Config.StyleImagePath = "", painting }
	require.NoError(t, os.WriteFile(painting, jpegOf(1), 0o600))
	first := key(image)
	require.NoError(t, os.WriteFile(painting, jpegOf(2), 0o600))
	second := key(image)
	require.NotEqual(t, first, second, "another painting under the same name")

	mix := func(r *Recipe) {
		r.Config.StyleName = ""
		r.Config.StyleMix = []pipeline.StyleShare{{StyleName: "udnie", Weight: 1}, {StyleImagePath: painting, Weight: 2}}
	}
	first = key(mix)
	require.NoError(t, os.WriteFile(painting, jpegOf(3), 0o600))
	require.NotEqual(t, first, key(mix), "another painting in the mix")

	mask := func(r *Recipe) { r.Config.MaskPath = painting }
	first = key(mask)
	require.NotEqual(t, same, first)
	require.NoError(t, os.WriteFile(painting, jpegOf(4), 0o600))
	require.NotEqual(t, first, key(mask), "another mask under the same name")

	r := base
	mix(&r)
	require.True(t, r.NeedsPictures())
	before := key(mix)
	fixed, err := r.Fix(&pipeline.StyleCode{Title: "a mix", Networks: "n", Code: pipeline.Floats{1, 2}})
	require.NoError(t, err)
	require.NoError(t, os.Remove(painting))
	require.NoError(t, fixed.Validate())
	require.False(t, fixed.NeedsPictures())
	after, err := fixed.Key()
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Equal(t, "udnie+p", fixed.style())
}

func TestTemplate(t *testing.T) {
	when := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	f := Fields{Name: "a: b.", Style: "Café/noir", Strength: 0.456, N: 12, Date: when}
	for template, want := range map[Template]string{
		"{name}":                   "a_ b.jpg",
		"{n:5}-{name}":             "00012-a_ b.jpg",
		"{style}/{date} {name}":    filepath.FromSlash("Café_noir/2026-11-25 a_ b.jpg"),
		"{name}_{strength}_{seed}": "a_ b_0.46_0.jpg",
		"by {style}/{n}":           filepath.FromSlash("by Café_noir/12.jpg"),
	} {
		require.NoError(t, template.Validate(), template)
		require.Equal(t, want, template.Expand(f, ".jpg"))
	}
	for _, bad := range []Template{"", "x", "{style}", "{name", "{name}{", "{nom}", "../{name}", "/{name}", "a//{name}", "{name}:x", "{n:0}", "{n:13}", "{n:x}", "{name:3}", ".{name}", "{name}/", "{name} ", "a\n{name}"} {
		var e *pipeline.FieldError
		require.ErrorAs(t, bad.Validate(), &e, "%q", bad)
	}
	name := Template("{name}").Expand(Fields{Name: strings.Repeat("é", 200)}, ".png")
	require.Len(t, name, maxFileName+4)
	require.True(t, utf8.ValidString(name))
}

package batch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/disk"
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

// faulty makes each call of one kind fail a few times, from the nth on.
type faulty struct {
	disk.Disk
	left atomic.Int32
}

func (f *faulty) fails() bool { return f.left.Add(-1) >= 0 }

type faultyFile struct {
	disk.File
	write, sync, shut func() error
	short             func() bool
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.short != nil && f.short() {
		return f.File.Write(p[:len(p)/2])
	}
	if f.write != nil {
		if err := f.write(); err != nil {
			n, _ := f.File.Write(p[:len(p)/3])
			return n, err
		}
	}
	return f.File.Write(p)
}

func (f *faultyFile) Sync() error {
	if f.sync != nil {
		if err := f.sync(); err != nil {
			return err
		}
	}
	return f.File.Sync()
}

func (f *faultyFile) Close() error {
	err := f.File.Close()
	if f.shut != nil {
		if err := f.shut(); err != nil {
			return err
		}
	}
	return err
}

// TestFaults holds that no fault of the file system, however often it comes, loses a picture, makes one twice, leaves a file half written or
// blames a picture.
func TestFaults(t *testing.T) {
	created := func(set func(*faultyFile, func(error) error), e error) func(*faulty) {
		return func(f *faulty) {
			create := f.Disk.Create
			f.Disk.Create = func(p string) (disk.File, error) {
				file, err := create(p)
				if err != nil {
					return nil, err
				}
				ff := &faultyFile{File: file}
				set(ff, func(e error) error {
					if f.fails() {
						return &fs.PathError{Op: "write", Path: p, Err: e}
					}
					return nil
				})
				_ = e
				return ff, nil
			}
		}
	}
	failing := func(e error, on func(*disk.Disk, func(string) error)) func(*faulty) {
		return func(f *faulty) {
			on(&f.Disk, func(path string) error {
				if f.fails() {
					return &fs.PathError{Op: "open", Path: path, Err: e}
				}
				return nil
			})
		}
	}
	create := func(d *disk.Disk, fail func(string) error) {
		real := d.Create
		d.Create = func(p string) (disk.File, error) {
			if err := fail(p); err != nil {
				return nil, err
			}
			return real(p)
		}
	}
	open := func(d *disk.Disk, fail func(string) error) {
		real := d.Open
		d.Open = func(p string) (fs.File, error) {
			if err := fail(p); err != nil {
				return nil, err
			}
			return real(p)
		}
	}
	link := func(d *disk.Disk, fail func(string) error) {
		real := d.Link
		d.Link = func(a, b string) error {
			if err := fail(a); err != nil {
				return err
			}
			return real(a, b)
		}
	}
	renames := func(d *disk.Disk, fail func(string) error) {
		real := d.Rename
		d.Link = func(a, b string) error { return &os.LinkError{Op: "link", Old: a, New: b, Err: syscall.EPERM} } // as on exFAT
		d.Rename = func(a, b string) error {
			if err := fail(a); err != nil {
				return err
			}
			return real(a, b)
		}
	}
	remove := func(d *disk.Disk, fail func(string) error) {
		real := d.Remove
		d.Remove = func(p string) error {
			if err := fail(p); err != nil {
				return err
			}
			return real(p)
		}
	}
	syncDir := func(d *disk.Disk, fail func(string) error) {
		real := d.SyncDir
		d.SyncDir = func(p string) error {
			if err := fail(p); err != nil {
				return err
			}
			return real(p)
		}
	}
	stat := func(d *disk.Disk, fail func(string) error) {
		real := d.Stat
		d.Stat = func(p string) (fs.FileInfo, error) {
			if err := fail(p); err != nil {
				return nil, err
			}
			return real(p)
		}
	}
	free := func(d *disk.Disk, fail func(string) error) {
		var left atomic.Int32
		d.Free = func(p string) (uint64, error) {
			if fail(p) != nil || left.Add(1) == 1 {
				return 10, nil
			}
			return 1e12, nil
		}
	}
	kinds := map[string]func(*faulty){
		"write error":            created(func(f *faultyFile, fail func(error) error) { f.write = func() error { return fail(syscall.EIO) } }, nil),
		"no space":               created(func(f *faultyFile, fail func(error) error) { f.write = func() error { return fail(syscall.ENOSPC) } }, nil),
		"quota":                  created(func(f *faultyFile, fail func(error) error) { f.write = func() error { return fail(syscall.EDQUOT) } }, nil),
		"short write":            created(func(f *faultyFile, fail func(error) error) { f.short = func() bool { return fail(syscall.EIO) != nil } }, nil),
		"no space at sync":       created(func(f *faultyFile, fail func(error) error) { f.sync = func() error { return fail(syscall.ENOSPC) } }, nil),
		"error at close":         created(func(f *faultyFile, fail func(error) error) { f.shut = func() error { return fail(syscall.EIO) } }, nil),
		"no descriptor to write": failing(syscall.EMFILE, create),
		"no descriptor to read":  failing(syscall.EMFILE, open),
		"permission":             failing(syscall.EACCES, create),
		"read-only":              failing(syscall.EROFS, create),
		"link error":             failing(syscall.EIO, link),
		"rename failure":         failing(syscall.EIO, renames),
		"remove failure":         failing(syscall.EIO, remove),
		"sync of the folder":     failing(syscall.EIO, syncDir),
		"stat of a stale share":  failing(syscall.ESTALE, stat),
		"disk nearly full":       failing(syscall.ENOSPC, free),
	}
	for name, kind := range kinds {
		for _, times := range []int32{1, 3, 12} {
			t.Run(fmt.Sprint(name, " ", times), func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				f := &faulty{Disk: disk.OS()}
				f.left.Store(times)
				kind(f)
				b.options.Disk = f.Disk
				b.options.Backoff = time.Millisecond
				b.add(some(6))
				b.run()
				require.Less(t, f.left.Load(), times, "the fault was met")
				for _, j := range b.jobs() {
					require.Zero(t, j.Attempts, j.Reason)
				}
				b.options.Disk = disk.OS()
				b.run() // removes what could not be removed before
				b.whole(6)
			})
		}
	}
}

func TestUnmountedVolumeIsWaitedFor(t *testing.T) {
	b := newBench(t)
	b.options.Disk = disk.OS()
	var asked atomic.Int32
	b.options.Disk.Volume = func(p string) (uint64, error) {
		if p != b.out {
			return 1, nil
		}
		if n := asked.Add(1); n > 2 && n < 6 {
			return 1, nil // the empty folder below the mount
		}
		return 2, nil
	}
	b.options.Jobs = 1
	b.add(some(5))
	b.run()
	b.whole(5)
	require.Greater(t, asked.Load(), int32(6))
}

func TestUnreadableSourceIsItsOwnFault(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	b := newBench(t)
	b.add(some(2))
	require.NoError(t, os.Chmod(filepath.Join(b.in, "p00.jpg"), 0))
	b.run()
	require.Equal(t, journal.Failed, b.jobs()["p00.jpg"].State)
	require.Equal(t, journal.Done, b.jobs()["p01.jpg"].State)
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

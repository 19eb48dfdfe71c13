//go:build !headless

package window

import (
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/storage"
	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/assets"
)

// TestMain runs the tests, or, where .ci/bench/window asks for it, the real window with a bench that drives it.
func TestMain(m *testing.M) {
	what := os.Getenv("GESSO_WINDOW_BENCH")
	if what == "" {
		os.Exit(m.Run())
	}
	b := &bench{all: what == "all"}
	os.Exit(run(context.Background(), "bench", func(w *window) {
		b.window = w
		go b.run()
	}))
}

// bench drives the window as a user does, and prints what it measures with the limits that hold.
type bench struct {
	*window
	all bool
}

func (b *bench) say(what string, got, limit time.Duration) {
	verdict := "holds"
	if got > limit {
		verdict = "MISSED"
	}
	fmt.Printf("  %-62s %8.1f ms  (limit %5d ms: %s; load %s)\n", what, float64(got.Microseconds())/1000, limit.Milliseconds(), verdict, load())
}

// load is what else this machine does: the mean of the last minute.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	first, _, _ := strings.Cut(string(data), " ")
	return first
}

// until waits until ok, on the UI goroutine, is true.
func (b *bench) until(ok func() bool) {
	for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); {
		yes := false
		fyne.DoAndWait(func() { yes = ok() })
		if yes {
			return
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Println("  the window did not get there")
	os.Exit(1)
}

func (b *bench) run() {
	started, err := strconv.ParseInt(os.Getenv("GESSO_STARTED"), 10, 64)
	if err != nil {
		fmt.Println("GESSO_STARTED:", err)
		os.Exit(1)
	}
	for !b.drawn() {
		time.Sleep(10 * time.Millisecond)
	}
	b.say("from the start of the program to the window drawn", time.Since(time.Unix(0, started)), 2*time.Second)
	b.sample()
	if b.all {
		b.previews()
		b.many()
		b.large()
	}
	fyne.Do(b.app.Quit)
}

// drawn is whether the window's pixels are on the screen: more than a few colours, as the sample photo has.
func (b *bench) drawn() bool {
	pixels, err := exec.Command("import", "-window", "root", "-depth", "8", "rgb:-").Output()
	if err != nil {
		fmt.Println("look at the screen:", err)
		os.Exit(1)
	}
	seen := map[[3]byte]bool{}
	for i := 0; i+3 <= len(pixels); i += 3 * 61 {
		seen[[3]byte(pixels[i:i+3])] = true
	}
	return len(seen) > 500
}

// sample presses Stylize as soon as the window is there.
func (b *bench) sample() {
	b.until(func() bool { return !b.stylize.Disabled() })
	began := time.Now()
	fyne.DoAndWait(b.stylize.OnTapped)
	b.until(func() bool { return b.compare.State().After != nil })
	b.say("from the click to the first picture of the sample", time.Since(began), 2*time.Second)
	b.until(func() bool { return !b.stylize.Disabled() })
}

// previews moves the strength, and waits for the preview of each.
func (b *bench) previews() {
	var took []time.Duration
	for i := range 20 {
		n := b.session.Snapshot()
		began := time.Now()
		fyne.DoAndWait(func() { b.strength.SetValue(0.4 + float64(i)*0.02) })
		b.until(func() bool {
			m := b.session.Snapshot()
			return m.Result != nil && (n.Result == nil || !m.Result.At.Equal(n.Result.At)) && !m.Result.Stale
		})
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.say("a preview at 512 px after the slider has moved, median of 20", took[len(took)/2], 100*time.Millisecond)
}

// watchdog asks the UI goroutine for a sign of life all the time, and returns the longest waits. The end of it is told with stop.
func watchdog() (stop func() (longest, most time.Duration)) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	var waits []time.Duration
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
			began := time.Now()
			fyne.DoAndWait(func() {})
			waits = append(waits, time.Since(began))
		}
	})
	return func() (longest, most time.Duration) {
		close(done)
		wg.Wait()
		slices.Sort(waits)
		return waits[len(waits)-1], waits[len(waits)*99/100]
	}
}

// large stylizes a photo of 24 megapixels while the picture is zoomed and moved, and cancels it.
func (b *bench) large() {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("gesso-bench-%d.jpg", os.Getpid()))
	defer os.Remove(path)
	photo, err := jpeg.Decode(strings.NewReader(string(assets.SamplePhoto())))
	if err == nil {
		err = imaging.Save(imaging.Resize(photo, 6000, 4000, imaging.Linear), path, imaging.JPEGQuality(90))
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	photo = nil
	runtime.GC()
	stop := watchdog()
	b.session.OpenContent(path)
	b.until(func() bool { return b.session.Snapshot().Content.Ready() && !b.stylize.Disabled() })
	longest, most := stop()
	b.say("opening 24 megapixels: the longest hold of the UI goroutine", longest, 50*time.Millisecond)
	b.say("  99 of 100", most, 50*time.Millisecond)

	stop = watchdog()
	fyne.DoAndWait(b.stylize.OnTapped)
	for i := range 30 { // three seconds
		time.Sleep(100 * time.Millisecond)
		fyne.DoAndWait(func() {
			switch {
			case i%10 == 0:
				b.compare.Fit()
			case i%10 < 5:
				b.compare.Zoom(1.5)
			default:
				b.compare.Dragged(&fyne.DragEvent{Dragged: fyne.NewDelta(40, 20)})
			}
		})
	}
	longest, most = stop()
	b.say("24 megapixels at work: the longest hold of the UI goroutine", longest, 50*time.Millisecond)
	b.say("  99 of 100", most, 50*time.Millisecond)
	if !b.session.Snapshot().Busy {
		fmt.Println("  the picture was done before it could be cancelled")
		return
	}
	began := time.Now()
	fyne.DoAndWait(b.cancel.OnTapped)
	b.until(func() bool { return b.cancel.Disabled() })
	b.say("from the click on Cancel to the window saying so", time.Since(began), 200*time.Millisecond)
	b.until(func() bool { return !b.session.Snapshot().Busy })
	b.say("from the click on Cancel to the end of the work", time.Since(began), 200*time.Millisecond)
	fyne.DoAndWait(b.compare.Fit)
	fmt.Printf("  memory at its most, of all of this: %s\n", peak())
}

// Of 500 photos some are broken.
const (
	manyPhotos = 500
	manyBroken = 5
)

// many drops 500 photos at once.
func (b *bench) many() {
	dir, err := os.MkdirTemp("", "gesso-bench-*")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer os.RemoveAll(dir)
	photo, err := jpeg.Decode(strings.NewReader(string(assets.SamplePhoto())))
	var uris []fyne.URI
	for i := 0; i < manyPhotos && err == nil; i++ {
		path := filepath.Join(dir, fmt.Sprintf("photo-%03d.jpg", i))
		if i%(manyPhotos/manyBroken) == 7 {
			err = os.WriteFile(path, []byte("\xff\xd8\xff\xe0 broken"), 0o600)
		} else {
			var m image.Image = imaging.Crop(photo, image.Rect(i%200, i%100, i%200+300, i%100+200))
			err = imaging.Save(m, path)
		}
		uris = append(uris, storage.NewFileURI(path))
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	stop := watchdog()
	began := time.Now()
	fyne.DoAndWait(func() { b.drop(fyne.NewPos(700, 300), uris) })
	b.until(func() bool { return b.session.Snapshot().Queue.Waiting > 0 })
	fmt.Printf("  500 photos dropped: in the queue after %.1f s\n", time.Since(began).Seconds())
	for i := 0; b.session.Snapshot().Queue.Waiting > 0; i++ {
		time.Sleep(50 * time.Millisecond)
		fyne.DoAndWait(func() { b.queue.list.ScrollTo(i * 7 % manyPhotos) })
	}
	took := time.Since(began)
	longest, most := stop()
	b.say("  while its list is scrolled: the longest hold", longest, 50*time.Millisecond)
	b.say("  99 of 100", most, 50*time.Millisecond)
	q := b.session.Queue()
	fmt.Printf("  %d are done and %d failed (of %d, %d broken) in %.1f s\n", q.Done, q.Failed, manyPhotos, manyBroken, took.Seconds())
	for _, t := range q.Tasks {
		if t.Error != "" {
			fmt.Println("    ", t.Error)
		}
	}
	fmt.Printf("  memory at its most so far: %s (limit 1000000 kB)\n", peak())
}

// peak is the process's greatest resident memory.
func peak() string {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "?"
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

package unattended

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/journal"
)

type queueRig struct {
	*Queue
	t       *testing.T
	root    string
	options QueueOptions
	engine  *fakeEngine
}

func newQueueRig(t *testing.T, gated bool) *queueRig {
	t.Helper()
	r := &queueRig{t: t, root: t.TempDir(), engine: &fakeEngine{}}
	if gated {
		r.engine.gate = make(chan struct{})
	}
	r.options = QueueOptions{
		Path: filepath.Join(r.root, "queue.json"), Open: r.engine.open, Jobs: 2,
		Journal: func(output string) (string, error) {
			return filepath.Join(r.root, "journals", filepath.Base(output)+".db"), nil
		},
	}
	r.reopen()
	t.Cleanup(func() { r.Close() })
	return r
}

// reopen is a restart of the program.
func (r *queueRig) reopen() {
	r.t.Helper()
	if r.Queue != nil {
		r.Close()
	}
	q, err := OpenQueue(r.options)
	require.NoError(r.t, err)
	r.Queue = q
}

// order is one of n photos.
func (r *queueRig) order(name string, n int) Order {
	r.t.Helper()
	dir := filepath.Join(r.root, name)
	for i := range n {
		put(r.t, filepath.Join(dir, fmt.Sprintf("%s%d.jpg", name, i)), photo(100*len(name)+i))
	}
	out := filepath.Join(r.root, "out "+name)
	photos, err := PhotosOf([]string{dir}, true, out)
	require.NoError(r.t, err)
	require.Len(r.t, photos, n)
	c := pipeline.DefaultConfig()
	c.StyleName = "great-wave"
	return Order{Title: name, Photos: photos, Output: out, Settings: c}
}

func (r *queueRig) finished(n int) []OrderStatus {
	r.t.Helper()
	within(r.t, func() bool {
		k := 0
		for _, s := range r.Status() {
			if s.State == OrderFinished {
				k++
			}
		}
		return k == n
	}, "all orders")
	return r.Status()
}

func TestQueueWorksOffOrders(t *testing.T) {
	r := newQueueRig(t, false)
	a := r.order("a", 3)
	put(t, filepath.Join(r.root, "a", "bad.jpg"), []byte("no picture"))
	a.Photos = append(a.Photos, Photo{Path: filepath.Join(r.root, "a", "bad.jpg")}, Photo{Path: filepath.Join(r.root, "missing.jpg")})
	id, err := r.Add(a)
	require.NoError(t, err)
	_, err = r.Add(r.order("bb", 2))
	require.NoError(t, err)
	all := r.finished(2)
	require.Equal(t, []int{3, 2, 2, 0}, []int{all[0].Done, all[0].Failed, all[1].Done, all[1].Failed})
	require.Equal(t, filepath.Join(r.root, "out a", "a1.jpg"), all[0].Photos[1].Output)
	require.Equal(t, 0.5, all[0].Photos[1].Scores.SSIM)
	require.Contains(t, all[0].Photos[3].Reason, "not a picture")
	require.Contains(t, all[0].Photos[4].Reason, "does not exist")

	r.reopen()
	require.Equal(t, all[0].Photos, r.Status()[0].Photos, "a finished order is as it was")
	put(t, filepath.Join(r.root, "missing.jpg"), photo(9))
	require.NoError(t, r.Retry(id))
	all = r.finished(2)
	require.Equal(t, []int{4, 1}, []int{all[0].Done, all[0].Failed})
	require.EqualValues(t, 6, r.engine.rendered.Load(), "and what was done is not done again")
	require.NoError(t, r.Remove(id))
	r.reopen()
	require.Len(t, r.Status(), 1)
	require.FileExists(t, filepath.Join(r.root, "out a", "missing.jpg"))
	require.ErrorIs(t, r.Retry(id), ErrNoOrder)
}

func TestQueueGoesOnAfterARestart(t *testing.T) {
	r := newQueueRig(t, true)
	painting := put(t, filepath.Join(r.root, "painting.jpg"), photo(77))
	x := r.order("a", 4)
	x.Settings.StyleName, x.Settings.StyleImagePath = "", painting
	_, err := r.Add(x)
	require.NoError(t, err)
	r.engine.gate <- struct{}{}
	within(t, func() bool {
		s := r.Status()[0]
		half := 0
		for _, p := range s.Photos {
			if p.State == journal.Running && p.Fraction == 0.5 {
				half++
			}
		}
		return s.State == OrderRunning && s.Done == 1 && half > 0
	}, "one done, one half made")
	require.NoError(t, os.Remove(painting), "it was read")
	r.reopen()
	close(r.engine.gate)
	all := r.finished(1)
	require.Equal(t, 4, all[0].Done)
	require.EqualValues(t, 4, r.engine.rendered.Load())
	require.EqualValues(t, 1, r.engine.studied.Load())
	made, err := os.ReadDir(filepath.Join(r.root, "out a"))
	require.NoError(t, err)
	require.Len(t, made, 4)
}

func TestPauseAndRemove(t *testing.T) {
	r := newQueueRig(t, true)
	a, err := r.Add(r.order("a", 2))
	require.NoError(t, err)
	_, err = r.Add(r.order("bb", 1))
	require.NoError(t, err)
	within(t, func() bool { return r.Status()[0].State == OrderRunning }, "it runs")
	r.Pause(true)
	within(t, func() bool { return r.Status()[0].State == OrderWaiting }, "it waits")
	require.True(t, r.Paused())
	r.Pause(false)
	within(t, func() bool { return r.Status()[0].State == OrderRunning }, "it runs again")
	require.NoError(t, r.Remove(a))
	close(r.engine.gate)
	all := r.finished(1)
	require.Len(t, all, 1)
	require.Equal(t, "bb", all[0].Title)
	require.EqualValues(t, 1, r.engine.rendered.Load())
}

func TestOrderThatCannotBegin(t *testing.T) {
	r := newQueueRig(t, false)
	x := r.order("a", 1)
	x.Settings.StyleName, x.Settings.StyleImagePath = "", filepath.Join(r.root, "no painting.jpg")
	id, err := r.Add(x)
	require.NoError(t, err)
	_, err = r.Add(r.order("bb", 1))
	require.NoError(t, err)
	all := r.finished(1)
	require.Equal(t, OrderFailed, all[0].State)
	require.Contains(t, all[0].Error, "no painting.jpg")
	require.Equal(t, OrderFinished, all[1].State, "the next one is not kept waiting")
	put(t, filepath.Join(r.root, "no painting.jpg"), photo(1))
	require.NoError(t, r.Retry(id))
	r.finished(2)

	for name, change := range map[string]func(*Order){
		"photos":   func(x *Order) { x.Photos = nil },
		"output":   func(x *Order) { x.Output = "" },
		"strength": func(x *Order) { x.Settings.StyleStrength = 3 },
		"template": func(x *Order) { x.Files.Template = "x" },
	} {
		x := r.order("ccc", 1)
		change(&x)
		_, err := r.Add(x)
		require.Error(t, err, name)
	}
	require.Len(t, r.Status(), 2)
}

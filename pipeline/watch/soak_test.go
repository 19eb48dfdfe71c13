//go:build unix

package watch

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/batch"
	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/picture"
)

var (
	soakTime  = flag.Duration("soak", time.Minute, "how long the soak test lets pictures arrive and kills processes")
	soakCount = flag.Int("soakcount", 2000, "how many pictures arrive in the soak test")
	soakSeed  = flag.Uint64("soakseed", 0, "seed of the soak test; 0 is a new one")
)

// soakVariable makes the test binary a process that watches.
const soakVariable = "GESSO_TEST_SOAK"

func TestMain(m *testing.M) {
	for name, process := range map[string]func(string) error{soakVariable: soakProcess, scanVariable: scanProcess} {
		root := os.Getenv(name)
		if root == "" {
			continue
		}
		if err := process(root); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// soakProcess watches root/in until it is told to stop.
func soakProcess(root string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log, err := os.OpenFile(filepath.Join(root, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s, err := Start(ctx, Settings{
		Dir: filepath.Join(root, "in"), Output: filepath.Join(root, "out"), OnError: filepath.Join(root, "bad"), Recursive: true, Existing: true,
		Recipe: testRecipe(), Open: func(context.Context) (batch.Engine, error) { return fastEngine{3 * time.Millisecond}, nil },
		JournalPath: filepath.Join(root, "journal.db"), Settle: 150 * time.Millisecond, Backoff: 500 * time.Millisecond, Rescan: 2 * time.Second,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// soak lets pictures arrive and remembers what must come of them.
type soak struct {
	t    *testing.T
	root string
	seed uint64

	mu     sync.Mutex
	copies map[string]int    // hash of a picture -> how many outputs it must have
	maybe  map[string]bool   // hash -> it was deleted or replaced: one output at most
	bad    map[string]string // hash of a broken file -> its name
	names  atomic.Int64
}

// TestSoak is what a folder lives through in a bad week: pictures that arrive in every way while two processes that watch it are killed. The
// flags -soak, -soakcount and -soakseed set how long, how many and which.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	s := &soak{t: t, root: t.TempDir(), seed: *soakSeed, copies: map[string]int{}, maybe: map[string]bool{}, bad: map[string]string{}}
	if s.seed == 0 {
		s.seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", s.seed)
	require.NoError(t, os.Mkdir(filepath.Join(s.root, "in"), 0o700))
	arriving, arrived := context.WithTimeout(t.Context(), *soakTime)
	defer arrived()
	var writers sync.WaitGroup
	const hands = 4
	for w := range hands {
		writers.Go(func() { s.write(arriving, uint64(w), *soakCount/hands) })
	}
	kills := s.killUntil(arriving)
	writers.Wait()
	t.Logf("%d kills", kills)
	require.GreaterOrEqual(t, kills, 20)
	s.settle()
	s.check()
}

// killUntil keeps two processes running and kills one of them at random moments.
func (s *soak) killUntil(ctx context.Context) (kills int) {
	r := rand.New(rand.NewPCG(s.seed, 99))
	processes := [2]*exec.Cmd{s.start(), s.start()}
	every := *soakTime / 26
	for {
		select {
		case <-ctx.Done():
			for _, p := range processes {
				require.NoError(s.t, p.Process.Kill())
				_ = p.Wait() // killed: the error says so
			}
			return kills + len(processes)
		case <-time.After(every/4 + time.Duration(r.Int64N(int64(every)*3/2))):
			k := r.IntN(2)
			require.NoError(s.t, processes[k].Process.Kill())
			_ = processes[k].Wait() // killed: the error says so
			processes[k] = s.start()
			kills++
		}
	}
}

func (s *soak) start() *exec.Cmd {
	self, err := os.Executable()
	require.NoError(s.t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), soakVariable+"="+s.root)
	cmd.Stderr = os.Stderr
	require.NoError(s.t, cmd.Start())
	return cmd
}

// settle runs one process until nothing is left to do, and stops it as a service manager does.
func (s *soak) settle() {
	last := s.start()
	j, err := journal.Open(s.t.Context(), filepath.Join(s.root, "journal.db"), "test")
	require.NoError(s.t, err)
	defer j.Close()
	quiet := 0
	for deadline := time.Now().Add(4 * time.Minute); quiet < 25; time.Sleep(200 * time.Millisecond) {
		status, err := j.Status(s.t.Context(), 3)
		require.NoError(s.t, err)
		quiet++
		if status.Counts[journal.Pending]+status.Counts[journal.Running]+status.Counts[journal.Publishing] > 0 {
			quiet = 0
		}
		require.True(s.t, time.Now().Before(deadline), "it does not come to an end: %v", status.Counts)
	}
	require.NoError(s.t, last.Process.Signal(syscall.SIGTERM))
	require.NoError(s.t, last.Wait())
}

// write lets count pictures arrive.
func (s *soak) write(ctx context.Context, hand uint64, count int) {
	r := rand.New(rand.NewPCG(s.seed, hand))
	pause := *soakTime / time.Duration(count+1) * 3 / 4
	var later sync.WaitGroup
	defer later.Wait()
	for i := 0; i < count; i++ {
		if i == count/4 && hand < 3 { // bursts, as when a card is put in
			for range min(300, count-i) {
				s.arrive(r, &later, 0)
				i++
			}
			continue
		}
		s.arrive(r, &later, r.IntN(100))
		select {
		case <-time.After(time.Duration(r.Int64N(int64(2*pause) + 1))):
		case <-ctx.Done(): // the rest at once
		}
	}
}

// arrive lets one picture arrive in the way that kind, 0 to 99, picks; what takes time goes on in later.
func (s *soak) arrive(r *rand.Rand, later *sync.WaitGroup, kind int) {
	n := int(s.names.Add(1))
	data := photo(n)
	path := filepath.Join(s.root, "in", []string{"", "", "one", "two", "one/deep"}[r.IntN(5)], fmt.Sprintf("p%04d.jpg", n))
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o700))
	wait := time.Duration(r.Int64N(int64(1500 * time.Millisecond)))
	write := func(p string) { s.fine(os.WriteFile(p, data, 0o600)) }
	switch {
	case kind < 45:
		s.expect(data, 1)
		write(path)
	case kind < 57: // a slow copy
		s.expect(data, 1)
		step := 40 + r.IntN(400)
		later.Go(func() { s.slowly(path, data, step, wait/8) })
	case kind < 67: // rsync and browsers: another name first
		s.expect(data, 1)
		temp := path + ".part"
		if kind%2 == 0 {
			temp = filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".Xa3bQ1")
		}
		write(temp)
		later.Go(func() { time.Sleep(wait); s.fine(os.Rename(temp, path)) })
	case kind < 77: // renamed later, perhaps while it is worked on
		s.expect(data, 1)
		write(path)
		later.Go(func() {
			time.Sleep(wait)
			s.fine(os.Rename(path, strings.TrimSuffix(path, ".jpg")+" final.jpg"))
		})
	case kind < 83: // a copy under another name
		s.expect(data, 2)
		write(path)
		later.Go(func() { time.Sleep(wait); write(strings.TrimSuffix(path, ".jpg") + " copy.jpg") })
	case kind < 88: // taken away again
		s.mark(data)
		write(path)
		later.Go(func() { time.Sleep(wait); s.fine(os.Remove(path)) })
	case kind < 93: // another picture under the same name
		s.mark(data)
		write(path)
		next := photo(n + 30000)
		s.expect(next, 1)
		later.Go(func() { time.Sleep(wait); s.fine(os.WriteFile(path, next, 0o600)) })
	default: // broken: cut short, or no picture at all
		broken := fmt.Appendf(data[:len(data)*2/3:len(data)*2/3], "%d", n)
		if kind%2 == 0 {
			broken = []byte(fmt.Sprintf("this is no picture %d", n))
		}
		s.mu.Lock()
		s.bad[hashOf(broken)] = filepath.Base(path)
		s.mu.Unlock()
		s.fine(os.WriteFile(path, broken, 0o600))
	}
}

func (s *soak) fine(err error) {
	if err != nil {
		s.t.Error(err)
	}
}

// slowly writes a file in steps.
func (s *soak) slowly(path string, data []byte, step int, pause time.Duration) {
	f, err := os.Create(path)
	if err != nil {
		s.t.Error(err)
		return
	}
	for i := 0; i < len(data); i += step {
		_, err := f.Write(data[i:min(i+step, len(data))])
		s.fine(err)
		time.Sleep(pause)
	}
	s.fine(f.Close())
}

func hashOf(data []byte) string {
	h, err := journal.Hash(strings.NewReader(string(data)))
	if err != nil {
		panic(err) // memory reads
	}
	return h
}

func (s *soak) expect(data []byte, copies int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copies[hashOf(data)] = copies
}

func (s *soak) mark(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maybe[hashOf(data)] = true
}

// check holds what the folders must be like in the end.
func (s *soak) check() {
	got := map[string]int{}
	for _, name := range files(s.t, filepath.Join(s.root, "out")) {
		path := filepath.Join(s.root, "out", name)
		_, err := picture.Open(s.t.Context(), path, picture.DefaultLimits)
		require.NoError(s.t, err)
		hash, err := sourceOf(path)
		require.NoError(s.t, err)
		got[hash]++
	}
	for hash, want := range s.copies {
		if got[hash] != want {
			s.t.Errorf("%s has %d outputs, not %d: %s", hash[:8], got[hash], want, s.story(hash))
		}
	}
	for hash, n := range got {
		if s.copies[hash] == 0 && (!s.maybe[hash] || n > 1) {
			s.t.Errorf("%s has %d outputs: %s", hash[:8], n, s.story(hash))
		}
	}
	aside := map[string]int{}
	for _, name := range files(s.t, filepath.Join(s.root, "bad")) {
		if strings.HasSuffix(name, ".txt") {
			continue
		}
		path := filepath.Join(s.root, "bad", name)
		data, err := os.ReadFile(path)
		require.NoError(s.t, err)
		aside[hashOf(data)]++
		require.FileExists(s.t, path+".txt")
	}
	for hash, name := range s.bad {
		if aside[hash] != 1 {
			s.t.Errorf("the broken %s is set aside %d times: %s", name, aside[hash], s.story(hash))
		}
	}
	require.Len(s.t, aside, len(s.bad), "only broken files are set aside")
	log, err := os.ReadFile(filepath.Join(s.root, "log"))
	require.NoError(s.t, err)
	for _, name := range s.bad {
		require.LessOrEqual(s.t, strings.Count(string(log), name+" attempts="), 1, "%s is reported once", name)
	}
	for _, name := range files(s.t, s.root) {
		require.NotContains(s.t, name, batch.TempPrefix, "no temporary file is left")
	}
	s.t.Logf("%d outputs of %d pictures, %d broken files", len(got), len(s.copies), len(s.bad))
}

// story tells what the journal knows of a picture.
func (s *soak) story(hash string) string {
	j, err := journal.Open(s.t.Context(), filepath.Join(s.root, "journal.db"), "test")
	require.NoError(s.t, err)
	defer j.Close()
	key, err := testRecipe().Key()
	require.NoError(s.t, err)
	var b strings.Builder
	require.NoError(s.t, j.Jobs(s.t.Context(), filepath.Join(s.root, "in"), key, func(job *journal.Job) bool {
		if job.Hash == hash {
			fmt.Fprintf(&b, "%s %s -> %s (%s; attempts %d, crashes %d); ", filepath.Base(job.Source.Path), job.State, filepath.Base(job.Output), job.Reason, job.Attempts, job.Crashes)
		}
		return true
	}))
	return b.String()
}

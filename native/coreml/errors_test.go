//go:build fakecoreml

package coreml

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/coreml/fake"
	"github.com/gesso-app/gesso/native/engine"
)

// TestErrors has every stage fail in every way: an NSError or an NSException becomes an *engine.Error with its domain and code.
func TestErrors(t *testing.T) {
	stages := map[string]struct {
		stage fake.Stage
		macOS float64
		run   func(t *testing.T, m *Model) error // m is nil before it is open
	}{
		"compile":          {fake.Compile, 15, nil},
		"load":             {fake.Load, 15, nil},
		"predict":          {fake.Predict, 15, predictOnce},
		"predict macOS 13": {fake.Predict, 13, predictOnce},
		"predict a batch": {fake.Predict, 15, func(t *testing.T, m *Model) error {
			in, out := ports(t, m)
			return m.PredictBatch(t.Context(), []tensorMap{in, in}, []tensorMap{out, out})
		}},
		"plan": {fake.Plan, 15, func(t *testing.T, m *Model) error {
			require.Equal(t, engine.Placement{}, m.Placement(), "unknown")
			_, err := m.Plan(t.Context())
			return err
		}},
		"make a state": {fake.State, 15, func(t *testing.T, m *Model) error {
			_, err := m.NewState()
			return err
		}},
	}
	for name, c := range stages {
		for _, exception := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " throws"}[exception], func(t *testing.T) {
				play(t, fake.Modes{MacOS: c.macOS})
				modes := fake.Modes{ErrorAt: c.stage, MacOS: c.macOS}
				if exception {
					modes = fake.Modes{ExceptionAt: c.stage, MacOS: c.macOS}
				}
				var err error
				if c.run == nil {
					fake.Set(modes)
					_, err = Open(own("state"), engine.Options{CacheDir: t.TempDir()})
				} else {
					path := own("half")
					if c.stage == fake.State {
						path = own("state")
					}
					m := open(t, path, engine.Options{})
					fake.Set(modes)
					err = c.run(t, m)
				}
				if c.stage == fake.State && !exception {
					require.ErrorContains(t, err, "makes no state")
					return
				}
				var e *engine.Error
				require.ErrorAs(t, err, &e)
				if exception {
					require.Equal(t, engine.Error{Doing: e.Doing, Domain: "FakeException", Message: "an exception was asked for", Exception: true}, *e)
				} else {
					require.Equal(t, engine.Error{Doing: e.Doing, Domain: "com.apple.CoreML", Code: 7, Message: "an error was asked for"}, *e)
				}
				require.Contains(t, name, e.Doing)
				require.ErrorContains(t, err, ".mlpackage")
			})
		}
	}
}

func predictOnce(t *testing.T, m *Model) error {
	in, out := ports(t, m)
	return m.Predict(t.Context(), in, out)
}

func TestOpenRefuses(t *testing.T) {
	play(t, fake.Modes{})
	dir := t.TempDir()
	for name, c := range map[string]struct{ path, message string }{
		"missing":          {filepath.Join(dir, "none.mlpackage"), "none.mlpackage"},
		"missing compiled": {filepath.Join(dir, "none.mlmodelc"), "none.mlmodelc"},
	} {
		_, err := Open(c.path, engine.Options{CacheDir: dir})
		require.ErrorIs(t, err, fs.ErrNotExist, name)
		require.ErrorContains(t, err, c.message, name)
	}

	linked := filepath.Join(dir, "linked.mlpackage")
	require.NoError(t, os.CopyFS(linked, os.DirFS(own("half"))))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(linked, "Data", "more")))
	_, err := Open(linked, engine.Options{CacheDir: dir})
	require.ErrorContains(t, err, "is not a file")

	broken := filepath.Join(dir, "broken.mlpackage")
	require.NoError(t, os.MkdirAll(broken, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(broken, "Manifest.json"), []byte("{"), 0o600))
	_, err = Open(broken, engine.Options{CacheDir: dir})
	var e *engine.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "compile", e.Doing)
	list, err := filepath.Glob(filepath.Join(dir, "*.mlmodelc"))
	require.NoError(t, err)
	require.Empty(t, list)

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Open(own("half"), engine.Options{CacheDir: file})
	require.Error(t, err, "the cache is no folder")
}

func TestPredictRefuses(t *testing.T) {
	play(t, fake.Modes{})
	m := open(t, own("half"), engine.Options{})
	in, out := ports(t, m)
	closed := tensor(t, engine.Float32, 2, 3)
	require.NoError(t, closed.Close())
	for _, c := range []struct {
		in, out tensorMap
		message string
	}{
		{nil, out, `the input "x" is missing`},
		{in, nil, `the output "y" is missing`},
		{tensorMap{"x": closed}, out, `the tensor of the input "x" is closed`},
		{in, tensorMap{"y": closed}, `the tensor of the output "y" is closed`},
		{tensorMap{"x": tensor(t, engine.Int32, 2, 3)}, out, `the input "x" is float32, not int32`},
		{tensorMap{"x": tensor(t, engine.Float32, 3, 2)}, out, `the input "x" cannot have the shape [3 2]`},
		{in, tensorMap{"y": tensor(t, engine.Float32, 2, 3, 1)}, `the output "y" cannot have the shape [2 3 1]`},
	} {
		err := m.Predict(t.Context(), c.in, c.out)
		require.ErrorContains(t, err, c.message)
		require.ErrorContains(t, err, "half.mlpackage")
	}
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	require.ErrorContains(t, m.Predict(t.Context(), in, out), "is closed")
	require.ErrorContains(t, m.PredictBatch(t.Context(), []tensorMap{in}, []tensorMap{out}), "is closed")
	_, err := m.Plan(t.Context())
	require.ErrorContains(t, err, "is closed")
	_, err = m.NewState()
	require.ErrorContains(t, err, "is closed")
}

// TestCancel holds what the package's comment says: waiting calls are cancelled at once, the running one ends and its error is the context's.
func TestCancel(t *testing.T) {
	play(t, fake.Modes{Slow: 150 * time.Millisecond, MacOS: 13}) // one call at a time
	m := open(t, own("half"), engine.Options{})
	in, out := ports(t, m)
	ctx, cancel := context.WithCancel(t.Context())
	var running, waiting error
	var calls sync.WaitGroup
	start := time.Now()
	calls.Go(func() { running = m.Predict(ctx, in, out) })
	time.Sleep(50 * time.Millisecond)
	calls.Go(func() {
		soon, stop := context.WithTimeout(ctx, 10*time.Millisecond)
		defer stop()
		waiting = m.Predict(soon, in, out)
		require.Less(t, time.Since(start), 140*time.Millisecond, "it does not wait for the running call")
	})
	time.Sleep(20 * time.Millisecond)
	cancel()
	calls.Wait()
	require.GreaterOrEqual(t, time.Since(start), 150*time.Millisecond, "the running call ends")
	require.ErrorIs(t, running, context.Canceled)
	require.ErrorIs(t, waiting, context.DeadlineExceeded)
	require.ErrorIs(t, m.Predict(ctx, in, out), context.Canceled)
	require.ErrorIs(t, m.PredictBatch(ctx, []tensorMap{in}, []tensorMap{out}), context.Canceled)

	fake.Set(fake.Modes{Slow: 100 * time.Millisecond})
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	start = time.Now()
	require.ErrorIs(t, m.Predict(ctx, in, out), context.DeadlineExceeded)
	require.GreaterOrEqual(t, time.Since(start), 100*time.Millisecond, "Core ML has written into the tensors when the call returns")
}

// TestCloseWaits closes a model while calls are under way.
func TestCloseWaits(t *testing.T) {
	play(t, fake.Modes{Slow: 60 * time.Millisecond})
	m := open(t, own("half"), engine.Options{})
	in, out := ports(t, m)
	var err error
	var calls sync.WaitGroup
	calls.Go(func() { err = m.Predict(context.Background(), in, out) })
	time.Sleep(20 * time.Millisecond)
	require.NoError(t, m.Close())
	calls.Wait()
	require.NoError(t, err)
}

// TestCloseEndsTheThread holds that a closed model leaves no goroutine, and so no thread, behind.
func TestCloseEndsTheThread(t *testing.T) {
	play(t, fake.Modes{})
	cache := t.TempDir()
	before := runtime.NumGoroutine()
	for range 4 {
		m, err := Open(own("half"), engine.Options{CacheDir: cache})
		require.NoError(t, err)
		require.NoError(t, m.Close())
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 5*time.Second, 10*time.Millisecond) // Eventually has one of its own
}

func TestPlan(t *testing.T) {
	for name, c := range map[string]struct {
		modes fake.Modes
		units engine.Units
		want  engine.Placement
	}{
		"all":             {fake.Modes{}, engine.UnitsAll, engine.Placement{Known: true, NeuralEngine: 1, ByCount: 1, Operations: 1}},
		"neural engine":   {fake.Modes{}, engine.UnitsCPUAndNeuralEngine, engine.Placement{Known: true, NeuralEngine: 1, ByCount: 1, Operations: 1}},
		"gpu":             {fake.Modes{}, engine.UnitsCPUAndGPU, engine.Placement{Known: true, Operations: 1}},
		"cpu":             {fake.Modes{}, engine.UnitsCPUOnly, engine.Placement{Known: true, Operations: 1}},
		"nothing known":   {fake.Modes{NilUsage: true}, engine.UnitsAll, engine.Placement{}},
		"layers":          {fake.Modes{NoProgram: true}, engine.UnitsAll, engine.Placement{Known: true, NeuralEngine: 1, ByCount: 1, Operations: 1}},
		"before 14.4":     {fake.Modes{MacOS: 14.3}, engine.UnitsAll, engine.Placement{}},
		"nothing, layers": {fake.Modes{NoProgram: true, NilUsage: true}, engine.UnitsAll, engine.Placement{}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, c.modes)
			m := open(t, own("half"), engine.Options{Units: c.units})
			require.Equal(t, c.want, m.Placement())
			operations, err := m.Plan(t.Context())
			require.NoError(t, err)
			if c.modes.MacOS != 0 {
				require.Empty(t, operations)
				return
			}
			last := operations[len(operations)-1]
			require.Equal(t, "y", last.Output)
			require.Contains(t, last.Type, "mul")
			if c.want.NeuralEngine > 0 {
				require.Equal(t, []engine.Device{engine.CPU, engine.NeuralEngine}, last.Supported)
				require.Equal(t, c.modes.NoProgram, last.Cost < 0, "layers have no cost")
			}
		})
	}
}

// TestPlanOfNetwork reads a plan with operations on both sides.
func TestPlanOfNetwork(t *testing.T) {
	play(t, fake.Modes{})
	m := open(t, network("style"), engine.Options{})
	p := m.Placement()
	require.True(t, p.Known)
	require.Greater(t, p.NeuralEngine, p.ByCount, "convolutions cost the most, and are on the Neural Engine")
	require.Less(t, p.NeuralEngine, 1.0)
	operations, err := m.Plan(t.Context())
	require.NoError(t, err)
	leaving := engine.Leaving(operations)
	require.Equal(t, engine.CPU, leaving[0].Preferred)
	require.Equal(t, engine.UnknownDevice, leaving[len(leaving)-1].Preferred, "constants")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = m.Plan(ctx)
	if err != nil { // it may have been quicker
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestSystem(t *testing.T) {
	play(t, fake.Modes{Thermal: 2})
	require.Contains(t, Name(), "Core ML (macOS ")
	require.Equal(t, engine.ThermalSerious, Thermal())
	devices, cores := Devices()
	require.Equal(t, []engine.Device{engine.CPU, engine.GPU, engine.NeuralEngine}, devices)
	require.Equal(t, 16, cores)
	fake.Set(fake.Modes{MacOS: 13})
	devices, _ = Devices()
	require.Empty(t, devices)

	fake.Pressure(true) // nobody listens
	warnings := make(chan bool, 8)
	stop := OnMemoryPressure(func(critical bool) { warnings <- critical })
	other := OnMemoryPressure(func(critical bool) { warnings <- critical })
	fake.Pressure(true)
	require.True(t, <-warnings)
	require.True(t, <-warnings)
	other()
	other()
	fake.Pressure(false)
	require.False(t, <-warnings)
	stop()
	fake.Pressure(true)
	time.Sleep(20 * time.Millisecond)
	require.Empty(t, warnings)
}

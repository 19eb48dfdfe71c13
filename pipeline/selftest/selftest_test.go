package selftest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
)

// broken is a network in which something is wrong: spoil changes what comes out.
type broken struct {
	native.Model
	spoil func(out map[string]*native.Tensor) error
}

func (b broken) Predict(ctx context.Context, in, out map[string]*native.Tensor) error {
	if err := b.Model.Predict(ctx, in, out); err != nil {
		return err
	}
	return b.spoil(out)
}

// planned is a network with a plan.
type planned struct {
	native.Model
	plan []native.Operation
	err  error
}

func (p planned) Plan(context.Context) ([]native.Operation, error) { return p.plan, p.err }

// run tries the real networks through open, once each.
func run(t *testing.T, wrap func(name string, m native.Model) native.Model) (Report, string) {
	t.Helper()
	o := Options{Runs: 1, CacheDir: t.TempDir(), Units: []native.Units{native.UnitsAll}}
	o.open = func(path string, o native.Options) (native.Model, error) {
		m, err := native.Open(path, o)
		if err != nil {
			return nil, err
		}
		return wrap(filepath.Base(path), m), nil
	}
	r, err := Run(t.Context(), o, nil)
	require.NoError(t, err)
	require.Len(t, r.Networks, 3)
	var text bytes.Buffer
	require.NoError(t, r.Text(&text))
	_, err = json.Marshal(r)
	require.NoError(t, err)
	return r, text.String()
}

func TestAllIsWell(t *testing.T) {
	var steps []string
	r, err := Run(t.Context(), Options{CacheDir: t.TempDir()}, func(s string) { steps = append(steps, s) })
	require.NoError(t, err)
	require.True(t, r.Passed)
	require.Len(t, steps, len(r.Networks))
	for _, n := range r.Networks {
		require.Empty(t, n.Error)
		require.Positive(t, n.Load)
		require.Positive(t, n.First)
		require.Positive(t, n.Median)
		require.NotEmpty(t, n.Outputs)
		for _, o := range n.Outputs {
			require.LessOrEqual(t, o.Difference, r.Tolerance, "%s of %s", o.Name, n.Name)
		}
	}
	var text bytes.Buffer
	require.NoError(t, r.Text(&text))
	require.Contains(t, text.String(), "All is well.")
	require.Contains(t, text.String(), native.Engine())
}

func TestWhatIsWrongIsSeen(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(x *native.Tensor) error
		text  string
	}{
		"one value is off":    {func(x *native.Tensor) error { x.Float32s()[0] += 100; return nil }, "TOO FAR"},
		"one is not a number": {func(x *native.Tensor) error { x.Float32s()[0] = float32(math.NaN()); return nil }, "is not of numbers"},
		"nothing is written":  {func(x *native.Tensor) error { clear(x.Float32s()); return nil }, "TOO FAR"},
		"it does not run": {func(*native.Tensor) error {
			home, err := os.UserHomeDir()
			return errors.Join(err, errors.New("no such\nthing in "+home+"/models"))
		}, "failed: no such thing in ~/models"},
	} {
		t.Run(name, func(t *testing.T) {
			r, text := run(t, func(name string, m native.Model) native.Model {
				if name != "statistics.mlpackage" {
					return m
				}
				return broken{m, func(out map[string]*native.Tensor) error { return c.spoil(out["scale"]) }}
			})
			require.False(t, r.Passed)
			require.Contains(t, text, c.text)
			require.Contains(t, text, "It FAILED.")
			for _, n := range r.Networks {
				require.Equal(t, n.Name != "statistics", n.passed(), n.Name)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	operations := []native.Operation{
		{Type: "const", Output: "weights"},
		{Type: "conv", Output: "a", Preferred: native.NeuralEngine, Supported: []native.Device{native.CPU, native.NeuralEngine}, Cost: 0.75},
		{Type: "softmax", Output: "b", Preferred: native.CPU, Supported: []native.Device{native.CPU}, Cost: 0.25},
		{Type: "relu", Output: "c", Preferred: native.NeuralEngine, Cost: -1},
	}
	r, text := run(t, func(name string, m native.Model) native.Model {
		if name == "style.mlpackage" {
			return planned{m, nil, errors.New("no plan today")}
		}
		return planned{m, operations, nil}
	})
	require.True(t, r.Passed, "a plan that cannot be read breaks nothing")
	require.False(t, r.Networks[0].Plan.Known)
	p := r.Networks[1].Plan
	require.True(t, p.Known)
	require.InDelta(t, 0.75, p.Share, 1e-9)
	require.InDelta(t, 2.0/3, p.ByCount, 1e-9)
	require.Equal(t, "b", p.Operations[0].Output, "what leaves the Neural Engine comes first")
	require.Len(t, p.Operations, 3, "constants run nowhere")
	require.Contains(t, text, "cannot be read: no plan today")
	require.Regexp(t, `CPU +25\.00 % +softmax +b +CPU\n`, text)
	require.NotContains(t, text, "relu", "what stays there is in the JSON alone")
	require.Regexp(t, `Neural Engine +unknown +relu +c`, strings.Join(slices.Concat(p.Rows()...), " "))
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, Options{CacheDir: t.TempDir(), Runs: 1}, func(string) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
}

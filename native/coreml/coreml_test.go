//go:build fakecoreml

package coreml

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/coreml/fake"
	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/portable"
)

type tensorMap = map[string]*engine.Tensor

// play sets the fake's modes for a test, which must leave nothing behind: no object, no C memory, no tensor held, no call.
func play(t *testing.T, m fake.Modes) {
	t.Helper()
	fake.Set(m)
	t.Cleanup(func() {
		fake.Set(fake.Modes{})
		count := func() [4]int {
			allocations, tensors, pending := outstanding()
			return [4]int{fake.Objects(), allocations, tensors, pending}
		}
		for range 200 { // completion handlers and late releases may still be under way
			if count() == [4]int{} {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		require.Zero(t, count(), "objects, C memory, tensors and calls that are left")
	})
}

// open opens a package, with a cache of the test's own.
func open(t *testing.T, path string, o engine.Options) *Model {
	t.Helper()
	if o.CacheDir == "" {
		o.CacheDir = t.TempDir()
	}
	m, err := Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m.(*Model)
}

func own(name string) string { return filepath.Join("testdata", name+".mlpackage") }

func theirs(name string) string {
	return filepath.Join("..", "portable", "testdata", name+".mlpackage")
}

func network(name string) string {
	return filepath.Join("..", "..", "assets", "networks", name+".mlpackage")
}

func tensor(t *testing.T, d engine.DType, shape ...int) *engine.Tensor {
	t.Helper()
	x, err := engine.NewTensor(d, shape...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x
}

func floats(t *testing.T, shape []int, values ...float32) *engine.Tensor {
	t.Helper()
	x := tensor(t, engine.Float32, shape...)
	if values == nil {
		for i := range x.Float32s() {
			x.Float32s()[i] = half(float32(math.Sin(float64(i)*0.7) * 0.9))
		}
	}
	copy(x.Float32s(), values)
	return x
}

// ports makes an input and an output tensor for every feature of a model. A dimension of an output that is unknown is that of the picture that goes in.
func ports(t *testing.T, m engine.Model) (in, out tensorMap) {
	t.Helper()
	in, out = tensorMap{}, tensorMap{}
	for _, f := range m.Inputs() {
		in[f.Name] = tensor(t, f.DType, f.Shape...)
		if f.DType == engine.Float32 {
			in[f.Name] = floats(t, f.Shape)
		}
	}
	for _, f := range m.Outputs() {
		shape := slices.Clone(f.Shape)
		for i, n := range shape {
			for _, x := range m.Inputs() {
				if n == 0 && len(x.Shape) == len(shape) && x.Shape[1] == 3 {
					shape[i] = x.Shape[i]
				}
			}
		}
		out[f.Name] = tensor(t, f.DType, shape...)
	}
	return in, out
}

// ways are all that may happen to a prediction that goes well.
var ways = map[string]fake.Modes{
	"backings":         {},
	"backings ignored": {IgnoreBackings: true},
	"padded":           {IgnoreBackings: true, Padded: true},
	"late release":     {Late: 30 * time.Millisecond},
	"slow":             {Slow: 20 * time.Millisecond},
	"macOS 13":         {MacOS: 13},
	"macOS 14.0":       {MacOS: 14, IgnoreBackings: true, Padded: true, Late: 10 * time.Millisecond},
}

// half rounds to float16.
func half(v float32) float32 {
	_, e := math.Frexp(float64(v))
	unit := math.Ldexp(1, max(e, -13)-11)
	return float32(math.RoundToEven(float64(v)/unit) * unit)
}

// TestLikePortable holds that the bridge gives what the portable engine gives, bit by bit, for the embedded networks and for integers. What a model
// gives as float16, the portable engine gives as float32: it is rounded here.
func TestLikePortable(t *testing.T) {
	for name, modes := range ways {
		t.Run(name, func(t *testing.T) {
			play(t, modes)
			paths := []string{theirs("integers"), theirs("half"), network("statistics")}
			if name == "backings" || name == "padded" { // the large ones
				paths = append(paths, network("style"), network("transform"))
			}
			for _, path := range paths {
				m := open(t, path, engine.Options{})
				p, err := portable.Open(path, engine.Options{Threads: 1})
				require.NoError(t, err)
				in, out := ports(t, p)
				_, want := ports(t, p)
				require.NoError(t, p.Predict(t.Context(), in, want))
				require.NoError(t, p.Close())
				for range 2 {
					require.NoError(t, m.Predict(t.Context(), in, out), path)
				}
				for _, f := range m.Outputs() {
					w := want[f.Name]
					if f.Half {
						for i, v := range w.Float32s() {
							w.Float32s()[i] = half(v)
						}
					}
					require.True(t, bytes.Equal(w.Bytes(), out[f.Name].Bytes()), "%s of %s", f.Name, path)
				}
			}
		})
	}
}

func TestDescriptions(t *testing.T) {
	play(t, fake.Modes{})
	for path, want := range map[string]struct{ in, out, states []engine.Feature }{
		theirs("enumerated"): {
			in: []engine.Feature{{Name: "x", Shape: []int{1, 3, 8, 8}, Shapes: [][]int{{1, 3, 4, 12}, {1, 3, 8, 8}}}},
		},
		own("ranged"): {
			in:  []engine.Feature{{Name: "x", Shape: []int{1, 3, 8, 8}, Ranges: []engine.Range{{Min: 1, Max: 1}, {Min: 3, Max: 3}, {Min: 4, Max: 64}, {Min: 4, Max: 96}}}},
			out: []engine.Feature{{Name: "y", Shape: []int{}}},
		},
		own("picture"): {
			in:  []engine.Feature{{Name: "x", DType: engine.Uint8, Shape: []int{5, 6, 4}, Image: engine.BGRA}},
			out: []engine.Feature{{Name: "y", DType: engine.Uint8, Shape: []int{5, 6, 4}, Image: engine.BGRA}},
		},
		own("gray"): {
			in:  []engine.Feature{{Name: "x", DType: engine.Uint8, Shape: []int{5, 6}, Image: engine.Gray}},
			out: []engine.Feature{{Name: "y", DType: engine.Uint8, Shape: []int{5, 6}, Image: engine.Gray}},
		},
		own("grayhalf"): {
			in:  []engine.Feature{{Name: "x", DType: engine.Float16, Shape: []int{5, 6}, Image: engine.GrayHalf}},
			out: []engine.Feature{{Name: "y", DType: engine.Float16, Shape: []int{5, 6}, Image: engine.GrayHalf}},
		},
		own("state"): {
			in:     []engine.Feature{{Name: "x", Half: true, Shape: []int{1, 4}}},
			out:    []engine.Feature{{Name: "y", Half: true, Shape: []int{1, 4}}},
			states: []engine.Feature{{Name: "total", Half: true, Shape: []int{1, 4}}},
		},
	} {
		m := open(t, path, engine.Options{})
		for _, f := range m.Inputs() {
			for i := range f.Shapes { // they are a set
				if f.Shapes[i][2] < f.Shapes[0][2] {
					f.Shapes[0], f.Shapes[i] = f.Shapes[i], f.Shapes[0]
				}
			}
		}
		require.Equal(t, want.in, m.Inputs(), path)
		if want.out != nil {
			require.Equal(t, want.out, m.Outputs(), path)
		}
		require.Equal(t, want.states, m.States(), path)
	}
}

// TestChangingShapes runs models whose outputs' shapes follow from the inputs'.
func TestChangingShapes(t *testing.T) {
	for name, modes := range ways {
		t.Run(name, func(t *testing.T) {
			play(t, modes)
			m := open(t, own("ranged"), engine.Options{Reshapes: engine.ReshapesFrequent, FastPrediction: true})
			for _, shape := range [][]int{{1, 3, 8, 8}, {1, 3, 5, 7}, {1, 3, 64, 4}} {
				x, y := floats(t, shape), tensor(t, engine.Float32, shape...)
				require.NoError(t, m.Predict(t.Context(), tensorMap{"x": x}, tensorMap{"y": y}))
				for i, v := range x.Float32s() {
					require.Equal(t, 3*v, y.Float32s()[i])
				}
			}
			x, y := floats(t, []int{1, 3, 8, 8}), tensor(t, engine.Float32, 1, 3, 8, 9)
			require.Error(t, m.Predict(t.Context(), tensorMap{"x": x}, tensorMap{"y": y}), "an output of another shape than the model gives")
		})
	}
}

func TestHalf(t *testing.T) {
	for name, modes := range ways {
		t.Run(name, func(t *testing.T) {
			play(t, modes)
			m := open(t, own("half"), engine.Options{})
			x := floats(t, []int{2, 3}, 1, 0.1, -65504, 6e-8, 1e9, 1+1.0/2048) // the last lies between two halves: it becomes the even one
			y := tensor(t, engine.Float32, 2, 3)
			require.NoError(t, m.Predict(t.Context(), tensorMap{"x": x}, tensorMap{"y": y}))
			inf := float32(math.Inf(1))
			require.Equal(t, []float32{2, 0.19995117, -inf, 1.1920929e-07, inf, 2}, y.Float32s())

			h, k := tensor(t, engine.Float16, 2, 3), tensor(t, engine.Float16, 2, 3)
			copy(h.Bytes(), []byte{0x00, 0x3c, 0x66, 0x2e, 0x01, 0x00, 0x00, 0xbc}) // 1, 0.1, the least, -1
			require.NoError(t, m.Predict(t.Context(), tensorMap{"x": h}, tensorMap{"y": k}))
			require.Equal(t, []byte{0x00, 0x40, 0x66, 0x32, 0x02, 0x00, 0x00, 0xc0, 0, 0, 0, 0}, k.Bytes())
		})
	}
}

func TestPictures(t *testing.T) {
	for name, modes := range ways {
		t.Run(name, func(t *testing.T) {
			play(t, modes)
			for model, shape := range map[string][]int{"picture": {5, 6, 4}, "gray": {5, 6}} {
				m := open(t, own(model), engine.Options{})
				x, y := tensor(t, engine.Uint8, shape...), tensor(t, engine.Uint8, shape...)
				want := make([]byte, x.Len())
				for i := range x.Bytes() {
					x.Bytes()[i] = byte(7 * i)
					want[i] = 255 - byte(7*i)
					if len(shape) == 3 && i%4 == 3 {
						want[i] = 255
					}
				}
				require.NoError(t, m.Predict(t.Context(), tensorMap{"x": x}, tensorMap{"y": y}))
				require.Equal(t, want, y.Bytes())
			}
			m := open(t, own("grayhalf"), engine.Options{})
			x, y := tensor(t, engine.Float16, 5, 6), tensor(t, engine.Float16, 5, 6)
			copy(x.Bytes()[12:], []byte{0x00, 0x58}) // the second row begins with 128
			require.NoError(t, m.Predict(t.Context(), tensorMap{"x": x}, tensorMap{"y": y}))
			require.Equal(t, []byte{0xf8, 0x5b}, y.Bytes()[:2], "255")
			require.Equal(t, []byte{0xf0, 0x57}, y.Bytes()[12:14], "127")
		})
	}
}

func TestFunctions(t *testing.T) {
	play(t, fake.Modes{})
	for function, factor := range map[string]float32{"": 2, "twice": 2, "thrice": 3} {
		m := open(t, own("functions"), engine.Options{Function: function})
		x, y := floats(t, []int{1, 4}, 1, 2, 3, 4), tensor(t, engine.Float32, 1, 4)
		require.NoError(t, m.Predict(t.Context(), tensorMap{"x": x}, tensorMap{"y": y}))
		require.Equal(t, []float32{factor, 2 * factor, 3 * factor, 4 * factor}, y.Float32s())
	}
	_, err := Open(own("functions"), engine.Options{Function: "none", CacheDir: t.TempDir()})
	require.ErrorContains(t, err, "no function none")
	fake.Set(fake.Modes{MacOS: 14.4})
	_, err = Open(own("functions"), engine.Options{Function: "thrice", CacheDir: t.TempDir()})
	require.ErrorContains(t, err, "needs macOS 15")
}

func TestBatch(t *testing.T) {
	for name, modes := range ways {
		t.Run(name, func(t *testing.T) {
			play(t, modes)
			m := open(t, own("functions"), engine.Options{})
			var in, out []tensorMap
			for i := range 5 {
				in = append(in, tensorMap{"x": floats(t, []int{1, 4}, float32(i), 1, 2, 3)})
				out = append(out, tensorMap{"y": tensor(t, engine.Float32, 1, 4)})
			}
			require.NoError(t, m.PredictBatch(t.Context(), in, out))
			for i := range out {
				require.Equal(t, []float32{2 * float32(i), 2, 4, 6}, out[i]["y"].Float32s())
			}
			require.NoError(t, m.PredictBatch(t.Context(), nil, nil))
			require.Error(t, m.PredictBatch(t.Context(), in, out[:2]))
			in[3] = tensorMap{}
			require.ErrorContains(t, m.PredictBatch(t.Context(), in, out), `the input "x" is missing`)
		})
	}
}

func TestState(t *testing.T) {
	for name, modes := range ways {
		if modes.MacOS != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			play(t, modes)
			m := open(t, own("state"), engine.Options{})
			s, err := m.NewState()
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			other, err := m.NewState()
			require.NoError(t, err)
			defer func() { require.NoError(t, other.Close()) }()
			x, y := floats(t, []int{1, 4}, 1, 2, 3, 4), tensor(t, engine.Float32, 1, 4)
			for i := range 3 {
				require.NoError(t, s.Predict(t.Context(), tensorMap{"x": x}, tensorMap{"y": y}))
				k := 2 * float32(i+1)
				require.Equal(t, []float32{k, 2 * k, 3 * k, 4 * k}, y.Float32s())
			}
			total := tensor(t, engine.Float32, 1, 4)
			require.NoError(t, s.Read("total", total))
			require.Equal(t, []float32{3, 6, 9, 12}, total.Float32s())
			require.NoError(t, other.Read("total", total))
			require.Equal(t, []float32{0, 0, 0, 0}, total.Float32s(), "states are apart")
			require.NoError(t, s.Write("total", floats(t, []int{1, 4}, 10, 20, 30, 40)))

			var calls sync.WaitGroup // the state's calls queue up: the fake throws when two meet
			for range 4 {
				calls.Go(func() {
					z, err := engine.NewTensor(engine.Float32, 1, 4)
					require.NoError(t, err)
					require.NoError(t, s.Predict(context.Background(), tensorMap{"x": x}, tensorMap{"y": z}))
					require.NoError(t, z.Close())
				})
			}
			calls.Wait()
			require.NoError(t, s.Read("total", total))
			require.Equal(t, []float32{14, 28, 42, 56}, total.Float32s())

			require.ErrorContains(t, s.Read("none", total), `no state "none"`)
			require.ErrorContains(t, s.Read("total", tensor(t, engine.Float32, 4)), "shape")
			require.NoError(t, s.Close())
			require.NoError(t, s.Close())
			require.ErrorContains(t, s.Predict(t.Context(), tensorMap{"x": x}, tensorMap{"y": y}), "closed")
		})
	}
	play(t, fake.Modes{MacOS: 14.4})
	_, err := open(t, own("functions"), engine.Options{}).NewState()
	require.ErrorContains(t, err, "has no state")
}

// TestSideBySide runs predictions at once, of which macOS 14 has several in flight and macOS 13 one.
func TestSideBySide(t *testing.T) {
	for name, c := range map[string]struct {
		modes fake.Modes
		most  func(n int) bool
	}{
		"macOS 15": {fake.Modes{Slow: 20 * time.Millisecond}, func(n int) bool { return n > 1 }},
		"macOS 13": {fake.Modes{Slow: 2 * time.Millisecond, MacOS: 13}, func(n int) bool { return n == 1 }},
		"late":     {fake.Modes{Late: 5 * time.Millisecond, IgnoreBackings: true, Padded: true}, func(n int) bool { return n > 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, c.modes)
			m := open(t, own("functions"), engine.Options{})
			fake.MostFlying()
			var callers sync.WaitGroup
			for g := range 8 {
				callers.Go(func() {
					for i := range 12 {
						x, err := engine.NewTensor(engine.Float32, 1, 4)
						require.NoError(t, err)
						y, err := engine.NewTensor(engine.Float32, 1, 4)
						require.NoError(t, err)
						v := float32(100*g + i)
						copy(x.Float32s(), []float32{v, v, v, v})
						require.NoError(t, m.Predict(context.Background(), tensorMap{"x": x}, tensorMap{"y": y}))
						require.Equal(t, []float32{2 * v, 2 * v, 2 * v, 2 * v}, y.Float32s())
						require.NoError(t, x.Close()) // Core ML may still hold them
						require.NoError(t, y.Close())
					}
				})
			}
			callers.Wait()
			most := fake.MostFlying()
			require.True(t, c.most(most), "%d at once", most)
		})
	}
}

func TestMain(m *testing.M) {
	fake.Set(fake.Modes{})
	os.Exit(m.Run())
}

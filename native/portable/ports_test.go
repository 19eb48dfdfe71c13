package portable

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/engine"
)

// TestPorts runs packages whose inputs and outputs are of all kinds: see testdata/ports.py.
func TestPorts(t *testing.T) {
	for _, c := range unpack(t, "ports.tar.gz") {
		switch c.name {
		case "state":
			_, err := Open(c.model, engine.Options{})
			require.ErrorContains(t, err, `keeps a state between predictions ("memory"), which the portable engine does not`)
		case "functions":
			t.Run(c.name, func(t *testing.T) {
				c.check(t) // the default one
				x := c.in["0"]["x"]
				m, err := Open(c.model, engine.Options{Function: "thrice"})
				require.NoError(t, err)
				defer func() { require.NoError(t, m.Close()) }()
				in := fromArray(t, m.Inputs(), "x", x)
				y := tensor(t, engine.Float32, x.Shape)
				require.NoError(t, m.Predict(t.Context(), map[string]*engine.Tensor{"x": in}, map[string]*engine.Tensor{"y0": y}))
				require.InDelta(t, 3*in.Float32s()[1], y.Float32s()[1], 1e-2)
				_, err = Open(c.model, engine.Options{Function: "once"})
				require.ErrorContains(t, err, `no function "once": it has`)
			})
		default:
			t.Run(c.name, c.check)
		}
	}
}

// TestRun has the engine make the outputs, in all runs.
func TestRun(t *testing.T) {
	for _, c := range unpack(t, "ports.tar.gz") {
		if len(c.out) == 0 {
			continue
		}
		m, err := Open(c.model, engine.Options{Threads: 1})
		require.NoError(t, err)
		for run, want := range c.out {
			in := map[string]*engine.Tensor{}
			for name, a := range c.in[run] {
				in[name] = fromArray(t, m.Inputs(), name, a)
			}
			out, err := m.(engine.Runner).Run(t.Context(), in)
			require.NoError(t, err, c.name)
			require.Len(t, out, len(m.Outputs()))
			for name, a := range want {
				require.ElementsMatch(t, a.Shape, out[name].Shape(), "%s/%s/%s", c.name, run, name)
				near(t, c.name+"/"+run+"/"+name, out[name], a, max(c.tolerance, 1e-4))
				require.NoError(t, out[name].Close())
			}
		}
		require.NoError(t, m.Close())
	}
}

//go:build fakecoreml

package selftest

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/coreml/fake"
)

// TestOverBridge runs the self test over the bridge to a fake Core ML: all choices of units, with their plans.
func TestOverBridge(t *testing.T) {
	t.Cleanup(func() { fake.Set(fake.Modes{}) })
	for name, modes := range map[string]fake.Modes{
		"macOS 15": {Thermal: 2},
		"macOS 13": {MacOS: 13},
	} {
		t.Run(name, func(t *testing.T) {
			fake.Set(modes)
			r, err := Run(t.Context(), Options{CacheDir: t.TempDir(), Runs: 1}, nil)
			require.NoError(t, err)
			require.True(t, r.Passed)
			require.Len(t, r.Networks, 12)
			old := modes.MacOS == 13
			for _, n := range r.Networks {
				require.Equal(t, !old, n.Plan.Known)
				engine := n.Units == "all" || n.Units == "cpuAndNeuralEngine"
				require.Equal(t, !old && engine, n.Plan.Share > 0, "%s, %s", n.Name, n.Units)
			}
			require.Equal(t, old, len(r.Devices) == 0)
			require.Equal(t, old, r.NeuralEngineCores == 0)
			if !old {
				require.Equal(t, "serious", r.ThermalBefore)
			}
			var text bytes.Buffer
			require.NoError(t, r.Text(&text))
			require.Contains(t, text.String(), "All is well.")
			require.Eventually(t, func() bool { return fake.Objects() == 0 }, 5*time.Second, 10*time.Millisecond)
		})
	}
}

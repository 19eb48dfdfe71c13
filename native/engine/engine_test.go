package engine

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnitsRoundTrip(t *testing.T) {
	for u := UnitsAll; u <= UnitsCPUOnly; u++ {
		for _, name := range []string{u.String(), strings.ToUpper(u.String())} {
			got, err := ParseUnits(name)
			require.NoError(t, err)
			require.Equal(t, u, got)
		}
	}
	require.Equal(t, "Units(4)", Units(4).String())
	require.Equal(t, "Units(-1)", Units(-1).String())
	for _, bad := range []string{"", "gpu", "Units(4)"} {
		_, err := ParseUnits(bad)
		require.ErrorContains(t, err, "all, cpuAndNeuralEngine, cpuAndGPU, cpuOnly")
	}
}

func TestFeaturePermits(t *testing.T) {
	fixed := Feature{Shape: []int{1, 3}}
	several := Feature{Shape: []int{1, 3}, Shapes: [][]int{{1, 3}, {2, 3}}}
	for _, c := range []struct {
		shape          []int
		fixed, several bool
	}{
		{[]int{1, 3}, true, true},
		{[]int{2, 3}, false, true},
		{[]int{3, 3}, false, false},
		{[]int{1, 3, 1}, false, false},
		{nil, false, false},
	} {
		require.Equal(t, c.fixed, fixed.Permits(c.shape), "%v", c.shape)
		require.Equal(t, c.several, several.Permits(c.shape), "%v", c.shape)
	}
	require.True(t, Feature{}.Permits(nil), "a scalar")
}

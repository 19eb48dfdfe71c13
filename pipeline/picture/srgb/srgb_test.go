package srgb

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValuesComeBack(t *testing.T) {
	const steps = 1 << 14
	table, light := Table(steps), Light()
	for v := range 256 {
		require.InDelta(t, float64(v)/255, Encode(Decode(float64(v)/255)), 1e-6)
		require.InDelta(t, v, table[int(light[v]*steps+0.5)], 1)
	}
	require.InDelta(t, 0.21404, Decode(0.5), 1e-5) // IEC 61966-2-1
	require.InDeltaSlice(t, []float64{0, 1}, []float64{Encode(-1), Encode(2)}, 1e-12)
	require.InDelta(t, 0.7152*200, float64(Luma([]uint8{0, 200, 0, 255})), 1e-3)
}

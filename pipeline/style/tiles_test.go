package style

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlanCoversEveryPixelOnce(t *testing.T) {
	sizes := []int{208, 336, 464, 592, 848, 1104}
	for _, length := range []int{16, 17, 128, 129, 255, 256, 500, 512, 513, 768, 1000, 1024, 1025, 2000, 3000, 4096, 10001} {
		spans := plan(length, sizes)
		next := 0
		for i, s := range spans {
			require.Equal(t, next, s.from, "length %d tile %d", length, i)
			require.Greater(t, s.to, s.from)
			require.Zero(t, (s.at+Margin)%Grid, "a tile off the grid makes a seam")
			require.GreaterOrEqual(t, s.from-s.at, Margin)
			require.GreaterOrEqual(t, s.at+s.size-s.to, Margin)
			if i > 0 {
				require.GreaterOrEqual(t, s.from-s.at, Halo)
			}
			if i < len(spans)-1 {
				require.GreaterOrEqual(t, s.at+s.size-s.to, Halo)
			}
			next = s.to
		}
		require.Equal(t, length, next)
	}
}

func TestPlanTakesOneTileWhereOneFits(t *testing.T) {
	sizes := []int{208, 336, 592, 1104}
	require.Len(t, plan(512, sizes), 1)
	require.Equal(t, 592, plan(512, sizes)[0].size)
	require.Len(t, plan(1024, sizes), 1)
	require.Greater(t, len(plan(1025, sizes)), 1)
}

func TestMirror(t *testing.T) {
	var got []int
	for i := -4; i < 8; i++ {
		got = append(got, mirror(i, 3))
	}
	require.Equal(t, []int{0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1}, got)
	require.Zero(t, mirror(-7, 1))
}

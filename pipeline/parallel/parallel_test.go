package parallel

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEachRowOnce(t *testing.T) {
	for _, n := range []int{0, 1, 7, 64, 1000} {
		rows, strips := make([]atomic.Int32, n), make([]atomic.Int32, n)
		Rows(n, 3, func(y int) { rows[y].Add(1) })
		Strips(n, 5, func(from, to int) {
			require.LessOrEqual(t, to-from, 5)
			for y := from; y < to; y++ {
				strips[y].Add(1)
			}
		})
		for y := range n {
			require.EqualValues(t, 1, rows[y].Load(), "row %d of %d", y, n)
			require.EqualValues(t, 1, strips[y].Load(), "row %d of %d", y, n)
		}
	}
}

func TestPanicsComeBack(t *testing.T) {
	require.PanicsWithValue(t, "row 5", func() {
		Rows(9, 1, func(y int) {
			if y == 5 {
				panic("row 5")
			}
		})
	})
	require.PanicsWithValue(t, "strip", func() { Strips(9, 2, func(int, int) { panic("strip") }) })
}

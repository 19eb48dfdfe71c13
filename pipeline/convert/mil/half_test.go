package mil

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/mlpackage"
)

// TestHalf checks that every float16 is kept, and that other numbers go to the nearest one, to the even one of two.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		f := mlpackage.Half(uint16(h))
		if math.IsNaN(float64(f)) {
			got, _ := Half(f)
			require.True(t, math.IsNaN(float64(mlpackage.Half(got))))
			continue
		}
		got, fits := Half(f)
		require.True(t, fits)
		if math.IsInf(float64(f), 0) {
			require.EqualValues(t, h&0x8000|0x7bff, got)
		} else if int(got) != h {
			require.Equal(t, h, int(got), "%v", f)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200000 {
		lo := uint16(r.IntN(0x7bff))
		a, b := float64(mlpackage.Half(lo)), float64(mlpackage.Half(lo+1))
		f := float32(a + (b-a)*r.Float64())
		got, fits := Half(f)
		require.True(t, fits)
		want := lo
		if d, e := float64(f)-a, b-float64(f); d > e || (d == e && lo&1 == 1) {
			want = lo + 1
		}
		if got != want {
			require.Equal(t, want, got, "%v between %v and %v", f, a, b)
		}
	}
	all := make([]float32, 0, 1<<17)
	for i := range cap(all) { // every 2^15th float32, and its neighbours
		all = append(all, math.Float32frombits(uint32(i)<<15+uint32(i%3)-1))
	}
	for _, f := range all {
		h, fits := Half(f)
		packed, err := pack(make([]byte, 0, 4), []float32{f}, true)
		require.Equal(t, fits, err == nil, "%v", f)
		if fits && !math.IsNaN(float64(f)) {
			require.Equal(t, []byte{byte(h), byte(h >> 8)}, packed, "%v", f)
		}
	}
	for f, fits := range map[float32]bool{65504: true, 65519: true, 65520: false, 7e4: false, 1e31: true, -65520: false, float32(math.Inf(-1)): true} {
		_, got := Half(f)
		require.Equal(t, fits, got, "%v", f)
	}
}

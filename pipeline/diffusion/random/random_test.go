package random

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReferences compares bit for bit with what NumPy and PyTorch drew (testdata/make.py).
func TestReferences(t *testing.T) {
	for name, sizes := range map[string][]int{
		"numpy.42": {1, 1000}, "numpy.4294967295": {301}, "torch.42": {1, 7, 15, 16, 33, 4096, 5, 1000, 10}, "torch.1099511627899": {17, 4097},
	} {
		t.Run(name, func(t *testing.T) {
			program, number, _ := strings.Cut(name, ".")
			seed, err := strconv.ParseUint(number, 10, 64)
			require.NoError(t, err)
			s, err := New(program, seed)
			require.NoError(t, err)
			b, err := os.ReadFile(filepath.Join("testdata", name+".f32"))
			require.NoError(t, err)
			var got []float32
			for _, n := range sizes {
				got = append(got, s.Normal(n)...)
			}
			require.Len(t, b, 4*len(got))
			for i, v := range got {
				require.Equal(t, binary.LittleEndian.Uint32(b[4*i:]), math.Float32bits(v), "number %d is %v", i, v)
			}
		})
	}
}

// TestPhilox has the known answers of Random123's kat_vectors.
func TestPhilox(t *testing.T) {
	require.Equal(t, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, philox([4]uint32{}, [2]uint32{}))
	all := uint32(0xffffffff)
	require.Equal(t, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, philox([4]uint32{all, all, all, all}, [2]uint32{all, all}))
	require.Equal(t, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		philox([4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0}))
}

func TestSeeds(t *testing.T) {
	_, err := New("numpy", 1<<32)
	require.ErrorContains(t, err, "numpy takes 0 to")
	_, err = New("dice", 1)
	require.ErrorContains(t, err, `rng is "dice"`)
}

// TestNVIDIA has the first numbers of torch.randn(10, device="cuda") after torch.manual_seed(0), as published with stable-diffusion-webui's
// modules/rng_philox.py, in float64 from there on: the last digits differ.
func TestNVIDIA(t *testing.T) {
	s, err := New("nvidia", 0)
	require.NoError(t, err)
	got := s.Normal(10)
	for i, want := range []float64{
		-0.92466259, -0.42534415, -2.6438457, 0.14518388, -0.12086647, -0.57972564, -0.62285122, -0.32838709, -1.07454231, -0.36314407,
	} {
		require.InDelta(t, want, got[i], 2e-6)
	}
	require.NotEqual(t, got, s.Normal(10), "a second tensor continues")
}

package quality

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func random(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	v := make([]float32, n)
	for i := range v {
		v[i] = r.Float32()
	}
	return v
}

func TestStyleLoss(t *testing.T) {
	n := 0
	for _, c := range layers {
		n += 2 * c
	}
	style := random(n, 1)
	require.Zero(t, StyleLoss(style, style))
	require.InDelta(t, 1, StyleLoss(make([]float32, n), style), 1e-6, "nothing at all is the style's own length away")
	near, far := make([]float32, n), make([]float32, n)
	for i, v := range style {
		near[i], far[i] = 1.1*v, 1.5*v
	}
	require.InDelta(t, 0.1, StyleLoss(near, style), 1e-5)
	require.InDelta(t, 0.5, StyleLoss(far, style), 1e-5)
}

func TestContentPreservation(t *testing.T) {
	a := random(4*64, 2)
	require.InDelta(t, 1, ContentPreservation(a, a, 4), 1e-6)
	recoloured := make([]float32, len(a))
	for i, v := range a {
		recoloured[i] = 3*v + 2
	}
	require.InDelta(t, 1, ContentPreservation(a, recoloured, 4), 1e-5, "gain and offset are colour, not content")
	require.Less(t, ContentPreservation(a, random(4*64, 3), 4), 0.3)
	inverted := make([]float32, len(a))
	for i, v := range a {
		inverted[i] = -v
	}
	require.Zero(t, ContentPreservation(a, inverted, 4))
	require.Equal(t, 1.0, ContentPreservation(make([]float32, 64), a[:64], 1), "a flat photo has no structure to lose")
}

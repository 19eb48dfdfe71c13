package style

import "slices"

const (
	// Margin is the mirrored border, in pixels, given to a picture's own edges: there the networks see zero padding, and what they make of it is cut
	// off. It is the margin of assets/train/export.py.
	Margin = 40
	// Halo is the border of a tile inside the picture, in pixels: the radius of the transform network's receptive field, rounded up to Grid, so
	// that neighbouring tiles agree to the last bit.
	Halo = 96
	// Grid is the stride of the network's deepest layer: all tiles start at multiples of it.
	Grid = 8
)

// span is a tile along one axis: it reads size pixels from at (which may lie outside of the picture) and gives the pixels from, to.
type span struct{ at, size, from, to int }

// plan covers length pixels with the cheapest equal tiles among sizes (sorted, ascending).
func plan(length int, sizes []int) []span {
	best, cost := 0, 0
	for _, s := range sizes {
		if n := count(length, s); n > 0 && (cost == 0 || n*s < cost || (n*s == cost && s > best)) {
			best, cost = s, n*s
		}
	}
	n, stride := count(length, best), best-2*Halo
	spans := make([]span, n)
	for i := range spans {
		t := span{at: i*stride - Margin, size: best}
		t.from, t.to = t.at+Halo, t.at+best-Halo
		if i == 0 {
			t.from = 0
		}
		if i == n-1 {
			t.to = length
		}
		spans[i] = t
	}
	return spans
}

// count is the number of tiles of size s that cover length, or 0 where s is too small to be tiled.
func count(length, s int) int {
	if s >= length+2*Margin {
		return 1
	}
	stride := s - 2*Halo
	if stride < Grid {
		return 0
	}
	return 1 + (length+2*Margin-s+stride-1)/stride
}

// tileSizes returns the heights and widths that a model permits, each sorted.
func tileSizes(shapes [][]int) (heights, widths []int) {
	for _, s := range shapes {
		heights, widths = append(heights, s[2]), append(widths, s[3])
	}
	slices.Sort(heights)
	slices.Sort(widths)
	return slices.Compact(heights), slices.Compact(widths)
}

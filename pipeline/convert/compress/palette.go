package compress

import (
	"math"
	"slices"
	"sort"

	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// rounds bounds the steps of k-means, which ends before when nothing moves.
const rounds = 300

// counted are the different values of an array, in order, each with how often it is there. Values are rounded to float16 first, so that there are
// 63488 at most.
type counted struct {
	values []float64
	n      []float64 // sums of the counts to here: one more than there are values
	sum    []float64 // of the values times their counts
}

func count(v []float32) counted {
	seen := make([]uint32, 1<<16)
	for _, f := range v {
		h, _ := mil.Half(f)
		seen[h]++
	}
	type pair struct{ value, count float64 }
	var pairs []pair
	for h, c := range seen {
		if c > 0 {
			pairs = append(pairs, pair{float64(mlpackage.Half(uint16(h))), float64(c)})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return 0
	})
	out := counted{n: []float64{0}, sum: []float64{0}}
	for i, p := range pairs {
		out.values = append(out.values, p.value)
		out.n = append(out.n, out.n[i]+p.count)
		out.sum = append(out.sum, out.sum[i]+p.count*p.value)
	}
	return out
}

// palette finds k values that stand for all with the least mean square error: k-means in one dimension, begun at equal shares of the density's
// cube root, which is the best division of many values (Panter and Dite, 1951).
func (c counted) palette(k int) []float64 {
	if len(c.values) <= k {
		out := slices.Clone(c.values)
		for len(out) < k {
			out = append(out, out[len(out)-1])
		}
		return out
	}
	centers := c.begin(k)
	for range rounds {
		next, moved := make([]float64, k), false
		from := 0
		for i := range k {
			to := len(c.values)
			if i+1 < k {
				middle := (centers[i] + centers[i+1]) / 2
				to = from + sort.SearchFloat64s(c.values[from:], middle)
			}
			next[i] = centers[i]
			if n := c.n[to] - c.n[from]; n > 0 {
				next[i] = (c.sum[to] - c.sum[from]) / n
			}
			moved = moved || next[i] != centers[i]
			from = to
		}
		if centers = next; !moved {
			break
		}
	}
	return centers
}

func (c counted) begin(k int) []float64 {
	bins := min(len(c.values), 128) // few, so that each holds enough to tell the density
	lo, hi := c.values[0], c.values[len(c.values)-1]
	width := (hi - lo) / float64(bins)
	share, total := make([]float64, bins), 0.0
	for i, v := range c.values {
		b := min(int((v-lo)/width), bins-1)
		share[b] += c.n[i+1] - c.n[i]
	}
	for i := range share {
		share[i] = math.Cbrt(share[i])
		total += share[i]
	}
	centers, at, sum := make([]float64, k), 0, 0.0
	for i := range centers {
		want := (float64(i) + 0.5) / float64(k) * total
		for at < bins-1 && sum+share[at] < want {
			sum += share[at]
			at++
		}
		inside := 0.5
		if share[at] > 0 {
			inside = (want - sum) / share[at]
		}
		centers[i] = lo + (float64(at)+inside)*width
	}
	return centers
}

// nearest gives the place of the value of a sorted palette that is nearest to f.
func nearest(palette []float64, f float64) int {
	i := sort.SearchFloat64s(palette, f)
	if i == len(palette) || (i > 0 && f-palette[i-1] <= palette[i]-f) {
		return i - 1
	}
	return i
}

// packer packs whole numbers of few bits, the first in the least significant bits.
type packer struct {
	out  []byte
	bits int
	held uint64
	n    int
}

func (p *packer) put(v int) {
	p.held |= uint64(v) << p.n
	for p.n += p.bits; p.n >= 8; p.n -= 8 {
		p.out = append(p.out, byte(p.held))
		p.held >>= 8
	}
}

func (p *packer) done() []byte {
	if p.n > 0 {
		p.out = append(p.out, byte(p.held))
		p.n, p.held = 0, 0
	}
	return p.out
}

package diffusion

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
)

func TestParseWeights(t *testing.T) {
	for text, want := range map[string][]fragment{ // those of AUTOMATIC1111's own tests and of its description
		"":                                       nil,
		"normal text":                            {{"normal text", 1}},
		"an (important) word":                    {{"an ", 1}, {"important", 1.1}, {" word", 1}},
		"(unbalanced":                            {{"unbalanced", 1.1}},
		`\(literal\]`:                            {{"(literal]", 1}},
		"(unnecessary)(parens)":                  {{"unnecessaryparens", 1.1}},
		"a [sea] b":                              {{"a ", 1}, {"sea", 1 / 1.1}, {" b", 1}},
		"((sky))":                                {{"sky", 1.1 * 1.1}},
		"(sky:1.3), 2:30":                        {{"sky", 1.3}, {", 2:30", 1}},
		"(a (b:2) c: 0.5 )":                      {{"a ", 0.5}, {"b", 1}, {" c", 0.5}},
		"x:2) ]":                                 {{"x:2) ]", 1}},
		"(x:1.2.3)":                              {{"x:1.2.3)", 1.1}},
		"(cat:" + strings.Repeat("9", 400) + ")": {{"cat:" + strings.Repeat("9", 400) + ")", 1.1}},
		`end\`:                                   {{"end", 1}},
	} {
		got := parse(text)
		require.Len(t, got, len(want), "%s: %v", text, got)
		for i, f := range want {
			require.Equal(t, f.text, got[i].text, text)
			require.InDelta(t, f.weight, got[i].weight, 1e-12, text)
		}
	}
}

func TestWeigh(t *testing.T) {
	x := []float32{1, 1, 2, 3, 1, 2}
	weigh(x, 2, []float64{1})
	require.Equal(t, []float32{1, 1, 2, 3, 1, 2}, x)
	weigh(x, 2, []float64{2}) // the sum 10 became 15
	for i, want := range []float64{1, 1, 4, 6, 1, 2} {
		require.InDelta(t, want*10/15, x[i], 1e-6)
	}
}

func TestChunks(t *testing.T) {
	same := native.Range{Min: 1, Max: 8}
	fixed := native.Feature{Shape: []int{2, 8, 1, 77}}
	ranged := native.Feature{Shape: fixed.Shape, Ranges: []native.Range{same, same, same, {Min: 77, Max: 154}}}
	open := native.Feature{Shape: fixed.Shape, Ranges: []native.Range{same, same, same, {Min: 1}}}
	listed := native.Feature{Shape: fixed.Shape, Shapes: [][]int{{2, 8, 1, 77}, {2, 8, 1, 231}}}
	for _, c := range []struct {
		f       native.Feature
		n, want int
	}{
		{fixed, 0, 1},
		{fixed, 75, 1},
		{fixed, 76, 1},
		{ranged, 75, 1},
		{ranged, 76, 2},
		{ranged, 500, 2},
		{open, 151, 3},
		{open, 1 << 20, maxChunks},
		{listed, 100, 1},
		{listed, 200, 3},
		{native.Feature{}, 100, 1},
	} {
		require.Equal(t, c.want, chunks(c.f, c.n, 77), "%+v", c)
	}
	require.Equal(t, []int{2, 8, 1, 154}, stretched(ranged, 2*8*154))
	require.Equal(t, fixed.Shape, stretched(fixed, 2*8*154))
	require.Equal(t, fixed.Shape, stretched(ranged, 2*8*154+1))
}

// TestWeightsChangeTheText encodes with a tiny network.
func TestWeightsChangeTheText(t *testing.T) {
	m := open(t, "sd1", true)
	encode := func(weighted bool, text string) (prompt, []string) {
		p, notes, err := m.encode(context.Background(), []string{text}, weighted)
		require.NoError(t, err)
		return p[0], notes
	}
	plain, _ := encode(false, "a sea (storm)")
	same, _ := encode(true, `a sea \(storm\)`)
	require.Equal(t, plain, same)
	bare, _ := encode(false, "a sea storm")
	one, _ := encode(true, "a sea (storm:1.0)")
	require.Equal(t, bare, one)
	more, _ := encode(true, "a sea (storm:1.5)")
	require.NotEqual(t, bare.hidden, more.hidden)
	require.InDelta(t, sum(bare.hidden), sum(more.hidden), 0.05)

	long := strings.Repeat("sea ", 40) + strings.Repeat("sky ", 100)
	first, notes := encode(true, long)
	require.Len(t, notes, 1)
	length := first.tokens
	m.text.Ranges = []native.Range{{}, {}, {}, {Min: length, Max: 2 * length}}
	both, _ := encode(true, long)
	require.Equal(t, 2*length, both.tokens)
	require.Len(t, both.hidden, 2*len(first.hidden))
	for c := range first.width { // the first row is what it was, and the second another
		row := both.hidden[c*2*length : (c+1)*2*length]
		require.Equal(t, first.hidden[c*length:(c+1)*length], row[:length])
		require.NotEqual(t, row[:length], row[length:])
	}
	cut, _ := encode(false, long)
	require.Equal(t, length, cut.tokens, "without weights a long prompt is cut, as in diffusers")
}

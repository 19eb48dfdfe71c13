package diffusion

import (
	"regexp"
	"slices"
	"strconv"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline/diffusion/clip"
)

// fragment is a part of a prompt and how much it counts; 1 is as written.
type fragment struct {
	text   string
	weight float64
}

// emphasis is what brackets without a number multiply by, and square ones divide by.
const emphasis = 1.1

// marks are the parts of AUTOMATIC1111's notation (stable-diffusion-webui, modules/prompt_parser.py).
var marks = regexp.MustCompile(`\\[()\[\]\\]|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:`)

// parse reads "(word)", "[word]", "(word:1.3)" and the escapes of brackets and backslashes. What is not closed counts to the end, and what was not
// opened is text.
func parse(prompt string) []fragment {
	var parts []fragment
	var round, square []int // where brackets opened
	add := func(text string) { parts = append(parts, fragment{text, 1}) }
	shut := func(open *[]int, by float64) {
		at := (*open)[len(*open)-1]
		*open = (*open)[:len(*open)-1]
		for i := at; i < len(parts); i++ {
			parts[i].weight *= by
		}
	}
	for _, found := range marks.FindAllStringSubmatch(prompt, -1) {
		text := found[0]
		weight, err := strconv.ParseFloat(found[1], 64)
		switch {
		case text[0] == '\\':
			add(text[1:])
		case text == "(":
			round = append(round, len(parts))
		case text == "[":
			square = append(square, len(parts))
		case found[1] != "" && err == nil && len(round) > 0:
			shut(&round, weight)
		case text == ")" && len(round) > 0:
			shut(&round, emphasis)
		case text == "]" && len(square) > 0:
			shut(&square, 1/emphasis)
		default:
			add(text)
		}
	}
	for len(round) > 0 {
		shut(&round, emphasis)
	}
	for len(square) > 0 {
		shut(&square, 1/emphasis)
	}
	return joined(parts)
}

// joined puts neighbours of one weight together, so that their words are split into tokens as one text.
func joined(parts []fragment) []fragment {
	var out []fragment
	for _, p := range parts {
		if n := len(out); n > 0 && out[n-1].weight == p.weight {
			out[n-1].text += p.text
			continue
		}
		out = append(out, p)
	}
	return out
}

// tokens are a prompt's tokens and what each counts, nil where all count alike.
type tokens struct {
	ids     []int
	weights []float64
}

func tokenize(t *clip.Tokenizer, prompt string, weighted bool) tokens {
	if !weighted {
		return tokens{ids: t.Encode(prompt)}
	}
	var k tokens
	for _, p := range parse(prompt) {
		ids := t.Encode(p.text)
		k.ids = append(k.ids, ids...)
		k.weights = append(k.weights, slices.Repeat([]float64{p.weight}, len(ids))...)
	}
	return k
}

// weigh multiplies the rows of hidden (tokens, width) between the start and the end by the tokens' weights, and brings the mean of all back to
// what it was, as AUTOMATIC1111 does (modules/sd_emphasis.py, EmphasisOriginal).
func weigh(hidden []float32, width int, weights []float64) {
	if !slices.ContainsFunc(weights, func(w float64) bool { return w != 1 }) {
		return
	}
	before := sum(hidden)
	for i, w := range weights {
		row := hidden[(i+1)*width : (i+2)*width]
		for c := range row {
			row[c] *= float32(w)
		}
	}
	after := sum(hidden)
	if after == 0 {
		return
	}
	for i := range hidden {
		hidden[i] = float32(float64(hidden[i]) * before / after)
	}
}

func sum(x []float32) (s float64) {
	for _, v := range x {
		s += float64(v)
	}
	return s
}

// maxChunks bounds how many rows of the text encoder a prompt becomes.
const maxChunks = 32

// chunks is how many rows of length tokens the U-Net's text f takes, of those that n tokens need; 1 at least.
func chunks(f native.Feature, n, length int) int {
	want := min((n+length-3)/(length-2), maxChunks)
	for ; want > 1; want-- {
		if permits(f, want*length) {
			return want
		}
	}
	return 1
}

// permits tells whether the last dimension of f may be of a size.
func permits(f native.Feature, size int) bool {
	last := len(f.Shape) - 1
	switch {
	case last < 0:
		return false
	case f.Shape[last] == size:
		return true
	case len(f.Ranges) == len(f.Shape):
		r := f.Ranges[last]
		return size >= r.Min && (r.Max == 0 || size <= r.Max)
	}
	return slices.ContainsFunc(f.Shapes, func(s []int) bool { return len(s) == last+1 && s[last] == size })
}

// stretched is the shape of f for n numbers: where the last dimension may be another, it follows from n.
func stretched(f native.Feature, n int) []int {
	shape := slices.Clone(f.Shape)
	last, rest := len(shape)-1, 1
	for _, d := range shape[:last] {
		rest *= d
	}
	if rest > 0 && n%rest == 0 && permits(f, n/rest) {
		shape[last] = n / rest
	}
	return shape
}

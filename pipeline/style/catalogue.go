package style

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/gesso-app/gesso/assets"
)

// Painting is a built-in style: the code of a public-domain painting.
type Painting struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Artist   string   `json:"artist"`
	Year     int      `json:"year"`
	Movement string   `json:"movement"`
	Keywords []string `json:"keywords"`
	Palette  []string `json:"palette"` // words for the main colours, those that cover most first

	Code    packed `json:"code"`
	Moments packed `json:"moments"`
}

// packed are little-endian float32 values, base64 in JSON.
type packed []float32

func (p *packed) UnmarshalText(b []byte) error {
	raw, err := base64.StdEncoding.DecodeString(string(b))
	if err != nil {
		return err
	}
	*p = make(packed, len(raw)/4)
	for i := range *p {
		(*p)[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}

// Features returns the painting's code and moments; there is no map.
func (p Painting) Features() *Features {
	return &Features{Code: Code(p.Code), Moments: p.Moments}
}

// Catalogue returns the built-in styles in alphabetical order of their identifiers.
var Catalogue = sync.OnceValue(func() []Painting {
	var all []Painting
	if err := json.Unmarshal(assets.Styles, &all); err != nil {
		return nil // a test holds that the embedded file reads
	}
	slices.SortFunc(all, func(a, b Painting) int { return cmp.Compare(a.ID, b.ID) })
	return all
})

// Builtin returns the built-in style of that identifier.
func Builtin(id string) (Painting, error) {
	for _, p := range Catalogue() {
		if p.ID == id {
			return p, nil
		}
	}
	return Painting{}, errors.New("no such built-in style; `gesso styles` lists them")
}

// Weights of a word of the prompt that is found in a field.
const (
	titleWeight    = 3
	artistWeight   = 2.5
	movementWeight = 2
	keywordWeight  = 1
)

// maxBlend is how many styles a prompt blends at most.
const maxBlend = 3

// Matched is what a prompt found among the built-in styles.
type Matched struct {
	Features *Features
	Names    []string // what was blended, each with its share
	// Confidence is how well the prompt's words are met, 0..1: 1 where each names the title of a style that is blended.
	Confidence float64
}

// Match finds the built-in styles that a prompt speaks of, such as "Van Gogh starry night" or "soft impressionist garden", and blends the best
// ones.
func Match(prompt string) (*Matched, error) {
	words := words(prompt)
	type hit struct {
		p     Painting
		score float64
	}
	var hits []hit
	for _, p := range Catalogue() {
		var s float64
		for _, w := range words {
			s += p.score(w)
		}
		if s > 0 {
			hits = append(hits, hit{p, s})
		}
	}
	if len(hits) == 0 {
		return nil, errors.New("it matches no built-in style: try a painter, a painting, a movement or a colour, such as " +
			"\"van Gogh starry night\", \"Hokusai wave\", \"Monet water lilies\", \"cubist\" or \"soft green garden\"; `gesso styles` lists them")
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(b.score, a.score) })
	hits = hits[:min(len(hits), maxBlend)]
	hits = slices.DeleteFunc(hits, func(h hit) bool { return h.score < hits[0].score/2 })
	var total, met float64
	for _, h := range hits {
		total += h.score * h.score
	}
	for _, w := range words {
		best := 0.0
		for _, h := range hits {
			best = max(best, h.p.score(w))
		}
		met += best / titleWeight
	}
	m := &Matched{Confidence: met / float64(len(words))}
	var features []*Features
	var shares []float64
	for _, h := range hits {
		k := h.score * h.score / total
		features, shares = append(features, h.p.Features()), append(shares, k)
		m.Names = append(m.Names, fmt.Sprintf("%s, %s (%.0f %%)", h.p.Title, h.p.Artist, 100*k))
	}
	m.Features = Mix(features, shares)
	return m, nil
}

// score is how much a word of a prompt speaks of p, 0..titleWeight.
func (p Painting) score(w string) float64 {
	switch {
	case slices.Contains(words(p.Title), w):
		return titleWeight
	case slices.Contains(words(p.Artist), w):
		return artistWeight
	case slices.ContainsFunc(words(p.Movement), func(m string) bool { return stem(m) == stem(w) }):
		return movementWeight
	case slices.ContainsFunc(p.Keywords, func(k string) bool { return stem(k) == stem(w) }), slices.Contains(words(strings.Join(p.Palette, " ")), w):
		return keywordWeight
	}
	return 0
}

// fillers are words that say nothing about a style.
var fillers = []string{"a", "an", "and", "art", "at", "by", "de", "from", "image", "in", "like", "look", "of", "on", "painted", "painting", "photo", "picture", "style", "styled", "the", "to", "van", "with"}

// words splits text into lower-case words without accents' help: letters and digits only, fillers left out.
func words(text string) []string {
	all := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return slices.DeleteFunc(all, func(w string) bool { return slices.Contains(fillers, w) })
}

// stem folds impressionist and impressionism, cubist and cubism, waves and wave.
func stem(w string) string {
	for _, end := range []string{"istic", "ists", "ist", "ism", "s"} {
		if s := strings.TrimSuffix(w, end); s != w && len(s) >= 3 {
			return s
		}
	}
	return w
}

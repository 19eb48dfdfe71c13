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

// Match finds the built-in styles that a prompt speaks of, such as "Van Gogh starry night" or "soft impressionist garden", and blends the best
// ones. names says what was blended and in which share.
func Match(prompt string) (f *Features, names []string, err error) {
	words := words(prompt)
	type hit struct {
		p     Painting
		score float64
	}
	var hits []hit
	for _, p := range Catalogue() {
		if s := p.score(words); s > 0 {
			hits = append(hits, hit{p, s})
		}
	}
	if len(hits) == 0 {
		return nil, nil, errors.New("it matches no built-in style: try a painter, a painting or a movement, such as \"van Gogh starry night\"; `gesso styles` lists them")
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(b.score, a.score) })
	hits = hits[:min(len(hits), maxBlend)]
	hits = slices.DeleteFunc(hits, func(h hit) bool { return h.score < hits[0].score/2 })
	var total float64
	for _, h := range hits {
		total += h.score * h.score
	}
	f = &Features{Code: make(Code, CodeLength)}
	for _, h := range hits {
		k := h.score * h.score / total
		if f.Moments == nil {
			f.Moments = make([]float32, len(h.p.Moments))
		}
		for i, v := range h.p.Code {
			f.Code[i] += float32(k) * v
		}
		for i, v := range h.p.Moments {
			f.Moments[i] += float32(k) * v
		}
		names = append(names, fmt.Sprintf("%s, %s (%.0f %%)", h.p.Title, h.p.Artist, 100*k))
	}
	return f, names, nil
}

func (p Painting) score(prompt []string) float64 {
	var s float64
	for _, w := range prompt {
		switch {
		case slices.Contains(words(p.Title), w):
			s += titleWeight
		case slices.Contains(words(p.Artist), w):
			s += artistWeight
		case slices.ContainsFunc(words(p.Movement), func(m string) bool { return stem(m) == stem(w) }):
			s += movementWeight
		case slices.ContainsFunc(p.Keywords, func(k string) bool { return stem(k) == stem(w) }):
			s += keywordWeight
		}
	}
	return s
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

// Package clip is CLIP's byte-pair tokenizer, number for number as Hugging Face's CLIPTokenizer: NFC, white space cleaned, lower case, words,
// single digits and runs of other signs, and pairs merged by rank. It imports no engine.
package clip

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/gesso-app/gesso/pipeline/disk"
)

// The tokens that begin and end a text.
const (
	start = "<|startoftext|>"
	end   = "<|endoftext|>"
)

const (
	maxFile   = 64 << 20
	maxMerges = 1 << 20
	maxCached = 1 << 14 // words remembered
	wordEnd   = "</w>"
)

// Tokenizer turns text into numbers of tokens. One goroutine at a time may use it.
type Tokenizer struct {
	Start, End, Pad int
	vocab           map[string]int
	names           map[int]string
	ranks           map[[2]string]int
	unknown         int
	cache           map[string][]int
}

// Token is a token and what it stands for in the vocabulary.
type Token struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

// Open reads vocab.json and merges.txt. pad names the token that fills a row; empty: the end's.
func Open(vocabPath, mergesPath, pad string) (*Tokenizer, error) {
	t := &Tokenizer{ranks: map[[2]string]int{}, names: map[int]string{}, cache: map[string][]int{}}
	b, err := disk.ReadSmall(vocabPath, maxFile)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &t.vocab); err != nil {
		return nil, fmt.Errorf("read the vocabulary %s: %w", vocabPath, err)
	}
	for name, id := range t.vocab {
		if id < 0 || id > math.MaxInt32 {
			return nil, fmt.Errorf("read the vocabulary %s: the token %q has the number %d", vocabPath, name, id)
		}
		t.names[id] = name
	}
	var ok1, ok2 bool
	t.Start, ok1 = t.vocab[start]
	t.End, ok2 = t.vocab[end]
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("read the vocabulary %s: it lacks the tokens %s and %s: it is none of CLIP", vocabPath, start, end)
	}
	t.unknown, t.Pad = t.End, t.End
	if pad != "" {
		id, ok := t.vocab[pad]
		if !ok {
			return nil, fmt.Errorf("read the vocabulary %s: it lacks the token %q that fills rows", vocabPath, pad)
		}
		t.Pad = id
	}
	return t, t.merges(mergesPath)
}

func (t *Tokenizer) merges(path string) error {
	b, err := disk.ReadSmall(path, maxFile)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(strings.NewReader(string(b)))
	lines.Buffer(nil, 1<<20)
	for n := 0; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		if n == 0 && strings.HasPrefix(line, "#version") || strings.TrimSpace(line) == "" {
			continue
		}
		a, c, ok := strings.Cut(line, " ")
		if !ok || a == "" || c == "" || strings.Contains(c, " ") {
			return fmt.Errorf("read %s: line %d is no pair of tokens", path, n+1)
		}
		if len(t.ranks) == maxMerges {
			return fmt.Errorf("read %s: it has more than %d pairs", path, maxMerges)
		}
		t.ranks[[2]string{a, c}] = n
	}
	if err := lines.Err(); err != nil {
		return errors.Join(fmt.Errorf("read %s", path), err)
	}
	return nil
}

// Encode gives a text's tokens without the start and the end.
func (t *Tokenizer) Encode(text string) []int {
	var ids []int
	text = normalize(text)
	for text != "" { // the special tokens may stand in the text, in any case of letters
		at, name := len(text), ""
		for _, s := range []string{start, end} {
			if i := strings.Index(text, s); i >= 0 && i < at {
				at, name = i, s
			}
		}
		for _, word := range split(text[:at]) {
			ids = append(ids, t.word(word)...)
		}
		if name != "" {
			ids = append(ids, t.vocab[name])
		}
		text = text[at+len(name):]
	}
	return ids
}

// Row is a text of length tokens: the start, the text cut to fit, the end, and padding, as max_length with truncation gives it. left is how many
// tokens were cut. length is at least 2.
func (t *Tokenizer) Row(text string, length int) (row []int, left int) {
	rows := t.Rows(t.Encode(text), length)
	for _, r := range rows[1:] {
		for _, id := range r[1:] {
			if id == t.End || id == t.Pad {
				break
			}
			left++
		}
	}
	return rows[0], left
}

// Rows are rows of length tokens, as many as hold all ids, and one at least. length is at least 3.
func (t *Tokenizer) Rows(ids []int, length int) (rows [][]int) {
	for first := true; first || len(ids) > 0; first = false {
		n := min(len(ids), length-2)
		row := make([]int, length)
		for i := range row {
			row[i] = t.Pad
		}
		row[0], row[n+1] = t.Start, t.End
		copy(row[1:], ids[:n])
		rows, ids = append(rows, row), ids[n:]
	}
	return rows
}

// Name is a token's text in the vocabulary.
func (t *Tokenizer) Name(id int) string { return t.names[id] }

// normalize composes, makes white space single blanks, and lowers the case, letter by letter.
func normalize(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "\ufffd"))
	var b strings.Builder
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		}
		space = false
		if r == 'İ' { // the only letter that becomes two
			b.WriteString("i\u0307")
			continue
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

var contractions = []string{start, end, "'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}

// split gives the words: '<|startoftext|>|<|endoftext|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+.
func split(s string) (words []string) {
next:
	for s != "" {
		for _, c := range contractions {
			if strings.HasPrefix(s, c) {
				words, s = append(words, c), s[len(c):]
				continue next
			}
		}
		r, size := utf8.DecodeRuneInString(s)
		n := size
		switch {
		case unicode.IsSpace(r):
			s = s[size:]
			continue
		case unicode.IsNumber(r):
		case unicode.IsLetter(r):
			n = run(s, unicode.IsLetter)
		default:
			n = run(s, func(r rune) bool { return !unicode.IsSpace(r) && !unicode.IsLetter(r) && !unicode.IsNumber(r) })
		}
		words, s = append(words, s[:n]), s[n:]
	}
	return words
}

// run is how many bytes of s at its beginning are of such letters.
func run(s string, is func(rune) bool) int {
	if i := strings.IndexFunc(s, func(r rune) bool { return !is(r) }); i >= 0 {
		return i
	}
	return len(s)
}

// letters are GPT-2's signs for bytes: printable ones stand for themselves, others follow from U+0100 on.
var letters = func() (out [256]string) {
	next := rune(256)
	for b := range 256 {
		r := rune(b)
		if (r < '!' || r > '~') && (r < 0xa1 || r > 0xac) && (r < 0xae || r > 0xff) {
			r = next
			next++
		}
		out[b] = string(r)
	}
	return out
}()

// word gives a word's tokens: the pair of least rank is merged, everywhere, until no pair has one.
func (t *Tokenizer) word(word string) []int {
	if ids, ok := t.cache[word]; ok {
		return ids
	}
	parts := make([]string, len(word))
	for i := range len(word) {
		parts[i] = letters[word[i]]
	}
	parts[len(parts)-1] += wordEnd
	for len(parts) > 1 {
		best, pair := math.MaxInt, [2]string{}
		for i := range len(parts) - 1 {
			p := [2]string{parts[i], parts[i+1]}
			if r, ok := t.ranks[p]; ok && r < best {
				best, pair = r, p
			}
		}
		if best == math.MaxInt {
			break
		}
		merged := parts[:0]
		for i := 0; i < len(parts); i++ {
			if i+1 < len(parts) && parts[i] == pair[0] && parts[i+1] == pair[1] {
				merged = append(merged, pair[0]+pair[1])
				i++
				continue
			}
			merged = append(merged, parts[i])
		}
		parts = merged
	}
	ids := make([]int, len(parts))
	for i, p := range parts {
		id, ok := t.vocab[p]
		if !ok {
			id = t.unknown
		}
		ids[i] = id
	}
	if len(t.cache) < maxCached {
		t.cache[word] = ids
	}
	return ids
}

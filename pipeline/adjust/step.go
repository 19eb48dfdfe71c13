// Package adjust changes pictures before they are stylized (pre: crop and size) and after (post: detail, sharpening, grain, colour, ...), by ordered
// lists of steps, and blends a stylized picture with its photo by a mask. Every operation is a pure function of pictures and numbers: it reads no
// files, runs no network and leaves its inputs as they are. The package imports nothing else of Gesso.
package adjust

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Step is one operation of a list.
type Step struct {
	// Op is the operation's name, one of PreOps or PostOps.
	Op string `json:"op"`
	// Amount is how much of it, in the range of the operation; of crop, fit, fill and long-edge it is 0.
	Amount float64 `json:"amount,omitempty"`
	// To is what crop, fit, fill and long-edge bring the photo to, such as 16:9, 1920x1080 or 2048, and what colour-match takes the colours of:
	// style or photo.
	To string `json:"to,omitempty"`
	// Seed chooses among the patterns of grain.
	Seed uint32 `json:"seed,omitempty"`
}

// The operations before a picture is stylized.
const (
	Crop     = "crop"      // to proportions, around the middle
	Fit      = "fit"       // into a box, never larger than the photo
	Fill     = "fill"      // exactly a size, cropped around the middle
	LongEdge = "long-edge" // the longest side, scaled down or up
)

// The operations after.
const (
	Upscale     = "upscale"
	Denoise     = "denoise"
	Detail      = "detail"
	ColourMatch = "colour-match"
	Contrast    = "contrast"
	Saturation  = "saturation"
	Sharpen     = "sharpen"
	Grain       = "grain"
)

// The pictures that ColourMatch takes the colours of.
const (
	ToStyle = "style"
	ToPhoto = "photo"
)

// op is what is known of an operation.
type op struct {
	name      string
	low, high float64 // of Amount
	want      string  // what it may hold, in a sentence's end
}

var preOps = []op{
	{Crop, 0, 0, "it crops to proportions such as 16:9, each number from 1 to 1000"},
	{Fit, 0, 0, "it fits into a size such as 1920x1080, each side from 16 to 30000 pixels"},
	{Fill, 0, 0, "it fills a size such as 1080x1080, each side from 16 to 30000 pixels, 200 megapixels in all"},
	{LongEdge, 0, 0, "it takes the longest side in pixels, from 16 to 30000"},
}

// postOps stand in the order that is best as a rule: what removes before what adds, and sharpening and grain at the final size.
var postOps = []op{
	{Upscale, 2, 2, "it is 2, twice as wide and high"},
	{Denoise, 0, 1, "it goes from 0 to 1"},
	{Detail, 0, 1, "it goes from 0 to 1"},
	{ColourMatch, 0, 1, "it takes the colours of the style or the photo, from 0 to 1 of them: style, photo or photo:0.5"},
	{Contrast, -1, 1, "it goes from -1 to 1"},
	{Saturation, -1, 1, "it goes from -1, grey, to 1"},
	{Sharpen, 0, 2, "it goes from 0 to 2"},
	{Grain, 0, 1, "it goes from 0 to 1, with a seed if you like: 0.3:42"},
}

func names(ops []op) (all []string) {
	for _, o := range ops {
		all = append(all, o.name)
	}
	return all
}

// PreOps are the names of the operations before, PostOps of those after, in the order that is best as a rule.
func PreOps() []string { return names(preOps) }

// PostOps are the names of the operations after.
func PostOps() []string { return names(postOps) }

// maxSteps bounds a list.
const maxSteps = 32

// StepError says which step is wrong, and what it may hold.
type StepError struct{ Step, Want string }

func (e *StepError) Error() string { return e.Step + ": " + e.Want }

// ParsePre reads a list such as "crop=16:9,long-edge=2048" and ParsePost one such as "detail=0.5,sharpen=0.3". The error is a *StepError.
func ParsePre(text string) ([]Step, error) { return parse(text, preOps) }

// ParsePost reads a list of the operations after.
func ParsePost(text string) ([]Step, error) { return parse(text, postOps) }

func parse(text string, ops []op) (steps []Step, err error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		name, value, _ := strings.Cut(word, "=")
		o, err := find(name, word, ops)
		if err != nil {
			return nil, err
		}
		s := Step{Op: name}
		switch {
		case o.low == o.high && o.high == 0:
			s.To = value
		case name == ColourMatch:
			amount, given := "1", false
			if s.To, amount, given = strings.Cut(value, ":"); !given {
				amount = "1"
			}
			s.Amount, err = strconv.ParseFloat(amount, 64)
		case name == Grain:
			amount, seed, given := strings.Cut(value, ":")
			if given {
				var n uint64
				if n, err = strconv.ParseUint(seed, 10, 32); err != nil {
					return nil, &StepError{word, "the seed is a whole number from 0 to 4294967295"}
				}
				s.Seed = uint32(n)
			}
			s.Amount, err = strconv.ParseFloat(amount, 64)
		default:
			s.Amount, err = strconv.ParseFloat(value, 64)
		}
		if err != nil {
			return nil, &StepError{word, o.want}
		}
		steps = append(steps, s)
	}
	return steps, validate(steps, ops)
}

func find(name, word string, ops []op) (op, error) {
	i := slices.IndexFunc(ops, func(o op) bool { return o.name == name })
	if i < 0 {
		return op{}, &StepError{strconv.Quote(word), "the steps are " + strings.Join(names(ops), ", ") + ", each as name=value"}
	}
	return ops[i], nil
}

// String is the step as ParsePre and ParsePost read it.
func (s Step) String() string {
	amount := strconv.FormatFloat(s.Amount, 'g', -1, 64)
	switch {
	case s.Op == ColourMatch && s.Amount == 1:
		return s.Op + "=" + s.To
	case s.Op == ColourMatch:
		return s.Op + "=" + s.To + ":" + amount
	case s.To != "":
		return s.Op + "=" + s.To
	case s.Seed != 0:
		return s.Op + "=" + amount + ":" + strconv.FormatUint(uint64(s.Seed), 10)
	}
	return s.Op + "=" + amount
}

// Format writes a list as it is read.
func Format(steps []Step) string {
	words := make([]string, len(steps))
	for i, s := range steps {
		words[i] = s.String()
	}
	return strings.Join(words, ",")
}

// ValidatePre and ValidatePost check lists. The error is a *StepError.
func ValidatePre(steps []Step) error { return validate(steps, preOps) }

// ValidatePost checks a list of the operations after.
func ValidatePost(steps []Step) error { return validate(steps, postOps) }

func validate(steps []Step, ops []op) error {
	if len(steps) > maxSteps {
		return &StepError{fmt.Sprintf("a list of %d steps", len(steps)), fmt.Sprintf("it holds at most %d", maxSteps)}
	}
	upscaled := false
	for _, s := range steps {
		o, err := find(s.Op, s.Op, ops)
		if err != nil {
			return err
		}
		good := s.Amount >= o.low && s.Amount <= o.high // false for NaN
		switch s.Op {
		case Crop, Fit, Fill, LongEdge:
			_, _, ok := s.size()
			good = good && ok
		case ColourMatch:
			good = good && (s.To == ToStyle || s.To == ToPhoto)
		default:
			good = good && s.To == ""
		}
		if !good || (s.Seed != 0 && s.Op != Grain) {
			return &StepError{s.String(), o.want}
		}
		if s.Op == Upscale {
			if upscaled {
				return &StepError{s.String(), "once in a list is as large as it gets"}
			}
			upscaled = true
		}
	}
	return nil
}

// The sides that a photo may be brought to, in pixels, and their product.
const (
	minSide   = 16
	maxSide   = 30000
	maxPixels = 200e6
)

// size reads To of the operations before. LongEdge has no height.
func (s Step) size() (w, h int, ok bool) {
	sep, low, high := "x", minSide, maxSide
	switch s.Op {
	case LongEdge:
		w, err := strconv.Atoi(s.To)
		return w, 0, err == nil && w >= low && w <= high && strconv.Itoa(w) == s.To
	case Crop:
		sep, low, high = ":", 1, 1000
	}
	a, b, ok := strings.Cut(s.To, sep)
	if !ok {
		return 0, 0, false
	}
	w, errW := strconv.Atoi(a)
	h, errH := strconv.Atoi(b)
	ok = errW == nil && errH == nil && min(w, h) >= low && max(w, h) <= high && strconv.Itoa(w)+sep+strconv.Itoa(h) == s.To // no signs, no zeros before
	return w, h, ok && (s.Op != Fill || float64(w)*float64(h) <= maxPixels)
}

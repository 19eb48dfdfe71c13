package batch

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gesso-app/gesso/pipeline"
)

// Collision is what happens where a file has the output's name already.
type Collision string

// The policies. None ever replaces the picture of another source.
const (
	CollisionNumber    Collision = "number"    // the output gets a number
	CollisionSkip      Collision = "skip"      // the source is passed over
	CollisionOverwrite Collision = "overwrite" // the file is replaced
)

// Template is a pattern for outputs' names, such as "{name}-{style}": an output's path in the output folder, without its extension. {n} may
// have a width: {n:4} is 0001.
type Template string

// DefaultTemplate keeps the source's name.
const DefaultTemplate Template = "{name}"

// maxFileName bounds the name of an output in bytes: most file systems take 255, of which a number and an extension need some.
const maxFileName = 230

var field = regexp.MustCompile(`\{([^{}]*)\}`)

// Fields are what a template may hold.
type Fields struct {
	Name     string // the source's name without its extension
	Style    string
	Strength float64
	Seed     int64 // 0: the style networks use no chance
	Date     time.Time
	N        int64
}

// Validate checks that a template holds known fields, at least one that differs between sources, and stays in its folder.
func (t Template) Validate() error {
	bad := func(want string) error {
		return &pipeline.FieldError{Field: "name", Value: strconv.Quote(string(t)), Want: want}
	}
	differs := false
	for _, m := range field.FindAllStringSubmatch(string(t), -1) {
		name, width, has := strings.Cut(m[1], ":")
		differs = differs || name == "name" || name == "n"
		switch name {
		case "name", "style", "strength", "seed", "date":
			if has {
				return bad("only {n} takes a width")
			}
		case "n":
			if w, err := strconv.Atoi(width); has && (err != nil || w < 1 || w > 12) {
				return bad("the width of {n} goes from 1 to 12, as in {n:4}")
			}
		default:
			return bad("it may hold {name}, {style}, {strength}, {seed}, {date} and {n}")
		}
	}
	rest := field.ReplaceAllString(string(t), "x")
	switch {
	case strings.ContainsAny(rest, "{}"):
		return bad("braces stand around a field, such as {name}")
	case !differs:
		return bad("it needs {name} or {n}, or all outputs would have one name")
	case strings.ContainsAny(rest, `<>:"\|?*`) || strings.ContainsFunc(rest, unicode.IsControl):
		return bad(`it must not hold < > : " \ | ? *`)
	}
	for part := range strings.SplitSeq(rest, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".") || strings.TrimSpace(part) != part {
			return bad("folders and names in it must not be empty, begin or end with a dot or a space")
		}
	}
	return nil
}

// Expand returns the path in the output folder, with the extension.
func (t Template) Expand(f Fields, extension string) string {
	path := field.ReplaceAllStringFunc(string(t), func(m string) string {
		name, width, _ := strings.Cut(m[1:len(m)-1], ":")
		switch name {
		case "name":
			return clean(f.Name)
		case "style":
			return clean(f.Style)
		case "strength":
			return strconv.FormatFloat(f.Strength, 'f', 2, 64)
		case "seed":
			return strconv.FormatInt(f.Seed, 10)
		case "date":
			return f.Date.Format("2006-01-02")
		}
		w, _ := strconv.Atoi(width) // 0 where there is none
		return fmt.Sprintf("%0*d", w, f.N)
	})
	dir, name := filepath.Split(filepath.FromSlash(path))
	for len(name) > maxFileName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return dir + name + extension
}

// clean makes a value a part of a file's name on every platform.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/\|?*`, r) || unicode.IsControl(r) {
			return '_'
		}
		return r
	}, s)
	if s = strings.Trim(s, " ."); s == "" {
		return "_"
	}
	return s
}

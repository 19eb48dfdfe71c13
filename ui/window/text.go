//go:build !headless

package window

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gesso-app/gesso/ui/window/view"
)

// tr is a text in the window's language.
func tr(text string, args ...any) string { return view.Tr(text, args...) }

// capital starts a sentence.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return strings.TrimSpace(string(unicode.ToUpper(r)) + s[n:])
}

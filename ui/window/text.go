//go:build !headless

package window

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"fyne.io/fyne/v2/lang"
)

// tr is a text in the window's language, with args put in as fmt.Sprintf does. The English text is the key (assets/translations).
func tr(text string, args ...any) string {
	text = lang.L(text)
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// capital starts a sentence.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return strings.TrimSpace(string(unicode.ToUpper(r)) + s[n:])
}

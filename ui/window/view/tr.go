//go:build !headless

package view

import (
	"fmt"

	"fyne.io/fyne/v2/lang"
)

// Tr is a text in the window's language, with args put in as fmt.Sprintf does. The English text is the key (assets/translations).
func Tr(text string, args ...any) string {
	text = lang.L(text)
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

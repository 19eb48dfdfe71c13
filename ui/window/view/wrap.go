//go:build !headless

package view

import (
	"strings"
	"unicode"
)

// wrapped breaks a text into lines that fit: at spaces, between ideographs, and within a word that is longer than a line.
func wrapped(text string, fits func(string) bool) (lines []string) {
	for _, paragraph := range strings.Split(text, "\n") {
		line := ""
		for _, word := range words(paragraph) {
			if fits(strings.TrimRight(line+word, " ")) {
				line += word
				continue
			}
			if line != "" {
				lines = append(lines, strings.TrimRight(line, " "))
			}
			line = ""
			for _, r := range word {
				if line != "" && !fits(line+string(r)) {
					lines = append(lines, line)
					line = ""
				}
				line += string(r)
			}
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// words parts a text where a line may end. Each word has the spaces behind it.
func words(text string) (all []string) {
	start := 0
	runes := []rune(text)
	for i := 1; i < len(runes); i++ {
		before, r := runes[i-1], runes[i]
		space := before == ' ' && r != ' '
		between := (ideograph(before) || ideograph(r)) && before != ' ' && r != ' ' && !strings.ContainsRune("、。，．：；）！？」』”’%", r) && !strings.ContainsRune("（「『“‘", before)
		if space || between {
			all = append(all, string(runes[start:i]))
			start = i
		}
	}
	return append(all, string(runes[start:]))
}

// ideograph is whether a line may end at r without a space.
func ideograph(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xffef
}

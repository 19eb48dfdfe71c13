package preset

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxName bounds a name in bytes of UTF-8, so that with its extension it fits every file system.
const maxName = 120

// reserved are names that Windows keeps for devices, with any extension.
var reserved = []string{"con", "prn", "aux", "nul", "conin$", "conout$"}

// NameError says why a name cannot be a preset's.
type NameError struct{ Name, Reason string }

func (e *NameError) Error() string { return fmt.Sprintf("preset name %q %s", e.Name, e.Reason) }

// CheckName says whether a name can be a preset's: it is a file's name on every platform.
func CheckName(name string) error {
	refuse := func(reason string) error { return &NameError{name, reason} }
	switch {
	case name == "":
		return refuse("is empty")
	case !utf8.ValidString(name):
		return refuse("is no UTF-8")
	case len(name) > maxName:
		return refuse(fmt.Sprintf("is longer than %d bytes", maxName))
	case !norm.NFC.IsNormalString(name):
		return refuse("is not in Unicode's composed form")
	case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") || strings.HasPrefix(name, " "):
		return refuse("begins with a dot, a hyphen or a space")
	case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "):
		return refuse("ends with a dot or a space")
	}
	for _, r := range name {
		if strings.ContainsRune(`<>:"/\|?*`, r) || !unicode.IsPrint(r) {
			return refuse(fmt.Sprintf("holds %q, which not every file system takes", r))
		}
	}
	stem, _, _ := strings.Cut(strings.ToLower(name), ".")
	stem = strings.TrimSpace(stem)
	port := len([]rune(stem)) == 4 && (strings.HasPrefix(stem, "com") || strings.HasPrefix(stem, "lpt")) && strings.ContainsAny(stem[3:], "0123456789¹²³")
	if port || slices.Contains(reserved, stem) {
		return refuse("is kept for a device by Windows")
	}
	return nil
}

// fold is what two names share that the file system of a Mac or of Windows takes for one.
func fold(name string) string { return norm.NFC.String(cases.Fold().String(norm.NFC.String(name))) }

//go:build !headless

package window

import (
	"regexp"
	"strings"
)

// failures are what reading and writing a picture most often fails with, as sentences of the session. They come from packages that know no language;
// here they are recognized, so that they can be said in the window's. What is not among them stays English.
var failures = []string{
	"%s does not exist.",
	"%s is empty.",
	"%s is a folder, not a picture.",
	"%s is not a file.",
	"%s is damaged or incomplete, or a rare kind of %s.",
	"%s is damaged: its %s bytes cannot hold the %s pixels that it states.",
	"%s is too small (%s pixels): each side must be at least %s.",
	"%s is too large (%s pixels): a side may have at most %s.",
	"%s is too large: a file may have at most %s bytes.",
	"%s has too many pixels (%s): at most %s megapixels.",
	"%s is not a picture that Gesso reads (it looks like text): use JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF.",
	"%s is a picture of the kind %s, which Gesso does not read: use JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF.",
	"%s is not a picture that Gesso reads: use JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF.",
	"%s cannot be read: permission denied.",
	"%s cannot be written: permission denied.",
	"%s cannot be written: no space left on device.",
	"%s cannot be written: it is a folder or a device.",
	"%s cannot be written: the folder %s does not exist.",
	"%s has no name that Gesso writes: use .jpg, .png, .tif or .webp.",
}

var failurePatterns = func() (all []*regexp.Regexp) {
	for _, f := range failures {
		all = append(all, regexp.MustCompile("^"+strings.ReplaceAll(regexp.QuoteMeta(f), "%s", "(.+)")+"$"))
	}
	return all
}()

// explain says a sentence of the session's in the window's language, if it is one that is known.
func explain(sentence string) string {
	for i, p := range failurePatterns {
		found := p.FindStringSubmatch(sentence)
		if found == nil {
			continue
		}
		args := make([]any, len(found)-1)
		for k, s := range found[1:] {
			args[k] = s
		}
		return tr(failures[i], args...)
	}
	return sentence
}

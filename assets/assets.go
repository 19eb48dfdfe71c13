// Package assets holds what is embedded in the program: the style networks, the built-in styles with their thumbnails, the samples and the icon. It imports nothing
// of the project.
package assets

import "embed"

// Networks holds networks/style.mlpackage, networks/statistics.mlpackage and networks/transform.mlpackage.
//
//go:embed all:networks/style.mlpackage all:networks/statistics.mlpackage all:networks/transform.mlpackage
var Networks embed.FS

// Styles is the catalogue of built-in styles, JSON.
//
//go:embed networks/styles.json
var Styles []byte

//go:embed styles/*.jpg
var styles embed.FS

// Translations holds translations/LANGUAGE.json: the window's texts by their English ones.
//
//go:embed translations/*.json
var Translations embed.FS

//go:embed samples/photo.jpg
var samplePhoto []byte

//go:embed samples/style.jpg
var sampleStyle []byte

//go:embed icon.png
var icon []byte

// StyleThumbnail is a JPEG, 224 pixels wide, of the sample photo in the built-in style of that identifier; nil where there is none.
// `gesso styles thumbnails assets/samples/photo.jpg assets/styles` writes them.
func StyleThumbnail(id string) []byte {
	b, err := styles.ReadFile("styles/" + id + ".jpg")
	if err != nil {
		return nil
	}
	return b
}

// SamplePhoto is a JPEG to try the program with; samples/README.md names its source.
func SamplePhoto() []byte { return samplePhoto }

// SampleStyle is a JPEG of a painting-like picture made by samples/make.py.
func SampleStyle() []byte { return sampleStyle }

// Icon is the program's icon, PNG.
func Icon() []byte { return icon }

// languages are those that the window speaks, with their own names.
var languages = []struct{ tag, name string }{
	{"en", "English"}, {"de", "Deutsch"}, {"fr", "Français"}, {"es", "Español"}, {"ja", "日本語"}, {"zh-Hans", "简体中文"},
}

// Languages are the languages of the window, BCP 47.
func Languages() (tags []string) {
	for _, l := range languages {
		tags = append(tags, l.tag)
	}
	return tags
}

// LanguageName is what a language is called in itself.
func LanguageName(tag string) string {
	for _, l := range languages {
		if l.tag == tag {
			return l.name
		}
	}
	return tag
}

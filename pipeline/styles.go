package pipeline

import "github.com/gesso-app/gesso/pipeline/style"

// BuiltinStyle is a style that comes with the program.
type BuiltinStyle struct {
	ID       string   `json:"id"` // for Config.StyleName
	Title    string   `json:"title"`
	Artist   string   `json:"artist"`
	Year     int      `json:"year"`
	Movement string   `json:"movement"`
	Keywords []string `json:"keywords"`
}

// BuiltinStyles lists the built-in styles in alphabetical order of their identifiers.
func BuiltinStyles() []BuiltinStyle {
	var all []BuiltinStyle
	for _, p := range style.Catalogue() {
		all = append(all, BuiltinStyle{p.ID, p.Title, p.Artist, p.Year, p.Movement, p.Keywords})
	}
	return all
}

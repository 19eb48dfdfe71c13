//go:build !headless

package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// icon is a drawing on a field of 24 x 24 that takes the theme's colours.
func icon(name, path string) fyne.Resource {
	return theme.NewThemedResource(fyne.NewStaticResource(name+".svg",
		[]byte(`<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24"><path fill="#000000" d="`+path+`"/></svg>`)))
}

// Icons that Fyne has not.
var (
	IconStar    = icon("star", "M12 3l2.7 5.9 6.3.7-4.7 4.3 1.3 6.3L12 17l-5.6 3.2 1.3-6.3L3 9.6l6.3-.7z")
	IconOutline = icon("star-outline", "M12 3l2.7 5.9 6.3.7-4.7 4.3 1.3 6.3L12 17l-5.6 3.2 1.3-6.3L3 9.6l6.3-.7zM12 6.8l-1.6 3.5-3.7.4 2.8 2.6-.8 3.7 3.3-1.9 3.3 1.9-.8-3.7 2.8-2.6-3.7-.4z")
)

// Package mac is what a window on macOS does that Fyne does not: the system's open and save panels, pictures on the pasteboard, showing a file in
// the Finder, sharing, dragging a picture out, progress in the Dock, and opening what the Finder or the Dock hands over. Elsewhere each function does the nearest thing or
// returns ErrUnsupported. It knows nothing of Fyne and imports nothing of the project.
//
// All functions but OnOpen must be called on the main thread, which is Fyne's UI goroutine, with a window open; functions that are given to them are
// called there too, unless their comment says otherwise.
package mac

import "errors"

// ErrUnsupported means that this system has no such thing.
var ErrUnsupported = errors.New("this needs macOS")

// ErrNoPicture means that there is no picture on the pasteboard.
var ErrNoPicture = errors.New("there is no picture on the pasteboard")

// Panel is what an open or save panel asks for. Its zero value asks for any file.
type Panel struct {
	Title      string
	Folder     string   // where it begins; empty: where the last one ended
	Name       string   // that a save panel offers
	Extensions []string // of the files that an open panel lets choose, without dots; empty: any
	Many       bool     // whether an open panel takes several files
}

// Pasted is what was on the pasteboard: a picture as PNG, or the path of a file that was copied in the Finder.
type Pasted struct {
	PNG  []byte
	Path string
}

// Package imageio decodes pictures with macOS's Image I/O: HEIC, HEIF, AVIF, cameras' raw files, and whatever else the system knows. Colours are brought
// from the picture's profile to sRGB, and the picture upright. Elsewhere nothing can be read. It imports nothing of the project.
package imageio

import "errors"

// ErrUnsupported means that this system has no decoder for the data.
var ErrUnsupported = errors.New("the system has no decoder for it")

// Info is what a picture's header says.
type Info struct {
	// Type is the system's name of the format (a uniform type identifier), such as public.heic or com.adobe.raw-image.
	Type string
	// Width and Height are its size in pixels, upright.
	Width, Height int
}

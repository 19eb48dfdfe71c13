//go:build !darwin

package imageio

import "image"

// Available tells whether the system decodes pictures.
const Available = false

// Stat reads a picture's header.
func Stat([]byte) (Info, error) { return Info{}, ErrUnsupported }

// Decode reads a picture.
func Decode([]byte) (*image.NRGBA, error) { return nil, ErrUnsupported }

package picture

import (
	"image"
	"io"
	"strings"

	"github.com/gesso-app/gesso/native/mac/imageio"
)

// decoder is what reads the formats that Gesso has no decoder for: the system, where it is macOS.
type decoder struct {
	stat   func([]byte) (imageio.Info, error)
	decode func([]byte) (*image.NRGBA, error)
}

var system = decoder{imageio.Stat, imageio.Decode}

// format is how the system reads data, if it is of a kind that is left to it: HEIC, HEIF, AVIF and cameras' raw files, many of which begin as a TIFF file
// does. Otherwise it is nil. The picture comes upright and as sRGB; its metadata stays behind.
func (d decoder) format(data []byte) *format {
	info, err := d.stat(data)
	if err != nil {
		return nil
	}
	name := strings.TrimPrefix(info.Type, "public.")
	switch {
	case name == "heic", name == "heif", name == "avif":
	case strings.HasSuffix(name, "raw-image"):
		name = "raw"
	default:
		return nil
	}
	return &format{
		name: name,
		config: func(io.Reader) (image.Config, error) {
			return image.Config{Width: info.Width, Height: info.Height}, nil
		},
		decode:   func(io.Reader) (image.Image, error) { return d.decode(data) },
		metadata: func([]byte) (Metadata, int) { return Metadata{}, 1 },
	}
}

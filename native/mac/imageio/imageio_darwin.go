package imageio

/*
#cgo CFLAGS: -fobjc-arc
#cgo LDFLAGS: -framework Foundation -framework CoreFoundation -framework CoreGraphics -framework ImageIO
#include "imageio.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"unsafe"
)

// Available tells whether the system decodes pictures.
const Available = true

var errDamaged = errors.New("the system's decoder gave up")

func outcome(code C.int) error {
	switch code {
	case C.GESSO_IMAGE_OK:
		return nil
	case C.GESSO_IMAGE_UNKNOWN:
		return ErrUnsupported
	}
	return errDamaged
}

// stat is Stat with the header as C has it.
func stat(data []byte) (info C.gesso_image_info, err error) {
	if len(data) == 0 {
		return info, ErrUnsupported
	}
	return info, outcome(C.gesso_image_stat(unsafe.Pointer(&data[0]), C.size_t(len(data)), &info))
}

// Stat reads a picture's header. A format that the system does not know gives ErrUnsupported.
func Stat(data []byte) (Info, error) {
	info, err := stat(data)
	if err != nil {
		return Info{}, err
	}
	return Info{Type: C.GoString(&info._type[0]), Width: int(info.width), Height: int(info.height)}, nil
}

// Decode reads a picture, turns it upright and brings its colours to sRGB, 8 bits. It allocates four bytes for each pixel of Stat's size, at most
// 4 GiB: check it before.
func Decode(data []byte) (*image.NRGBA, error) {
	info, err := stat(data)
	if err != nil {
		return nil, err
	}
	w, h := int64(info.width), int64(info.height)
	if w > 1<<20 || h > 1<<20 || w*h > 1<<30 {
		return nil, fmt.Errorf("%d x %d pixels are too many", w, h)
	}
	pixels := image.NewRGBA(image.Rect(0, 0, int(w), int(h)))
	if err := outcome(C.gesso_image_decode(unsafe.Pointer(&data[0]), C.size_t(len(data)), &info, unsafe.Pointer(&pixels.Pix[0]))); err != nil {
		return nil, err
	}
	if pixels.Opaque() {
		return &image.NRGBA{Pix: pixels.Pix, Stride: pixels.Stride, Rect: pixels.Rect}, nil
	}
	out := image.NewNRGBA(pixels.Rect)
	draw.Draw(out, out.Rect, pixels, image.Point{}, draw.Src)
	return out, nil
}

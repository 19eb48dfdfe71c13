package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"

	"golang.org/x/image/webp"
)

// decodeWebP decodes a WebP file. The package webp hands on the YCbCr of lossy files as it is stored, in the range of video
// (luma 16 to 235, RFC 6386 section 9.2), while image.YCbCr means that of JPEG (0 to 255): taken as such, white would be grey.
func decodeWebP(r io.Reader) (image.Image, error) {
	img, err := webp.Decode(r)
	if err != nil {
		return nil, err
	}
	var src *image.YCbCr
	var alpha *image.NYCbCrA
	switch img := img.(type) {
	case *image.YCbCr:
		src = img
	case *image.NYCbCrA:
		src, alpha = &img.YCbCr, img
	default:
		return img, nil
	}
	dst := image.NewNRGBA(image.Rect(0, 0, src.Rect.Dx(), src.Rect.Dy()))
	parallelRows(src.Rect.Dy(), func(y int) {
		d := dst.Pix[y*dst.Stride:][:dst.Stride]
		y += src.Rect.Min.Y
		fromVideoRange(d, src, y)
		if alpha != nil {
			a := alpha.A[alpha.AOffset(src.Rect.Min.X, y):]
			for i := 3; i < len(d); i += 4 {
				d[i] = a[i/4]
			}
		}
	})
	return dst, nil
}

// fromVideoRange converts the row y with the fixed-point constants of libwebp (src/dsp/yuv.h).
func fromVideoRange(d []byte, src *image.YCbCr, y int) {
	scale := func(v uint8, c int) int { return int(v) * c >> 8 }
	clip := func(v int) uint8 { return uint8(min(max(v>>6, 0), 255)) }
	x0 := src.Rect.Min.X
	luma := src.Y[src.YOffset(x0, y):]
	for i := 0; i < len(d); i += 4 {
		c := src.COffset(x0+i/4, y)
		l, cb, cr := scale(luma[i/4], 19077), src.Cb[c], src.Cr[c]
		d[i] = clip(l + scale(cr, 26149) - 14234)
		d[i+1] = clip(l - scale(cb, 6419) - scale(cr, 13320) + 8708)
		d[i+2] = clip(l + scale(cb, 33050) - 17685)
		d[i+3] = 255
	}
}

// webpChunks calls f with the name and the data of each chunk of a RIFF file.
func webpChunks(data []byte, f func(kind string, payload []byte)) {
	data = data[min(12, len(data)):]
	for len(data) >= 8 {
		n := int64(binary.LittleEndian.Uint32(data[4:]))
		if n+8 > int64(len(data)) {
			return
		}
		f(string(data[:4]), data[8:8+n])
		data = data[min(8+n+n&1, int64(len(data))):]
	}
}

// webpMetadata reads the metadata chunks of a WebP file.
func webpMetadata(data []byte) (Metadata, int) {
	var m Metadata
	orientation := 1
	webpChunks(data, func(kind string, payload []byte) {
		switch kind {
		case "EXIF":
			if m.EXIF == nil { // some writers keep the signature of JPEG
				orientation = m.addEXIF(bytes.TrimPrefix(payload, []byte(exifSignature)))
			}
		case "ICCP":
			m.addICC(payload)
		case "XMP ":
			m.addXMP(payload)
		}
	})
	return m, orientation
}

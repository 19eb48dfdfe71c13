package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"github.com/gen2brain/avif"
	"github.com/gen2brain/heic"
)

// Where the system reads no HEIC and AVIF, libheif with libde265 and libavif with libaom do, as WebAssembly: what a forged file does there stays there.
var (
	heicFormat = &format{name: "heic", config: heifConfig(heic.DecodeConfig), decode: decodeHEIC, metadata: heifMetadata, ratio: 20000}
	avifFormat = &format{name: "avif", config: heifConfig(avif.DecodeConfig), decode: avif.Decode, metadata: heifMetadata, ratio: 20000}
)

// heifFormat tells HEIC and AVIF by the brands of an ISO base media file.
func heifFormat(data []byte) *format {
	if len(data) < 12 || string(data[4:8]) != "ftyp" {
		return nil
	}
	switch isoKind(data) {
	case "HEIC":
		return heicFormat
	case "AVIF":
		return avifFormat
	}
	return nil
}

// heifConfig takes the size from the boxes, before a decoder sees the file: the largest that any of the pictures in it, or a grid of them, states.
func heifConfig(check func(io.Reader) (image.Config, error)) func(io.Reader) (image.Config, error) {
	return func(r io.Reader) (image.Config, error) {
		data, err := io.ReadAll(r)
		if err != nil {
			return image.Config{}, err
		}
		var c image.Config
		if !complete(data) {
			return c, io.ErrUnexpectedEOF
		}
		for _, b := range heifProperties(data) {
			if b.kind == "ispe" && len(b.data) >= 12 {
				w, h := int(binary.BigEndian.Uint32(b.data[4:])), int(binary.BigEndian.Uint32(b.data[8:]))
				if int64(w)*int64(h) > int64(c.Width)*int64(c.Height) {
					c.Width, c.Height = w, h
				}
			}
		}
		if c.Width == 0 {
			return c, io.ErrUnexpectedEOF
		}
		if int64(c.Width)*int64(c.Height) > DefaultLimits.Pixels {
			return c, nil // for the limits to refuse
		}
		return check(bytes.NewReader(data))
	}
}

// decodeHEIC refuses pictures narrower than libde265's memory for one, which the package heic takes for as wide as the picture.
func decodeHEIC(r io.Reader) (image.Image, error) {
	img, err := heic.Decode(r)
	if err == nil && img.Bounds().Dx() < 64 {
		return nil, errors.New("a HEIC picture is less than 64 pixels wide")
	}
	return img, err
}

// box is one of ISO/IEC 14496-12, section 4.2.
type box struct {
	kind string
	data []byte
}

// boxes returns those that follow each other in data, up to the first damaged one.
func boxes(data []byte) (all []box) {
	for len(data) >= 8 && len(all) < 4096 {
		size, head := int64(binary.BigEndian.Uint32(data)), int64(8)
		switch {
		case size == 0:
			size = int64(len(data))
		case size == 1 && len(data) >= 16 && binary.BigEndian.Uint64(data[8:]) < 1<<40:
			size, head = int64(binary.BigEndian.Uint64(data[8:])), 16
		}
		if size < head || size > int64(len(data)) {
			return all
		}
		all = append(all, box{string(data[4:8]), data[head:size]})
		data = data[size:]
	}
	return all
}

// complete says whether the boxes reach to the end of data: the decoders show what they have of a picture that was cut.
func complete(data []byte) bool {
	var reached int64
	for int64(len(data))-reached >= 8 {
		size, head := int64(binary.BigEndian.Uint32(data[reached:])), int64(8)
		if size == 1 && int64(len(data))-reached >= 16 {
			size, head = int64(binary.BigEndian.Uint64(data[reached+8:])), 16
		}
		switch {
		case size == 0:
			return true
		case size < head || size > int64(len(data))-reached:
			return false
		}
		reached += size
	}
	return true
}

// inside returns the content of the first box of a kind, without skip bytes at its start; nil if there is none.
func inside(all []box, kind string, skip int) []byte {
	for _, b := range all {
		if b.kind == kind && len(b.data) >= skip {
			return b.data[skip:]
		}
	}
	return nil
}

func heifMeta(data []byte) []box { return boxes(inside(boxes(data), "meta", 4)) }

// heifProperties are the boxes that describe the pictures (ISO/IEC 23008-12, section 9.3).
func heifProperties(data []byte) []box {
	return boxes(inside(boxes(inside(heifMeta(data), "iprp", 0)), "ipco", 0))
}

// heifMetadata reads the colour profile, EXIF and XMP. The orientation is that of the boxes, which the decoder has applied.
func heifMetadata(data []byte) (Metadata, int) {
	var m Metadata
	for _, b := range heifProperties(data) {
		if b.kind == "colr" && len(b.data) > 4 && (string(b.data[:4]) == "prof" || string(b.data[:4]) == "rICC") {
			m.addICC(b.data[4:])
		}
	}
	for kind, items := range heifItems(data) {
		for _, item := range items {
			switch kind {
			case "Exif": // after an offset of 4 bytes, which is nearly always that of the signature's end
				if len(item) > 4 {
					if skip := int64(binary.BigEndian.Uint32(item)); skip+4 < int64(len(item)) {
						m.addEXIF(bytes.TrimPrefix(item[4+skip:], []byte(exifSignature)))
					}
				}
			case "mime":
				if bytes.Contains(item[:min(len(item), 4096)], []byte("xmpmeta")) {
					m.addXMP(item)
				}
			}
		}
	}
	return m, 1
}

// heifItems returns the data of the items that are metadata, by type (ISO/IEC 14496-12, sections 8.11.3 and 8.11.6).
func heifItems(data []byte) map[string][][]byte {
	kinds := map[uint32]string{}
	meta := heifMeta(data)
	if info := inside(meta, "iinf", 4); len(info) > 2 {
		for _, b := range boxes(info[2:]) {
			if b.kind == "infe" && len(b.data) >= 12 && b.data[0] == 2 {
				kinds[uint32(binary.BigEndian.Uint16(b.data[4:]))] = string(b.data[8:12])
			}
		}
	}
	items := map[string][][]byte{}
	location := inside(meta, "iloc", 0)
	if len(location) < 8 || location[0] > 1 {
		return items
	}
	version := location[0]
	offsetSize, lengthSize, baseSize, indexSize := int(location[4]>>4), int(location[4]&15), int(location[5]>>4), int(location[5]&15)*int(version)
	at := location[6:]
	whole := true
	number := func(n int) (v uint64) {
		if n > 8 || n > len(at) {
			whole = false
			return 0
		}
		for _, b := range at[:n] {
			v = v<<8 | uint64(b)
		}
		at = at[n:]
		return v
	}
	for n := number(2); n > 0 && whole; n-- {
		id, method := uint32(number(2)), uint64(0)
		if version == 1 {
			method = number(2) & 15
		}
		number(2) // the file
		base, extents := number(baseSize), number(2)
		for e := extents; e > 0 && whole; e-- {
			number(indexSize)
			start, length := base+number(offsetSize), number(lengthSize)
			kind := kinds[id]
			if whole && extents == 1 && method == 0 && (kind == "Exif" || kind == "mime") && start <= uint64(len(data)) && length <= uint64(len(data))-start {
				items[kind] = append(items[kind], data[start:start+length])
			}
		}
	}
	return items
}

package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"io"
)

// xmpKeyword names the international text chunk of PNG that holds XMP (XMP Specification, part 3, section 1.1.5).
const xmpKeyword = "XML:com.adobe.xmp"

// pngSignature is the length of the signature before the first chunk.
const pngSignature = 8

// pngChunks calls f with the type and the data of each chunk, until the end or the first damaged length.
func pngChunks(data []byte, f func(kind string, payload []byte)) {
	data = data[min(pngSignature, len(data)):]
	for len(data) >= 12 {
		n := int64(binary.BigEndian.Uint32(data))
		if n+12 > int64(len(data)) {
			return
		}
		f(string(data[4:8]), data[8:8+n])
		data = data[12+n:]
	}
}

// pngMetadata reads the metadata chunks of a PNG file.
func pngMetadata(data []byte) (Metadata, int) {
	var m Metadata
	orientation := 1
	pngChunks(data, func(kind string, payload []byte) {
		switch kind {
		case "eXIf":
			if m.EXIF == nil {
				orientation = m.addEXIF(payload)
			}
		case "iCCP": // name, 0, method, profile
			if _, rest, ok := bytes.Cut(payload, []byte{0}); ok && len(rest) > 1 && m.ICC == nil {
				m.addICC(m.inflate(rest[1:]))
			}
		case "iTXt": // keyword, 0, compressed, method, language, 0, translated keyword, 0, text
			keyword, rest, ok := bytes.Cut(payload, []byte{0})
			if !ok || len(rest) < 2 {
				return
			}
			compressed := rest[0] == 1
			_, rest, _ = bytes.Cut(rest[2:], []byte{0})
			_, text, _ := bytes.Cut(rest, []byte{0})
			if compressed {
				text = m.inflate(text)
			}
			if string(keyword) == xmpKeyword {
				m.addXMP(text)
			}
		case "zTXt": // keyword, 0, method, compressed text: not the chunk that the specification names, but some writers use it
			if keyword, rest, ok := bytes.Cut(payload, []byte{0}); ok && len(rest) > 1 {
				if text := m.inflate(rest[1:]); string(keyword) == xmpKeyword {
					m.addXMP(text)
				}
			}
		}
	})
	return m, orientation
}

// inflate unpacks a zlib stream, or returns nil if it is damaged. One that unpacks to more than maxBlob is noted, as all of the texts are looked
// through: such a file is made to harm whatever program reads it.
func (m *Metadata) inflate(packed []byte) []byte {
	if m.fault != "" {
		return nil
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxBlob+1))
	if m.tooLarge(data) || err != nil {
		return nil
	}
	return data
}

// decodePNG refuses a file whose packed pixels are too few for its size before it makes the picture: deflate packs at most 1032 bytes into one.
func decodePNG(r io.Reader) (image.Image, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	var packed int64
	pngChunks(data, func(kind string, payload []byte) {
		if kind == "IDAT" {
			packed += int64(len(payload))
		}
	})
	samples := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[data[25]]
	if raw := int64(c.Height) * ((int64(c.Width)*samples*int64(data[24]) + 7) / 8); raw > 1<<20 && raw/1032 > packed {
		return nil, fmt.Errorf("%d packed bytes cannot hold %dx%d pixels", packed, c.Width, c.Height)
	}
	return png.Decode(bytes.NewReader(data))
}

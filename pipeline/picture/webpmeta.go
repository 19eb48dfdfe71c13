package picture

import (
	"bytes"
	"encoding/binary"
)

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

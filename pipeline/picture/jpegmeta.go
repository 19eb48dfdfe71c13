package picture

import (
	"bytes"
	"encoding/binary"
)

// The signatures with which application segments of JPEG begin.
const (
	exifSignature = "Exif\x00\x00"
	xmpSignature  = "http://ns.adobe.com/xap/1.0/\x00"
	iccSignature  = "ICC_PROFILE\x00"
)

// The JPEG markers that are read or written (ITU-T T.81, table B.1).
const (
	markerSOI  = 0xd8
	markerEOI  = 0xd9
	markerSOS  = 0xda
	markerAPP1 = 0xe1
	markerAPP2 = 0xe2
)

// jpegSegments calls f with the marker and the payload of each segment before the picture's data.
func jpegSegments(data []byte, f func(marker byte, payload []byte)) {
	if len(data) < 2 {
		return
	}
	data = data[2:]
	for len(data) >= 4 && data[0] == 0xff {
		marker := data[1]
		if marker == 0xff { // a fill byte
			data = data[1:]
			continue
		}
		n := int(binary.BigEndian.Uint16(data[2:]))
		if marker == markerSOS || marker == markerEOI || n < 2 || 2+n > len(data) {
			return
		}
		f(marker, data[4:2+n])
		data = data[2+n:]
	}
}

// jpegMetadata reads the application segments of a JPEG file.
func jpegMetadata(data []byte) (Metadata, int) {
	var m Metadata
	orientation := 1
	var profile [256][]byte // the parts of the ICC profile, by their number from 1
	parts := 0
	jpegSegments(data, func(marker byte, payload []byte) {
		switch {
		case marker == markerAPP1 && bytes.HasPrefix(payload, []byte(exifSignature)):
			if m.EXIF == nil {
				orientation = m.addEXIF(payload[len(exifSignature):])
			}
		case marker == markerAPP1 && bytes.HasPrefix(payload, []byte(xmpSignature)):
			m.addXMP(payload[len(xmpSignature):])
		case marker == markerAPP2 && bytes.HasPrefix(payload, []byte(iccSignature)) && len(payload) > len(iccSignature)+2:
			number, total := payload[len(iccSignature)], payload[len(iccSignature)+1]
			profile[number], parts = payload[len(iccSignature)+2:], int(total)
		}
	})
	if parts > 0 {
		var whole []byte
		for _, part := range profile[1 : parts+1] {
			if part == nil {
				return m, orientation // a part is missing
			}
			whole = append(whole, part...)
		}
		m.addICC(whole)
	}
	return m, orientation
}

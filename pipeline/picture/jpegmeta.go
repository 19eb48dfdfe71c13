package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"io"
)

// The signatures with which application segments of JPEG begin.
const (
	exifSignature = "Exif\x00\x00"
	xmpSignature  = "http://ns.adobe.com/xap/1.0/\x00"
	iccSignature  = "ICC_PROFILE\x00"
	irbSignature  = "Photoshop 3.0\x00"
)

// The JPEG markers that are read or written (ITU-T T.81, table B.1).
const (
	markerSOI  = 0xd8
	markerEOI  = 0xd9
	markerSOS  = 0xda
	markerAPP1 = 0xe1
	markerAPP2 = 0xe2
	markerAPPD = 0xed
	markerAPPE = 0xee
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

// adobeSegment says that four components are inks as they are (Adobe Technical Note 5116).
const adobeSegment = "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"

// decodeJPEG reads what the package jpeg reads, and CMYK without Adobe's segment, whose inks are not inverted.
func decodeJPEG(r io.Reader) (image.Image, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	adobe, inks := false, false
	jpegSegments(data, func(marker byte, payload []byte) {
		adobe = adobe || marker == markerAPPE && bytes.HasPrefix(payload, []byte("Adobe"))
		inks = inks || marker >= 0xc0 && marker <= 0xc2 && len(payload) > 5 && payload[5] == 4
	})
	if adobe || !inks {
		return jpeg.Decode(bytes.NewReader(data))
	}
	img, err := jpeg.Decode(bytes.NewReader(append(append(append([]byte(nil), data[:2]...), adobeSegment...), data[2:]...)))
	if cmyk, ok := img.(*image.CMYK); ok {
		for i, v := range cmyk.Pix {
			cmyk.Pix[i] = 255 - v
		}
	}
	return img, err
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
		case marker == markerAPPD && bytes.HasPrefix(payload, []byte(irbSignature)):
			m.addIPTC(iptcResource(payload[len(irbSignature):]))
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

// iptcHead begins the image resource that holds IPTC records (Adobe Photoshop File Formats, "Image Resource Blocks"), before their length.
const iptcHead = "8BIM\x04\x04\x00\x00"

// iptcResource finds the IPTC records in Photoshop's image resources, or returns nil.
func iptcResource(data []byte) []byte {
	for len(data) >= 12 && string(data[:4]) == "8BIM" {
		id, name := binary.BigEndian.Uint16(data[4:]), int(data[6])
		at := 7 + name + (name+1)%2
		if at+4 > len(data) {
			return nil
		}
		n := int64(binary.BigEndian.Uint32(data[at:]))
		if data = data[at+4:]; n > int64(len(data)) {
			return nil
		}
		if id == 0x0404 {
			return data[:n]
		}
		data = data[min(n+n%2, int64(len(data))):]
	}
	return nil
}

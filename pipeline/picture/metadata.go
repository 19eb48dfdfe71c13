package picture

import "encoding/binary"

// Metadata holds the blobs that travel with a picture, each nil if there is none.
type Metadata struct {
	EXIF []byte // a TIFF structure, as it stands after "Exif\0\0" in JPEG
	ICC  []byte // the colour profile of the file
	XMP  []byte // an XMP packet, RDF in XML
	IPTC []byte // the records of IPTC-IIM; JPEG and TIFF hold them

	fault string // why the file is refused for its metadata, else ""
}

// maxBlob bounds one blob of metadata, so that a forged file cannot make copies or unpacked streams of any size.
const maxBlob = 16 << 20

// tooLarge notes a blob beyond maxBlob.
func (m *Metadata) tooLarge(blob []byte) bool {
	if len(blob) <= maxBlob {
		return false
	}
	m.fault = "carries more metadata than 16 MiB of one kind: remove it, or save the picture again"
	return true
}

// leadsBack says whether a TIFF structure comes twice to one directory, by the chain of directories or down those of EXIF.
func leadsBack(blob []byte) bool {
	d, ok := readDirectory(blob)
	if !ok {
		return false
	}
	seen := map[int64]bool{}
	var visit func(at int64, depth int) bool
	visit = func(at int64, depth int) bool {
		if at < 8 || at+2 > int64(len(blob)) || depth > 32 {
			return depth > 32
		}
		if seen[at] {
			return true
		}
		seen[at] = true
		n := int64(d.order.Uint16(blob[at:]))
		end := at + 2 + 12*n
		if end > int64(len(blob)) {
			return false
		}
		for e := at + 2; e < end; e += 12 {
			switch d.order.Uint16(blob[e:]) {
			case tagExif, tagGPS, tagInterop:
				if visit(int64(d.order.Uint32(blob[e+8:])), depth+1) {
					return true
				}
			}
		}
		return end+4 <= int64(len(blob)) && visit(int64(d.order.Uint32(blob[end:])), depth+1)
	}
	return visit(int64(d.entries)-2, 0)
}

// addEXIF keeps a copy of the first EXIF blob with its orientation set to 1, and returns the orientation it had.
func (m *Metadata) addEXIF(blob []byte) int {
	if m.EXIF != nil || len(blob) == 0 || m.tooLarge(blob) {
		return 1
	}
	if leadsBack(blob) {
		m.fault = "has EXIF metadata that leads back to itself: remove it, or save the picture again"
		return 1
	}
	m.EXIF = append([]byte(nil), blob...)
	d, ok := readDirectory(m.EXIF)
	if !ok {
		return 1
	}
	orientation, at := d.orientation()
	if at > 0 {
		d.order.PutUint16(m.EXIF[at:], 1)
	}
	return orientation
}

// addXMP keeps a copy of the first XMP packet.
func (m *Metadata) addXMP(packet []byte) {
	if m.XMP == nil && len(packet) > 0 && !m.tooLarge(packet) {
		m.XMP = append([]byte(nil), packet...)
	}
}

// addICC keeps a copy of the first ICC profile.
func (m *Metadata) addICC(profile []byte) {
	if m.ICC == nil && len(profile) > 0 && !m.tooLarge(profile) {
		m.ICC = append([]byte(nil), profile...)
	}
}

// addIPTC keeps a copy of the first IPTC records.
func (m *Metadata) addIPTC(records []byte) {
	if m.IPTC == nil && len(records) > 0 && !m.tooLarge(records) && records[0] == 0x1c {
		m.IPTC = append([]byte(nil), records...)
	}
}

// carried returns what of m fits a new picture: the thumbnail inside the EXIF would still show the old one.
func (m Metadata) carried() Metadata {
	d, ok := readDirectory(m.EXIF)
	if !ok {
		m.EXIF = nil
		return m
	}
	m.EXIF = append([]byte(nil), m.EXIF...)
	if _, at := d.orientation(); at > 0 {
		d.order.PutUint16(m.EXIF[at:], 1)
	}
	if d.next+4 <= len(m.EXIF) {
		d.order.PutUint32(m.EXIF[d.next:], 0)
	}
	return m
}

// directory is the first directory (IFD) of a TIFF structure (TIFF 6.0, section 2).
type directory struct {
	data    []byte
	order   binary.ByteOrder
	entries int // offset of the first entry
	next    int // offset after the last entry, where the offset of the next directory stands
}

// The TIFF tags that are read.
const (
	tagOrientation = 0x0112
	tagXMP         = 0x02bc
	tagICC         = 0x8773
	tagIPTC        = 0x83bb
)

// readDirectory finds the first directory; ok is false if data is no TIFF structure or ends within the directory.
func readDirectory(data []byte) (d directory, ok bool) {
	if len(data) < 8 {
		return d, false
	}
	d.data = data
	switch string(data[:4]) {
	case "II*\x00":
		d.order = binary.LittleEndian
	case "MM\x00*":
		d.order = binary.BigEndian
	default:
		return d, false
	}
	start := int64(d.order.Uint32(data[4:]))
	if start < 8 || start+2 > int64(len(data)) {
		return d, false
	}
	d.entries = int(start) + 2
	d.next = d.entries + 12*int(d.order.Uint16(data[start:]))
	return d, d.next <= len(data)
}

// find returns the offset of the entry with the tag, or 0.
func (d directory) find(tag uint16) int {
	for at := d.entries; at < d.next; at += 12 {
		if d.order.Uint16(d.data[at:]) == tag {
			return at
		}
	}
	return 0
}

// orientation returns the orientation, 1 if there is none or an invalid one, and the offset of its value, 0 if there is none.
func (d directory) orientation() (value, at int) {
	const short = 3
	entry := d.find(tagOrientation)
	if entry == 0 || d.order.Uint16(d.data[entry+2:]) != short || d.order.Uint32(d.data[entry+4:]) != 1 {
		return 1, 0
	}
	value = int(d.order.Uint16(d.data[entry+8:]))
	if value < 1 || value > 8 {
		value = 1
	}
	return value, entry + 8
}

// blob returns the bytes of an entry of type BYTE, ASCII or UNDEFINED, or nil.
func (d directory) blob(tag uint16) []byte {
	entry := d.find(tag)
	if entry == 0 {
		return nil
	}
	n, start := int64(d.order.Uint32(d.data[entry+4:])), int64(d.order.Uint32(d.data[entry+8:]))
	switch kind := d.order.Uint16(d.data[entry+2:]); {
	case kind == 1 || kind == 2 || kind == 7:
	case kind == tiffLong && tag == tagIPTC: // as Photoshop writes it
		n *= 4
	default:
		return nil
	}
	if n <= 4 || start+n > int64(len(d.data)) {
		return nil
	}
	return d.data[start : start+n]
}

// tiffMetadata reads the metadata of a TIFF file. Its EXIF stands in the directories of the file itself: what does not describe the file's own pixels
// is copied out of them.
func tiffMetadata(data []byte) (Metadata, int) {
	var m Metadata
	d, ok := readDirectory(data)
	if !ok {
		return m, 1
	}
	profile := d.blob(tagICC)
	if profile == nil && d.find(tagICC) != 0 {
		m.fault = "is incomplete: its colour profile is missing"
		return m, 1
	}
	m.addICC(profile)
	m.addXMP(d.blob(tagXMP))
	m.addIPTC(d.blob(tagIPTC))
	orientation, _ := d.orientation()
	if leadsBack(data) {
		m.fault = "has directories that lead back to themselves: it is damaged"
		return m, orientation
	}
	dir := copyDirectory(data, d.order, d.entries-2, 0)
	for _, tag := range tiffDropped {
		delete(dir, tag)
	}
	delete(dir, tagOrientation)
	if len(dir) > 0 {
		m.addEXIF(dir.blob(d.order))
	}
	return m, orientation
}

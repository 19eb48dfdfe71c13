package picture

import "image"

// The EXIF tags that tell of a person, a place or one device (Exif 2.32, section 4.6): maker's notes, a comment, a picture's own number, names, serial
// numbers; and of the first directory the computer, the artist and Windows' author and comment.
var (
	privateExif  = []uint16{0x927c, 0x9286, 0xa420, 0xa430, 0xa431, 0xa435}
	privateFirst = []uint16{0x013b, 0x013c, 0x9c9c, 0x9c9d, tagGPS}
)

const (
	tagColorSpace  = 0xa001
	tagPixelWidth  = 0xa002
	tagPixelHeight = 0xa003
)

// withoutPrivate keeps of the EXIF what the camera did, and nothing of XMP and IPTC, in which names and places stand in too many ways.
func (m Metadata) withoutPrivate() Metadata {
	m.XMP, m.IPTC = nil, nil
	d, ok := readDirectory(m.EXIF)
	if !ok {
		m.EXIF = nil
		return m
	}
	dir := copyDirectory(d.data, d.order, d.entries-2, 0)
	for _, tag := range privateFirst {
		delete(dir, tag)
	}
	for _, tag := range privateExif {
		delete(dir, tag)
		delete(dir[tagExif].sub, tag)
	}
	if len(dir[tagExif].sub) == 0 {
		delete(dir, tagExif)
	}
	m.EXIF = nil
	if len(dir) > 0 {
		m.EXIF = dir.blob(d.order)
	}
	return m
}

// describe puts the new size, and the colour space where it is sRGB, into the EXIF, which is the caller's own copy. It is changed in place, as the
// notes of makers do not bear to be moved.
func (m *Metadata) describe(size image.Rectangle, srgb bool) {
	d, ok := readDirectory(m.EXIF)
	if !ok {
		return
	}
	entry := d.find(tagExif)
	if entry == 0 {
		return
	}
	start := int64(d.order.Uint32(d.data[entry+8:]))
	if start < 8 || start+2 > int64(len(d.data)) {
		return
	}
	sub := directory{data: d.data, order: d.order, entries: int(start) + 2}
	if sub.next = sub.entries + 12*int(d.order.Uint16(d.data[start:])); sub.next > len(d.data) {
		return
	}
	space := uint32(0xffff) // none of those that EXIF names
	if srgb {
		space = 1
	}
	sub.put(tagColorSpace, space)
	sub.put(tagPixelWidth, uint32(size.Dx()))
	sub.put(tagPixelHeight, uint32(size.Dy()))
}

// put changes a single number that is there and has room for v.
func (d directory) put(tag uint16, v uint32) {
	entry := d.find(tag)
	if entry == 0 || d.order.Uint32(d.data[entry+4:]) != 1 {
		return
	}
	switch kind := d.order.Uint16(d.data[entry+2:]); {
	case kind == tiffLong:
		d.order.PutUint32(d.data[entry+8:], v)
	case kind == tiffShort && v <= 0xffff:
		d.order.PutUint16(d.data[entry+8:], uint16(v))
	case kind == tiffShort: // a long takes the same room
		d.order.PutUint16(d.data[entry+2:], tiffLong)
		d.order.PutUint32(d.data[entry+8:], v)
	}
}

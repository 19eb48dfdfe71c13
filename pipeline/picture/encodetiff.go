package picture

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"maps"
	"slices"
)

// The TIFF tags that are written (TIFF 6.0; Adobe Photoshop TIFF Technical Notes for deflate) or that hold directories (Exif 2.32, section 4.6.3).
const (
	tagWidth           = 256
	tagHeight          = 257
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagStripOffsets    = 273
	tagSamplesPerPixel = 277
	tagRowsPerStrip    = 278
	tagStripByteCounts = 279
	tagPlanar          = 284
	tagPredictor       = 317
	tagExtraSamples    = 338
	tagExif            = 0x8769
	tagGPS             = 0x8825
	tagInterop         = 0xa005
)

// tiffDropped are the tags of the photo's EXIF that describe the pixels of its own file, or stand in the new one with other values.
var tiffDropped = []uint16{
	254, 255, tagWidth, tagHeight, tagBitsPerSample, tagCompression, tagPhotometric, 266, tagStripOffsets, tagSamplesPerPixel, tagRowsPerStrip, tagStripByteCounts,
	tagPlanar, tagPredictor, 320, 322, 323, 324, 325, 330, tagExtraSamples, 339, 347, 512, 513, 514, 519, 520, 521, 529, 530, 531, 532, tagXMP, tagICC, 0x83bb, 0x8649,
}

const (
	tiffByte  = 1
	tiffShort = 3
	tiffLong  = 4
	// tiffStripRows is how many rows are packed together.
	tiffStripRows = 64
	// maxTIFF is what the offsets of a TIFF file can state.
	maxTIFF = 1<<32 - 1
)

// tiffSizes are the bytes of a value of each type.
var tiffSizes = map[uint16]int{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}

// tiffField is the value of a tag: bytes in the file's order, or a directory.
type tiffField struct {
	kind  uint16
	count uint32
	data  []byte
	sub   tiffDirectory
}

type tiffDirectory map[uint16]tiffField

// encodeTIFF writes RGB or RGBA of 8 bits, packed without loss (deflate). The photo's EXIF becomes part of the file's directories, as it does in TIFF.
func encodeTIFF(w io.Writer, img image.Image, o SaveOptions) error {
	m := o.Meta
	xmp, err := packet(m.XMP, o.Recipe, 0)
	if err != nil {
		return err
	}
	order, dir := binary.AppendByteOrder(binary.LittleEndian), tiffDirectory{}
	if d, ok := readDirectory(m.EXIF); ok {
		if bytes.HasPrefix(m.EXIF, []byte("MM")) {
			order = binary.BigEndian
		}
		dir = copyDirectory(d.data, d.order, d.entries-2, 0)
		for _, tag := range tiffDropped {
			delete(dir, tag)
		}
	}
	src := toNRGBA(img)
	width, height, samples := src.Rect.Dx(), src.Rect.Dy(), 4
	if src.Opaque() {
		samples = 3
	}
	strips, err := tiffStrips(src, samples)
	if err != nil {
		return fmt.Errorf("encode tiff: %w", err)
	}
	set := func(tag, kind uint16, values ...uint32) {
		f := tiffField{kind: kind, count: uint32(len(values))}
		for _, v := range values {
			if kind == tiffShort {
				f.data = order.AppendUint16(f.data, uint16(v))
			} else {
				f.data = order.AppendUint32(f.data, v)
			}
		}
		dir[tag] = f
	}
	bits := []uint32{8, 8, 8, 8}
	set(tagWidth, tiffLong, uint32(width))
	set(tagHeight, tiffLong, uint32(height))
	set(tagBitsPerSample, tiffShort, bits[:samples]...)
	set(tagCompression, tiffShort, 8) // deflate
	set(tagPhotometric, tiffShort, 2) // RGB
	set(tagOrientation, tiffShort, 1) // whatever a damaged EXIF says
	set(tagSamplesPerPixel, tiffShort, uint32(samples))
	set(tagRowsPerStrip, tiffLong, tiffStripRows)
	set(tagPlanar, tiffShort, 1)
	set(tagPredictor, tiffShort, 2) // differences along the row
	if samples == 4 {
		set(tagExtraSamples, tiffShort, 2) // alpha that the colours are not multiplied with
	}
	for tag, blob := range map[uint16][]byte{tagXMP: xmp, tagICC: m.ICC, tagIPTC: m.IPTC} {
		if blob != nil {
			kind := uint16(tiffByte)
			if tag != tagXMP {
				kind = 7 // UNDEFINED
			}
			dir[tag] = tiffField{kind: kind, count: uint32(len(blob)), data: blob}
		}
	}
	offsets, counts := make([]uint32, len(strips)), make([]uint32, len(strips))
	at := int64(8)
	for i, s := range strips {
		offsets[i], counts[i] = uint32(at), uint32(len(s))
		at += int64(len(s)) + int64(len(s)%2) // directories begin at even offsets, and strips may as well
	}
	set(tagStripOffsets, tiffLong, offsets...)
	set(tagStripByteCounts, tiffLong, counts...)
	tail := appendDirectory(nil, dir, order, at)
	if at+int64(len(tail)) > maxTIFF {
		return errors.New("the picture is too large for TIFF: use PNG")
	}
	mark := "II"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		mark = "MM"
	}
	head := order.AppendUint32(order.AppendUint16([]byte(mark), 42), uint32(at))
	parts := [][]byte{head}
	for _, s := range strips {
		parts = append(parts, s, make([]byte, len(s)%2))
	}
	for _, p := range append(parts, tail) {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// tiffStrips packs the rows, tiffStripRows together.
func tiffStrips(src *image.NRGBA, samples int) ([][]byte, error) {
	width, height := src.Rect.Dx(), src.Rect.Dy()
	strips := make([][]byte, (height+tiffStripRows-1)/tiffStripRows)
	faults := make([]error, len(strips))
	parallelRows(len(strips), func(i int) {
		var b bytes.Buffer
		z, err := zlib.NewWriterLevel(&b, zlib.BestSpeed)
		row := make([]byte, samples*width)
		for y := i * tiffStripRows; y < min((i+1)*tiffStripRows, height) && err == nil; y++ {
			pix := src.Pix[y*src.Stride:][:4*width]
			var before [4]byte
			for x := range width {
				for c := range samples {
					v := pix[4*x+c]
					row[samples*x+c] = v - before[c]
					before[c] = v
				}
			}
			_, err = z.Write(row)
		}
		if err == nil {
			err = z.Close()
		}
		strips[i], faults[i] = b.Bytes(), err
	})
	return strips, errors.Join(faults...)
}

// copyDirectory copies a directory of a TIFF structure with those below it; depth is how deep it lies. What is damaged is left out.
func copyDirectory(data []byte, order binary.ByteOrder, start, depth int) tiffDirectory {
	out := tiffDirectory{}
	if start < 8 || start+2 > len(data) || depth > 2 {
		return out
	}
	n := int(order.Uint16(data[start:]))
	for at := start + 2; n > 0 && at+12 <= len(data); at, n = at+12, n-1 {
		tag, kind, count := order.Uint16(data[at:]), order.Uint16(data[at+2:]), order.Uint32(data[at+4:])
		size := int64(tiffSizes[kind]) * int64(count)
		if size == 0 {
			continue
		}
		value := data[at+8 : at+12]
		if size > 4 {
			from := int64(order.Uint32(value))
			if from+size > int64(len(data)) {
				continue
			}
			value = data[from : from+size]
		}
		f := tiffField{kind: kind, count: count, data: value[:size]}
		if tag == tagExif || tag == tagGPS || tag == tagInterop {
			if kind != tiffLong && kind != 13 || count != 1 {
				continue
			}
			if f.sub = copyDirectory(data, order, int(order.Uint32(value)), depth+1); len(f.sub) == 0 {
				continue
			}
		}
		out[tag] = f
	}
	return out
}

// blob returns the directory as a TIFF structure of its own, as EXIF has it.
func (dir tiffDirectory) blob(order binary.ByteOrder) []byte {
	mark, to := "II", binary.AppendByteOrder(binary.LittleEndian)
	if order == binary.BigEndian {
		mark, to = "MM", binary.BigEndian
	}
	head := to.AppendUint32(to.AppendUint16([]byte(mark), 42), 8)
	return append(head, appendDirectory(nil, dir, to, 8)...)
}

// appendDirectory appends a directory that begins at the offset at of the file, with its values and those below it.
func appendDirectory(b []byte, dir tiffDirectory, order binary.AppendByteOrder, at int64) []byte {
	tags := slices.SortedFunc(maps.Keys(dir), cmp.Compare[uint16])
	at += int64(2 + 12*len(tags) + 4)
	var values []byte
	b = order.AppendUint16(b, uint16(len(tags)))
	for _, tag := range tags {
		f := dir[tag]
		if f.sub != nil {
			f.data = order.AppendUint32(nil, uint32(at))
			sub := appendDirectory(nil, f.sub, order, at)
			values, at = append(values, sub...), at+int64(len(sub))
		}
		b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, tag), f.kind), f.count)
		if len(f.data) <= 4 {
			b = append(append(b, f.data...), make([]byte, 4-len(f.data))...)
			continue
		}
		b = order.AppendUint32(b, uint32(at))
		pad := len(f.data) % 2
		values = append(append(values, f.data...), make([]byte, pad)...)
		at += int64(len(f.data) + pad)
	}
	return append(order.AppendUint32(b, 0), values...)
}

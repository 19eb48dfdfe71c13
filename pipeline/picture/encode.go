package picture

import (
	"bytes"
	"compress/zlib"
	_ "embed" // the profile of sRGB
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"io"
)

// SaveOptions say how a picture is written.
type SaveOptions struct {
	Quality   int      // of JPEG, 1 to 100; default 92
	Recipe    []byte   // JSON, read back by Recipe; none if empty
	Meta      Metadata // of the photo; its EXIF, ICC and XMP are carried over as far as they hold for the new picture
	Overwrite bool     // Save may replace a file
	Colour    Colour   // of the file; default ColourSource
	// NoPrivate leaves out of the photo's metadata where it was taken, by whom and with which device: see withoutPrivate.
	NoPrivate bool
}

const (
	defaultQuality = 92
	// maxSegment is what a JPEG segment holds: its 16-bit length counts itself.
	maxSegment = 65533
	// maxJPEGSide is the largest side that a JPEG header can state.
	maxJPEGSide = 65535
)

// Colour is the colour space in which a picture is written. The pixels given to Encode are sRGB.
type Colour string

const (
	// ColourSource is the space of the photo's ICC profile, where it has one of RGB with a matrix, such as Display P3 and Adobe RGB; else sRGB.
	ColourSource Colour = "source"
	// ColourSRGB is sRGB.
	ColourSRGB Colour = "srgb"
)

// srgbProfile is littlecms' own profile of sRGB.
//
//go:embed srgb.icc
var srgbProfile []byte

// inColour converts img, sRGB, to the colour space of the file to write, and puts its profile into m.
func inColour(img image.Image, m *Metadata, c Colour) (image.Image, error) {
	icc := m.ICC
	m.ICC = srgbProfile
	switch {
	case c != ColourSource && c != ColourSRGB && c != "":
		return nil, fmt.Errorf("the colour space %q is unknown: use %s or %s", c, ColourSource, ColourSRGB)
	case icc == nil, c == ColourSRGB:
		return img, nil
	}
	p, err := readProfile(icc)
	if err != nil || p.shaper == nil {
		return img, nil // damaged, or of inks or tables, which are read but not written
	}
	m.ICC = icc
	if p.srgb {
		return img, nil
	}
	src := toNRGBA(img)
	out := image.NewNRGBA(src.Rect)
	convert := p.shaper.fromSRGB()
	parallelRows(src.Rect.Dy(), func(y int) {
		d := out.Pix[y*out.Stride:][:4*src.Rect.Dx()]
		copy(d, src.Pix[y*src.Stride:])
		convert.row(d)
	})
	return out, nil
}

// Encode writes img as "jpeg", "png", "tiff" or "webp"; all but JPEG are without loss. JPEG has no alpha: transparent pixels are shown on white.
func Encode(w io.Writer, format string, img image.Image, o SaveOptions) error {
	if img == nil || img.Bounds().Empty() {
		return errors.New("the picture has no pixels")
	}
	if o.NoPrivate {
		o.Meta = o.Meta.withoutPrivate()
	}
	o.Meta = o.Meta.carried()
	source := o.Meta.ICC
	img, err := inColour(img, &o.Meta, o.Colour)
	if err != nil {
		return err
	}
	o.Meta.describe(img.Bounds(), source == nil || !bytes.Equal(o.Meta.ICC, source))
	switch format {
	case "jpeg":
		return encodeJPEG(w, img, o)
	case "png":
		return encodePNG(w, img, o)
	case "tiff":
		return encodeTIFF(w, img, o)
	case "webp":
		return encodeWebP(w, img, o)
	}
	return fmt.Errorf("pictures are written as jpeg, png, tiff or webp, not as %q", format)
}

func encodeJPEG(w io.Writer, img image.Image, o SaveOptions) error {
	if b := img.Bounds(); max(b.Dx(), b.Dy()) > maxJPEGSide {
		return fmt.Errorf("a side of %d pixels is too long for JPEG, which holds %d: use PNG", max(b.Dx(), b.Dy()), maxJPEGSide)
	}
	quality := o.Quality
	if quality == 0 {
		quality = defaultQuality
	}
	head, err := jpegHead(o)
	if err != nil {
		return err
	}
	if err := jpeg.Encode(&splice{w: w, skip: 2, insert: head}, opaque(img), &jpeg.Options{Quality: quality}); err != nil {
		return fmt.Errorf("encode jpeg: %w", err)
	}
	return nil
}

// jpegHead returns the start of the file: its first marker and the segments with the metadata. EXIF that is too large for
// its segment, as PNG may hold it, is left out.
func jpegHead(o SaveOptions) ([]byte, error) {
	m := o.Meta
	xmp, err := packet(m.XMP, o.Recipe, maxSegment-len(xmpSignature))
	if err != nil {
		return nil, err
	}
	head := []byte{0xff, markerSOI}
	segment := func(marker byte, parts ...[]byte) {
		payload := bytes.Join(parts, nil)
		head = append(head, 0xff, marker)
		head = binary.BigEndian.AppendUint16(head, uint16(len(payload)+2))
		head = append(head, payload...)
	}
	if m.EXIF != nil && len(m.EXIF)+len(exifSignature) <= maxSegment {
		segment(markerAPP1, []byte(exifSignature), m.EXIF)
	}
	if xmp != nil {
		segment(markerAPP1, []byte(xmpSignature), xmp)
	}
	if n := len(m.IPTC); n > 0 && n+64 <= maxSegment {
		length := binary.BigEndian.AppendUint32(nil, uint32(n))
		segment(markerAPPD, []byte(irbSignature+iptcHead), length, m.IPTC, make([]byte, n%2))
	}
	const part = maxSegment - len(iccSignature) - 2
	if total := (len(m.ICC) + part - 1) / part; total <= 255 {
		for i := range total {
			segment(markerAPP2, []byte(iccSignature), []byte{byte(i + 1), byte(total)}, m.ICC[i*part:min((i+1)*part, len(m.ICC))])
		}
	}
	return head, nil
}

// opaque returns img in a type that the JPEG encoder reads without an interface call per pixel.
func opaque(img image.Image) image.Image {
	switch img.(type) {
	case *image.RGBA, *image.YCbCr, *image.Gray:
		if img.(interface{ Opaque() bool }).Opaque() {
			return img
		}
	}
	src := toNRGBA(img)
	if src.Opaque() { // then both types have the same bytes
		return &image.RGBA{Pix: src.Pix, Stride: src.Stride, Rect: src.Rect}
	}
	dst := image.NewRGBA(src.Rect)
	parallelRows(src.Rect.Dy(), func(y int) {
		s, d := src.Pix[y*src.Stride:][:4*src.Rect.Dx()], dst.Pix[y*dst.Stride:][:4*src.Rect.Dx()]
		for i := 0; i < len(s); i += 4 {
			a := uint32(s[i+3])
			for k := i; k < i+3; k++ {
				d[k] = uint8((uint32(s[k])*a + 255*(255-a) + 127) / 255)
			}
			d[i+3] = 255
		}
	})
	return dst
}

// pngHeadLength is the signature and the chunk IHDR, after which the chunks with the metadata stand.
const pngHeadLength = pngSignature + 12 + 13

func encodePNG(w io.Writer, img image.Image, o SaveOptions) error {
	m := o.Meta
	xmp, err := packet(m.XMP, o.Recipe, 0)
	if err != nil {
		return err
	}
	var chunks []byte
	if m.ICC != nil {
		var b bytes.Buffer
		b.WriteString("ICC profile\x00\x00")
		z := zlib.NewWriter(&b)
		if _, err := z.Write(m.ICC); err != nil {
			return fmt.Errorf("encode png: %w", err)
		}
		if err := z.Close(); err != nil {
			return fmt.Errorf("encode png: %w", err)
		}
		chunks = appendChunk(chunks, "iCCP", b.Bytes())
	}
	if m.EXIF != nil {
		chunks = appendChunk(chunks, "eXIf", m.EXIF)
	}
	if xmp != nil {
		chunks = appendChunk(chunks, "iTXt", append([]byte(xmpKeyword+"\x00\x00\x00\x00\x00"), xmp...))
	}
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&splice{w: w, keep: pngHeadLength, insert: chunks}, img); err != nil {
		return fmt.Errorf("encode png: %w", err)
	}
	return nil
}

// appendChunk appends a PNG chunk: length, type, data, checksum of type and data.
func appendChunk(b []byte, kind string, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	start := len(b)
	b = append(append(b, kind...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}

// splice puts bytes into what an encoder writes: it drops the first skip bytes, lets keep bytes pass, and then inserts.
type splice struct {
	w      io.Writer
	skip   int
	keep   int
	insert []byte
}

func (s *splice) Write(p []byte) (int, error) {
	n := len(p)
	dropped := min(s.skip, len(p))
	s.skip -= dropped
	p = p[dropped:]
	if s.insert != nil && s.skip == 0 {
		passed := min(s.keep, len(p))
		if _, err := s.w.Write(p[:passed]); err != nil {
			return 0, err
		}
		s.keep -= passed
		p = p[passed:]
		if s.keep == 0 {
			if _, err := s.w.Write(s.insert); err != nil {
				return 0, err
			}
			s.insert = nil
		}
	}
	if len(p) > 0 {
		if _, err := s.w.Write(p); err != nil {
			return 0, err
		}
	}
	return n, nil
}

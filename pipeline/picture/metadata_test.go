package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// exifBlob is a TIFF structure with an orientation and a second directory, which would hold the thumbnail.
func exifBlob(order binary.AppendByteOrder, orientation uint16) []byte {
	b := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(b, tagOrientation)
	b = order.AppendUint16(b, 3)
	b = order.AppendUint32(b, 1)
	b = order.AppendUint16(b, orientation)
	b = order.AppendUint16(b, 0)
	b = order.AppendUint32(b, 26) // the next directory
	return append(b, 0, 0, 0, 0, 0, 0)
}

// withoutThumbnail is exifBlob as it is carried over.
func withoutThumbnail(order binary.AppendByteOrder) []byte {
	b := exifBlob(order, 1)
	copy(b[22:26], "\x00\x00\x00\x00")
	return b
}

// iccProfile is a profile of n bytes that says that it is of a colour space: of sRGB where that is RGB, and cut where n is small.
func iccProfile(space string, n int) []byte {
	p := append(append([]byte(nil), srgbProfile...), bytes.Repeat([]byte{7, 1, 3}, n/3+1)...)[:n]
	copy(p[16:], space)
	return p
}

// tagged encodes a picture with metadata as found in a photo.
func tagged(t *testing.T, format string, img image.Image, m Metadata) []byte {
	t.Helper()
	data := encoded(t, format, img)
	if format == "png" {
		chunks := appendChunk(nil, "eXIf", m.EXIF)
		chunks = appendChunk(chunks, "iTXt", append([]byte(xmpKeyword+"\x00\x00\x00en\x00\x00"), m.XMP...))
		return append(append(append([]byte(nil), data[:pngHeadLength]...), chunks...), data[pngHeadLength:]...)
	}
	head := []byte{0xff, markerSOI}
	for _, s := range []string{exifSignature + string(m.EXIF), xmpSignature + string(m.XMP)} {
		head = append(head, 0xff, markerAPP1)
		head = binary.BigEndian.AppendUint16(head, uint16(len(s)+2))
		head = append(head, s...)
	}
	return append(head, data[2:]...)
}

func TestOrientation(t *testing.T) {
	// Where each quarter of the upright picture stands in the stored one: Exif 2.32, figure of tag 0x0112.
	stored := map[int][4]int{
		1: {0, 1, 2, 3}, 2: {1, 0, 3, 2}, 3: {3, 2, 1, 0}, 4: {2, 3, 0, 1},
		5: {0, 2, 1, 3}, 6: {1, 3, 0, 2}, 7: {3, 1, 2, 0}, 8: {2, 0, 3, 1},
	}
	for orientation, places := range stored {
		for _, format := range []string{"jpeg", "png"} {
			for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
				t.Run(fmt.Sprintf("%d %s %s", orientation, format, order), func(t *testing.T) {
					w, h := 64, 32
					if orientation >= 5 {
						w, h = h, w
					}
					img := sample(w, h)
					for y := range h {
						for x := range w {
							img.SetNRGBA(x, y, quarters[places[2*(2*y/h)+2*x/w]])
						}
					}
					data := tagged(t, format, img, Metadata{EXIF: exifBlob(order, uint16(orientation)), XMP: []byte("<x/>")})
					p, err := Decode(t.Context(), bytes.NewReader(data), "a", Limits{})
					require.NoError(t, err)
					require.Equal(t, image.Rect(0, 0, 64, 32), p.Bounds())
					requireQuarters(t, quarters, p.Image, 3)
					require.Equal(t, exifBlob(order, 1), p.Meta.EXIF)
					require.Equal(t, "<x/>", string(p.Meta.XMP))
				})
			}
		}
	}
}

func TestDamagedMetadataIsNoError(t *testing.T) {
	good := exifBlob(binary.LittleEndian, 6)
	for name, blob := range map[string][]byte{
		"short":             good[:6],
		"no TIFF":           []byte("something else entirely"),
		"directory outside": append([]byte("II*\x00\xff\xff\xff\xff"), good[8:]...),
		"too many entries":  append([]byte("II*\x00\x08\x00\x00\x00\xff\xff"), good[10:]...),
		"orientation 9":     exifBlob(binary.LittleEndian, 9),
	} {
		t.Run(name, func(t *testing.T) {
			data := tagged(t, "jpeg", sample(64, 32), Metadata{EXIF: blob, XMP: []byte("<broken")})
			p, err := Decode(t.Context(), bytes.NewReader(data), "a", Limits{})
			require.NoError(t, err)
			require.Equal(t, image.Rect(0, 0, 64, 32), p.Bounds())
			var b bytes.Buffer
			require.NoError(t, Encode(&b, "png", p.Image, SaveOptions{Meta: p.Meta}))
		})
	}
}

func TestMetadataRoundTrip(t *testing.T) {
	const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>`
	meta := Metadata{EXIF: exifBlob(binary.BigEndian, 6), ICC: iccProfile("RGB ", 200000), XMP: fmt.Appendf(nil, xmp, 6)}
	for _, format := range []string{"jpeg", "png"} {
		t.Run(format, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, Encode(&b, format, sample(64, 48), SaveOptions{Meta: meta}))
			p, err := Decode(t.Context(), &b, "a", Limits{})
			require.NoError(t, err)
			require.Equal(t, withoutThumbnail(binary.BigEndian), p.Meta.EXIF)
			require.Equal(t, meta.ICC, p.Meta.ICC)
			require.Equal(t, fmt.Sprintf(xmp, 1), string(p.Meta.XMP))
			requireQuarters(t, quarters, p.Image, 4)
			require.Equal(t, image.Rect(0, 0, 64, 48), p.Bounds())
		})
	}
	require.Equal(t, exifBlob(binary.BigEndian, 6), meta.EXIF, "the caller's blobs stay as they are")
}

func TestMetadataLeftOut(t *testing.T) {
	large := append(exifBlob(binary.LittleEndian, 1), make([]byte, 70000)...)
	var b bytes.Buffer
	o := SaveOptions{Meta: Metadata{EXIF: large, ICC: iccProfile("CMYK", 300)}}
	require.NoError(t, Encode(&b, "jpeg", sample(64, 48), o))
	p, err := Decode(t.Context(), &b, "a", Limits{})
	require.NoError(t, err)
	require.Equal(t, Metadata{ICC: srgbProfile}, p.Meta)
}

func TestXMPInCompressedText(t *testing.T) {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, err := z.Write([]byte("<x/>"))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	plain := encoded(t, "png", sample(16, 16))
	for kind, head := range map[string]string{"iTXt": "\x00\x01\x00en\x00\x00", "zTXt": "\x00\x00"} {
		chunk := appendChunk(nil, kind, append([]byte(xmpKeyword+head), packed.Bytes()...))
		data := append(append(append([]byte(nil), plain[:pngHeadLength]...), chunk...), plain[pngHeadLength:]...)
		p, err := Decode(t.Context(), bytes.NewReader(data), "a", Limits{})
		require.NoError(t, err)
		require.Equal(t, "<x/>", string(p.Meta.XMP), kind)
	}
}

func TestInflateIsBounded(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Encode(&b, "png", sample(16, 16), SaveOptions{Meta: Metadata{ICC: iccProfile("RGB ", maxBlob+1)}}))
	_, err := Decode(t.Context(), &b, "a", Limits{})
	require.EqualError(t, err, "a carries more metadata than 16 MiB of one kind: remove it, or save the picture again")
}

// The readers take any bytes, whatever the format, and what they return can be carried over.
func FuzzMetadata(f *testing.F) {
	m := Metadata{EXIF: exifBlob(binary.BigEndian, 6), ICC: iccProfile("RGB ", 300), XMP: []byte(packetHead + packetTail)}
	for _, format := range []string{"jpeg", "png"} {
		var b bytes.Buffer
		require.NoError(f, Encode(&b, format, sample(16, 16), SaveOptions{Meta: m, Recipe: []byte("{}")}))
		f.Add(b.Bytes())
	}
	for _, name := range []string{"lossy.webp", "photo.tif"} {
		data, err := os.ReadFile("testdata/" + name)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add(m.EXIF)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range []*format{jpegFormat, pngFormat, tiffFormat, webpFormat} {
			m, orientation := format.metadata(data)
			require.True(t, orientation >= 1 && orientation <= 8)
			m.carried()
			recipeOf(m.XMP)
			_, err := packet(m.XMP, []byte("{}"), maxSegment)
			require.NoError(t, err)
		}
		var m Metadata
		m.addEXIF(data)
		m.carried()
	})
}

func deflated(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

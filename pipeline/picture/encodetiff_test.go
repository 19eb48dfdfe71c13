package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// cameraBlob is an EXIF structure as a camera writes it: a maker, an orientation, the pixels' size of its thumbnail, and directories for the exposure
// and the place.
func cameraBlob(order binary.AppendByteOrder) []byte {
	value := func(v uint32) []byte { return order.AppendUint32(nil, v) }
	short := func(v uint16) []byte { return order.AppendUint16(nil, v) }
	dir := tiffDirectory{
		271:            {kind: 2, count: 6, data: []byte("Maker\x00")},
		tagOrientation: {kind: tiffShort, count: 1, data: short(6)},
		tagWidth:       {kind: tiffLong, count: 1, data: value(160)},
		tagExif: {kind: tiffLong, count: 1, sub: tiffDirectory{
			0x829a:     {kind: 5, count: 1, data: append(value(1), value(250)...)},
			0x8827:     {kind: tiffShort, count: 1, data: short(400)},
			tagInterop: {kind: tiffLong, count: 1, sub: tiffDirectory{1: {kind: 2, count: 4, data: []byte("R98\x00")}}},
		}},
		tagGPS: {kind: tiffLong, count: 1, sub: tiffDirectory{2: {kind: 5, count: 3, data: bytes.Repeat(value(7), 6)}}},
	}
	mark := "II"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		mark = "MM"
	}
	return appendDirectory(order.AppendUint32(order.AppendUint16([]byte(mark), 42), 8), dir, order, 8)
}

func TestMetadataInTIFFAndWebP(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		exif, icc := cameraBlob(order), iccProfile("RGB ", 701)
		xmp := []byte(packetHead + `<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Sea</dc:title></rdf:Description>` + packetTail)
		o := SaveOptions{Meta: Metadata{EXIF: exif, ICC: icc, XMP: xmp}, Recipe: []byte(`{"a": 1}`)}
		for _, format := range []*format{tiffFormat, webpFormat} {
			t.Run(fmt.Sprint(format.name, order), func(t *testing.T) {
				img := sample(70, 130) // more strips than one, the last of them short
				var b bytes.Buffer
				require.NoError(t, Encode(&b, format.name, img, o))
				p, err := Decode(t.Context(), bytes.NewReader(b.Bytes()), "a", Limits{})
				require.NoError(t, err)
				require.Equal(t, img.Pix, p.Image.Pix)
				require.Equal(t, icc, p.Meta.ICC)
				require.Contains(t, string(p.Meta.XMP), "<dc:title>Sea</dc:title>")
				require.Equal(t, `{"a": 1}`, string(recipeOf(p.Meta.XMP)))

				whole := b.Bytes()
				if format == webpFormat {
					whole = p.Meta.EXIF
				}
				d, ok := readDirectory(whole)
				require.True(t, ok)
				orientation, at := d.orientation()
				require.Equal(t, 1, orientation)
				require.Positive(t, at)
				got := copyDirectory(whole, d.order, d.entries-2, 0)
				require.Equal(t, "Maker\x00", string(got[271].data))
				want := copyDirectory(exif, order.(binary.ByteOrder), 8, 0)
				require.Equal(t, want[tagExif].sub[0x829a], got[tagExif].sub[0x829a])
				require.Equal(t, "R98\x00", string(got[tagExif].sub[tagInterop].sub[1].data))
				require.Equal(t, want[tagGPS].sub[2], got[tagGPS].sub[2])
				if format == tiffFormat {
					require.EqualValues(t, 70, order.(binary.ByteOrder).Uint32(got[tagWidth].data), "not the thumbnail's")
				}
			})
		}
	}
}

// TestDamagedEXIFIsNoDangerToTIFF writes with EXIF of which bytes were changed at random: the picture is whole all the same.
func TestDamagedEXIFIsNoDangerToTIFF(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	img := sample(19, 17)
	for range 3000 {
		exif := cameraBlob(binary.LittleEndian)
		for range 1 + r.IntN(6) {
			exif[r.IntN(len(exif))] = byte(r.IntN(256))
		}
		var b bytes.Buffer
		require.NoError(t, Encode(&b, "tiff", img, SaveOptions{Meta: Metadata{EXIF: exif}}))
		p, err := Decode(t.Context(), &b, "a", Limits{})
		require.NoError(t, err, "%x", exif)
		require.Equal(t, img.Pix, p.Image.Pix)
	}
}

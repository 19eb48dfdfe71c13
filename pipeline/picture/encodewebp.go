package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"

	"github.com/HugoSmits86/nativewebp"
)

// maxWebPSide is the largest side that a WebP file can state (WebP Lossless Bitstream Specification, section 3).
const maxWebPSide = 1 << 14

// The flags of the chunk VP8X (WebP Container Specification, "Extended File Format").
const (
	webpICC   = 1 << 5
	webpAlpha = 1 << 4
	webpEXIF  = 1 << 3
	webpXMP   = 1 << 2
)

// encodeWebP writes a lossless WebP file; SaveOptions.Quality means nothing to it.
func encodeWebP(w io.Writer, img image.Image, o SaveOptions) error {
	b := img.Bounds()
	if max(b.Dx(), b.Dy()) > maxWebPSide {
		return fmt.Errorf("a side of %d pixels is too long for WebP, which holds %d: use PNG", max(b.Dx(), b.Dy()), maxWebPSide)
	}
	m := o.Meta
	xmp, err := packet(m.XMP, o.Recipe, 0)
	if err != nil {
		return err
	}
	src := toNRGBA(img)
	var plain bytes.Buffer
	if err := nativewebp.Encode(&plain, src, nil); err != nil {
		return fmt.Errorf("encode webp: %w", err)
	}
	var pixels []byte
	webpChunks(plain.Bytes(), func(kind string, payload []byte) {
		if kind == "VP8L" {
			pixels = payload
		}
	})
	if pixels == nil {
		return errors.New("encode webp: the encoder gave no picture")
	}
	var flags byte
	for flag, has := range map[byte]bool{webpICC: m.ICC != nil, webpAlpha: !src.Opaque(), webpEXIF: m.EXIF != nil, webpXMP: xmp != nil} {
		if has {
			flags |= flag
		}
	}
	head := []byte{flags, 0, 0, 0}
	for _, side := range []int{b.Dx() - 1, b.Dy() - 1} { // 24 bits each
		head = append(head, byte(side), byte(side>>8), byte(side>>16))
	}
	body := []byte("WEBP")
	for _, c := range []struct {
		kind    string
		payload []byte
	}{{"VP8X", head}, {"ICCP", m.ICC}, {"VP8L", pixels}, {"EXIF", m.EXIF}, {"XMP ", xmp}} {
		if c.payload == nil {
			continue
		}
		body = append(body, c.kind...)
		body = binary.LittleEndian.AppendUint32(body, uint32(len(c.payload)))
		body = append(body, c.payload...)
		if len(c.payload)%2 == 1 {
			body = append(body, 0)
		}
	}
	riff := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)))
	for _, p := range [][]byte{riff, body} {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

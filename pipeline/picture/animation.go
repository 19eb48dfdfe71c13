package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/draw"
	"image/gif"
	"io"

	"golang.org/x/image/webp"
)

// gifFormat reads the first frame.
var gifFormat = &format{name: "gif", config: gif.DecodeConfig, decode: decodeGIF, metadata: noMetadata, ratio: 4096, warn: gifWarning}

func noMetadata([]byte) (Metadata, int) { return Metadata{}, 1 }

const firstFrame = "is animated: its first frame is taken"

// decodeGIF puts the first frame on its canvas, of which it may be a part.
func decodeGIF(r io.Reader) (image.Image, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	config, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	img, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	canvas := image.Rect(0, 0, config.Width, config.Height)
	if img.Bounds() == canvas {
		return img, nil
	}
	out := image.NewNRGBA(canvas)
	draw.Draw(out, img.Bounds(), img, img.Bounds().Min, draw.Src)
	return out, nil
}

// gifWarning looks for the block that Netscape's loops are said in, or for a second image after the first (GIF89a, appendix A).
func gifWarning(data []byte) string {
	if len(data) < 13 {
		return ""
	}
	at, images := 13, 0
	if data[10]&0x80 != 0 {
		at += 3 << (data[10]&7 + 1)
	}
	skip := func() { // the sub-blocks
		for at < len(data) && data[at] != 0 {
			at += int(data[at]) + 1
		}
		at++
	}
	for at < len(data) && images < 2 {
		switch data[at] {
		case ',':
			images++
			if at+9 >= len(data) {
				return ""
			}
			table := 0
			if data[at+9]&0x80 != 0 {
				table = 3 << (data[at+9]&7 + 1)
			}
			at += 11 + table
			skip()
		case '!':
			at += 2
			skip()
		default:
			at = len(data)
		}
	}
	if images > 1 {
		return firstFrame
	}
	return ""
}

// webpWarning looks for the chunk of an animation.
func webpWarning(data []byte) string {
	if frame, _ := webpFrame(data); frame != nil {
		return firstFrame
	}
	return ""
}

// webpFrame returns the first frame of an animated WebP file, the payload of its chunk ANMF, and the size of the canvas; else nil.
func webpFrame(data []byte) (frame []byte, canvas image.Point) {
	webpChunks(data, func(kind string, payload []byte) {
		switch {
		case kind == "VP8X" && len(payload) >= 10:
			canvas = image.Pt(int(little24(payload[4:]))+1, int(little24(payload[7:]))+1)
		case kind == "ANMF" && frame == nil && len(payload) > 16:
			frame = payload
		}
	})
	return frame, canvas
}

func little24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// stillWebP wraps a frame into a file of its own.
func stillWebP(frame []byte) []byte {
	body := []byte("WEBP")
	if len(frame) > 20 && string(frame[16:20]) == "ALPH" {
		head := append([]byte{webpAlpha, 0, 0, 0}, frame[6:12]...)
		body = binary.LittleEndian.AppendUint32(append(body, "VP8X"...), uint32(len(head)))
		body = append(body, head...)
	}
	body = append(body, frame[16:]...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func webpConfig(r io.Reader) (image.Config, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return image.Config{}, err
	}
	if frame, canvas := webpFrame(data); frame != nil {
		return image.Config{Width: canvas.X, Height: canvas.Y}, nil
	}
	return webp.DecodeConfig(bytes.NewReader(data))
}

// decodeAnyWebP decodes a picture or the first frame of an animation, on its canvas.
func decodeAnyWebP(r io.Reader) (image.Image, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if len(data) < 12 || int64(binary.LittleEndian.Uint32(data[4:]))+8 > int64(len(data)) {
		return nil, io.ErrUnexpectedEOF
	}
	frame, canvas := webpFrame(data)
	if frame == nil {
		return decodeWebP(bytes.NewReader(data))
	}
	still := stillWebP(frame)
	offset := image.Pt(2*int(little24(frame)), 2*int(little24(frame[3:])))
	config, err := webp.DecodeConfig(bytes.NewReader(still))
	if err != nil {
		return nil, err
	}
	place := image.Rectangle{offset, offset.Add(image.Pt(config.Width, config.Height))}
	if !place.In(image.Rectangle{Max: canvas}) {
		return nil, errors.New("the first frame lies outside of its canvas")
	}
	img, err := decodeWebP(bytes.NewReader(still))
	if err != nil || img.Bounds().Size() == canvas {
		return img, err
	}
	out := image.NewNRGBA(image.Rectangle{Max: canvas})
	draw.Draw(out, place, img, img.Bounds().Min, draw.Src)
	return out, nil
}

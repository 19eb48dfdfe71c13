package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/gen2brain/avif"
	"github.com/gen2brain/heic"
	"github.com/stretchr/testify/require"
)

// hostile are damaged and forged files by what is wrong with them.
func hostile(t *testing.T) map[string][]byte {
	t.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		return data
	}
	files := map[string][]byte{
		"zero bytes": {}, "one byte": {0}, "zeros": make([]byte, 4096), "svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>`),
		"pdf": []byte("%PDF-1.7\n1 0 obj"), "text": []byte("not a picture"), "html": []byte("<!doctype html><img>"), "zip": []byte("PK\x03\x04\x14\x00\x00\x00"),
		"program": []byte("\x7fELF\x02\x01\x01\x00"), "psd": []byte("8BPS\x00\x01"), "jpeg xl": []byte("\xff\x0a\xfa\x00"), "film": []byte("\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp41"),
		"wrong extension": []byte("\x1f\x8b\x08\x00 a packed file"), "marks alone, jpeg": []byte("\xff\xd8\xff"), "marks alone, png": []byte("\x89PNG\r\n\x1a\n"),
		"marks alone, tiff": []byte("II*\x00"), "marks alone, webp": []byte("RIFF\x04\x00\x00\x00WEBP"), "marks alone, gif": []byte("GIF89a"),
		"marks alone, bmp": []byte("BM\x00\x00\x00\x00\x00\x00\x00\x00"), "marks alone, avif": []byte("\x00\x00\x00\x10ftypavif\x00\x00\x00\x00"),
	}
	// Truncated where a chunk, a segment, a directory or a box begins, and within it.
	cut := func(name string, at ...int) {
		data := read(name)
		for _, n := range at {
			if n > 0 && n < len(data) {
				files[fmt.Sprintf("%s cut at %d", name, n)] = data[:n]
			}
		}
	}
	var places []int
	offset := func(whole, part []byte) int { return cap(whole) - cap(part) }
	data := read("displayp3.png")
	pngChunks(data, func(_ string, payload []byte) {
		n := offset(data, payload)
		places = append(places, n-8, n-4, n, n+len(payload)/2)
	})
	cut("displayp3.png", places...)
	for _, name := range []string{"progressive.jpg", "cmyk-profile.jpg"} {
		places, data = nil, read(name)
		jpegSegments(data, func(_ byte, payload []byte) {
			n := offset(data, payload)
			places = append(places, n-4, n, n+len(payload)/2)
		})
		cut(name, append(places, len(data)/2, len(data)*3/4)...)
	}
	for _, name := range []string{"alpha.webp", "film.webp", "lossy.webp"} {
		places, data = nil, read(name)
		webpChunks(data, func(_ string, payload []byte) {
			n := offset(data, payload)
			places = append(places, n-8, n, n+len(payload)/2)
		})
		cut(name, places...)
	}
	for _, name := range []string{"phone.heic", "web.avif"} {
		places, data = nil, read(name)
		for _, b := range boxes(data) {
			n := offset(data, b.data)
			places = append(places, n, n+len(b.data)/2)
		}
		cut(name, places...)
	}
	for _, name := range []string{"lzw.tif", "packbits.tif", "tiles-planar.tif", "cmyk.tif", "plain.bmp", "still.gif"} {
		data = read(name)
		cut(name, 5, 9, 16, len(data)/4, len(data)/2)
	}
	// Headers that lie.
	for _, side := range []uint32{0, 50000, 1 << 31} {
		files[fmt.Sprintf("png of %d", side)] = pngOfSize(side, side)
		bmp := append([]byte(nil), read("plain.bmp")...)
		binary.LittleEndian.PutUint32(bmp[18:], side)
		binary.LittleEndian.PutUint32(bmp[22:], side)
		files[fmt.Sprintf("bmp of %d", side)] = bmp
		tif := append([]byte(nil), read("lzw.tif")...)
		d, _ := readDirectory(tif)
		for _, tag := range []uint16{tagWidth, tagHeight} {
			at := d.find(tag)
			d.order.PutUint16(tif[at+2:], tiffLong)
			d.order.PutUint32(tif[at+8:], side)
		}
		files[fmt.Sprintf("tiff of %d", side)] = tif
		box := append([]byte(nil), read("phone.heic")...)
		at := bytes.Index(box, []byte("ispe"))
		binary.BigEndian.PutUint32(box[at+8:], side)
		binary.BigEndian.PutUint32(box[at+12:], side)
		files[fmt.Sprintf("heic of %d", side)] = box
	}
	files["png of 14000 without pixels"] = pngOfSize(14000, 14000)
	gif := append([]byte(nil), read("still.gif")...)
	copy(gif[6:], "\xff\xff\xff\xff")
	files["gif of 65535"] = gif
	jpg := append([]byte(nil), read("progressive.jpg")...)
	at := bytes.Index(jpg, []byte("\xff\xc2"))
	copy(jpg[at+5:], "\x36\x00\x36\x00")
	files["jpeg of 13824 without pixels"] = jpg
	// Metadata that bursts, turns in a circle, or means nothing.
	plain := encoded(t, "png", sample(64, 48))
	with := func(chunk []byte) []byte {
		return append(append(append([]byte(nil), plain[:pngHeadLength]...), chunk...), plain[pngHeadLength:]...)
	}
	bomb := deflated(t, make([]byte, 200<<20))
	for keyword, kind := range map[string]string{"Comment": "zTXt", xmpKeyword: "iTXt", "profile": "iCCP"} {
		head := keyword + "\x00\x00"
		if kind == "iTXt" {
			head = keyword + "\x00\x01\x00\x00\x00"
		}
		files["bomb in "+kind] = with(appendChunk(nil, kind, append([]byte(head), bomb...)))
	}
	loop := exifBlob(binary.LittleEndian, 1)
	copy(loop[22:], "\x08\x00\x00\x00")
	files["exif loop, png"] = with(appendChunk(nil, "eXIf", loop))
	files["exif loop, jpeg"] = tagged(t, "jpeg", sample(64, 48), Metadata{EXIF: loop, XMP: []byte("<x/>")})
	down := exifBlob(binary.BigEndian, 1)
	copy(down[10:], "\x87\x69\x00\x04\x00\x00\x00\x01\x00\x00\x00\x08")
	files["exif leads to itself"] = with(appendChunk(nil, "eXIf", down))
	many := iccProfile("GRAY", 588)
	copy(many[128:], "\x7e\x00\x00\x00")
	for name, profile := range map[string][]byte{
		"tags without number": many, "noise": bytes.Repeat([]byte("icc"), 99), "cut": iccProfile("RGB ", 300), "cmyk without tables": iccProfile("CMYK", 588), "header alone": iccProfile("GRAY", 132),
	} {
		files["icc "+name] = with(appendChunk(nil, "iCCP", append([]byte("a\x00\x00"), deflated(t, profile)...)))
	}
	wrong := append([]byte(nil), plain...)
	wrong[len(wrong)-20] ^= 0x55
	files["png with a wrong checksum"] = wrong
	return files
}

// Each is refused in a sentence, at once and with little memory, whatever its name says.
func TestHostileFiles(t *testing.T) {
	heic.Init() // compiling the decoders is no part of the file's cost
	_, _ = avif.DecodeConfig(bytes.NewReader(nil))
	files := hostile(t)
	require.GreaterOrEqual(t, len(files), 100)
	dir := t.TempDir()
	i := 0
	for name, data := range files {
		i++
		path := filepath.Join(dir, fmt.Sprintf("%d.jpg", i))
		require.NoError(t, os.WriteFile(path, data, 0o600))
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := Open(t.Context(), path, Limits{})
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			var refusal *Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, path, refusal.Path)
			require.Less(t, took, time.Second)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(300<<20))
		})
	}
	t.Logf("%d files", len(files))
}

package picture

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/image/webp"
)

// format is a kind of file that Gesso reads.
type format struct {
	name     string
	config   func(io.Reader) (image.Config, error)
	decode   func(io.Reader) (image.Image, error)
	metadata func([]byte) (Metadata, int) // with the EXIF orientation, 1 to 8
}

var (
	jpegFormat = &format{"jpeg", jpeg.DecodeConfig, jpeg.Decode, jpegMetadata}
	pngFormat  = &format{"png", png.DecodeConfig, png.Decode, pngMetadata}
	tiffFormat = &format{"tiff", tiffConfig, decodeTIFF, tiffMetadata}
	webpFormat = &format{"webp", webp.DecodeConfig, decodeWebP, webpMetadata}
)

// detect tells the format by the file's first bytes, or leaves that to the system's decoder; a file of another kind gives the reason, which continues
// its name.
func detect(data []byte) (*format, string) { return detectWith(system, data) }

func detectWith(d decoder, data []byte) (*format, string) {
	has := func(at int, s string) bool {
		return len(data) >= at+len(s) && string(data[at:at+len(s)]) == s
	}
	switch {
	case has(0, "\xff\xd8\xff"):
		return jpegFormat, ""
	case has(0, "\x89PNG\r\n\x1a\n"):
		return pngFormat, ""
	case has(0, "II*\x00"), has(0, "MM\x00*"):
		if f := d.format(data); f != nil {
			return f, ""
		}
		return tiffFormat, ""
	case has(0, "RIFF") && has(8, "WEBP"):
		return webpFormat, ""
	}
	if f := d.format(data); f != nil {
		return f, ""
	}
	if kind := otherKind(data); kind != "" {
		return nil, fmt.Sprintf("is a picture of the kind %s, which Gesso does not read: %s", kind, readable)
	}
	if looksLikeText(data) {
		return nil, "is not a picture that Gesso reads (it looks like text): " + readable
	}
	return nil, "is not a picture that Gesso reads: " + readable
}

// otherKind names the kinds of picture that people are likely to try and that Gesso does not read, or returns "".
func otherKind(data []byte) string {
	for _, k := range []struct{ start, kind string }{
		{"GIF87a", "GIF"},
		{"GIF89a", "GIF"},
		{"8BPS", "PSD"},
		{"\xff\x0a", "JPEG XL"},
		{"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"},
	} {
		if bytes.HasPrefix(data, []byte(k.start)) {
			return k.kind
		}
	}
	if len(data) >= 12 && string(data[4:8]) == "ftyp" {
		return isoKind(data)
	}
	return ""
}

// looksLikeText says whether the file begins as text in UTF-8, of which ASCII is a part.
func looksLikeText(data []byte) bool {
	start := data[:min(len(data), 512)]
	for len(start) > 0 {
		r, n := utf8.DecodeRune(start)
		if r == utf8.RuneError && n == 1 {
			return len(data) > 512 && !utf8.FullRune(start) // cut off within a letter
		}
		if r < ' ' && !strings.ContainsRune("\t\n\f\r", r) {
			return false
		}
		start = start[n:]
	}
	return true
}

// isoKind names the kinds of picture in an ISO base media file (ISO/IEC 14496-12), by its brands.
func isoKind(data []byte) string {
	brands := data[8:min(len(data), 64)]
	for len(brands) >= 4 {
		switch string(brands[:4]) {
		case "avif", "avis":
			return "AVIF"
		case "heic", "heix", "heim", "heis", "hevc", "hevx":
			return "HEIC"
		}
		brands = brands[4:]
	}
	return ""
}

// decode reads a file that is in memory. Its size in pixels is checked before they are allocated.
func decode(ctx context.Context, data []byte, name string, l Limits) (*Picture, error) {
	f, reason := detect(data)
	if f == nil {
		return nil, refuse(name, "%s", reason)
	}
	config, err := guarded(f.config, io.Reader(bytes.NewReader(data)))
	if err != nil {
		return nil, damaged(name, f, err)
	}
	if err := l.check(name, config.Width, config.Height); err != nil {
		return nil, err
	}
	img, err := guarded(f.decode, io.Reader(contextReadSeeker{ctx, bytes.NewReader(data)}))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, damaged(name, f, err)
	}
	if err := l.check(name, img.Bounds().Dx(), img.Bounds().Dy()); err != nil {
		return nil, err
	}
	p, err := guarded(func(img image.Image) (*Picture, error) { return finish(ctx, f, data, img) }, img)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, damaged(name, f, err)
	}
	p.Path = name
	return p, nil
}

// finish reads the metadata, converts what the decoder returned to sRGB and turns the picture upright.
func finish(ctx context.Context, f *format, data []byte, img image.Image) (*Picture, error) {
	meta, orientation := f.metadata(data)
	pixels, warnings := managed(img, &meta)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &Picture{Image: orient(pixels, orientation), Format: f.name, Meta: meta, Warnings: warnings}, nil
}

// managed converts img to sRGB by the profile in m. A profile that cannot be used is dropped, with a warning.
func managed(img image.Image, m *Metadata) (*image.NRGBA, []string) {
	if m.ICC == nil {
		return toNRGBA(img), nil
	}
	p, err := readProfile(m.ICC)
	if err != nil {
		m.ICC = nil
		return toNRGBA(img), []string{"its colour profile is damaged, so its colours are taken for sRGB"}
	}
	out, used := p.inSRGB(img)
	if !used {
		m.ICC = nil
		return out, []string{"its colour profile is for other pixels, so its colours are taken for sRGB"}
	}
	return out, nil
}

// damaged is the error of a file whose decoder gave up.
func damaged(name string, f *format, err error) error {
	label := strings.ToUpper(f.name)
	if f == webpFormat {
		label = "WebP"
	}
	return &Error{Path: name, Reason: fmt.Sprintf("is damaged or incomplete, or a rare kind of %s", label), Err: err}
}

// guarded runs a decoder and turns its panic into an error: a forged file must not end the program.
func guarded[S, T any](decoder func(S) (T, error), source S) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoder panic: %v", p)
		}
	}()
	return decoder(source)
}

// contextReadSeeker makes a decoder end once ctx is cancelled. It keeps ReadAt, so that the TIFF decoder makes no copy.
type contextReadSeeker struct {
	ctx context.Context
	r   *bytes.Reader
}

func (c contextReadSeeker) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

func (c contextReadSeeker) ReadAt(p []byte, off int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.ReadAt(p, off)
}

func (c contextReadSeeker) Seek(offset int64, whence int) (int64, error) {
	return c.r.Seek(offset, whence)
}

package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/image/bmp"
)

// format is a kind of file that Gesso reads.
type format struct {
	name     string
	config   func(io.Reader) (image.Config, error)
	decode   func(io.Reader) (image.Image, error)
	metadata func([]byte) (Metadata, int) // with the EXIF orientation, 1 to 8
	ratio    int64                        // most pixels that a byte of such a file can hold; 0: no bound
	warn     func([]byte) string          // a sentence for Picture.Warnings, or ""; may be nil
}

var (
	jpegFormat = &format{name: "jpeg", config: jpeg.DecodeConfig, decode: decodeJPEG, metadata: jpegMetadata, ratio: 2000}
	pngFormat  = &format{name: "png", config: png.DecodeConfig, decode: decodePNG, metadata: pngMetadata, ratio: 8300}
	tiffFormat = &format{name: "tiff", config: tiffConfig, decode: decodeTIFF, metadata: tiffMetadata, ratio: 25000}
	webpFormat = &format{name: "webp", config: webpConfig, decode: decodeAnyWebP, metadata: webpMetadata, ratio: 20000, warn: webpWarning}
	bmpFormat  = &format{name: "bmp", config: bmp.DecodeConfig, decode: bmp.Decode, metadata: noMetadata, ratio: 10}
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
	case has(0, "GIF87a"), has(0, "GIF89a"):
		return gifFormat, ""
	case has(0, "BM") && has(6, "\x00\x00\x00\x00"):
		return bmpFormat, ""
	}
	if f := d.format(data); f != nil {
		return f, ""
	}
	if f := heifFormat(data); f != nil {
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
		{"8BPS", "PSD"},
		{"%PDF-", "PDF"},
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
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, l.Time)
	defer cancel()
	late := func(err error) error {
		switch {
		case outer.Err() != nil:
			return outer.Err()
		case ctx.Err() != nil:
			return refuse(name, "takes longer than %v to read: it is damaged, or this machine is busy", l.Time)
		}
		if own := (*Error)(nil); errors.As(err, &own) {
			return own
		}
		return damaged(name, f, err)
	}
	config, err := timed(ctx, f.config, io.Reader(bytes.NewReader(data)))
	if err != nil {
		return nil, late(err)
	}
	if err := l.check(name, config.Width, config.Height); err != nil {
		return nil, err
	}
	if pixels := int64(config.Width) * int64(config.Height); f.ratio > 0 && pixels > 1<<20 && pixels/f.ratio > int64(len(data)) {
		return nil, refuse(name, "is damaged: its %d bytes cannot hold the %dx%d pixels that it states", len(data), config.Width, config.Height)
	}
	img, err := timed(ctx, f.decode, io.Reader(contextReadSeeker{ctx, bytes.NewReader(data)}))
	if err != nil {
		return nil, late(err)
	}
	if err := l.check(name, img.Bounds().Dx(), img.Bounds().Dy()); err != nil {
		return nil, err
	}
	p, err := guarded(func(img image.Image) (*Picture, error) { return finish(ctx, f, data, name, img) }, img)
	if err != nil || ctx.Err() != nil {
		return nil, late(err)
	}
	p.Path = name
	if f.warn != nil {
		if w := f.warn(data); w != "" {
			p.Warnings = append(p.Warnings, w)
		}
	}
	return p, nil
}

// finish reads the metadata, converts what the decoder returned to sRGB and turns the picture upright.
func finish(ctx context.Context, f *format, data []byte, name string, img image.Image) (*Picture, error) {
	meta, orientation := f.metadata(data)
	if meta.fault != "" {
		return nil, refuse(name, "%s", meta.fault)
	}
	p := &Picture{Format: f.name}
	pixels, used := (*image.NRGBA)(nil), true
	switch profile, err := profileOf(meta.ICC); {
	case errors.Is(err, errOtherSpace):
		pixels, used = toNRGBA(img), false
	case err != nil:
		return nil, &Error{Path: name, Reason: "has a damaged colour profile: remove it, or save the picture again", Err: err}
	case profile == nil:
		pixels = toNRGBA(img)
	default:
		pixels, used = profile.inSRGB(img)
	}
	if !used {
		meta.ICC = nil
		p.Warnings = append(p.Warnings, "has a colour profile of another kind than its pixels: its colours are taken for sRGB")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.Image, p.Meta = orient(pixels, orientation), meta
	return p, nil
}

// profileOf reads a file's profile, nil where it has none.
func profileOf(data []byte) (*profile, error) {
	if data == nil {
		return nil, nil
	}
	return readProfile(data)
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

// timed is guarded in a goroutine of its own, left alone when ctx ends: it ends at its next read, or when it is done.
func timed[S, T any](ctx context.Context, decoder func(S) (T, error), source S) (T, error) {
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := guarded(decoder, source)
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.v, o.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
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

package picture

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/tiff"
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
	tiffFormat = &format{"tiff", tiff.DecodeConfig, tiff.Decode, tiffMetadata}
	webpFormat = &format{"webp", webp.DecodeConfig, decodeWebP, webpMetadata}
)

// detect tells the format by the file's first bytes; a file of another kind gives the reason, which continues its name.
func detect(data []byte) (*format, string) {
	has := func(at int, s string) bool {
		return len(data) >= at+len(s) && string(data[at:at+len(s)]) == s
	}
	switch {
	case has(0, "\xff\xd8\xff"):
		return jpegFormat, ""
	case has(0, "\x89PNG\r\n\x1a\n"):
		return pngFormat, ""
	case has(0, "II*\x00"), has(0, "MM\x00*"):
		return tiffFormat, ""
	case has(0, "RIFF") && has(8, "WEBP"):
		return webpFormat, ""
	case has(4, "ftyp"):
		if kind := isoKind(data); kind != "" {
			return nil, fmt.Sprintf("is a picture of the kind %s, which Gesso does not read: %s", kind, readable)
		}
	}
	return nil, "is not a picture that Gesso reads: " + readable
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
	config, err := guarded(f.config, bytes.NewReader(data))
	if err != nil {
		return nil, damaged(name, f, err)
	}
	if err := l.check(name, config.Width, config.Height); err != nil {
		return nil, err
	}
	img, err := guarded(f.decode, contextReadSeeker{ctx, bytes.NewReader(data)})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, damaged(name, f, err)
	}
	if err := l.check(name, img.Bounds().Dx(), img.Bounds().Dy()); err != nil {
		return nil, err
	}
	meta, orientation := f.metadata(data)
	upright := orient(toNRGBA(img), orientation)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &Picture{Image: upright, Path: name, Format: f.name, Meta: meta}, nil
}

// damaged is the error of a file whose decoder gave up.
func damaged(name string, f *format, err error) error {
	label := map[string]string{"jpeg": "JPEG", "png": "PNG", "tiff": "TIFF", "webp": "WebP"}[f.name]
	return &Error{Path: name, Reason: fmt.Sprintf("is damaged or incomplete, or a rare kind of %s", label), Err: err}
}

// guarded runs a decoder and turns its panic into an error: a forged file must not end the program.
func guarded[T any](decoder func(io.Reader) (T, error), r io.Reader) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoder panic: %v", p)
		}
	}()
	return decoder(r)
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

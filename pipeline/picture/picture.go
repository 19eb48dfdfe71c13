package picture

import (
	"bytes"
	"context"
	"image"
	"io"
	"os"
	"time"
)

// Picture is a decoded picture with what its file said about it.
type Picture struct {
	Image  *image.NRGBA // upright, sRGB of 8 bits, alpha not premultiplied, with its origin at (0, 0)
	Path   string       // as given to Open or Decode
	Format string       // jpeg, png, tiff, webp, gif, bmp, heic or avif, on macOS also heif or raw: what the content is, whatever the name says
	Meta   Metadata     // the orientation inside is 1, as Image is upright; ICC is the file's, in which Encode writes where it can
	// Warnings are sentences that continue the path, on what of the file is not as it may be expected: "is animated: ...".
	Warnings []string
}

// Bounds returns the bounds of the image.
func (p *Picture) Bounds() image.Rectangle { return p.Image.Bounds() }

// Limits bound what a file may ask for. A field that is 0 stands for its default.
type Limits struct {
	Pixels  int64 // width times height; default 200 million
	Bytes   int64 // size of the file; default 1 GiB
	Side    int   // longest side in pixels; default 100000
	MinSide int   // shortest side in pixels; default 16

	Time time.Duration // of decoding; default one minute
}

// DefaultLimits hold any camera's picture and keep a forged header from exhausting the memory.
var DefaultLimits = Limits{Pixels: 200e6, Bytes: 1 << 30, Side: 100000, MinSide: 16, Time: time.Minute}

// orDefault fills the fields that are 0.
func (l Limits) orDefault() Limits {
	if l.Pixels == 0 {
		l.Pixels = 200e6
	}
	if l.Bytes == 0 {
		l.Bytes = 1 << 30
	}
	if l.Side == 0 {
		l.Side = 100000
	}
	if l.MinSide == 0 {
		l.MinSide = 16
	}
	if l.Time == 0 {
		l.Time = time.Minute
	}
	return l
}

// check refuses a size in pixels that is out of bounds.
func (l Limits) check(name string, width, height int) error {
	short, long := min(width, height), max(width, height)
	switch {
	case short < l.MinSide:
		return refuse(name, "is too small (%dx%d pixels): each side must be at least %d", width, height, l.MinSide)
	case long > l.Side:
		return refuse(name, "is too large (%dx%d pixels): a side may have at most %d", width, height, l.Side)
	case int64(width)*int64(height) > l.Pixels:
		return refuse(name, "has too many pixels (%dx%d): at most %.4g megapixels", width, height, float64(l.Pixels)/1e6)
	}
	return nil
}

// Open reads the picture in a file. A file that is no such picture gives an *Error; a cancelled ctx gives its error.
func Open(ctx context.Context, path string, l Limits) (*Picture, error) {
	l = l.orDefault()
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fileError(path, "read", err)
	}
	if info.Size() > l.Bytes {
		return nil, tooManyBytes(path, l)
	}
	return read(ctx, f, info.Size(), path, l)
}

// openRegular opens a file that can be read as a whole: folders, pipes and devices are refused before they are opened,
// since opening a pipe would wait for its writer.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fileError(path, "read", err)
	case info.IsDir():
		return nil, refuse(path, "is a folder, not a picture")
	case !info.Mode().IsRegular():
		return nil, refuse(path, "is not a file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, "read", err)
	}
	return f, nil
}

// Decode reads a picture from r to its end; name stands for it in errors and becomes Picture.Path. Cancelling ctx ends the
// decoding at its next read.
func Decode(ctx context.Context, r io.Reader, name string, l Limits) (*Picture, error) {
	return read(ctx, r, 0, name, l.orDefault())
}

// read takes in the whole file, as the formats seek in it, and decodes it. size is a hint.
func read(ctx context.Context, r io.Reader, size int64, name string, l Limits) (*Picture, error) {
	var b bytes.Buffer
	if size > 0 {
		b.Grow(int(size) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(contextReader{ctx, r}, l.Bytes+1))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fileError(name, "read", err)
	case n > l.Bytes:
		return nil, tooManyBytes(name, l)
	case n == 0:
		return nil, refuse(name, "is empty")
	}
	return decode(ctx, b.Bytes(), name, l)
}

func tooManyBytes(name string, l Limits) error {
	return refuse(name, "is too large: a file may have at most %d bytes", l.Bytes)
}

// contextReader ends with the context's error once it is cancelled.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// Resize returns the picture with its longest side scaled down to the given number of pixels. It never enlarges: a picture
// that is small enough is returned itself. Light is averaged, not its encoding, and colours by their alpha.
func (p *Picture) Resize(longest int) *Picture {
	w, h := p.Bounds().Dx(), p.Bounds().Dy()
	if longest <= 0 || max(w, h) <= longest {
		return p
	}
	scaled := func(side int) int { return max(1, (side*longest+max(w, h)/2)/max(w, h)) }
	smaller := *p
	smaller.Image = shrink(p.Image, scaled(w), scaled(h))
	return &smaller
}

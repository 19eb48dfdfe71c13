package picture

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/tiff"
)

// quarters are the colours of the picture in testdata: top left, top right, bottom left, bottom right.
var quarters = [4]color.NRGBA{{220, 40, 40, 255}, {40, 200, 60, 255}, {40, 60, 220, 255}, {255, 255, 255, 255}}

// sample returns a picture of four coloured quarters.
func sample(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, quarters[2*(2*y/h)+2*x/w])
		}
	}
	return img
}

// requireQuarters compares the middles of the quarters, with a tolerance for lossy formats.
func requireQuarters(t *testing.T, want [4]color.NRGBA, img image.Image, tolerance int) {
	t.Helper()
	b := img.Bounds()
	for i, c := range want {
		at := color.NRGBAModel.Convert(img.At(b.Min.X+b.Dx()*(1+2*(i%2))/4, b.Min.Y+b.Dy()*(1+2*(i/2))/4)).(color.NRGBA)
		require.InDelta(t, c.R, at.R, float64(tolerance), "red of quarter %d", i)
		require.InDelta(t, c.G, at.G, float64(tolerance), "green of quarter %d", i)
		require.InDelta(t, c.B, at.B, float64(tolerance), "blue of quarter %d", i)
	}
}

func encoded(t testing.TB, format string, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	switch format {
	case "jpeg":
		require.NoError(t, jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}))
	case "png":
		require.NoError(t, png.Encode(&b, img))
	case "tiff":
		require.NoError(t, tiff.Encode(&b, img, nil))
	}
	return b.Bytes()
}

// pngOfSize is a PNG file that states a size and holds no pixels.
func pngOfSize(w, h uint32) []byte {
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	header = append(header, 8, 2, 0, 0, 0)
	return appendChunk([]byte("\x89PNG\r\n\x1a\n"), "IHDR", header)
}

func TestOpenRefuses(t *testing.T) {
	photo := encoded(t, "jpeg", sample(64, 48))
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty.jpg", nil, "is empty"},
		{"text.jpg", []byte("Dear diary, today I saw a painting."), "is not a picture that Gesso reads (it looks like text): use JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF"},
		{"long.jpg", []byte("x" + strings.Repeat("é", 4000)), "is not a picture that Gesso reads (it looks like text): use JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF"},
		{"noise.jpg", []byte("\x00\x01\x02\x03 binary"), "is not a picture that Gesso reads: use JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF"},
		{"latin.jpg", []byte("caf\xe9"), "is not a picture that Gesso reads: use JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF"},
		{"film.gif", []byte("GIF89a\x01\x00"), "is damaged or incomplete, or a rare kind of GIF"},
		{"cut.jpg", photo[:len(photo)/2], "is damaged or incomplete, or a rare kind of JPEG"},
		{"cut-head.jpg", photo[:20], "is damaged or incomplete, or a rare kind of JPEG"},
		{"cut.png", encoded(t, "png", sample(64, 48))[:60], "is damaged or incomplete, or a rare kind of PNG"},
		{"cut.tif", encoded(t, "tiff", sample(64, 48))[:60], "is damaged or incomplete, or a rare kind of TIFF"},
		{"cut.webp", []byte("RIFF\x10\x00\x00\x00WEBPVP8 "), "is damaged or incomplete, or a rare kind of WebP"},
		{"dot.png", encoded(t, "png", sample(1, 1)), "is too small (1x1 pixels): each side must be at least 16"},
		{"line.png", encoded(t, "png", sample(3, 20000)), "is too small (3x20000 pixels): each side must be at least 16"},
		{"long.png", pngOfSize(200000, 20), "is too large (200000x20 pixels): a side may have at most 100000"},
		{"bomb.png", pngOfSize(50000, 50000), "has too many pixels (50000x50000): at most 200 megapixels"},
		{"phone.heic", []byte("\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic"), "is damaged or incomplete, or a rare kind of HEIC"},
		{"web.avif", []byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1"), "is damaged or incomplete, or a rare kind of AVIF"},
		{"film.jpg", []byte("\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp41"), "is not a picture that Gesso reads: use JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), c.name)
			require.NoError(t, os.WriteFile(path, c.data, 0o600))
			_, err := Open(t.Context(), path, Limits{})
			require.EqualError(t, err, path+" "+c.want)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, path, e.Path)
		})
	}
}

func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(t.Context(), dir, Limits{})
	require.EqualError(t, err, dir+" is a folder, not a picture")
	missing := filepath.Join(dir, "missing.jpg")
	_, err = Open(t.Context(), missing, Limits{})
	require.EqualError(t, err, missing+" does not exist")
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Open(t.Context(), os.DevNull, Limits{})
	require.EqualError(t, err, os.DevNull+" is not a file")
}

func TestLimits(t *testing.T) {
	data := encoded(t, "png", sample(64, 48))
	for _, c := range []struct {
		name   string
		limits Limits
		want   string
	}{
		{"default", DefaultLimits, ""},
		{"zero is default", Limits{}, ""},
		{"bytes", Limits{Bytes: 100}, "is too large: a file may have at most 100 bytes"},
		{"bytes fit", Limits{Bytes: int64(len(data))}, ""},
		{"pixels", Limits{Pixels: 3000}, "has too many pixels (64x48): at most 0.003 megapixels"},
		{"side", Limits{Side: 63}, "is too large (64x48 pixels): a side may have at most 63"},
		{"short side", Limits{MinSide: 49}, "is too small (64x48 pixels): each side must be at least 49"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.png")
			require.NoError(t, os.WriteFile(path, data, 0o600))
			_, openErr := Open(t.Context(), path, c.limits)
			_, decodeErr := Decode(t.Context(), bytes.NewReader(data), "a.png", c.limits)
			if c.want == "" {
				require.NoError(t, openErr)
				require.NoError(t, decodeErr)
				return
			}
			require.EqualError(t, openErr, path+" "+c.want)
			require.EqualError(t, decodeErr, "a.png "+c.want)
		})
	}
}

// A forged header of 2.5 thousand million pixels must cost nothing.
func TestLimitsBeforeAllocation(t *testing.T) {
	bomb := pngOfSize(50000, 50000)
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := Decode(context.Background(), bytes.NewReader(bomb), "bomb.png", Limits{})
			require.Error(b, err)
		}
	})
	require.Less(t, result.AllocedBytesPerOp(), int64(1<<20))
}

func TestDecodeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Decode(ctx, bytes.NewReader(encoded(t, "png", sample(64, 48))), "a.png", Limits{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestOpenFormats(t *testing.T) {
	for _, c := range []struct {
		file, format string
		tolerance    int
	}{
		{"lossless.webp", "webp", 0},
		{"alpha.webp", "webp", 2},
		{"cmyk.jpg", "jpeg", 2},
		{"progressive.jpg", "jpeg", 2},
		{"inks.jpg", "jpeg", 3},
		{"interlaced.png", "png", 0},
		{"palette.png", "png", 0},
		{"deep.png", "png", 0},
		{"lzw.tif", "tiff", 0},
		{"packbits.tif", "tiff", 0},
		{"tiles-planar.tif", "tiff", 0},
		{"deep-planar.tif", "tiff", 0},
		{"palette.tif", "tiff", 1},
		{"still.gif", "gif", 0},
		{"film.gif", "gif", 0},
		{"film.webp", "webp", 0},
		{"plain.bmp", "bmp", 0},
		{"phone.heic", "heic", 12},
		{"web.avif", "avif", 12},
	} {
		t.Run(c.file, func(t *testing.T) {
			p, err := Open(t.Context(), filepath.Join("testdata", c.file), Limits{})
			require.NoError(t, err)
			require.Equal(t, c.format, p.Format)
			if c.format == "heic" {
				require.Equal(t, image.Rect(0, 0, 192, 128), p.Bounds())
			} else {
				require.Equal(t, image.Rect(0, 0, 48, 32), p.Bounds())
			}
			requireQuarters(t, quarters, p.Image, c.tolerance)
			if strings.HasPrefix(c.file, "film") {
				require.Equal(t, []string{firstFrame}, p.Warnings)
			} else {
				require.Empty(t, p.Warnings)
			}
		})
	}
}

func TestOpenTurnedTIFFAndWebP(t *testing.T) {
	p, err := Open(t.Context(), "testdata/photo.tif", Limits{}) // orientation 8
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 32, 48), p.Bounds())
	requireQuarters(t, [4]color.NRGBA{quarters[1], quarters[3], quarters[0], quarters[2]}, p.Image, 0)
	p, err = Open(t.Context(), "testdata/lossy.webp", Limits{}) // orientation 6
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 32, 48), p.Bounds())
	requireQuarters(t, [4]color.NRGBA{quarters[2], quarters[0], quarters[3], quarters[1]}, p.Image, 2)
}

func TestDecodeByContent(t *testing.T) {
	p, err := Decode(t.Context(), bytes.NewReader(encoded(t, "png", sample(20, 20))), "wrong.jpg", Limits{})
	require.NoError(t, err)
	require.Equal(t, "png", p.Format)
	require.Equal(t, "wrong.jpg", p.Path)
}

// The fast loops agree with image/color, also for a part of an image.
func TestToNRGBA(t *testing.T) {
	bounds := image.Rect(-3, 5, 130, 140)
	part := image.Rect(2, 9, 129, 139)
	ycbcr := image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420)
	for i := range ycbcr.Y {
		ycbcr.Y[i] = byte(7 * i)
	}
	for i := range ycbcr.Cb {
		ycbcr.Cb[i], ycbcr.Cr[i] = byte(3*i), byte(5*i)
	}
	palette := color.Palette{color.NRGBA{1, 2, 3, 255}, color.NRGBA{200, 100, 50, 128}, color.NRGBA{}, color.White}
	for _, src := range []interface {
		image.Image
		SubImage(image.Rectangle) image.Image
	}{
		image.NewNRGBA(bounds), image.NewRGBA(bounds), image.NewGray(bounds), image.NewGray16(bounds), image.NewNRGBA64(bounds),
		image.NewRGBA64(bounds), image.NewCMYK(bounds), image.NewPaletted(bounds, palette), image.NewAlpha(bounds), ycbcr,
	} {
		if dst, ok := src.(interface{ Set(x, y int, c color.Color) }); ok {
			for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
				for x := bounds.Min.X; x < bounds.Max.X; x++ {
					dst.Set(x, y, color.NRGBA{uint8(3 * x), uint8(5 * y), uint8(x * y), uint8(x + y)})
				}
			}
		}
		img := src.SubImage(part)
		got := toNRGBA(img)
		require.Equal(t, image.Rect(0, 0, part.Dx(), part.Dy()), got.Rect)
		for y := range part.Dy() {
			for x := range part.Dx() {
				// Compared as premultiplied, as the colour under an alpha of nearly 0 means little.
				r, g, b, a := img.At(part.Min.X+x, part.Min.Y+y).RGBA()
				r2, g2, b2, a2 := got.At(x, y).RGBA()
				for _, pair := range [][2]uint32{{r, r2}, {g, g2}, {b, b2}, {a, a2}} {
					require.InDelta(t, pair[0], pair[1], 257, "%T at %d, %d", img, x, y)
				}
			}
		}
	}
}

func TestResize(t *testing.T) {
	p := &Picture{Image: sample(300, 200), Path: "a.png", Format: "png", Meta: Metadata{XMP: []byte("x")}}
	require.Same(t, p, p.Resize(300))
	require.Same(t, p, p.Resize(0))
	small := p.Resize(150)
	require.Equal(t, image.Rect(0, 0, 150, 100), small.Bounds())
	require.Equal(t, "a.png png x", strings.Join([]string{small.Path, small.Format, string(small.Meta.XMP)}, " "))
	require.Equal(t, image.Rect(0, 0, 300, 200), p.Bounds())
	requireQuarters(t, quarters, small.Image, 1)
	require.Equal(t, image.Rect(0, 0, 1, 100), (&Picture{Image: sample(1, 400)}).Resize(100).Bounds())
}

// Colour under transparent pixels must not come out at an edge, black least of all.
func TestResizeHasNoFringe(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 97, 61))
	for y := range 61 {
		for x := range 97 {
			if x >= 41 {
				img.SetNRGBA(x, y, color.NRGBA{230, 120, 40, 255})
			}
		}
	}
	small := (&Picture{Image: img}).Resize(40).Image
	edge := 0
	for i := 0; i < len(small.Pix); i += 4 {
		p := small.Pix[i : i+4]
		if p[3] < 8 {
			continue // too few levels of alpha to hold a colour
		}
		if p[3] < 255 {
			edge++
		}
		require.InDelta(t, 230, p[0], 2)
		require.InDelta(t, 120, p[1], 2)
		require.InDelta(t, 40, p[2], 2)
	}
	require.Positive(t, edge, "the picture has a soft edge")
}

func TestGuarded(t *testing.T) {
	_, err := guarded(func(n int) (int, error) {
		parallelRows(n, func(y int) {
			if y == 150 {
				panic("row")
			}
		})
		return n, nil
	}, 200)
	require.EqualError(t, err, "decoder panic: row")
}

func FuzzDecode(f *testing.F) {
	for _, format := range []string{"jpeg", "png", "tiff"} {
		f.Add(encoded(f, format, sample(16, 16)))
	}
	for _, name := range []string{"lossy.webp", "alpha.webp", "lossless.webp", "photo.tif", "cmyk.jpg"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(context.Background(), bytes.NewReader(data), "fuzz", Limits{Pixels: 1 << 16, MinSide: 1})
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.False(t, p.Bounds().Empty())
		require.LessOrEqual(t, p.Bounds().Dx()*p.Bounds().Dy(), 1<<16)
		var b bytes.Buffer
		require.NoError(t, Encode(&b, "png", p.Image, SaveOptions{Meta: p.Meta, Recipe: []byte("{}")}))
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, format := range []string{"jpeg", "png"} {
		data := encoded(b, format, sample(1024, 1024))
		b.Run(format, func(b *testing.B) {
			b.SetBytes(4 << 20)
			for b.Loop() {
				_, err := Decode(context.Background(), bytes.NewReader(data), "bench", Limits{})
				require.NoError(b, err)
			}
		})
	}
}

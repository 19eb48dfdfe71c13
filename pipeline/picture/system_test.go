package picture

import (
	"errors"
	"image"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/mac/imageio"
)

// TestWhatTheSystemDecodes plays a system that knows the data as one kind of picture.
func TestWhatTheSystemDecodes(t *testing.T) {
	heic := []byte("\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic")
	tiff := encoded(t, "tiff", sample(64, 48))
	for _, c := range []struct {
		kind string
		data []byte
		want string // the format; empty: nobody reads it
	}{
		{"public.heic", heic, "heic"},
		{"public.heif", heic, "heif"},
		{"public.avif", []byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1"), "avif"},
		{"com.adobe.raw-image", tiff, "raw"},
		{"com.fuji.raw-image", []byte("FUJIFILMCCD-RAW 0201"), "raw"},
		{"public.tiff", tiff, "tiff"},
		{"", tiff, "tiff"},
		{"", []byte("no picture at all\x00"), ""},
		{"com.adobe.pdf", []byte("%PDF-1.7"), ""},
		{"public.heic", encoded(t, "png", sample(64, 48)), "png"},
	} {
		d := decoder{
			stat: func([]byte) (imageio.Info, error) {
				if c.kind == "" {
					return imageio.Info{}, imageio.ErrUnsupported
				}
				return imageio.Info{Type: c.kind, Width: 64, Height: 48}, nil
			},
			decode: func([]byte) (*image.NRGBA, error) { return nil, errors.New("the system's decoder gave up") },
		}
		f, reason := detectWith(d, c.data)
		if c.want == "" {
			require.Nil(t, f, c.kind)
			require.NotEmpty(t, reason)
			continue
		}
		require.NotNil(t, f, "%s: %s", c.kind, reason)
		require.Equal(t, c.want, f.name)
		if c.want == "tiff" || c.want == "png" {
			continue
		}
		config, err := f.config(nil)
		require.NoError(t, err)
		require.Equal(t, 48, config.Height)
		_, err = f.decode(io.Reader(nil))
		require.EqualError(t, damaged("x", f, err), "x is damaged or incomplete, or a rare kind of "+map[string]string{"heic": "HEIC", "heif": "HEIF", "avif": "AVIF", "raw": "RAW"}[c.want])
		meta, orientation := f.metadata(nil)
		require.Equal(t, Metadata{}, meta)
		require.Equal(t, 1, orientation, "it comes upright")
	}
}

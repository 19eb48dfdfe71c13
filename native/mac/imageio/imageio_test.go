package imageio

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDecode(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 5, 3))
	for i := range img.Pix {
		img.Pix[i] = byte(17 * i)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	img.SetNRGBA(4, 2, color.NRGBA{})
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))

	info, err := Stat(b.Bytes())
	decoded, again := Decode(b.Bytes())
	if !Available {
		require.ErrorIs(t, err, ErrUnsupported)
		require.ErrorIs(t, again, ErrUnsupported)
		return
	}
	require.NoError(t, err)
	require.NoError(t, again)
	require.Equal(t, Info{"public.png", 5, 3}, info)
	require.Equal(t, img.Rect, decoded.Rect)
	require.Equal(t, img.Pix, decoded.Pix)
	for _, damaged := range [][]byte{nil, []byte("text"), b.Bytes()[:20]} {
		_, err = Decode(damaged)
		require.Error(t, err)
	}
}

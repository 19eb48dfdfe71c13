package sheet

import (
	"image"
	"image/color"
	"testing"

	"github.com/disintegration/imaging"
	"github.com/stretchr/testify/require"
	"golang.org/x/image/font/basicfont"
)

func TestDraw(t *testing.T) {
	red, blue := color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 0, 255, 255}
	page, err := Draw([]Cell{
		{imaging.New(100, 50, red), []string{"red", "and wide"}},
		{imaging.New(300, 600, blue), nil},
		{imaging.New(100, 100, red), []string{"below"}},
	}, 2, 100, 100)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, gap+2*(100+gap), gap+2*(100+gap+lines*leading)), page.Bounds())
	require.Equal(t, red, page.NRGBAAt(gap+50, gap+25))
	require.Equal(t, paper, page.NRGBAAt(gap+50, gap+75), "a wide picture keeps its shape")
	require.Equal(t, blue, page.NRGBAAt(gap+100+gap+25, gap+99), "a large one is reduced")
	require.Equal(t, red, page.NRGBAAt(gap+50, gap+100+gap+lines*leading+50), "the third begins a row")
	require.True(t, inked(page, image.Rect(gap, gap+100, gap+100, gap+100+lines*leading)), "the caption is drawn")
	require.False(t, inked(page, image.Rect(gap+100+gap, gap+100, gap+2*100+gap, gap+100+lines*leading)))
}

func inked(img *image.NRGBA, r image.Rectangle) bool {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if img.NRGBAAt(x, y).R < 100 {
				return true
			}
		}
	}
	return false
}

func TestShorten(t *testing.T) { // basicfont's letters are 7 pixels wide
	require.Equal(t, "word", shorten(basicfont.Face7x13, "word", 28))
	require.Equal(t, "wor…", shorten(basicfont.Face7x13, "words", 28))
	require.Equal(t, "…", shorten(basicfont.Face7x13, "words", 3))
}

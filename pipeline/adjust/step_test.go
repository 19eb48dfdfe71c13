package adjust

import (
	"image"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text  string
		parse func(string) ([]Step, error)
		want  []Step
	}{
		{"", ParsePost, nil},
		{"detail=0.5, sharpen=0.3", ParsePost, []Step{{Op: Detail, Amount: 0.5}, {Op: Sharpen, Amount: 0.3}}},
		{"sharpen=2,upscale=2,contrast=-1,saturation=1,denoise=0", ParsePost, []Step{{Op: Sharpen, Amount: 2}, {Op: Upscale, Amount: 2}, {Op: Contrast, Amount: -1}, {Op: Saturation, Amount: 1}, {Op: Denoise}}},
		{"grain=0.3:42,colour-match=style,colour-match=photo:0.25", ParsePost, []Step{{Op: Grain, Amount: 0.3, Seed: 42}, {Op: ColourMatch, To: ToStyle, Amount: 1}, {Op: ColourMatch, To: ToPhoto, Amount: 0.25}}},
		{"crop=16:9,fit=1920x1080,fill=16x30000,long-edge=2048", ParsePre, []Step{{Op: Crop, To: "16:9"}, {Op: Fit, To: "1920x1080"}, {Op: Fill, To: "16x30000"}, {Op: LongEdge, To: "2048"}}},
	} {
		got, err := c.parse(c.text)
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, got)
		require.Equal(t, strings.ReplaceAll(c.text, " ", ""), Format(got), "written as it is read")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		text  string
		parse func(string) ([]Step, error)
		want  string
	}{
		{"blur=1", ParsePost, `"blur=1": the steps are upscale, denoise, detail, colour-match, contrast, saturation, sharpen, grain, each as name=value`},
		{"sharpen=1", ParsePre, `"sharpen=1": the steps are crop, fit, fill, long-edge, each as name=value`},
		{"detail=1,,sharpen=1", ParsePost, `"": the steps are `},
		{"sharpen", ParsePost, "sharpen: it goes from 0 to 2"},
		{"sharpen=2.01", ParsePost, "sharpen=2.01: it goes from 0 to 2"},
		{"contrast=NaN", ParsePost, "contrast=NaN: it goes from -1 to 1"},
		{"upscale=3", ParsePost, "upscale=3: it is 2, twice as wide and high"},
		{"upscale=2,upscale=2", ParsePost, "upscale=2: once in a list is as large as it gets"},
		{"colour-match=warm", ParsePost, "colour-match=warm: it takes the colours of the style or the photo"},
		{"colour-match=photo:", ParsePost, "colour-match=photo:: it takes the colours"},
		{"grain=0.1:-1", ParsePost, "grain=0.1:-1: the seed is a whole number from 0 to 4294967295"},
		{"crop=16x9", ParsePre, "crop=16x9: it crops to proportions such as 16:9, each number from 1 to 1000"},
		{"crop=+16:09", ParsePre, "crop=+16:09: it crops"},
		{"fit=10x1000", ParsePre, "fit=10x1000: it fits into a size such as 1920x1080, each side from 16 to 30000 pixels"},
		{"fill=20000x20000", ParsePre, "200 megapixels in all"},
		{"long-edge=99999999999999999999", ParsePre, "long-edge=99999999999999999999: it takes the longest side in pixels, from 16 to 30000"},
		{strings.Repeat("detail=1,", 32) + "detail=1", ParsePost, "a list of 33 steps: it holds at most 32"},
	} {
		_, err := c.parse(c.text)
		require.ErrorContains(t, err, c.want, c.text)
		var step *StepError
		require.ErrorAs(t, err, &step)
	}
}

func TestPrepare(t *testing.T) {
	photo := image.NewNRGBA(image.Rect(0, 0, 300, 200))
	for _, c := range []struct {
		steps string
		want  image.Point
	}{
		{"", image.Pt(300, 200)},
		{"crop=1:1", image.Pt(200, 200)},
		{"crop=3:1", image.Pt(300, 100)},
		{"crop=3:2", image.Pt(300, 200)},
		{"fit=150x150", image.Pt(150, 100)},
		{"fit=900x900", image.Pt(300, 200)},
		{"fill=100x50", image.Pt(100, 50)},
		{"fill=400x400", image.Pt(400, 400)},
		{"long-edge=600", image.Pt(600, 400)},
		{"long-edge=90", image.Pt(90, 60)},
		{"crop=1:1,long-edge=50,fit=40x90", image.Pt(40, 40)},
	} {
		steps, err := ParsePre(c.steps)
		require.NoError(t, err)
		got, err := Prepare(photo, steps)
		require.NoError(t, err, c.steps)
		require.Equal(t, c.want, got.Bounds().Size(), c.steps)
	}
	_, err := Prepare(photo, []Step{{Op: Crop, To: "1:100"}})
	require.EqualError(t, err, "crop=1:100: it would leave a picture of 2x200 pixels, and each side must be at least 16")
}

// The middle is what is left of a crop.
func TestCropKeepsTheMiddle(t *testing.T) {
	photo := image.NewNRGBA(image.Rect(0, 0, 100, 20))
	for i := range photo.Pix {
		photo.Pix[i] = uint8(i / 4 % 100)
	}
	got, err := Prepare(photo, []Step{{Op: Crop, To: "1:1"}})
	require.NoError(t, err)
	require.EqualValues(t, 40, got.Pix[0])
	require.EqualValues(t, 59, got.Pix[4*19])
}

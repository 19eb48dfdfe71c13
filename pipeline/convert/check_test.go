package convert

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
)

// TestCheckOfPictures runs a network that takes and gives pictures before and after.
func TestCheckOfPictures(t *testing.T) {
	o := Options{ModelPath: "testdata/transformer.pth", Sizes: [][2]int{{32, 48}}, Check: true}
	o.Images = map[string]mil.Image{"image": {Color: mil.RGB, Scale: 1}, "stylized": {Color: mil.RGB, Scale: 1}}
	r, _ := convert(t, o)
	fine := r.Packages[0].Check
	require.NotNil(t, fine)
	require.Equal(t, "stylized", fine.Output)
	require.LessOrEqual(t, fine.Difference, 8.0, "of 255")
	require.Positive(t, fine.Difference, "float16 rounds a pixel of many otherwise")
	require.Greater(t, fine.PSNR, 30.0)
}

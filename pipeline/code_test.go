package pipeline

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/picture"
)

func TestStyleCodeWorksWithoutThePicture(t *testing.T) {
	tr, c := engine(t), sample(t)
	want, err := tr.Render(context.Background(), c, nil)
	require.NoError(t, err)
	code, err := tr.StyleCode(context.Background(), c)
	require.NoError(t, err)
	require.Equal(t, "painting", code.Title)
	require.True(t, code.Usable())

	b, err := json.Marshal(code)
	require.NoError(t, err)
	var back StyleCode
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, *code, back)

	require.NoError(t, os.Remove(c.StyleImagePath))
	c.StyleImagePath, c.StyleCode = "", &back
	got, err := tr.Render(context.Background(), c, nil)
	require.NoError(t, err)
	require.Equal(t, want.Image.Pix, got.Image.Pix)
	require.Equal(t, want.Result.StyleLoss, got.Result.StyleLoss)
	require.Equal(t, "painting", got.Result.Style)

	_, err = tr.Run(context.Background(), c, nil)
	require.NoError(t, err)
	raw, err := picture.Recipe(c.OutputPath)
	require.NoError(t, err)
	require.Contains(t, string(raw), "style_code")

	back.Networks = "others"
	_, err = tr.Render(context.Background(), c, nil)
	require.ErrorContains(t, err, "other networks")
}

func TestStyleCodeValidate(t *testing.T) {
	c := DefaultConfig()
	c.ContentImagePath = "a.jpg"
	c.StyleCode = &StyleCode{Code: make(Floats, 128)}
	require.NoError(t, c.Validate())
	var field *FieldError
	c.StyleCode.Code[3] = float32(math.Inf(1))
	require.ErrorAs(t, c.Validate(), &field)
	c.StyleCode.Code = nil
	require.ErrorAs(t, c.Validate(), &field)
	c.StyleCode.Code, c.StyleName = make(Floats, 128), "udnie"
	require.ErrorAs(t, c.Validate(), &field)
	var f Floats
	require.Error(t, f.UnmarshalText([]byte("AAAAAAA=")))
	require.Error(t, f.UnmarshalText([]byte("?")))
}

func TestRenderPictureIsRender(t *testing.T) {
	tr, c := engine(t), sample(t)
	want, err := tr.Render(context.Background(), c, nil)
	require.NoError(t, err)
	p, err := picture.Open(context.Background(), c.ContentImagePath, picture.DefaultLimits)
	require.NoError(t, err)
	got, err := tr.RenderPicture(context.Background(), c, p, nil)
	require.NoError(t, err)
	require.Equal(t, want.Image.Pix, got.Image.Pix)
	require.Equal(t, want.Result.SSIMScore, got.Result.SSIMScore)
}

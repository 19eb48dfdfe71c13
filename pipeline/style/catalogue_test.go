package style

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCatalogue(t *testing.T) {
	all := Catalogue()
	require.GreaterOrEqual(t, len(all), 20)
	for i, p := range all {
		require.Len(t, p.Code, CodeLength, p.ID)
		require.NotEmpty(t, p.Moments, p.ID)
		require.NotEmpty(t, p.Keywords, p.ID)
		if i > 0 {
			require.NotEqual(t, all[i-1].ID, p.ID)
		}
	}
	_, err := Builtin("no-such")
	require.Error(t, err)
}

func TestMatch(t *testing.T) {
	for prompt, first := range map[string]string{
		"Van Gogh starry night style":   "The Starry Night",
		"ukiyo-e wave, blue":            "The Great Wave off Kanagawa",
		"a soft impressionist garden":   "",
		"the scream by Munch":           "The Scream",
		"cubist geometric abstraction":  "",
		"mosaic pointillism":            "Portrait of Jean Metzinger",
		"Kandinsky, vivid and abstract": "Composition VII",
	} {
		m, err := Match(prompt)
		require.NoError(t, err, prompt)
		require.Len(t, m.Features.Code, CodeLength)
		require.LessOrEqual(t, len(m.Names), maxBlend)
		require.Contains(t, m.Names[0], first, prompt)
	}
	for _, prompt := range []string{"zebra spaceship", "the style of", ""} {
		_, err := Match(prompt)
		require.Error(t, err, prompt)
	}
}

func TestMatchIsSureOfWhatItFinds(t *testing.T) {
	sure := func(prompt string) float64 {
		m, err := Match(prompt)
		require.NoError(t, err)
		require.Positive(t, m.Confidence)
		require.LessOrEqual(t, m.Confidence, 1.0)
		return m.Confidence
	}
	require.InDelta(t, 1, sure("the starry night"), 1e-9)
	require.Greater(t, sure("van Gogh starry night"), sure("starry spaceship"))
	require.Greater(t, sure("starry spaceship"), sure("a blue spaceship above a burning zebra"))
}

func TestMix(t *testing.T) {
	a, b := &Features{Code: Code{0, 2}, Moments: []float32{1}}, &Features{Code: Code{1, 4}, Moments: []float32{3}}
	require.Equal(t, &Features{Code: Code{0.25, 2.5}, Moments: []float32{1.5}}, Mix([]*Features{a, b}, []float64{0.75, 0.25}))
}

func TestBlend(t *testing.T) {
	a, b := Code{0, 2}, Code{1, 4}
	require.Equal(t, a, Blend(a, b, 0))
	require.Equal(t, b, Blend(a, b, 1))
	require.Equal(t, Code{0.5, 3}, Blend(a, b, 0.5))
}

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
		f, names, err := Match(prompt)
		require.NoError(t, err, prompt)
		require.Len(t, f.Code, CodeLength)
		require.LessOrEqual(t, len(names), maxBlend)
		require.Contains(t, names[0], first, prompt)
	}
	for _, prompt := range []string{"zebra spaceship", "the style of", ""} {
		_, _, err := Match(prompt)
		require.Error(t, err, prompt)
	}
}

func TestBlend(t *testing.T) {
	a, b := Code{0, 2}, Code{1, 4}
	require.Equal(t, a, Blend(a, b, 0))
	require.Equal(t, b, Blend(a, b, 1))
	require.Equal(t, Code{0.5, 3}, Blend(a, b, 0.5))
}

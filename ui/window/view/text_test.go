//go:build !headless

package view

import (
	"testing"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"github.com/stretchr/testify/require"
)

func TestWrapped(t *testing.T) {
	ten := func(s string) bool { return utf8.RuneCountInString(s) <= 10 }
	for text, want := range map[string][]string{
		"":                   {""},
		"short":              {"short"},
		"one two three four": {"one two", "three four"},
		"extraordinarily so": {"extraordin", "arily so"},
		"a\nb":               {"a", "b"},
		"写真の階調が保たれています。線も同じ。": {"写真の階調が保たれて", "います。線も同じ。"},
		"一二三四五六七八九十。":         {"一二三四五六七八九", "十。"},
	} {
		require.Equal(t, want, wrapped(text, ten), text)
	}
}

func TestTextFitsItsRoom(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(Theme{})
	long := "A sentence that is longer than the room that there is for it"
	c := NewCaption(long)
	c.Resize(fyne.NewSize(120, 16))
	shown := c.lines(120)
	require.Len(t, shown, 1)
	require.Contains(t, shown[0], "…")
	require.LessOrEqual(t, c.measure(shown[0]).Width, float32(120))
	require.Equal(t, long, c.String())

	n := NewNote(long)
	one := n.MinSize().Height
	n.Resize(fyne.NewSize(120, 16))
	require.Greater(t, n.MinSize().Height, 2*one, "it is as high as its lines")
	for _, l := range n.lines(120) {
		require.LessOrEqual(t, n.measure(l).Width, float32(120))
	}
	require.GreaterOrEqual(t, NewTitle(long).MinSize().Width, float32(300), "a title is never cut")
}

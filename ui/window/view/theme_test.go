//go:build !headless

package view

import (
	"image/color"
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"github.com/stretchr/testify/require"
)

// luminance and contrast are those of WCAG 2.2.
func luminance(c color.NRGBA) float64 {
	lin := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(c.R) + 0.7152*lin(c.G) + 0.0722*lin(c.B)
}

func contrast(a, b color.NRGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestContrast(t *testing.T) {
	grounds := []fyne.ThemeColorName{theme.ColorNameBackground, ColorPanel, ColorWell, theme.ColorNameOverlayBackground}
	type rule struct {
		least  float64
		front  fyne.ThemeColorName
		behind []fyne.ThemeColorName
	}
	for _, r := range []rule{
		{4.5, theme.ColorNameForeground, append([]fyne.ThemeColorName{theme.ColorNameButton, theme.ColorNameInputBackground, theme.ColorNameMenuBackground}, grounds...)},
		{4.5, ColorSecond, grounds},
		{4.5, theme.ColorNamePlaceHolder, []fyne.ThemeColorName{theme.ColorNameInputBackground}},
		{4.5, theme.ColorNameError, grounds},
		{4.5, theme.ColorNameWarning, grounds},
		{4.5, theme.ColorNameSuccess, grounds},
		{4.5, theme.ColorNameForegroundOnPrimary, []fyne.ThemeColorName{theme.ColorNamePrimary}},
		{3, ColorOutline, []fyne.ThemeColorName{ColorPanel}},
		{3, ColorAccent, []fyne.ThemeColorName{theme.ColorNameBackground, ColorPanel}},
	} {
		for _, b := range r.behind {
			require.GreaterOrEqual(t, contrast(palette[r.front].light, palette[b].light), r.least, "%s on %s, light", r.front, b)
			require.GreaterOrEqual(t, contrast(palette[r.front].dark, palette[b].dark), r.least, "%s on %s, dark", r.front, b)
		}
	}
}

func TestGroundsAreNeutral(t *testing.T) {
	for _, n := range []fyne.ThemeColorName{theme.ColorNameBackground, ColorPanel, ColorWell, theme.ColorNameButton, theme.ColorNameInputBackground} {
		for _, v := range []fyne.ThemeVariant{theme.VariantLight, theme.VariantDark} {
			c := Theme{}.Color(n, v).(color.NRGBA)
			require.True(t, c.R == c.G && c.G == c.B, n)
		}
	}
}

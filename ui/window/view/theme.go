//go:build !headless

package view

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// Colours beyond Fyne's own names.
const (
	ColorPanel   fyne.ThemeColorName = "gessoPanel"   // the column of controls
	ColorWell    fyne.ThemeColorName = "gessoWell"    // what surrounds a picture
	ColorOutline fyne.ThemeColorName = "gessoOutline" // the edge of something that takes a drop or a click
	ColorSecond  fyne.ThemeColorName = "gessoSecond"  // text that comes second
	ColorAccent  fyne.ThemeColorName = "gessoAccent"  // the accent where it is a line: lighter than a button's ground in the dark
)

// SizeValue is the size of a score.
const SizeValue fyne.ThemeSizeName = "gessoValue"

// Theme is Gesso's look: neutral greys, equal in red, green and blue so that they do not tint the judgement of colour, one accent
// (ultramarine), lengths on an 8-point grid. Text has at least 4.5:1 against what it stands on, edges of controls 3:1.
type Theme struct {
	// Variant is light or dark, whatever the system says; nil follows the system.
	Variant *fyne.ThemeVariant
}

func grey(v uint8) color.NRGBA { return color.NRGBA{v, v, v, 255} }

type pair struct{ light, dark color.NRGBA }

var palette = map[fyne.ThemeColorName]pair{
	theme.ColorNameBackground:          {grey(0xe6), grey(0x26)},
	ColorPanel:                         {grey(0xf2), grey(0x2e)},
	ColorWell:                          {grey(0xd4), grey(0x1b)},
	ColorOutline:                       {grey(0x86), grey(0x80)},
	theme.ColorNameForeground:          {grey(0x1c), grey(0xec)},
	ColorSecond:                        {grey(0x52), grey(0xb4)},
	theme.ColorNameDisabled:            {grey(0x8c), grey(0x78)},
	theme.ColorNamePlaceHolder:         {grey(0x5c), grey(0xa8)},
	theme.ColorNameButton:              {grey(0xdc), grey(0x42)},
	theme.ColorNameDisabledButton:      {grey(0xe4), grey(0x36)},
	theme.ColorNameInputBackground:     {grey(0xff), grey(0x22)},
	theme.ColorNameInputBorder:         {grey(0x86), grey(0x80)},
	theme.ColorNameMenuBackground:      {grey(0xfa), grey(0x34)},
	theme.ColorNameOverlayBackground:   {grey(0xf6), grey(0x34)},
	theme.ColorNameHeaderBackground:    {grey(0xec), grey(0x34)},
	theme.ColorNameSeparator:           {grey(0xc8), grey(0x44)},
	theme.ColorNameScrollBar:           {grey(0x80), grey(0x90)},
	theme.ColorNameScrollBarBackground: {grey(0xe6), grey(0x26)},
	theme.ColorNameHover:               {color.NRGBA{0, 0, 0, 18}, color.NRGBA{255, 255, 255, 22}},
	theme.ColorNamePressed:             {color.NRGBA{0, 0, 0, 40}, color.NRGBA{255, 255, 255, 44}},
	theme.ColorNameShadow:              {color.NRGBA{0, 0, 0, 50}, color.NRGBA{0, 0, 0, 110}},
	theme.ColorNamePrimary:             {color.NRGBA{0x2f, 0x4f, 0xc4, 255}, color.NRGBA{0x4d, 0x69, 0xd6, 255}},
	ColorAccent:                        {color.NRGBA{0x2f, 0x4f, 0xc4, 255}, color.NRGBA{0x84, 0xa2, 0xff, 255}},
	theme.ColorNameForegroundOnPrimary: {grey(0xff), grey(0xff)},
	theme.ColorNameHyperlink:           {color.NRGBA{0x2f, 0x4f, 0xc4, 255}, color.NRGBA{0x84, 0xa2, 0xff, 255}},
	theme.ColorNameFocus:               {color.NRGBA{0x2f, 0x4f, 0xc4, 70}, color.NRGBA{0x84, 0xa2, 0xff, 80}},
	theme.ColorNameSelection:           {color.NRGBA{0x2f, 0x4f, 0xc4, 60}, color.NRGBA{0x84, 0xa2, 0xff, 80}},
	theme.ColorNameError:               {color.NRGBA{0xa8, 0x1f, 0x18, 255}, color.NRGBA{0xff, 0x8f, 0x86, 255}},
	theme.ColorNameForegroundOnError:   {grey(0xff), grey(0x12)},
	theme.ColorNameWarning:             {color.NRGBA{0x7a, 0x4c, 0x00, 255}, color.NRGBA{0xf0, 0xb8, 0x50, 255}},
	theme.ColorNameForegroundOnWarning: {grey(0xff), grey(0x12)},
	theme.ColorNameSuccess:             {color.NRGBA{0x1c, 0x62, 0x30, 255}, color.NRGBA{0x80, 0xcc, 0x90, 255}},
	theme.ColorNameForegroundOnSuccess: {grey(0xff), grey(0x12)},
}

// Color implements fyne.Theme.
func (t Theme) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	if t.Variant != nil {
		v = *t.Variant
	}
	if p, ok := palette[n]; ok {
		if v == theme.VariantLight {
			return p.light
		}
		return p.dark
	}
	return theme.DefaultTheme().Color(n, v)
}

// Font implements fyne.Theme.
func (Theme) Font(s fyne.TextStyle) fyne.Resource { return theme.DefaultTheme().Font(s) }

// Icon implements fyne.Theme.
func (Theme) Icon(n fyne.ThemeIconName) fyne.Resource { return theme.DefaultTheme().Icon(n) }

// Size implements fyne.Theme.
func (Theme) Size(n fyne.ThemeSizeName) float32 {
	switch n {
	case theme.SizeNameText:
		return 13
	case theme.SizeNameCaptionText:
		return 11.5
	case theme.SizeNameSubHeadingText:
		return 16
	case theme.SizeNameHeadingText:
		return 20
	case SizeValue:
		return 20
	case theme.SizeNamePadding:
		return 4
	case theme.SizeNameInnerPadding:
		return 8
	case theme.SizeNameInlineIcon:
		return 18
	case theme.SizeNameInputRadius, theme.SizeNameSelectionRadius:
		return 6
	case theme.SizeNameInputBorder, theme.SizeNameSeparatorThickness:
		return 1
	}
	return theme.DefaultTheme().Size(n)
}

// current is the program's theme, which may hold to light or dark.
func current() Theme {
	t, _ := fyne.CurrentApp().Settings().Theme().(Theme)
	return t
}

// rail is Theme for sliders: the accent up to the handle, a rail that can be seen beyond it, both as wide as the text above.
type rail struct{}

func (rail) Font(s fyne.TextStyle) fyne.Resource { return current().Font(s) }

func (rail) Icon(n fyne.ThemeIconName) fyne.Resource { return current().Icon(n) }

func (rail) Size(n fyne.ThemeSizeName) float32 {
	if n == theme.SizeNameInnerPadding {
		return 0
	}
	return current().Size(n)
}

func (rail) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	switch n {
	case theme.ColorNameForeground:
		n = ColorAccent
	case theme.ColorNameInputBackground:
		n = ColorOutline
	}
	return current().Color(n, v)
}

// OnRail gives a slider the look of Gesso's sliders.
func OnRail(s fyne.CanvasObject) fyne.CanvasObject { return container.NewThemeOverride(s, rail{}) }

// Package srgb is the transfer function of sRGB (IEC 61966-2-1): between 8-bit values and light.
package srgb

import (
	"math"
	"sync"
)

// Encode is the value of a light, both from 0 to 1. Light outside of that is clipped.
func Encode(light float64) float64 {
	light = min(max(light, 0), 1)
	if light <= 0.0031308 {
		return 12.92 * light
	}
	return 1.055*math.Pow(light, 1/2.4) - 0.055
}

// Decode is the light of a value, both from 0 to 1.
func Decode(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// Light is the light of each 8-bit value.
var Light = sync.OnceValue(func() *[256]float32 {
	var t [256]float32
	for i := range t {
		t[i] = float32(Decode(float64(i) / 255))
	}
	return &t
})

// Table is the 8-bit values of the lights i/steps, from 0 to 1.
func Table(steps int) []uint8 {
	t := make([]uint8, steps+1)
	for i := range t {
		t[i] = uint8(255*Encode(float64(i)/float64(steps)) + 0.5)
	}
	return t
}

// Luma is ITU-R BT.709's of an 8-bit pixel, of its encoded values, from 0 to 255.
func Luma(p []uint8) float32 {
	return 0.2126*float32(p[0]) + 0.7152*float32(p[1]) + 0.0722*float32(p[2])
}

package mil

import (
	"fmt"
	"slices"
)

// Color is how a picture's channels lie.
type Color string

// The colours of pictures, as Core ML has them.
const (
	RGB  Color = "RGB"
	BGR  Color = "BGR"
	Gray Color = "GRAY"
)

// Image makes an input or an output (1,C,H,W) a picture of 8 bits.
type Image struct {
	Color Color
	// Scale and Bias make what the network takes of a pixel 0..255: x = pixel Scale + Bias. For an output, pixel = (x - Bias) / Scale, so that a
	// network of 0..1 has Scale 1/255 on both sides. 0 stands for 1.
	Scale float64
	Bias  [3]float64 // for each channel; for a gray picture the first
}

// Validate tells what is out of range.
func (im Image) Validate() error {
	if im.Color != RGB && im.Color != BGR && im.Color != Gray {
		return fmt.Errorf("the colour of a picture is %q: it is RGB, BGR or GRAY", im.Color)
	}
	return nil
}

func (im Image) channels() int {
	if im.Color == Gray {
		return 1
	}
	return 3
}

func (im Image) scale() float64 {
	if im.Scale == 0 {
		return 1
	}
	return im.Scale
}

func (im Image) check(v *Value) {
	if v.Rank() != 4 || v.Shape[0] != 1 || v.Shape[1] != im.channels() {
		Fail("a picture in %s has the shape (1,%d,H,W), and the value has %v", im.Color, im.channels(), v.Shape)
	}
}

func (im Image) bias(b *Builder) *Value {
	return b.Floats([]int{1, im.channels(), 1, 1}, im.Bias[:im.channels()]...)
}

func (b *Builder) fromPixels(v *Value, im Image) *Value {
	im.check(v)
	if im.scale() != 1 {
		v = b.Mul(v, b.Scalar(im.scale()))
	}
	if slices.Max(im.Bias[:]) != 0 || slices.Min(im.Bias[:]) != 0 {
		v = b.Add(v, im.bias(b))
	}
	return v
}

func (b *Builder) toPixels(v *Value, im Image) *Value {
	im.check(v)
	if slices.Max(im.Bias[:]) != 0 || slices.Min(im.Bias[:]) != 0 {
		v = b.Binary("sub", v, im.bias(b))
	}
	if im.scale() != 1 {
		v = b.Mul(v, b.Scalar(1/im.scale()))
	}
	return b.Clip(v, 0, 255)
}

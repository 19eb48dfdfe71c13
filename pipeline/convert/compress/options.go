// Package compress gives weights smaller forms: palettes by k-means and whole numbers of a scale, as Core ML's constexpr operations have them.
//
// It must not import an engine or ui.
package compress

import (
	"fmt"
	"slices"
)

// Mode is a form of weights.
type Mode string

// The forms.
const (
	None    Mode = ""
	Palette Mode = "palettize" // indices into a table of 2^bits values
	Linear  Mode = "linear"    // whole numbers times a scale
)

// Options says how weights are compressed.
type Options struct {
	Mode Mode
	// Bits of each weight: 1, 2, 4, 6 or 8 of a palette (3 from iOS 18), 4 or 8 of whole numbers.
	Bits int
	// Group is how many output channels share a palette; 0: all. More than one palette needs iOS 18.
	Group int
	// Block is how many input channels share a scale; 0: all. It needs iOS 18.
	Block int
	// PerTensor gives whole numbers one scale in place of one for each output channel.
	PerTensor bool
	// MaxError is the greatest relative error (by the root of mean squares) that a layer may have: more bits are taken where it is passed, and at
	// last none are saved. 0: no bound.
	MaxError float64
	// Size is the least number of elements that are compressed; 0 is 2048.
	Size int
}

// minSize is the least number of elements that are worth it, as coremltools has it.
const minSize = 2048

// Error names an option that is out of range.
type Error struct {
	Field string
	Value any
	Want  string
}

func (e *Error) Error() string { return fmt.Sprintf("%s is %v: %s", e.Field, e.Value, e.Want) }

// Validate names the first option that is out of range.
func (o Options) Validate() error {
	switch o.Mode {
	case None:
		return nil
	case Palette:
		if !slices.Contains([]int{1, 2, 3, 4, 6, 8}, o.Bits) {
			return &Error{"bits", o.Bits, "a palette has 1, 2, 3, 4, 6 or 8"}
		}
	case Linear:
		if o.Bits != 4 && o.Bits != 8 {
			return &Error{"bits", o.Bits, "whole numbers have 4 or 8"}
		}
	default:
		return &Error{"compress", o.Mode, "it is palettize or linear"}
	}
	switch {
	case o.Group < 0:
		return &Error{"group", o.Group, "it is 1 or more channels"}
	case o.Block < 0:
		return &Error{"block", o.Block, "it is 1 or more channels"}
	case !(o.MaxError >= 0 && o.MaxError <= 1):
		return &Error{"max_error", o.MaxError, "it goes from 0 to 1"}
	case o.Size < 0:
		return &Error{"min_size", o.Size, "it is 1 or more elements"}
	}
	return nil
}

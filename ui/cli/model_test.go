package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
)

func TestFeatureReport(t *testing.T) {
	for want, f := range map[string]native.Feature{
		"float32 (1,3,8,8)": {Shape: []int{1, 3, 8, 8}},
		"float16 (1,?)":     {Half: true, Shape: []int{1, 0}},
		"int32, of a shape that the model does not tell":         {DType: native.Int32},
		"float32 (1,8), or one of 2 other shapes":                {Shape: []int{1, 8}, Shapes: [][]int{{1, 8}, {1, 9}, {1, 10}}},
		"float32 (1,8), permitted: 1 x 8 to 16, may be left out": {Shape: []int{1, 8}, Ranges: []native.Range{{Min: 1, Max: 1}, {Min: 8, Max: 16}}, Optional: true},
		"float32 (1,8), permitted: 1 x 8 and more":               {Shape: []int{1, 8}, Ranges: []native.Range{{Min: 1, Max: 1}, {Min: 8}}},
		"BGRA picture (64,48,4)":                                 {DType: native.Uint8, Image: "BGRA", Shape: []int{64, 48, 4}},
	} {
		require.Equal(t, want, featureReports([]native.Feature{f})[0].String())
	}
}

func TestOneLine(t *testing.T) {
	require.Equal(t, "two lines", oneLine("two\r\n lines\n"))
	require.Equal(t, "a�[2Jb", oneLine("a\x1b[2Jb"))
	require.Len(t, []rune(oneLine(strings.Repeat("é", 5000))), 300)
}

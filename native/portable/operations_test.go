package portable

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadmeListsOperations holds the list in native/README.md to the table.
func TestReadmeListsOperations(t *testing.T) {
	b, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	list := regexp.MustCompile(`(?s)## Operations of the portable engine\n\n(.*?)\n\n`).FindSubmatch(b)
	require.NotNil(t, list)
	var have, want []string
	for _, m := range regexp.MustCompile(`[ \n]([a-z][a-z0-9_]*)\b`).FindAllSubmatch(list[1], -1) {
		have = append(have, string(m[1]))
	}
	for op := range operations {
		want = append(want, op)
	}
	require.Subset(t, have, want, "operations that the list lacks")
	for _, op := range have {
		require.Contains(t, append(want, "and", "comparison", "sorting", "weights", "random", "numbers"), op, "the list says more")
	}
}

// TestReadmeListsLayers holds the list of layers to the table.
func TestReadmeListsLayers(t *testing.T) {
	b, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	list := regexp.MustCompile(`(?s)## Layers of neural networks\n\n(.*?)\n\n`).FindSubmatch(b)
	require.NotNil(t, list)
	require.ElementsMatch(t, slices.Collect(maps.Keys(layers)), strings.Fields(string(list[1])))
}

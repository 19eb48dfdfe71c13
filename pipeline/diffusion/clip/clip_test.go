package clip

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReference compares with Hugging Face's CLIPTokenizer (testdata/make.py). GESSO_CLIP names another folder that the script made.
func TestReference(t *testing.T) {
	dir := "testdata/small"
	if d := os.Getenv("GESSO_CLIP"); d != "" {
		dir = d
	}
	c, err := Open(filepath.Join(dir, "vocab.json"), filepath.Join(dir, "merges.txt"), "")
	require.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	require.NoError(t, err)
	var cases []struct {
		Text     string
		IDs, Row []int
	}
	require.NoError(t, json.Unmarshal(b, &cases))
	require.Greater(t, len(cases), 100)
	for _, k := range cases {
		got := c.Encode(k.Text)
		if len(k.IDs) == 0 {
			require.Empty(t, got, "%q", k.Text)
		} else {
			require.Equal(t, k.IDs, got, "%q", k.Text)
		}
		row, left := c.Row(k.Text, 77)
		require.Equal(t, k.Row, row, "%q", k.Text)
		require.Equal(t, max(0, len(k.IDs)-75), left, "%q", k.Text)
	}
}

func TestPadding(t *testing.T) {
	c, err := Open("testdata/small/vocab.json", "testdata/small/merges.txt", "!")
	require.NoError(t, err)
	row, _ := c.Row("", 4)
	require.Equal(t, []int{c.Start, c.End, 0, 0}, row)
	_, err = Open("testdata/small/vocab.json", "testdata/small/merges.txt", "no such token")
	require.ErrorContains(t, err, "lacks the token")
}

func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(p, []byte(text), 0o600))
		return p
	}
	good := "testdata/small/merges.txt"
	for text, want := range map[string]string{
		`{}`: "lacks the tokens", `[`: "read the vocabulary", `{"<|startoftext|>":0,"<|endoftext|>":-1}`: "has the number -1",
	} {
		_, err := Open(write("vocab.json", text), good, "")
		require.ErrorContains(t, err, want)
	}
	_, err := Open("testdata/small/vocab.json", write("merges.txt", "#version: 0.2\na b c\n"), "")
	require.ErrorContains(t, err, "line 2 is no pair")
}

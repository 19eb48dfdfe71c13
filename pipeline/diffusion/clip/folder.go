package clip

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gesso-app/gesso/pipeline/disk"
)

// OpenFolder opens the vocab.json and merges.txt of a folder, with the padding that its settings tell.
func OpenFolder(dir string) (*Tokenizer, error) {
	pad, _, err := Padding(dir, "")
	if err != nil {
		return nil, err
	}
	return Open(filepath.Join(dir, "vocab.json"), filepath.Join(dir, "merges.txt"), pad)
}

// Padding is the token that a tokenizer's settings fill rows with: tokenizer_config.json or special_tokens_map.json, with suffix before the dot. told
// is false where they do not say.
func Padding(dir, suffix string) (pad string, told bool, err error) {
	for _, name := range []string{"tokenizer_config", "special_tokens_map"} {
		path := filepath.Join(dir, name+suffix+".json")
		b, err := disk.ReadSmall(path, maxFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var c struct {
			Pad json.RawMessage `json:"pad_token"`
		}
		if err == nil {
			err = json.Unmarshal(b, &c)
		}
		if err != nil {
			return "", false, fmt.Errorf("read %s: %w", path, err)
		}
		var text string
		var token struct{ Content string }
		if json.Unmarshal(c.Pad, &text) == nil && text != "" {
			return text, true, nil
		}
		if json.Unmarshal(c.Pad, &token) == nil && token.Content != "" {
			return token.Content, true, nil
		}
	}
	return "", false, nil
}

package disk

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// ReadSmall returns what the file at path holds; more than limit bytes are an error.
func ReadSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, limit>>20)
	}
	return b, nil
}

// ReadJSON reads a JSON file of at most limit bytes into to.
func ReadJSON(path string, limit int64, to any) error {
	b, err := ReadSmall(path, limit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

package journal

import (
	"fmt"
	"os"
	"path/filepath"
)

func platformStateDir() (string, error) {
	dir, err := os.UserConfigDir() // ~/Library/Application Support
	if err != nil {
		return "", fmt.Errorf("find the user's folder for the journal: %w", err)
	}
	return filepath.Join(dir, "Gesso"), nil
}

//go:build !darwin

package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

func platformStateDir() (string, error) {
	if runtime.GOOS == "windows" {
		dir, err := os.UserCacheDir() // %LocalAppData%
		if err != nil {
			return "", fmt.Errorf("find the user's folder for the journal: %w", err)
		}
		return filepath.Join(dir, "Gesso"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the user's folder for the journal: %w", err)
	}
	return filepath.Join(home, ".local", "state", "gesso"), nil // XDG base directories
}

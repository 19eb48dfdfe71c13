package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gesso-app/gesso/assets"
)

// UnpackNetworks writes the embedded networks below cache (the user's cache folder when empty), since engines read packages from disk, and
// returns their folder. It is named by their content, so that versions do not mix, and appears whole or not at all.
func UnpackNetworks(cache string) (string, error) {
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			user = os.TempDir()
		}
		cache = filepath.Join(user, "gesso")
	}
	files := map[string][]byte{}
	sum := sha256.New()
	err := fs.WalkDir(assets.Networks, "networks", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := assets.Networks.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("networks", filepath.FromSlash(p))
		if err != nil {
			return err
		}
		files[rel] = b
		fmt.Fprintf(sum, "%s %d\n", p, len(b))
		sum.Write(b)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("read the embedded networks: %w", err)
	}
	dir := filepath.Join(cache, "networks", hex.EncodeToString(sum.Sum(nil))[:16])
	if complete(dir, files) {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("unpack the networks: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".unpack-*")
	if err != nil {
		return "", fmt.Errorf("unpack the networks: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }() // renamed away when all went well
	for rel, b := range files {
		p := filepath.Join(temp, rel)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			return "", fmt.Errorf("unpack the networks: %w", err)
		}
		if err := os.WriteFile(p, b, 0o644); err != nil {
			return "", fmt.Errorf("unpack the networks: %w", err)
		}
	}
	if err := os.Rename(temp, dir); err == nil || complete(dir, files) {
		return dir, nil // or another process was quicker
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("replace damaged networks in %s: %w", dir, err)
	}
	if err := os.Rename(temp, dir); err != nil {
		return "", fmt.Errorf("unpack the networks: %w", err)
	}
	return dir, nil
}

// complete tells whether every file is there with its size.
func complete(dir string, files map[string][]byte) bool {
	for rel, b := range files {
		st, err := os.Stat(filepath.Join(dir, rel))
		if err != nil || st.Size() != int64(len(b)) {
			return false
		}
	}
	return true
}

package session

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gesso-app/gesso/pipeline"
)

// CacheSize is how many bytes the program's own files take in PrivateFolder. It looks at the disk.
func (s *Session) CacheSize() (bytes int64) {
	_ = filepath.WalkDir(s.o.PrivateFolder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what cannot be read is not counted
		}
		if info, err := d.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}

// ClearCache removes what can be made again from PrivateFolder: compiled networks, those of earlier versions, pictures that were handed to other
// programs. The networks of this version, the samples and the pictures that are open stay. It works on the disk.
func (s *Session) ClearCache() error {
	if s.o.PrivateFolder == "" {
		return nil
	}
	networks, err := pipeline.UnpackNetworks(s.o.PrivateFolder)
	if err != nil {
		return err
	}
	n := s.Snapshot()
	keep := map[string]bool{networks: true, filepath.Join(s.o.PrivateFolder, "samples"): true, n.Content.Path: true, n.Style.Path: true}
	var wrong []error
	for _, dir := range []string{s.o.PrivateFolder, filepath.Dir(networks)} {
		entries, err := os.ReadDir(dir)
		wrong = append(wrong, err)
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if !keep[path] && path != filepath.Dir(networks) {
				wrong = append(wrong, os.RemoveAll(path))
			}
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("clear the cache: %w", err)
	}
	return nil
}

//go:build unix

package disk

import "golang.org/x/sys/unix"

func volume(path string) (uint64, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return 0, err
	}
	return uint64(s.Dev), nil //nolint:unconvert,nolintlint // its type differs between systems
}

func free(path string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}

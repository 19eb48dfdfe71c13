package disk

import "golang.org/x/sys/windows"

// volume need not tell file systems apart: a drive that is gone has no folder left behind.
func volume(string) (uint64, error) { return 0, nil }

func free(path string) (uint64, error) {
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	var available, total, all uint64
	err = windows.GetDiskFreeSpaceEx(p, &available, &total, &all)
	return available, err
}

package disk

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"syscall"
)

// lasting are errors of a machine or a volume that time or people may mend, and that say nothing of the picture at hand.
var lasting = []error{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO, syscall.EROFS, syscall.ESTALE, syscall.ENODEV,
	syscall.ENXIO, syscall.ETIMEDOUT, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ECONNRESET, syscall.EBUSY,
	syscall.EINTR, syscall.EAGAIN,
}

// Trouble tells whether err is the machine's or the volume's fault and not the picture's: no room, no descriptors, a failing or vanished volume.
// In a folder for outputs, missing folders and permissions count too: writing says so with output.
func Trouble(err error, output bool) bool {
	for _, e := range lasting {
		if errors.Is(err, e) {
			return true
		}
	}
	return output && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, io.ErrShortWrite))
}

// Plain puts an error of the file system into few words, with no path.
func Plain(err error) string {
	var e *fs.PathError
	if errors.As(err, &e) {
		err = e.Err
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "the disk is full"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "too many files are open"
	case errors.Is(err, syscall.EROFS):
		return "the disk is read-only"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

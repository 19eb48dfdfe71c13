//go:build !headless

package window

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"runtime"

	"fyne.io/fyne/v2/storage"

	"github.com/gesso-app/gesso/native/mac"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/zoom"
)

// shares is whether the system has services to share a picture with.
const shares = runtime.GOOS == "darwin"

// encode is a picture as PNG, quickly: it is for a moment's use.
func encode(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img)
	return b.Bytes(), err
}

// copyPicture puts the finished picture on the clipboard. Where the system's is out of reach, a file with the picture is written, and its address is
// put there: file managers, chats and Gesso itself take that.
func (w *window) copyPicture() {
	e, ok := w.session.Export()
	if !ok {
		return
	}
	w.session.Say(tr("Copying the picture…"))
	go func() {
		data, err := encode(e.Image)
		if err != nil {
			w.session.Say(err.Error())
			return
		}
		if runtime.GOOS == "darwin" { // AppKit's own thread
			w.do(func() { w.copied(e, mac.Copy(data)) })
			return
		}
		err = mac.Copy(data)
		w.do(func() { w.copied(e, err) })
	}()
}

// copied says how copying has ended.
func (w *window) copied(e session.Export, err error) {
	switch {
	case err == nil:
		w.session.Say(tr("The picture is on the clipboard."))
	case errors.Is(err, mac.ErrUnsupported):
		w.exported(e, func(path string) {
			w.app.Clipboard().SetContent(storage.NewFileURI(path).String())
			w.session.Say(tr("The address of a file with the picture is on the clipboard. With wl-clipboard or xclip installed, it is the picture itself."))
		})
	default:
		w.session.Say(err.Error())
	}
}

// sharePicture offers the finished picture to the system's services.
func (w *window) sharePicture() {
	if e, ok := w.session.Export(); ok {
		w.exported(e, func(path string) {
			if err := mac.Share(path); err != nil {
				w.session.Say(err.Error())
			}
		})
	}
}

// exported writes the picture among the program's own files, in a folder that holds only the latest, and calls done on the UI goroutine.
func (w *window) exported(e session.Export, done func(path string)) {
	go func() {
		path, err := export(e)
		if err != nil {
			w.session.Say(err.Error())
			return
		}
		w.do(func() { done(path) })
	}()
}

func export(e session.Export) (path string, err error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "shared")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path = filepath.Join(dir, e.Name)
	return path, e.Write(path)
}

// dragSide is the longest side in pixels of the picture that hangs on the pointer.
const dragSide = 160

// dragOut lets the finished picture be dragged to another program; its file is written where it is dropped.
func (w *window) dragOut() {
	e, ok := w.session.Export()
	if !ok {
		return
	}
	size := e.Large.Size()
	scale := min(float64(dragSide)/float64(max(size.X, size.Y)), 1)
	width, height := max(int(float64(size.X)*scale), 1), max(int(float64(size.Y)*scale), 1)
	icon, err := encode(e.Large.Draw(zoom.Fit(size, width, height), size, width, height))
	if err == nil {
		err = mac.DragOut(e.Name, icon, e.Write)
	}
	if err != nil && !errors.Is(err, mac.ErrUnsupported) {
		w.session.Say(err.Error())
	}
}

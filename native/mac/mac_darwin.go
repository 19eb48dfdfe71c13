package mac

/*
#cgo CFLAGS: -fobjc-arc
#cgo LDFLAGS: -framework AppKit -framework Foundation
#include <stdlib.h>
#include "mac.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// registry numbers Go functions for C, which cannot hold them.
type registry[T any] struct {
	mu   sync.Mutex
	last uint64
	m    map[uint64]T
}

func (r *registry[T]) put(v T) C.uint64_t {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m == nil {
		r.m = map[uint64]T{}
	}
	r.last++
	r.m[r.last] = v
	return C.uint64_t(r.last)
}

func (r *registry[T]) get(id C.uint64_t) (T, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.m[uint64(id)]
	return v, ok
}

func (r *registry[T]) drop(id C.uint64_t) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.m, uint64(id))
}

var (
	panels registry[func([]string)]
	drags  registry[func(string) error]
)

// said returns C's error as Go's and frees it.
func said(what string, text *C.char) error {
	if text == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(text))
	return fmt.Errorf("%s: %s", what, C.GoString(text))
}

// with runs f with a copy of s for C.
func with(s string, f func(*C.char)) {
	c := C.CString(s)
	defer C.free(unsafe.Pointer(c))
	f(c)
}

// OpenPanel shows the system's open panel and returns at once. chosen is called when it is closed, with no paths where it was cancelled.
func OpenPanel(p Panel, chosen func(paths []string)) error { return choose(p, false, chosen) }

// SavePanel shows the system's save panel and returns at once. chosen is called when it is closed, with an empty path where it was cancelled. The
// panel has asked already whether a file of that name may be replaced.
func SavePanel(p Panel, chosen func(path string)) error {
	return choose(p, true, func(paths []string) {
		if len(paths) == 0 {
			paths = []string{""}
		}
		chosen(paths[0])
	})
}

func choose(p Panel, save bool, chosen func([]string)) (err error) {
	var owned []unsafe.Pointer
	own := func(s string) *C.char {
		c := C.CString(s)
		owned = append(owned, unsafe.Pointer(c))
		return c
	}
	defer func() {
		for _, c := range owned {
			C.free(c)
		}
	}()
	k := (*C.gesso_mac_panel)(C.calloc(1, C.sizeof_gesso_mac_panel))
	list := (**C.char)(C.calloc(C.size_t(len(p.Extensions)+1), C.size_t(unsafe.Sizeof(uintptr(0)))))
	owned = append(owned, unsafe.Pointer(k), unsafe.Pointer(list))
	k.title, k.folder, k.name = own(p.Title), own(p.Folder), own(p.Name)
	k.extensions, k.count = list, C.int32_t(len(p.Extensions))
	for i, e := range p.Extensions {
		unsafe.Slice(list, len(p.Extensions))[i] = own(e)
	}
	if p.Many {
		k.many = 1
	}
	if save {
		k.save = 1
	}
	call := panels.put(chosen)
	if err := said("show the panel", C.gesso_mac_choose(k, call)); err != nil {
		panels.drop(call)
		return err
	}
	return nil
}

//export gessoMacChosen
func gessoMacChosen(call C.uint64_t, paths **C.char, count C.int32_t) {
	if chosen, ok := panels.get(call); ok {
		panels.drop(call)
		chosen(texts(paths, count))
	}
}

func texts(list **C.char, count C.int32_t) []string {
	out := make([]string, count)
	for i, c := range unsafe.Slice(list, count) {
		out[i] = C.GoString(c)
	}
	return out
}

// Paste returns the picture on the pasteboard, or ErrNoPicture.
func Paste() (Pasted, error) {
	var data unsafe.Pointer
	var size C.size_t
	var path *C.char
	err := said("read the pasteboard", C.gesso_mac_paste(&data, &size, &path))
	defer C.free(data)
	defer C.free(unsafe.Pointer(path))
	switch {
	case err != nil:
		return Pasted{}, err
	case path != nil:
		return Pasted{Path: C.GoString(path)}, nil
	case data == nil:
		return Pasted{}, ErrNoPicture
	case size > 1<<30:
		return Pasted{}, errors.New("the picture on the pasteboard is larger than 1 GiB")
	}
	return Pasted{PNG: C.GoBytes(data, C.int(size))}, nil
}

// Copy puts a picture, as PNG, on the pasteboard.
func Copy(png []byte) error {
	if len(png) == 0 {
		return errors.New("copy the picture: it is empty")
	}
	return said("copy the picture", C.gesso_mac_copy(unsafe.Pointer(&png[0]), C.size_t(len(png))))
}

// Reveal shows the file in the Finder.
func Reveal(path string) (err error) {
	with(path, func(p *C.char) { err = said("show "+path, C.gesso_mac_reveal(p)) })
	return err
}

// Share offers a file to the system's services, in a menu over the window.
func Share(path string) (err error) {
	with(path, func(p *C.char) { err = said("share "+path, C.gesso_mac_share(p)) })
	return err
}

// Dock shows how work goes on the program's tile in the Dock: badge, a short text or an empty one for none, and a bar at fraction, 0..1, or none below 0.
func Dock(badge string, fraction float64) (err error) {
	with(badge, func(b *C.char) { err = said("show progress in the Dock", C.gesso_mac_dock(b, C.double(fraction))) })
	return err
}

// DragOut begins to drag a picture out of the window; name is its file's, which ends in .png or .jpg, and icon, a small PNG, hangs on the pointer. It must
// be called while a movement of the mouse with its button down is being handled. Where the picture is dropped write is called, on a thread of its
// own, with the path that the file is to have; dropped nowhere, it is not.
func DragOut(name string, icon []byte, write func(path string) error) (err error) {
	if len(icon) == 0 {
		return fmt.Errorf("drag %s: it has no icon", name)
	}
	call := drags.put(write) // until gessoMacForget
	with(name, func(n *C.char) {
		err = said("drag "+name, C.gesso_mac_drag(n, unsafe.Pointer(&icon[0]), C.size_t(len(icon)), call))
	})
	return err
}

//export gessoMacWrite
func gessoMacWrite(call C.uint64_t, path *C.char) *C.char {
	write, ok := drags.get(call)
	if !ok {
		return C.CString("the picture is gone")
	}
	if err := write(C.GoString(path)); err != nil {
		return C.CString(err.Error())
	}
	return nil
}

//export gessoMacForget
func gessoMacForget(call C.uint64_t) { drags.drop(call) }

// opener is who takes files to open.
var opener struct {
	mu   sync.Mutex
	open func([]string)
}

// OnOpen has f called, on a goroutine of its own, with the files that the Finder or the Dock asks the program to open. It must be called before Fyne's
// window is made; a later call puts another f in the place of the first.
func OnOpen(f func(paths []string)) {
	opener.mu.Lock()
	opener.open = f
	opener.mu.Unlock()
	C.gesso_mac_listen()
}

//export gessoMacOpen
func gessoMacOpen(paths **C.char, count C.int32_t) {
	opener.mu.Lock()
	defer opener.mu.Unlock()
	go opener.open(texts(paths, count))
}

package predict

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // pictures that may be given
	_ "image/jpeg" // pictures that may be given
	"image/png"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/npy"
	"github.com/gesso-app/gesso/pipeline/disk"
)

// Limits on what is read.
const (
	maxArray  = 8 << 30 // bytes of an array
	maxPixels = 1 << 28 // of a picture
)

// load reads the file of an input.
func load(path string, f native.Feature) (_ *native.Tensor, kind string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, "", refuse("the input %q: %w", f.Name, err)
	}
	defer file.Close()
	if strings.HasSuffix(strings.ToLower(path), ".npy") {
		a, err := npy.Read(file, maxArray)
		if err != nil {
			return nil, "", refuse("the input %q: %s: %w", f.Name, path, err)
		}
		t, err := fromArray(a, f)
		if err != nil {
			return nil, "", refuse("the input %q: %s: %w", f.Name, path, err)
		}
		return t, a.Type, nil
	}
	if f.Image == "" {
		return nil, "", refuse("the input %q takes an array: give a .npy file, and not %s", f.Name, path)
	}
	t, err := fromPicture(file, f)
	if err != nil {
		return nil, "", refuse("the input %q: %s: %w", f.Name, path, err)
	}
	return t, "uint8", nil
}

// fromArray makes a tensor of an array: numbers become those of the input where none is lost. A picture is (H,W,3), red first, or (H,W).
func fromArray(a *npy.Array, f native.Feature) (*native.Tensor, error) {
	shape := a.Shape
	if f.Image == "grayhalf" && a.Type != "uint8" {
		return fromHalves(a, f)
	}
	if f.Image != "" {
		if a.Type != "uint8" || len(shape) != 2 && (len(shape) != 3 || shape[2] != 3) {
			return nil, fmt.Errorf("a picture is an array of uint8 of shape (height,width,3) or (height,width), and not %s of shape %v", a.Type, shape)
		}
		return pixels(f, shape[1], shape[0], func(x, y int) (r, g, b uint8) {
			if len(shape) == 2 {
				v := a.Data[y*shape[1]+x]
				return v, v, v
			}
			at := 3 * (y*shape[1] + x)
			return a.Data[at], a.Data[at+1], a.Data[at+2]
		})
	}
	if !f.Permits(shape) {
		return nil, fmt.Errorf("its shape is %v, and the model takes %s", shape, permitted(f))
	}
	if f.DType == native.Int32 {
		v, err := a.Int64s()
		if err != nil {
			return nil, err
		}
		t, err := native.NewTensor(native.Int32, shape...)
		if err != nil {
			return nil, err
		}
		for i, n := range v {
			if n < math.MinInt32 || n > math.MaxInt32 {
				return nil, errors.Join(fmt.Errorf("the number %d is too large for int32", n), t.Close())
			}
			t.Int32s()[i] = int32(n)
		}
		return t, nil
	}
	v, err := a.Float32s()
	if err != nil {
		return nil, err
	}
	t, err := native.NewTensor(native.Float32, shape...)
	if err == nil {
		copy(t.Float32s(), v)
	}
	return t, err
}

// fromHalves makes a picture of float16 pixels of an array of numbers (H,W).
func fromHalves(a *npy.Array, f native.Feature) (*native.Tensor, error) {
	if !f.Permits(a.Shape) {
		return nil, fmt.Errorf("its shape is %v, and the model takes %s", a.Shape, permitted(f))
	}
	v, err := a.Float32s()
	if err != nil {
		return nil, err
	}
	t, err := native.NewTensor(native.Float16, a.Shape...)
	if err == nil {
		for i, x := range v {
			binary.LittleEndian.PutUint16(t.Bytes()[2*i:], mlpackage.ToHalf(x))
		}
	}
	return t, err
}

// permitted says which shapes an input takes.
func permitted(f native.Feature) string {
	switch {
	case len(f.Ranges) > 0:
		var list []string
		for _, r := range f.Ranges {
			switch r.Max {
			case 0:
				list = append(list, fmt.Sprintf("%d and more", r.Min))
			case r.Min:
				list = append(list, fmt.Sprint(r.Min))
			default:
				list = append(list, fmt.Sprintf("%d to %d", r.Min, r.Max))
			}
		}
		return "(" + strings.Join(list, ", ") + ")"
	case len(f.Shapes) > 6:
		return fmt.Sprintf("%v and %d others", f.Shape, len(f.Shapes)-1)
	case len(f.Shapes) > 0:
		return strings.Trim(fmt.Sprint(f.Shapes), "[]")
	}
	return fmt.Sprint(f.Shape)
}

// fromPicture reads a PNG, JPEG or GIF file. It must be as large as the model takes pictures.
func fromPicture(file io.ReadSeeker, f native.Feature) (*native.Tensor, error) {
	c, _, err := image.DecodeConfig(file)
	if err != nil {
		return nil, err
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxPixels/c.Height {
		return nil, fmt.Errorf("the picture is %d x %d, which is too large", c.Width, c.Height)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	m, _, err := image.Decode(file)
	if err != nil {
		return nil, err
	}
	b := m.Bounds()
	return pixels(f, b.Dx(), b.Dy(), func(x, y int) (uint8, uint8, uint8) {
		r, g, bl, a := m.At(b.Min.X+x, b.Min.Y+y).RGBA()
		if a > 0 && a < 0xffff { // Go's colours are multiplied by their opacity: the colour itself is wanted
			r, g, bl = r*0xffff/a, g*0xffff/a, bl*0xffff/a
		}
		return uint8(r >> 8), uint8(g >> 8), uint8(bl >> 8)
	})
}

// pixels makes a tensor of a picture as the input takes it.
func pixels(f native.Feature, w, h int, at func(x, y int) (r, g, b uint8)) (*native.Tensor, error) {
	shape := []int{h, w}
	colour := f.Image == "BGRA" || f.Image == "ARGB"
	if colour {
		shape = append(shape, 4)
	}
	if !f.Permits(shape) {
		return nil, fmt.Errorf("the picture is %d x %d, and the model takes %s", w, h, sizes(f))
	}
	t, err := native.NewTensor(f.DType, shape...)
	if err != nil {
		return nil, err
	}
	data := t.Bytes()
	for y := range h {
		for x := range w {
			r, g, b := at(x, y)
			k := y*w + x
			switch f.Image {
			case "BGRA":
				data[4*k], data[4*k+1], data[4*k+2], data[4*k+3] = b, g, r, 255
			case "ARGB":
				data[4*k], data[4*k+1], data[4*k+2], data[4*k+3] = 255, r, g, b
			case "gray":
				data[k] = gray(r, g, b)
			default: // of float16
				binary.LittleEndian.PutUint16(data[2*k:], mlpackage.ToHalf(float32(gray(r, g, b))))
			}
		}
	}
	return t, nil
}

// gray is a colour's luma by ITU-R BT.601, as the standard library has it.
func gray(r, g, b uint8) uint8 {
	return uint8((19595*uint32(r)*257 + 38470*uint32(g)*257 + 7471*uint32(b)*257 + 1<<15) >> 24)
}

// sizes says which pictures an input takes, width first.
func sizes(f native.Feature) string {
	size := func(s []int) string { return fmt.Sprintf("%d x %d", s[1], s[0]) }
	switch {
	case len(f.Ranges) > 1:
		side := func(r native.Range) string {
			if r.Max == 0 {
				return fmt.Sprintf("%d and more", r.Min)
			}
			return fmt.Sprintf("%d to %d", r.Min, r.Max)
		}
		return fmt.Sprintf("widths of %s and heights of %s", side(f.Ranges[1]), side(f.Ranges[0]))
	case len(f.Shapes) > 0:
		var list []string
		for _, s := range f.Shapes {
			list = append(list, size(s))
		}
		return strings.Join(list, ", ")
	}
	return size(f.Shape)
}

// save writes an output beside base and returns the file's name and its elements' type.
func save(base string, f native.Feature, t *native.Tensor) (name, kind string, err error) {
	if f.Image == "BGRA" || f.Image == "ARGB" || f.Image == "gray" {
		name = base + ".png"
		return name, "uint8", disk.Replace(name, 0o644, func(w io.Writer) error { return png.Encode(w, picture(f, t)) })
	}
	a := &npy.Array{Type: t.DType().String(), Shape: t.Shape(), Data: t.Bytes()}
	if f.Half && t.DType() == native.Float32 {
		a.Type, a.Data = "float16", make([]byte, 0, 2*t.Len())
		for _, v := range t.Float32s() {
			a.Data = binary.LittleEndian.AppendUint16(a.Data, mlpackage.ToHalf(v))
		}
	}
	name = base + ".npy"
	return name, a.Type, disk.Replace(name, 0o644, a.Write)
}

// picture views an output as a picture.
func picture(f native.Feature, t *native.Tensor) image.Image {
	h, w, data := t.Shape()[0], t.Shape()[1], t.Bytes()
	if f.Image == "gray" {
		return &image.Gray{Pix: slices.Clone(data), Stride: w, Rect: image.Rect(0, 0, w, h)}
	}
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	order := [4]int{2, 1, 0, 3}
	if f.Image == "ARGB" {
		order = [4]int{1, 2, 3, 0}
	}
	for i := 0; i < len(data); i += 4 {
		for k, from := range order {
			m.Pix[i+k] = data[i+from]
		}
	}
	return m
}

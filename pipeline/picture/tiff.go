package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"

	"golang.org/x/image/tiff"
	"golang.org/x/image/tiff/lzw"

	"github.com/gesso-app/gesso/pipeline/parallel"
)

// tiffFile is the layout of the first picture of a TIFF file (TIFF 6.0).
type tiffFile struct {
	data                 []byte
	order                binary.ByteOrder
	width, height        int
	bits, samples        int
	compression          int
	photometric          int
	planar               bool // the samples lie in planes of their own
	predictor            int
	blockW, blockH       int // of a strip or a tile
	offsets, sizes       []uint32
	palette              []uint32
	alpha, premultiplied bool
}

// The photometric interpretations that are read here.
const (
	tiffWhiteIsZero = 0
	tiffBlackIsZero = 1
	tiffRGB         = 2
	tiffPalette     = 3
	tiffCMYK        = 5
)

// errTIFFElse says that a file is left to the package tiff, which reads what faxes write.
var errTIFFElse = errors.New("a kind of TIFF that is read elsewhere")

// numbers returns the values of an entry of type SHORT or LONG, at most limit; nil if there is none or it is damaged.
func (d directory) numbers(tag uint16, limit int) []uint32 {
	entry := d.find(tag)
	if entry == 0 {
		return nil
	}
	kind, n := d.order.Uint16(d.data[entry+2:]), int64(d.order.Uint32(d.data[entry+4:]))
	size := map[uint16]int64{3: 2, 4: 4}[kind]
	if size == 0 || n > int64(limit) {
		return nil
	}
	value := d.data[entry+8 : entry+12]
	if size*n > 4 {
		start := int64(d.order.Uint32(value))
		if start+size*n > int64(len(d.data)) {
			return nil
		}
		value = d.data[start : start+size*n]
	}
	out := make([]uint32, n)
	for i := range out {
		if size == 2 {
			out[i] = uint32(d.order.Uint16(value[2*i:]))
		} else {
			out[i] = d.order.Uint32(value[4*i:])
		}
	}
	return out
}

// number returns a single value, or other if there is none.
func (d directory) number(tag uint16, other int) int {
	if v := d.numbers(tag, 16); len(v) > 0 && v[0] <= 1<<31-1 {
		return int(v[0])
	}
	return other
}

// tiffLayout reads the directory; it allocates nothing that the file's own size does not bound.
func tiffLayout(data []byte) (*tiffFile, error) {
	d, ok := readDirectory(data)
	if !ok {
		return nil, errors.New("the directory is damaged")
	}
	f := &tiffFile{
		data: data, order: d.order, width: d.number(tagWidth, 0), height: d.number(tagHeight, 0), samples: d.number(tagSamplesPerPixel, 1),
		compression: d.number(tagCompression, 1), photometric: d.number(tagPhotometric, -1), planar: d.number(tagPlanar, 1) == 2,
		predictor: d.number(tagPredictor, 1), bits: 1, palette: d.numbers(320, 3<<16),
	}
	bits := d.numbers(tagBitsPerSample, 64)
	for i, b := range bits {
		if f.bits = int(bits[0]); b != bits[0] {
			return nil, fmt.Errorf("sample %d has %d bits, the first %d", i, b, f.bits)
		}
	}
	if f.width <= 0 || f.height <= 0 {
		return nil, errors.New("the size is missing")
	}
	base := map[int]int{tiffWhiteIsZero: 1, tiffBlackIsZero: 1, tiffRGB: 3, tiffPalette: 1, tiffCMYK: 4}[f.photometric]
	compressed := f.compression == 1 || f.compression == 5 || f.compression == 8 || f.compression == 32946 || f.compression == 32773
	deep := f.bits == 8 || f.bits == 16 && f.photometric != tiffPalette || f.bits < 8 && base == 1 && f.samples == 1 && f.bits > 0 && 8%f.bits == 0
	integer := d.number(339, 1) == 1
	if base == 0 || !compressed || !deep || !integer || f.samples < base || f.samples > 16 || f.predictor > 2 {
		return nil, errTIFFElse
	}
	if extra := d.numbers(tagExtraSamples, 16); f.samples > base && len(extra) > 0 {
		f.alpha, f.premultiplied = extra[0] == 1 || extra[0] == 2, extra[0] == 1
	}
	limit := len(data) / 4
	f.blockW, f.blockH = f.width, min(d.number(tagRowsPerStrip, f.height), f.height)
	f.offsets, f.sizes = d.numbers(tagStripOffsets, limit), d.numbers(tagStripByteCounts, limit)
	if w := d.number(322, 0); w > 0 {
		f.blockW, f.blockH = w, d.number(323, 0)
		f.offsets, f.sizes = d.numbers(324, limit), d.numbers(325, limit)
	}
	if f.blockH <= 0 || f.blockW > f.width+1<<12 || f.blockH > f.height+1<<12 {
		return nil, errors.New("the size of a tile or a strip is wrong")
	}
	across, down := (f.width+f.blockW-1)/f.blockW, (f.height+f.blockH-1)/f.blockH
	blocks := int64(across) * int64(down)
	if f.planar {
		blocks *= int64(f.samples)
	}
	if blocks > int64(len(f.offsets)) || blocks > int64(len(f.sizes)) {
		return nil, fmt.Errorf("%d of %d strips or tiles are listed", min(len(f.offsets), len(f.sizes)), blocks)
	}
	return f, nil
}

func tiffConfig(r io.Reader) (image.Config, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return image.Config{}, err
	}
	f, err := tiffLayout(data)
	if errors.Is(err, errTIFFElse) {
		return tiff.DecodeConfig(bytes.NewReader(data))
	}
	if err != nil {
		return image.Config{}, err
	}
	return image.Config{Width: f.width, Height: f.height}, nil
}

// decodeTIFF reads strips and tiles, interleaved or in planes, of grey, RGB, CMYK and palette pixels of 8 and 16 bits; the package tiff reads the rest.
func decodeTIFF(r io.Reader) (image.Image, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	f, err := tiffLayout(data)
	if errors.Is(err, errTIFFElse) {
		return tiff.Decode(bytes.NewReader(data))
	}
	if err != nil {
		return nil, err
	}
	img, put := f.target()
	across, down := (f.width+f.blockW-1)/f.blockW, (f.height+f.blockH-1)/f.blockH
	perBlock, planes := f.samples, 1
	if f.planar {
		perBlock, planes = 1, f.samples
	}
	stride := (f.blockW*perBlock*f.bits + 7) / 8
	faults := make([]error, across*down)
	parallel.Rows(across*down, 1, func(i int) {
		x0, y0 := i%across*f.blockW, i/across*f.blockH
		rows := min(f.blockH, f.height-y0)
		raw := make([][]byte, planes)
		for p := range planes {
			if raw[p], faults[i] = f.block(i+p*across*down, stride*rows); faults[i] != nil {
				return
			}
		}
		values := make([]uint16, f.blockW*f.samples)
		for y := range rows {
			for p := range planes {
				f.unpack(values, raw[p][y*stride:][:stride], perBlock, p, planes)
			}
			put(x0, y0+y, min(f.blockW, f.width-x0), values)
		}
	})
	return img, errors.Join(faults...)
}

// block unpacks a strip or a tile to exactly n bytes.
func (f *tiffFile) block(i, n int) ([]byte, error) {
	start, end := int64(f.offsets[i]), int64(f.offsets[i])+int64(f.sizes[i])
	if end > int64(len(f.data)) {
		return nil, fmt.Errorf("strip or tile %d lies beyond the file's end", i)
	}
	packed := f.data[start:end]
	switch f.compression {
	case 1:
		if len(packed) < n {
			return nil, fmt.Errorf("strip or tile %d ends early", i)
		}
		return append([]byte(nil), packed[:n]...), nil
	case 32773:
		return packBits(packed, n)
	}
	var r io.ReadCloser
	var err error
	if f.compression == 5 {
		r = lzw.NewReader(bytes.NewReader(packed), lzw.MSB, 8)
	} else if r, err = zlib.NewReader(bytes.NewReader(packed)); err != nil {
		return nil, err
	}
	defer r.Close()
	var out bytes.Buffer // grows with what is there, not with what the header says
	if m, err := io.CopyN(&out, r, int64(n)); err != nil {
		return nil, fmt.Errorf("strip or tile %d ends after %d of %d bytes: %w", i, m, n, err)
	}
	return out.Bytes(), nil
}

// packBits unpacks Apple's run lengths (TIFF 6.0, section 9).
func packBits(packed []byte, n int) ([]byte, error) {
	var out []byte
	for len(out) < n {
		if len(packed) < 2 {
			return nil, io.ErrUnexpectedEOF
		}
		k := int(int8(packed[0]))
		switch {
		case k == -128:
			packed = packed[1:]
		case k < 0:
			out = append(out, bytes.Repeat(packed[1:2], 1-k)...)
			packed = packed[2:]
		case len(packed) < k+2:
			return nil, io.ErrUnexpectedEOF
		default:
			out = append(out, packed[1:k+2]...)
			packed = packed[k+2:]
		}
	}
	return out[:n], nil
}

// unpack reads a row of samples into values, undoes the predictor, and spreads 8 bits and fewer over their numbers, not over 16 bits.
func (f *tiffFile) unpack(values []uint16, row []byte, perBlock, plane, planes int) {
	n := f.blockW * perBlock
	mask := uint16(1)<<min(f.bits, 15) - 1
	var before [16]uint16
	for i := range n {
		var v uint16
		switch f.bits {
		case 16:
			v = f.order.Uint16(row[2*i:])
		case 8:
			v = uint16(row[i])
		default:
			v = uint16(row[i*f.bits/8]>>(8-f.bits-i*f.bits%8)) & mask
		}
		if f.predictor == 2 {
			v += before[i%perBlock]
			if f.bits < 16 {
				v &= mask
			}
			before[i%perBlock] = v
		}
		values[i*planes+plane] = v
	}
}

// target makes the picture and returns what writes n pixels of it from x and y on, whose samples are values.
func (f *tiffFile) target() (image.Image, func(x, y, n int, values []uint16)) {
	rect := image.Rect(0, 0, f.width, f.height)
	full := uint32(1)<<f.bits - 1
	narrow := func(v uint16) byte { return byte((uint32(v)*255 + full/2) / full) }
	switch {
	case f.photometric == tiffCMYK:
		img := image.NewCMYK(rect)
		return img, func(x, y, n int, values []uint16) {
			d := img.Pix[img.PixOffset(x, y):]
			for i := range n {
				for k := range 4 {
					d[4*i+k] = narrow(values[i*f.samples+k])
				}
			}
		}
	case f.photometric == tiffPalette:
		img := image.NewNRGBA(rect)
		size := len(f.palette) / 3
		return img, func(x, y, n int, values []uint16) {
			for i := range n {
				c := color.NRGBA{A: 255}
				if v := int(values[i*f.samples]); v < size {
					c.R, c.G, c.B = byte(f.palette[v]>>8), byte(f.palette[size+v]>>8), byte(f.palette[2*size+v]>>8)
				}
				img.SetNRGBA(x+i, y, c)
			}
		}
	case f.photometric != tiffRGB && !f.alpha:
		return f.greyTarget(rect)
	case f.bits == 16:
		img := image.NewNRGBA64(rect)
		return img, func(x, y, n int, values []uint16) {
			for i := range n {
				r, g, b, a := f.colour(values[i*f.samples:])
				img.SetNRGBA64(x+i, y, color.NRGBA64{R: r, G: g, B: b, A: a})
			}
		}
	}
	img := image.NewNRGBA(rect)
	return img, func(x, y, n int, values []uint16) {
		d := img.Pix[img.PixOffset(x, y):]
		for i := range n {
			r, g, b, a := f.colour(values[i*f.samples:])
			d[4*i], d[4*i+1], d[4*i+2], d[4*i+3] = narrow(r), narrow(g), narrow(b), narrow(a)
		}
	}
}

func (f *tiffFile) greyTarget(rect image.Rectangle) (image.Image, func(x, y, n int, values []uint16)) {
	full := uint32(1)<<f.bits - 1
	value := func(v uint16) uint32 {
		if f.photometric == tiffWhiteIsZero {
			return full - uint32(v)
		}
		return uint32(v)
	}
	if f.bits == 16 {
		img := image.NewGray16(rect)
		return img, func(x, y, n int, values []uint16) {
			for i := range n {
				img.SetGray16(x+i, y, color.Gray16{Y: uint16(value(values[i*f.samples]))})
			}
		}
	}
	img := image.NewGray(rect)
	return img, func(x, y, n int, values []uint16) {
		for i := range n {
			img.Pix[img.PixOffset(x+i, y)] = byte(value(values[i*f.samples]) * 255 / full)
		}
	}
}

// colour returns a pixel of RGB, or of grey with alpha, in the file's bits, without the multiplication by alpha.
func (f *tiffFile) colour(v []uint16) (r, g, b, a uint16) {
	full := uint16(uint32(1)<<f.bits - 1)
	if r, g, b, a = v[0], v[0], v[0], full; f.photometric == tiffRGB {
		g, b = v[1], v[2]
	} else if f.photometric == tiffWhiteIsZero {
		r, g, b = full-r, full-g, full-b
	}
	if f.alpha {
		a = v[1]
		if f.photometric == tiffRGB {
			a = v[3]
		}
		if f.premultiplied && a > 0 && a < full {
			undo := func(c uint16) uint16 {
				return uint16(min(uint32(full), (uint32(c)*uint32(full)+uint32(a)/2)/uint32(a)))
			}
			r, g, b = undo(r), undo(g), undo(b)
		}
	}
	return r, g, b, a
}

package mil

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// maxHalf is the greatest finite float16; from endless on a number stands for infinity, as in the masks of attention.
const (
	maxHalf  = 65504
	tinyHalf = 1.0 / (1 << 24)
	endless  = 1e30
)

// errRange says that a number does not fit float16.
var errRange = errors.New("it is out of float16's range")

// Half rounds to the nearest float16, ties to even. Infinite is what stands for infinity; it becomes the greatest float16, as infinities make NaN
// of products and differences. fits is false for finite numbers that are too large.
func Half(f float32) (h uint16, fits bool) {
	b := math.Float32bits(f)
	sign, exp, frac := uint16(b>>16)&0x8000, int(b>>23)&0xff, b&0x7fffff
	switch {
	case exp == 0xff && frac != 0:
		return sign | 0x7e00, true
	case exp > 127+15 || (exp == 127+15 && frac >= 0x7ff000): // rounds past 65504
		return sign | 0x7bff, math.Abs(float64(f)) >= endless
	case exp >= 127-14:
		h := uint32(exp-127+15)<<10 | frac>>13
		if rest := frac & 0x1fff; rest > 0x1000 || (rest == 0x1000 && h&1 == 1) {
			h++
		}
		return sign | uint16(h), true
	case exp < 127-25:
		return sign, true
	}
	frac |= 0x800000
	shift := uint(126 - exp) // 14 + (113-exp) - 1
	h32 := frac >> shift
	if rest, half := frac&(1<<shift-1), uint32(1)<<(shift-1); rest > half || (rest == half && h32&1 == 1) {
		h32++
	}
	return sign | uint16(h32), true
}

// chunkBytes is how much of a tensor is in memory at once.
const chunkBytes = 1 << 20

// stream writes a tensor's floats as float16 or float32.
func stream(ctx context.Context, t *source.Tensor, half bool, w io.Writer) (err error) {
	r, err := t.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	size := t.DType.Size()
	per := chunkBytes / size
	in, floats, out := make([]byte, chunkBytes), make([]float32, per), make([]byte, 0, 4*per)
	for left := t.Len(); left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(left, per)
		if _, err := io.ReadFull(r, in[:n*size]); err != nil {
			return fmt.Errorf("read the tensor %q: %w", t.Name, err)
		}
		left -= n
		if t.DType == source.F32 && !half || t.DType == source.F16 && half {
			if half && !finite(in[:n*size]) {
				return errRange
			}
			if _, err := w.Write(in[:n*size]); err != nil {
				return err
			}
			continue
		}
		t.DType.Decode(in[:n*size], floats[:n])
		if out, err = pack(out[:0], floats[:n], half); err != nil {
			return err
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
	}
	return nil
}

// finite tells whether there are no infinities among float16 numbers.
func finite(b []byte) bool {
	for i := 0; i < len(b); i += 2 {
		if b[i+1]&0x7c == 0x7c && binary.LittleEndian.Uint16(b[i:])&0x3ff == 0 {
			return false
		}
	}
	return true
}

// Bounds of the float32 numbers, as their bits, that are neither too small nor too large for float16's usual form: 2^-14 and 65520.
const (
	normalFrom = 0x38800000
	normalTo   = 0x477ff000
)

func pack(out []byte, v []float32, half bool) ([]byte, error) {
	if !half {
		for _, f := range v {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
		}
		return out, nil
	}
	out = out[:2*len(v)]
	for i, f := range v {
		b := math.Float32bits(f)
		h := uint16(b>>16) & 0x8000
		if a := b & 0x7fffffff; a >= normalFrom && a < normalTo { // most weights
			h |= uint16((a + 0xfff + a>>13&1 - (127-15)<<23) >> 13)
		} else if a != 0 {
			var fits bool
			if h, fits = Half(f); !fits {
				return nil, errRange
			}
		}
		binary.LittleEndian.PutUint16(out[2*i:], h)
	}
	return out, nil
}

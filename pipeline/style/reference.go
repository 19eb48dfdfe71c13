package style

import (
	"embed"
	"encoding/binary"
	"fmt"
	"math"
)

// references are PyTorch's outputs, which assets/train/export.py --reference writes with the networks.
//
//go:embed testdata/*.f32
var references embed.FS

// Tolerance is how far an engine's values may be from PyTorch's, as a share of the output's range (its greatest value, and 1 at least): the packages
// hold float16 numbers.
const Tolerance = 2e-2

// Trial is a run of a network on pictures by formula, whose outputs are known.
type Trial struct {
	Network string
	In      []Values
	Out     []Values // each with what PyTorch gave
}

// Values are an input or an output of a Trial, row-major. Data of an output of rank 4 whose height is above one holds every Every-th row and column.
type Values struct {
	Name  string
	Shape []int
	Every int
	Data  []float32
}

// Trials returns a run of each of the three networks.
func Trials() ([]Trial, error) {
	data := map[string][]float32{}
	for _, name := range []string{"code", "moments", "map", "scale", "shift", "stylized"} {
		raw, err := references.ReadFile("testdata/" + name + ".f32")
		if err != nil {
			return nil, fmt.Errorf("read the reference %s: %w", name, err)
		}
		for i := 0; i+4 <= len(raw); i += 4 {
			data[name] = append(data[name], math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])))
		}
	}
	square := []int{1, 3, Side, Side}
	vector := func(name, of string) Values { return Values{name, []int{1, len(data[of])}, 1, data[of]} }
	channels := func(name, of string) Values { return Values{name, []int{1, len(data[of]), 1, 1}, 1, data[of]} }
	const h, w = 208, 336
	return []Trial{
		{
			Network: styleNetwork,
			In:      []Values{{inImage, square, 1, pattern(3, Side, Side)}},
			Out:     []Values{vector(outCode, "code"), vector(outMoments, "moments"), {outMap, []int{1, MapChannels, 32, 32}, 4, data["map"]}},
		},
		{
			Network: statisticsNetwork,
			In:      []Values{{inThumb, square, 1, pattern(3, Side, Side)}, vector(inCode, "code")},
			Out:     []Values{channels(outScale, "scale"), channels(outShift, "shift")},
		},
		{
			Network: transformNetwork,
			In:      []Values{{inImage, []int{1, 3, h, w}, 1, pattern(3, h, w)}, channels(inScale, "scale"), channels(inShift, "shift")},
			Out:     []Values{{outImage, []int{1, 3, h, w}, 4, data["stylized"]}},
		},
	}, nil
}

// Difference is the greatest distance of an engine's output got to v, as a share of v's range; infinite where got is not of v's shape or holds what
// is not a number.
func (v Values) Difference(got []float32) float64 {
	if v.Every > 1 && len(v.Shape) == 4 {
		got = every(got, v.Shape, v.Every)
	}
	if len(got) != len(v.Data) {
		return math.Inf(1)
	}
	span, most := 1.0, 0.0
	for i, x := range v.Data {
		d := math.Abs(float64(x) - float64(got[i]))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		span, most = max(span, math.Abs(float64(x))), max(most, d)
	}
	return most / span
}

// every picks each n-th row and column of an array (1,C,H,W); nothing where v is no such array.
func every(v []float32, shape []int, n int) (out []float32) {
	c, h, w := shape[1], shape[2], shape[3]
	if len(v) != c*h*w {
		return nil
	}
	for k := range c {
		for y := 0; y < h; y += n {
			for x := 0; x < w; x += n {
				out = append(out, v[(k*h+y)*w+x])
			}
		}
	}
	return out
}

// pattern is the picture by formula of assets/train/export.py.
func pattern(c, h, w int) []float32 {
	v := make([]float32, 0, c*h*w)
	for k := range c {
		for y := range h {
			for x := range w {
				X, Y, K := float64(x), float64(y), float64(k+1)
				v = append(v, float32(0.5+0.5*math.Sin(0.05*X*K+0.031*Y+0.002*X*Y/K)))
			}
		}
	}
	return v
}

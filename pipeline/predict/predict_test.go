package predict

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/native/mlpackage/npy"
)

const models = "../../native/portable/testdata/"

// writeArray writes an array as a file of the test.
func writeArray(t *testing.T, a *npy.Array) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, a.Write(&b))
	name := filepath.Join(t.TempDir(), "x.npy")
	require.NoError(t, os.WriteFile(name, b.Bytes(), 0o600))
	return name
}

func readArray(t *testing.T, name string) *npy.Array {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	a, err := npy.Read(f, 1<<20)
	require.NoError(t, err)
	return a
}

// TestRun runs a package whose expected outputs its maker wrote.
func TestRun(t *testing.T) {
	x, err := os.ReadFile(models + "enumerated.0.x.f32")
	require.NoError(t, err)
	want, err := os.ReadFile(models + "enumerated.0.y.f32")
	require.NoError(t, err)
	in := writeArray(t, &npy.Array{Type: "float32", Shape: []int{1, 3, 8, 8}, Data: x})
	dir := filepath.Join(t.TempDir(), "deep", "out")
	r, err := Run(t.Context(), Options{Model: models + "enumerated.mlpackage", Inputs: map[string]string{"x": in}, Output: dir, Threads: 1})
	require.NoError(t, err)
	require.Len(t, r.Outputs, 2)
	y := readArray(t, filepath.Join(dir, "y.npy"))
	require.Equal(t, []int{1, 2, 8, 8}, y.Shape)
	got, err := y.Float32s()
	require.NoError(t, err)
	for i, v := range got {
		require.InDelta(t, math.Float32frombits(binary.LittleEndian.Uint32(want[4*i:])), v, 1e-4)
	}
	b, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(b), `"predict_seconds":`)
}

// TestIntegers takes int64 numbers for int32 ones where none is lost.
func TestIntegers(t *testing.T) {
	number := func(values ...int64) string {
		a := &npy.Array{Type: "int64", Shape: []int{len(values) / 2, 2}}
		for _, v := range values {
			a.Data = binary.LittleEndian.AppendUint64(a.Data, uint64(v))
		}
		return writeArray(t, a)
	}
	in, _, err := native.Describe(models+"integers.mlpackage", native.Options{})
	require.NoError(t, err)
	for _, f := range in {
		if f.DType == native.Int32 {
			_, _, err = load(number(1, 2), f)
			require.ErrorContains(t, err, "its shape is [1 2]")
			_, _, err = load(number(1, 2, 1<<40, 0), f)
			require.ErrorContains(t, err, "too large for int32")
			tensor, kind, err := load(number(-3, 2, 1, 0), f)
			require.NoError(t, err)
			require.Equal(t, "int64", kind)
			require.EqualValues(t, -3, tensor.Int32s()[0])
			require.NoError(t, tensor.Close())
			_, _, err = load(writeArray(t, &npy.Array{Type: "float32", Shape: []int{2, 2}, Data: make([]byte, 16)}), f)
			require.ErrorContains(t, err, "whole numbers are taken")
			return
		}
	}
	require.Fail(t, "the package has no input of integers")
}

func TestPictures(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	m.SetNRGBA(1, 0, color.NRGBA{10, 20, 30, 255})
	m.SetNRGBA(2, 1, color.NRGBA{40, 50, 60, 255})
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	name := filepath.Join(t.TempDir(), "p.png")
	require.NoError(t, os.WriteFile(name, b.Bytes(), 0o600))
	f := native.Feature{Name: "image", DType: native.Uint8, Image: "BGRA", Shape: []int{2, 3, 4}}
	x, _, err := load(name, f)
	require.NoError(t, err)
	require.Equal(t, []byte{30, 20, 10, 255}, x.Bytes()[4:8])
	base := filepath.Join(t.TempDir(), "back")
	saved, kind, err := save(base, f, x)
	require.NoError(t, err)
	require.Equal(t, "uint8", kind)
	again, _, err := load(saved, f)
	require.NoError(t, err)
	require.Equal(t, x.Bytes(), again.Bytes())

	f.Image, f.Shape = "gray", []int{2, 3}
	gray, _, err := load(name, f)
	require.NoError(t, err)
	require.EqualValues(t, 18, gray.Bytes()[1]) // 0.299 10 + 0.587 20 + 0.114 30
	f.Shape = []int{4, 4}
	_, _, err = load(name, f)
	require.ErrorContains(t, err, "the picture is 3 x 2, and the model takes 4 x 4")
	array := writeArray(t, &npy.Array{Type: "uint8", Shape: []int{2, 3, 3}, Data: bytes.Repeat([]byte{1, 2, 3}, 6)})
	f.Image, f.Shape = "BGRA", []int{2, 3, 4}
	y, _, err := load(array, f)
	require.NoError(t, err)
	require.Equal(t, []byte{3, 2, 1, 255}, y.Bytes()[:4])
	for _, tensor := range []*native.Tensor{x, again, gray, y} {
		require.NoError(t, tensor.Close())
	}
}

func TestFileNames(t *testing.T) {
	for in, want := range map[string]string{"y": "y", "../../etc/passwd": "_.._etc_passwd", "": "output", "..": "output", "a b:0": "a_b_0", "x.y": "x.y"} {
		require.Equal(t, want, fileName(in), in)
	}
}

func TestVerify(t *testing.T) {
	v, err := Verify(t.Context(), models+"enumerated.mlpackage")
	require.NoError(t, err)
	require.True(t, v.Loaded)
	_, err = Verify(t.Context(), filepath.Join(t.TempDir(), "none.mlpackage"))
	var input *InputError
	require.ErrorAs(t, err, &input)
	file := filepath.Join(t.TempDir(), "text.mlmodel")
	require.NoError(t, os.WriteFile(file, []byte("no model"), 0o600))
	_, err = Verify(t.Context(), file)
	require.ErrorContains(t, err, "is not a Core ML specification")
}

// unpack takes one case's model out of an archive of the portable engine's tests.
func unpack(t *testing.T, archive, name string) string {
	t.Helper()
	f, err := os.Open(models + archive)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), name+".mlpackage")
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			require.DirExists(t, dir)
			return dir
		}
		require.NoError(t, err)
		if rest, ok := strings.CutPrefix(h.Name, name+"/model/"); ok {
			b, err := io.ReadAll(r)
			require.NoError(t, err)
			file := filepath.Join(dir, filepath.FromSlash(rest))
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, b, 0o600))
		}
	}
}

// TestVerifyPipeline: the functions of a pipeline's models are not the pipeline's.
func TestVerifyPipeline(t *testing.T) {
	v, err := Verify(t.Context(), unpack(t, "sequences.tar.gz", "pipeline_of_programs"))
	require.NoError(t, err)
	require.Empty(t, v.Functions)
}

// TestHalfPicture gives a picture of float16 pixels as numbers.
func TestHalfPicture(t *testing.T) {
	f := native.Feature{Name: "x", DType: native.Float16, Image: "grayhalf", Shape: []int{1, 2}}
	a := &npy.Array{Type: "float16", Shape: []int{1, 2}, Data: []byte{0, 0x3c, 0, 0xb8}} // 1 and -0.5
	x, err := fromArray(a, f)
	require.NoError(t, err)
	require.Equal(t, a.Data, x.Bytes())
	require.NoError(t, x.Close())
	a.Shape = []int{2, 1}
	_, err = fromArray(a, f)
	require.ErrorContains(t, err, "its shape is [2 1]")
}

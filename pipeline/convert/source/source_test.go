package source

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFormatsAgree reads the same tensors from every format; testdata/make.py says what they are.
func TestFormatsAgree(t *testing.T) {
	base := make([]float32, 24)
	for i := range base {
		base[i] = float32(i)
	}
	turned := make([]float32, 0, 24)
	for k := range 4 {
		for i := range 6 {
			turned = append(turned, base[4*i+k])
		}
	}
	want := map[string]struct {
		shape  []int
		values []float32
	}{
		"plain":  {[]int{2, 3, 4}, base},
		"turned": {[]int{4, 2, 3}, turned},
		"part":   {[]int{1, 3, 2}, []float32{13, 14, 17, 18, 21, 22}},
		"last":   {[]int{4}, []float32{20, 21, 22, 23}},
		"half":   {[]int{2}, []float32{1.5, -2}},
		"brain":  {[]int{2}, []float32{1.5, -2}},
		"double": {[]int{1}, []float32{0.25}},
		"long":   {[]int{2}, []float32{-3, 1 << 40}},
		"byte":   {[]int{2}, []float32{0, 255}},
		"truth":  {[]int{2}, []float32{1, 0}},
		"scalar": {[]int{}, []float32{7}},
		"none":   {[]int{0, 3}, []float32{}},
	}
	for file, c := range map[string]struct {
		format Format
		prefix string
	}{
		"plain.pth":                    {PyTorch, ""},
		"legacy.pth":                   {PyTorchOld, ""},
		"training.ckpt":                {PyTorch, "module."},
		"plain.safetensors":            {Safetensors, ""},
		"model.safetensors.index.json": {Safetensors, ""},
	} {
		t.Run(file, func(t *testing.T) {
			s, err := Open(filepath.Join("testdata", file))
			require.NoError(t, err)
			require.Equal(t, c.format, s.Format)
			require.Len(t, s.Names(), len(want))
			for name, w := range want {
				x := s.Tensors[c.prefix+name]
				require.NotNil(t, x, name)
				require.Equal(t, w.shape, x.Shape, name)
				got, err := x.Floats()
				require.NoError(t, err)
				require.Equal(t, w.values, got, name)
			}
			require.NoError(t, s.Close())
			require.NoError(t, s.Close())
			_, err = s.Tensors[c.prefix+"plain"].Floats()
			require.ErrorContains(t, err, `read the tensor "plain"`[:16])
		})
	}
}

func TestTorchScriptWeights(t *testing.T) {
	s, err := Open("testdata/script.pt")
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, TorchScript, s.Format)
	require.Equal(t, []string{"inner.bias", "inner.weight", "plain"}, s.Names())
	require.Equal(t, []int{3, 2}, s.Tensors["inner.weight"].Shape)
}

func TestFolder(t *testing.T) {
	s, err := Open("testdata/../testdata")
	require.NoError(t, err, "the index has a usual name")
	require.Len(t, s.Names(), 12)
	require.NoError(t, s.Close())

	dir := t.TempDir()
	_, err = Open(dir)
	require.ErrorContains(t, err, "holds no weights")
	for _, n := range []string{"a.pth", "b.pth"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, n), nil, 0o600))
	}
	_, err = Open(dir)
	require.ErrorContains(t, err, "name one of a.pth, b.pth")
	_, err = Open(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// safetensorsFile is a file with that header, and size bytes of data after it.
func safetensorsFile(header string, size int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, size)...)
}

func TestSafetensorsRefused(t *testing.T) {
	one := func(dtype, shape, offsets string) []byte {
		return safetensorsFile(`{"w":{"dtype":"`+dtype+`","shape":`+shape+`,"data_offsets":`+offsets+`}}`, 16)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":                 {nil, "shorter than the length of its header"},
		"a header of 2^63":      {append(binary.LittleEndian.AppendUint64(nil, 1<<63), '{', '}'), "its header is said to have 9223372036854775808 bytes"},
		"a header of 2^64-1":    {append(binary.LittleEndian.AppendUint64(nil, 1<<64-1), '{', '}'), "its header is said to have"},
		"a header past the end": {append(binary.LittleEndian.AppendUint64(nil, 3), '{', '}'), "its header is said to have 3 bytes"},
		"no object":             {safetensorsFile(`[]`, 0), "not a JSON object"},
		"cut":                   {safetensorsFile(`{"w":`, 0), "its header"},
		"an offset too large":   {one("F32", "[4]", "[4,20]"), "not within the 16 bytes of data"},
		"offset near 2^63":      {one("F32", "[4]", "[9223372036854775792,9223372036854775807]"), "not within"},
		"a negative offset":     {one("F32", "[4]", "[-4,12]"), "not within"},
		"turned round":          {one("F32", "[4]", "[16,0]"), "not within"},
		"too short":             {one("F32", "[4]", "[0,12]"), "needs 16 bytes, and its offsets span 12"},
		"unknown type":          {one("F7", "[4]", "[0,16]"), `the element type "F7" is not known`},
		"a negative dimension":  {one("F32", "[-4]", "[0,16]"), "out of range"},
		"overflowing shape":     {one("U8", "[2147483647,2147483647,2147483647,4]", "[0,16]"), "out of range"},
		"overflow and zero":     {one("U8", "[0,2147483647,2147483647,2147483647]", "[0,0]"), "out of range"},
		"many dimensions":       {one("U8", "["+strings.Repeat("1,", 16)+"16]", "[0,16]"), "more than 16"},
		"overlapping": {
			safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 16),
			"one over the other",
		},
		"twice": {safetensorsFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 16), "there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "w.safetensors")
			require.NoError(t, os.WriteFile(path, c.file, 0o600))
			_, err := Open(path)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestIndexRefused(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"climbing":  {"../other.safetensors", "lies outside of its folder"},
		"deep":      {"a/../../other.safetensors", "lies outside of its folder"},
		"absolute":  {"/etc/passwd", "lies outside of its folder"},
		"backslash": {`..\other.safetensors`, "lies outside of its folder"},
		"empty":     {"", "lies outside of its folder"},
		"absent":    {"absent.safetensors", "absent.safetensors"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "model.safetensors.index.json")
			b, err := json.Marshal(map[string]any{"weight_map": map[string]string{"w": c.file}})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, b, 0o600))
			_, err = Open(path)
			require.ErrorContains(t, err, c.want)
		})
	}
}

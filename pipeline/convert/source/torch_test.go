package source

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// archive writes a zip file of records, each stored or deflated.
func archive(t testing.TB, method uint16, records map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, data := range records {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		require.NoError(t, err)
		_, err = f.Write(data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// tensorPickle is a dictionary of one tensor "w" with the storage "0" of count floats, in protocol 0 and 2 mixed.
func tensorPickle(count, offset, shape, stride int) string {
	return "\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu" +
		fmt.Sprintf("I%d\ntQI%d\n(I%d\nt(I%d\nt\x89ccollections\nOrderedDict\n)RtRs.", count, offset, shape, stride)
}

func TestPicklesRefused(t *testing.T) {
	for name, c := range map[string]struct{ pickle, want string }{
		"os.system":           {"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.", "names os.system, which is refused"},
		"posix.system":        {"cposix\nsystem\n(S'true'\ntR.", "names posix.system"},
		"builtins.eval":       {"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.", "names builtins.eval"},
		"instance":            {"(S'true'\nios\nsystem\n.", "names os.system"},
		"subprocess":          {"\x80\x02csubprocess\nPopen\n)R.", "names subprocess.Popen"},
		"torch's own loader":  {"\x80\x02ctorch.storage\n_load_from_bytes\n)R.", "names torch.storage._load_from_bytes"},
		"a class of a model":  {"\x80\x02c__main__\nTransformerNet\n)\x81.", "save the model's state_dict() alone"},
		"a TorchScript class": {"\x80\x02c__torch__.net\nNet\n)\x81.", "refused"},
		"extension":           {"\x82\x01.", "makes objects by the instruction 0x82"},
		"object by its class": {"(ctorch\nFloatStorage\no.", "makes objects by the instruction"},
		"a call of a type":    {"ctorch\nFloatStorage\n)R.", "calls torch.FloatStorage"},
		"unknown":             {"\xff.", "the instruction 0xff is not known"},
		"an empty stack":      {".", "its stack is empty"},
		"cut":                 {"X\x04\x00\x00\x00ab", "a value of 4 bytes ends past it"},
		"a length of 2^63":    {"\x8d\x00\x00\x00\x00\x00\x00\x00\x80.", "a length of"},
		"a long length":       {"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", "ends past it"},
		"no mark":             {"t.", "a mark is missing"},
		"a mark as a value":   {"(.", "a mark is used as a value"},
		"nothing there":       {"h\x07.", "a reference to nothing"},
		"no tensors":          {"}.", "it holds no tensors"},
		"itself":              {"]q\x00h\x00a.", "nested too deep"},
		"deep":                {strings.Repeat("]", 100) + strings.Repeat("a", 99) + ".", "nested too deep"},
		"past its storage":    {tensorPickle(4, 1, 4, 1), "ends past its storage of 4 elements"},
		"an offset of 2^62":   {tensorPickle(4, 1<<62, 1, 1), "ends past its storage"},
		"a long stride":       {tensorPickle(4, 0, 3, 2), "ends past its storage"},
		"a stride below zero": {tensorPickle(4, 3, 3, -1), "a stride of -1"},
		"a shape below zero":  {tensorPickle(4, 0, -1, 1), "out of range"},
		"repeated":            {tensorPickle(4, 0, 1<<30, 0), "repeats a storage"},
		"a longer storage":    {tensorPickle(1<<20, 0, 4, 1), `its storage "0" has 16 bytes, fewer than`},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "w.pth")
			require.NoError(t, os.WriteFile(path, archive(t, zip.Store, map[string][]byte{"a/data.pkl": []byte(c.pickle), "a/data/0": make([]byte, 16)}), 0o600))
			_, err := Open(path)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// TestSharedListsEnd reads lists that hold the list before twice, which a walk without a bound would never leave.
func TestSharedListsEnd(t *testing.T) {
	var p strings.Builder
	p.WriteString("]q\x00")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&p, "](h%ch%ceq%c", i-1, i-1, i)
	}
	p.WriteString(".")
	_, err := (&Archive{}).Weights()
	require.ErrorContains(t, err, "PyTorch did not write it")
	b := archive(t, zip.Store, map[string][]byte{"a/data.pkl": []byte(p.String())})
	a, err := OpenArchive(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	_, err = a.Weights()
	require.ErrorContains(t, err, "nested too deep")
}

func TestArchivesRefused(t *testing.T) {
	good := map[string][]byte{"a/data.pkl": []byte(tensorPickle(4, 0, 4, 1)), "a/data/0": make([]byte, 16)}
	bomb := map[string][]byte{"a/data.pkl": good["a/data.pkl"], "a/data/0": make([]byte, 32<<20)}
	big := map[string][]byte{"a/data.pkl": good["a/data.pkl"], "a/data/0": good["a/data/0"], "a/byteorder": []byte("big")}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"a zip bomb":     {archive(t, zip.Deflate, bomb), "it is a zip bomb"},
		"overlapping":    {overlapping(t), "longer than the file"},
		"no pickle":      {archive(t, zip.Store, map[string][]byte{"a/b": nil}), "has no data.pkl"},
		"no storage":     {archive(t, zip.Store, map[string][]byte{"a/data.pkl": good["a/data.pkl"]}), `no record "a/data/0"`},
		"big-endian":     {archive(t, zip.Store, big), "big-endian"},
		"cut":            {archive(t, zip.Store, good)[:100], "its archive"},
		"other pickle":   {[]byte("\x80\x02K\x07."), "not one of PyTorch's"},
		"no file at all": {[]byte("hello, world, hello"), "no file of weights"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "w.pth")
			require.NoError(t, os.WriteFile(path, c.file, 0o600))
			_, err := Open(path)
			require.ErrorContains(t, err, c.want)
		})
	}
	path := filepath.Join(t.TempDir(), "w.pth")
	require.NoError(t, os.WriteFile(path, archive(t, zip.Deflate, good), 0o600))
	s, err := Open(path)
	require.NoError(t, err, "a little compression is read")
	v, err := s.Tensors["w"].Floats()
	require.NoError(t, err)
	require.Equal(t, make([]float32, 4), v)
	require.NoError(t, s.Close())
}

// overlapping is an archive whose directory names one record many times, as quoted zip bombs do.
func overlapping(t *testing.T) []byte {
	b := archive(t, zip.Store, map[string][]byte{"a/data/0": make([]byte, 1<<16)})
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	directory := bytes.LastIndex(b, []byte("PK\x01\x02"))
	end := bytes.LastIndex(b, []byte("PK\x05\x06"))
	entry := b[directory:end]
	out := append([]byte(nil), b[:directory]...)
	for range 10 {
		out = append(out, entry...)
	}
	tail := append([]byte(nil), b[end:]...)
	binary.LittleEndian.PutUint16(tail[8:], 10)
	binary.LittleEndian.PutUint16(tail[10:], 10)
	binary.LittleEndian.PutUint32(tail[12:], uint32(10*len(entry)))
	require.Len(t, r.File, 1)
	return append(out, tail...)
}

func TestLegacyCut(t *testing.T) {
	b, err := os.ReadFile("testdata/legacy.pth")
	require.NoError(t, err)
	for n := 16; n < len(b); n += 97 {
		path := filepath.Join(t.TempDir(), "w.pth")
		require.NoError(t, os.WriteFile(path, b[:n], 0o600))
		_, err := Open(path)
		require.Error(t, err, "%d bytes of %d", n, len(b))
	}
}

// FuzzOpen opens files of any bytes: it may fail, but not panic, and every tensor has as many bytes as it says or cannot be read.
func FuzzOpen(f *testing.F) {
	for _, n := range []string{"plain.pth", "legacy.pth", "plain.safetensors", "script.pt"} {
		b, err := os.ReadFile(filepath.Join("testdata", n))
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add(archive(f, zip.Store, map[string][]byte{"a/data.pkl": []byte(tensorPickle(4, 0, 4, 1)), "a/data/0": make([]byte, 16)}))
	path := filepath.Join(f.TempDir(), "w")
	f.Fuzz(func(t *testing.T, b []byte) {
		require.NoError(t, os.WriteFile(path, b, 0o600))
		s, err := Open(path)
		if err != nil {
			return
		}
		defer s.Close()
		for _, x := range s.Tensors {
			r, err := x.Open()
			if err != nil {
				continue
			}
			n, err := io.Copy(io.Discard, r)
			if err == nil {
				require.Equal(t, x.Size(), n)
			}
			require.NoError(t, r.Close())
		}
	})
}

// FuzzPickle reads pickles of any bytes.
func FuzzPickle(f *testing.F) {
	f.Add([]byte(tensorPickle(4, 0, 4, 1)))
	f.Add([]byte("\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R."))
	f.Fuzz(func(t *testing.T, p []byte) {
		b := archive(t, zip.Store, map[string][]byte{"a/data.pkl": p, "a/data/0": make([]byte, 16)})
		a, err := OpenArchive(bytes.NewReader(b), int64(len(b)))
		require.NoError(t, err)
		s, err := a.Weights()
		if err == nil {
			require.NotEmpty(t, s.Tensors)
		}
	})
}

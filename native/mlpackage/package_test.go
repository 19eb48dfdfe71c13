package mlpackage

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

const (
	manifestFile = "Manifest.json"
	specFile     = "Data/" + specName
	blobFile     = "Data/" + weightsName + "/weight.bin"
)

// offsets of the blobs that build adds.
const (
	halfAt  = 64
	floatAt = 192
)

// build is a program of two constants: 1.5 and -2 as float16, 3 and 4 as float32.
func build(w *Weights) (*coremlpb.Model, error) {
	half, err := w.Add(BlobFloat16, []byte{0x00, 0x3e, 0x00, 0xc0})
	if err != nil {
		return nil, err
	}
	float, err := w.Add(BlobFloat32, []byte{0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40})
	if err != nil {
		return nil, err
	}
	if half != halfAt || float != floatAt {
		return nil, errors.New("the blobs lie elsewhere")
	}
	return modelOf(stored(milpb.DataType_FLOAT16, half, 2), stored(milpb.DataType_FLOAT32, float, 1, 2)), nil
}

func modelOf(values ...*milpb.Value) *coremlpb.Model {
	block := &milpb.Block{}
	for _, v := range values {
		block.Operations = append(block.Operations, &milpb.Operation{Type: "const", Attributes: map[string]*milpb.Value{"val": v}})
	}
	fn := &milpb.Function{Opset: "CoreML6", BlockSpecializations: map[string]*milpb.Block{"CoreML6": block}}
	program := &milpb.Program{Version: 1, Functions: map[string]*milpb.Function{"main": fn}}
	return &coremlpb.Model{SpecificationVersion: 7, Type: &coremlpb.Model_MlProgram{MlProgram: program}}
}

func typeOf(d milpb.DataType, shape ...uint64) *milpb.ValueType {
	t := &milpb.TensorType{DataType: d, Rank: int64(len(shape))}
	for _, n := range shape {
		t.Dimensions = append(t.Dimensions, &milpb.Dimension{Dimension: &milpb.Dimension_Constant{Constant: &milpb.Dimension_ConstantDimension{Size: n}}})
	}
	return &milpb.ValueType{Type: &milpb.ValueType_TensorType{TensorType: t}}
}

func stored(d milpb.DataType, offset uint64, shape ...uint64) *milpb.Value {
	return storedIn(WeightsFile, d, offset, shape...)
}

func storedIn(file string, d milpb.DataType, offset uint64, shape ...uint64) *milpb.Value {
	blob := &milpb.Value_BlobFileValue_{BlobFileValue: &milpb.Value_BlobFileValue{FileName: file, Offset: offset}}
	return &milpb.Value{Type: typeOf(d, shape...), Value: blob}
}

// constants are the values of a package's const operations.
func constants(p *Package) (out []*milpb.Value) {
	for _, fn := range p.Spec.GetMlProgram().GetFunctions() {
		for _, block := range fn.GetBlockSpecializations() {
			for _, op := range block.GetOperations() {
				for _, v := range op.GetAttributes() {
					out = append(out, v)
				}
			}
		}
	}
	return out
}

func write(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tiny.mlpackage")
	require.NoError(t, Write(dir, build))
	return dir
}

func TestWriteThenOpen(t *testing.T) {
	dir := write(t)
	p, err := Open(dir)
	require.NoError(t, err)
	values := constants(p)
	require.Len(t, values, 2)
	half, err := p.Value(values[0])
	require.NoError(t, err)
	require.Equal(t, []int64{2}, half.Shape)
	require.EqualValues(t, 2, half.Len())
	file, offset, ok := half.OnDisk()
	require.True(t, ok)
	require.Equal(t, "weight.bin", filepath.Base(file.Name()))
	require.EqualValues(t, halfAt+64, offset)
	require.Equal(t, []float32{1.5, -2}, half.Float32s())
	float, err := p.Value(values[1])
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2}, float.Shape)
	require.Equal(t, []float32{3, 4}, float.Float32s())

	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	_, err = p.Value(values[0])
	require.ErrorContains(t, err, "closed")
}

func TestWriteIsDeterministic(t *testing.T) {
	a, b := write(t), write(t)
	for _, name := range []string{manifestFile, specFile, blobFile} {
		x, err := os.ReadFile(filepath.Join(a, name))
		require.NoError(t, err)
		y, err := os.ReadFile(filepath.Join(b, name))
		require.NoError(t, err)
		require.Equal(t, x, y, name)
	}
}

func TestWriteReplacesPackagesAlone(t *testing.T) {
	dir := write(t)
	fails := errors.New("no weights")
	require.ErrorIs(t, Write(dir, func(*Weights) (*coremlpb.Model, error) { return nil, fails }), fails)
	p, err := Open(dir)
	require.NoError(t, err, "a failed Write leaves the old package")
	require.NoError(t, p.Close())
	require.NoError(t, Write(dir+"/", build), "a slash at the end is of no effect")
	left, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary folder stays")

	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "letter.txt"), nil, 0o644))
	require.ErrorContains(t, Write(folder, build), "not a package")
	require.FileExists(t, filepath.Join(folder, "letter.txt"))
}

func TestOpenRefuses(t *testing.T) {
	manifestOf := func(path string) string {
		return `{"fileFormatVersion":"1.0.0","itemInfoEntries":{"a":{"path":"` + path + `"}},"rootModelIdentifier":"a"}`
	}
	replace := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		}
	}
	link := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			outside := filepath.Join(t.TempDir(), "outside")
			require.NoError(t, os.Rename(filepath.Join(dir, name), outside))
			require.NoError(t, os.Symlink(outside, filepath.Join(dir, name)))
		}
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  string
	}{
		"no folder":          {func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(dir)) }, "there is no model"},
		"no manifest":        {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, manifestFile))) }, "Manifest.json"},
		"no specification":   {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, specFile))) }, "model.mlmodel"},
		"manifest not JSON":  {replace(manifestFile, "<plist/>"), "the manifest"},
		"manifest too large": {replace(manifestFile, strings.Repeat(" ", maxManifest+1)), "larger than 1 MiB"},
		"no root model":      {replace(manifestFile, "{}"), "names no root model"},
		"parent":             {replace(manifestFile, manifestOf("../../x")), "leaves the package"},
		"parent inside":      {replace(manifestFile, manifestOf("a/../../../x")), "leaves the package"},
		"absolute":           {replace(manifestFile, manifestOf("/etc/passwd")), "leaves the package"},
		"backslash":          {replace(manifestFile, manifestOf(`..\\x`)), "leaves the package"},
		"no path":            {replace(manifestFile, manifestOf("")), "leaves the package"},
		"a folder":           {replace(manifestFile, manifestOf("com.apple.CoreML")), "is not a file"},
		"not a protobuf":     {replace(specFile, "\xff\xff\xff"), "is not a Core ML specification"},
		"linked manifest":    {link(manifestFile), "path escapes from parent"},
		"linked folder":      {link("Data"), "path escapes from parent"},
		"a pipe": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, manifestFile)))
			require.NoError(t, unix.Mkfifo(filepath.Join(dir, manifestFile), 0o600))
		}, "is not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t)
			c.spoil(t, dir)
			p, err := Open(dir)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, dir, "the error names the package")
			require.Nil(t, p)
		})
	}
	_, err := Open(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err = Open(file)
	require.ErrorContains(t, err, "is not a Core ML specification: it is empty")
}

func TestBlobsRefused(t *testing.T) {
	const f16 = milpb.DataType_FLOAT16
	patch := func(at int, v uint64) func([]byte) []byte {
		return func(b []byte) []byte {
			binary.LittleEndian.PutUint64(b[at:], v)
			return b
		}
	}
	for name, c := range map[string]struct {
		spoil func([]byte) []byte
		value *milpb.Value
		want  string
	}{
		"cut in the data":      {func(b []byte) []byte { return b[:floatAt+64+4] }, stored(milpb.DataType_FLOAT32, floatAt, 2), "cut short"},
		"cut in the metadata":  {func(b []byte) []byte { return b[:floatAt+8] }, stored(milpb.DataType_FLOAT32, floatAt, 2), "cut short"},
		"empty":                {func([]byte) []byte { return nil }, stored(f16, halfAt, 2), "is not a weights file"},
		"offset past the end":  {nil, stored(f16, 1<<20, 2), "no weights at offset"},
		"largest offset":       {nil, stored(f16, 1<<64-1, 2), "no weights at offset"},
		"cut in the header":    {func(b []byte) []byte { return b[:8] }, stored(f16, halfAt, 2), "shorter than its header"},
		"another version":      {func(b []byte) []byte { b[4] = 1; return b }, stored(f16, halfAt, 2), "not a weights file of version 2"},
		"offset in the header": {nil, stored(f16, 0, 2), "no weights at offset"},
		"wrong sentinel":       {patch(halfAt, 0), stored(f16, halfAt, 2), "no weights at offset"},
		"data past the end":    {patch(halfAt+16, 1<<40), stored(f16, halfAt, 2), "end past the file"},
		"largest size":         {patch(halfAt+8, 1<<64-1), stored(f16, halfAt, 2), "end past the file"},
		"fewer elements":       {nil, stored(f16, halfAt, 1), "has 4 bytes"},
		"more elements":        {nil, stored(f16, halfAt, 3), "has 4 bytes"},
		"another type":         {nil, stored(milpb.DataType_FLOAT32, halfAt, 2), "has 4 bytes"},
		"unknown type":         {nil, stored(milpb.DataType_FLOAT64, halfAt, 2), "not known"},
		"huge shape":           {nil, stored(f16, halfAt, 1<<31-1, 1<<31-1, 1<<31-1), "a constant of shape"},
		"huge dimension":       {nil, stored(f16, halfAt, 1<<63), "a constant of shape"},
		"parent":               {nil, storedIn("@model_path/../../../x", f16, halfAt, 2), "leaves the package"},
		"absolute":             {nil, storedIn("/etc/passwd", f16, halfAt, 2), "leaves the package"},
		"missing file":         {nil, storedIn("@model_path/weights/other.bin", f16, halfAt, 2), "other.bin"},
		"a folder":             {nil, storedIn("@model_path/weights", f16, halfAt, 2), "is not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t)
			if c.spoil != nil {
				b, err := os.ReadFile(filepath.Join(dir, blobFile))
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(dir, blobFile), c.spoil(b), 0o644))
			}
			p, err := Open(dir)
			require.NoError(t, err)
			defer p.Close()
			_, err = p.Value(c.value)
			require.ErrorContains(t, err, c.want)
		})
	}
	dir := write(t)
	outside := filepath.Join(t.TempDir(), "weight.bin")
	require.NoError(t, os.Rename(filepath.Join(dir, blobFile), outside))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, blobFile)))
	p, err := Open(dir)
	require.NoError(t, err)
	defer p.Close()
	_, err = p.Value(stored(f16, halfAt, 2))
	require.ErrorContains(t, err, "path escapes from parent")
}

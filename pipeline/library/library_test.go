package library

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFolders(t *testing.T) {
	none := func(string) string { return "" }
	l := at("/home/x", none, []string{"/more", ""})
	require.Equal(t, []Folder{
		{filepath.FromSlash("/home/x/MochiDiffusion/models"), Mochi}, {filepath.FromSlash("/home/x/.cache/huggingface/hub"), HuggingFace}, {"/more", Extra},
	}, l.Folders)
	env := map[string]string{"HF_HOME": "/hf"}
	l = at("/home/x", func(k string) string { return env[k] }, nil)
	require.Equal(t, filepath.FromSlash("/hf/hub"), l.Folders[1].Path)
	all, err := (&Library{Own: "/nothing/here"}).List()
	require.NoError(t, err)
	require.Empty(t, all)
}

// TestCache lays a model out as Hugging Face's programs do: links into a folder of blobs.
func TestCache(t *testing.T) {
	root := t.TempDir()
	repo := filepath.Join(root, "models--painter--model")
	require.NoError(t, os.MkdirAll(filepath.Join(repo, "blobs"), 0o755))
	var bytes int64
	for name, b := range someFiles() {
		hash := blobName(b)
		if len(b) > 1000 {
			hash = sha(b)
		}
		require.NoError(t, os.WriteFile(filepath.Join(repo, "blobs", hash), b, 0o600))
		path := filepath.Join(repo, "snapshots", commit, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		rel, err := filepath.Rel(filepath.Dir(path), filepath.Join(repo, "blobs", hash))
		require.NoError(t, err)
		require.NoError(t, os.Symlink(rel, path))
		if name != "README.md" {
			bytes += int64(len(b))
		}
	}
	l := &Library{Own: t.TempDir(), Folders: []Folder{{root, HuggingFace}}}
	all, err := l.List()
	require.NoError(t, err)
	require.Len(t, all, 1)
	m := all[0]
	require.Equal(t, "painter/model/compiled", m.Name)
	require.Equal(t, "painter/model", m.Repository)
	require.Equal(t, commit, m.Revision)
	require.Equal(t, bytes, m.Bytes)
	v, err := Verify(t.Context(), m, nil)
	require.NoError(t, err)
	require.Empty(t, v.Damaged)
	require.Equal(t, len(someFiles())-1, v.Files)
	require.NoError(t, os.WriteFile(filepath.Join(repo, "blobs", sha(someFiles()[big])), []byte("cut"), 0o600))
	v, err = Verify(t.Context(), m, nil)
	require.NoError(t, err)
	require.Len(t, v.Damaged, 1)
}

func TestPartNames(t *testing.T) {
	for name, want := range map[string]string{
		"Unet.mlmodelc": "Unet", "UnetChunk1.mlmodelc": "UnetChunk1", "TextEncoder2.mlpackage": "TextEncoder2", "ControlledUnet.mlmodelc": "ControlledUnet",
		"Stable_Diffusion_version_stabilityai_stable-diffusion-2-base_unet_chunk2.mlpackage": "UnetChunk2",
		"Stable_Diffusion_version_x_text_encoder.mlpackage":                                  "TextEncoder",
		"Stable_Diffusion_version_x_vae_decoder.mlpackage":                                   "VAEDecoder",
		"style.mlpackage": "", "Unet.txt": "", "unet": "",
	} {
		require.Equal(t, want, partOf(name), name)
	}
}

func TestLacks(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"UnetChunk1.mlmodelc", "TextEncoder.mlmodelc"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	m, err := Recognise(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"VAEDecoder", "vocab.json", "merges.txt", "UnetChunk2"}, m.Lacks)
	require.True(t, m.NoPhotos)
	m, err = Recognise(t.TempDir())
	require.NoError(t, err)
	require.Nil(t, m)
}

func TestKinds(t *testing.T) {
	require.Equal(t, "Stable Diffusion 1.x", kindOf(768, nil))
	require.Equal(t, "Stable Diffusion 2.x", kindOf(1024, nil))
	require.Equal(t, "Stable Diffusion XL", kindOf(2048, []int{12}))
	require.Equal(t, "Stable Diffusion XL refiner", kindOf(1280, []int{2, 5}))
}

func TestDiffusersFolder(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "unet"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model_index.json"), []byte(`{}`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "unet", "config.json"), []byte(`{"cross_attention_dim":1024,"sample_size":96}`), 0o600))
	m, err := Recognise(dir)
	require.NoError(t, err)
	require.Equal(t, Diffusers, m.Form)
	require.Equal(t, "Stable Diffusion 2.x", m.Kind)
	require.Equal(t, 768, m.Width)
	require.Contains(t, m.Note, "gesso convert")
	require.False(t, m.Usable(true))
}

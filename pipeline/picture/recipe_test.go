package picture

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const someRecipe = `{"style_name":"starry-night","note":"a < b & \"c\" ]]> é 星","strength":0.7,
	"lines":"\u0000\n"}` + "\r\n"

func TestRecipeRoundTrip(t *testing.T) {
	for name, recipe := range map[string]string{
		"usual":          someRecipe,
		"markup":         `{"a":"</gesso:Recipe></rdf:RDF><?xpacket end='w'?><!-- -->"}`,
		"no XML":         "{\"a\":\"\ufffe \ufffd\"}",
		"no UTF-8":       "{\"a\":\"\xff\xfe\"}",
		"leading spaces": "  \n {}  ",
		"long":           `{"a":"` + strings.Repeat("x", 60000) + `"}`,
	} {
		for _, file := range []string{"a.jpg", "a.JPEG", "a.png", "a.tif", "a.webp"} {
			t.Run(name+" "+file, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), file)
				require.NoError(t, Save(t.Context(), path, sample(32, 32), SaveOptions{Recipe: []byte(recipe)}))
				got, err := Recipe(path)
				require.NoError(t, err)
				require.Equal(t, recipe, string(got))
			})
		}
	}
}

func TestRecipeTooLongForJPEG(t *testing.T) {
	dir := t.TempDir()
	o := SaveOptions{Recipe: []byte(`{"a":"` + strings.Repeat("x", 66000) + `"}`)}
	path := filepath.Join(dir, "a.jpg")
	err := Save(t.Context(), path, sample(32, 32), o)
	require.ErrorContains(t, err, path+" cannot be written: the recipe is too long for a JPEG file")
	requireFiles(t, dir)
	require.NoError(t, Save(t.Context(), filepath.Join(dir, "a.png"), sample(32, 32), o))
}

func TestNoRecipe(t *testing.T) {
	for file, meta := range map[string]Metadata{
		"none.jpg": {}, "none.png": {},
		"other.jpg": {XMP: []byte(packetHead + "<rdf:Description/>" + packetTail)},
	} {
		path := filepath.Join(t.TempDir(), file)
		require.NoError(t, Save(t.Context(), path, sample(32, 32), SaveOptions{Meta: meta}))
		_, err := Recipe(path)
		require.ErrorIs(t, err, ErrNoRecipe)
		require.EqualError(t, err, path+" carries no recipe")
	}
	text := filepath.Join(t.TempDir(), "a.txt")
	require.NoError(t, os.WriteFile(text, []byte("hello"), 0o600))
	_, err := Recipe(text)
	require.ErrorContains(t, err, "is not a picture that Gesso reads")
	_, err = Recipe(text + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// What the photo's XMP says stays beside the recipe; the recipe of an earlier picture goes.
func TestRecipeJoinsXMP(t *testing.T) {
	const rights = `<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:rights="Ada"/>`
	first, err := packet([]byte(packetHead+rights+packetTail), []byte(`{"n":1}`), 0)
	require.NoError(t, err)
	require.Contains(t, string(first), rights)
	require.Equal(t, `{"n":1}`, string(recipeOf(first)))

	second, err := packet(first, []byte(`{"n":2}`), 0)
	require.NoError(t, err)
	require.Contains(t, string(second), rights)
	require.Equal(t, `{"n":2}`, string(recipeOf(second)))
	require.Equal(t, 1, strings.Count(string(second), "gesso:Recipe>")/2)

	none, err := packet(second, nil, 0)
	require.NoError(t, err)
	require.Nil(t, recipeOf(none))

	for name, xmp := range map[string]string{
		"damaged":      packetHead + "<rdf:Description" + packetTail,
		"no RDF":       "<x/>",
		"extended":     packetHead + `<rdf:Description xmlns:n="http://ns.adobe.com/xmp/note/" n:HasExtendedXMP="0"/>` + packetTail,
		"other writer": packetHead + `<rdf:Description xmlns:g="` + recipeNamespace + `"><g:Recipe>{}</g:Recipe></rdf:Description>` + packetTail,
		"too large":    packetHead + "<!--" + strings.Repeat("x", 3000) + "-->" + packetTail,
	} {
		alone, err := packet([]byte(xmp), []byte(`{"n":3}`), 2000)
		require.NoError(t, err, name)
		require.Equal(t, packetHead+string(describe([]byte(`{"n":3}`)))+packetTail, string(alone), name)
	}
}

func FuzzRecipe(f *testing.F) {
	f.Add([]byte(someRecipe), []byte(packetHead+packetTail))
	f.Add([]byte("{}"), []byte("<rdf:RDF></rdf:RDF>"))
	f.Add([]byte("\xff"), []byte(nil))
	f.Fuzz(func(t *testing.T, recipe, xmp []byte) {
		if len(recipe) == 0 {
			return
		}
		for _, format := range []string{"jpeg", "png", "tiff", "webp"} {
			var b bytes.Buffer
			err := Encode(&b, format, sample(16, 16), SaveOptions{Recipe: recipe, Meta: Metadata{XMP: xmp}})
			if format == "jpeg" && len(recipe) > 8000 && err != nil {
				continue
			}
			require.NoError(t, err)
			kind, _ := detect(b.Bytes())
			m, _ := kind.metadata(b.Bytes())
			require.Equal(t, recipe, recipeOf(m.XMP))
		}
	})
}

package preset

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
)

func newStore(t *testing.T) *Store {
	t.Helper()
	return &Store{Dir: filepath.Join(t.TempDir(), "deep", "presets")}
}

func named(name string) *Preset {
	p := &Preset{Name: name, Settings: pipeline.DefaultConfig()}
	p.Settings.StyleName = "great-wave"
	return p
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource(schemaURL, doc))
	s, err := c.Compile(schemaURL)
	require.NoError(t, err)
	return s
}

func check(t *testing.T, text string) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err)
	return schema(t).Validate(v)
}

func TestBuiltins(t *testing.T) {
	files, err := builtinFiles.ReadDir("builtin")
	require.NoError(t, err)
	all := Builtins()
	require.Len(t, all, len(files))
	ids := map[string]bool{}
	for _, s := range pipeline.BuiltinStyles() {
		ids[s.ID] = true
	}
	for i, p := range all {
		require.NoError(t, p.Validate())
		require.True(t, ids[p.Settings.StyleName], p.Settings.StyleName)
		require.NotEmpty(t, p.Description)
		b, err := builtinFiles.ReadFile("builtin/" + p.Name + ".json")
		require.NoError(t, err, "the file has the preset's name")
		require.NoError(t, check(t, string(b)))
		for _, q := range all[:i] {
			require.NotEqual(t, fold(p.Name), fold(q.Name))
		}
	}
}

func TestSaveGetListDelete(t *testing.T) {
	s := newStore(t)
	all, err := s.List()
	require.NoError(t, err)
	require.Len(t, all, len(Builtins()))
	require.NoDirExists(t, s.Dir, "looking makes nothing")

	p := named("Über café")
	p.Description = "for weddings"
	p.Settings.StyleStrength = 0.3
	require.NoError(t, s.Save(p, false))
	got, err := s.Get("ÜBER CAFÉ")
	require.NoError(t, err)
	require.Equal(t, "Über café", got.Name)
	require.Equal(t, p.Settings, got.Settings)
	require.ErrorIs(t, s.Save(named("über café"), false), ErrExists)
	require.NoError(t, s.Save(named("über café"), true))
	all, err = s.List()
	require.NoError(t, err)
	require.Len(t, all, len(Builtins())+1)

	b, err := os.ReadFile(filepath.Join(s.Dir, "Über café.json"))
	require.NoError(t, err)
	require.NoError(t, check(t, string(b)))

	require.NoError(t, s.Delete("über café"))
	require.ErrorIs(t, s.Delete("über café"), ErrNotFound)
	_, err = s.Get("über café")
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorIs(t, s.Delete("Night sky"), ErrBuiltin)
	require.ErrorIs(t, s.Save(named("NIGHT SKY"), true), ErrBuiltin)
	entries, err := os.ReadDir(s.Dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "the lock alone is left")
}

func TestDamagedFileDoesNotHideOthers(t *testing.T) {
	s := newStore(t)
	require.NoError(t, s.Save(named("good"), false))
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir, "bad.json"), []byte("{"), 0o600))
	all, err := s.List()
	require.ErrorContains(t, err, "bad")
	require.Len(t, all, len(Builtins())+1)
}

func TestNames(t *testing.T) {
	for _, good := range []string{"a", "Warm night", "Проба", "夜", "1.5x", "a-b_c (2)", "console", "com10", "L'été", strings.Repeat("x", 120)} {
		require.NoError(t, CheckName(good), good)
	}
	for _, bad := range []string{
		"", " a", "a ", "a.", ".a", "-a", "a/b", `a\b`, "a:b", "a*", "a?", `a"b`, "a<b", "a>b", "a|b", "a\nb", "a\x00", "con", "CON", "nul.txt", "Com1", "lpt9.x", "com¹", "aux .y",
		"a\u202eb", "cafe\u0301", "\xff", strings.Repeat("x", 121),
	} {
		var e *NameError
		require.ErrorAs(t, CheckName(bad), &e, "%q", bad)
	}
}

// TestSchemaAgreesWithTheProgram holds that what one takes the other takes.
func TestSchemaAgreesWithTheProgram(t *testing.T) {
	code := `{"title": "x", "networks": "n", "code": "AACAPwAAgD8=", "moments": ""}`
	for _, c := range []struct {
		text string
		good bool
	}{
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie"}}`, true},
		{`{"version": 1, "name": "a", "settings": {"style_code": ` + code + `, "style_strength": 1, "colour": "warm"}, "maker": 3}`, true},
		{`{"version": 1, "name": "a", "style_image": "/x.jpg", "settings": {}}`, true},
		{`{"version": 1, "settings": {"style_prompt": "night"}}`, true},
		{`{"version": 1, "name": "a", "settings": {"style_mix": [{"style_name": "udnie", "weight": 1}, {"style_image_path": "/x.jpg", "weight": 2}], "brush_scale": 2, "preserve_colour": true}}`, true},
		{`{"version": 1, "name": "a", "style_image": "/x.jpg", "settings": {"style_mix": [{"style_name": "udnie", "weight": 1}, {"style_name": "etretat", "weight": 2}]}}`, true},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "pre": [{"op": "crop", "to": "16:9"}, {"op": "fill", "to": "1080x1080"}, {"op": "long-edge", "to": "2048"}], "post": [{"op": "upscale", "amount": 2}, {"op": "colour-match", "to": "photo", "amount": 0.5}, {"op": "contrast", "amount": -1}, {"op": "grain", "amount": 0.2, "seed": 7}]}}`, true},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "mask_path": "/m.png", "mask_feather": 12.5, "mask_invert": true}}`, true},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "mask_invert": false, "mask_feather": 0, "pre": [], "post": []}}`, true},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "mask_feather": 3}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "mask_invert": true}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "mask_path": "/m.png", "mask_feather": 1001}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "pre": [{"op": "crop", "to": "16x9"}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "pre": [{"op": "crop", "to": "0:9"}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "pre": [{"op": "fit", "to": "1080x15"}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "pre": [{"op": "long-edge", "to": "30001"}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "pre": [{"op": "sharpen", "amount": 1}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "post": [{"op": "sharpen", "amount": 2.5}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "post": [{"op": "sharpen", "amount": 1, "seed": 2}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "post": [{"op": "upscale", "amount": 3}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "post": [{"op": "colour-match", "amount": 1}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "post": [{"op": "blur", "amount": 1}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_mix": [{"style_name": "udnie", "weight": 1}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_mix": [{"style_name": "udnie", "weight": 1}, {"style_name": "etretat", "weight": 0}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_mix": [{"style_name": "udnie", "weight": 1}, {"weight": 1}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "style_mix": [{"style_name": "udnie", "weight": 1}, {"style_name": "etretat", "weight": 1}]}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "brush_scale": 0.2}}`, false},
		{`{"version": 1, "name": "a", "settings": {}}`, false},
		{`{"version": 1, "name": "a"}`, false},
		{`{"version": 1, "name": 5, "settings": {"style_name": "udnie"}}`, false},
		{`{"version": 1, "name": "a/b", "settings": {"style_name": "udnie"}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "style_prompt": "x"}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "style_strength": 1.1}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "style_strength": "0.5"}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "size": 12}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "gate": "open"}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "quality": 0}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_name": "udnie", "use_ane": 1}}`, false},
		{`{"version": 1, "name": "a", "settings": {"style_code": {"networks": "n", "code": ""}}}`, false},
		{`{"version": 1, "name": "a", "settings": []}`, false},
		{`{"version": 2, "name": "a", "settings": {"style_name": "udnie"}}`, false},
		{`[]`, false},
	} {
		p, err := Parse(strings.NewReader(c.text), "file")
		require.Equal(t, c.good, err == nil, "%s: %v", c.text, err)
		if c.good {
			settings := p.Config()
			settings.ContentImagePath = "photo"
			require.NoError(t, settings.Validate(), c.text)
		}
		schemaErr := check(t, c.text)
		require.Equal(t, c.good, schemaErr == nil, "%s: %v", c.text, schemaErr)
	}
}

func TestUnknownFieldsSurvive(t *testing.T) {
	s := newStore(t)
	text := `{"version": 1, "name": "x", "maker": {"of": [1, 2]}, "settings": {"style_prompt": "night", "colour": "warm", "style_strength": 0.2}}`
	p, err := s.Import(strings.NewReader(text), "file", "", false)
	require.NoError(t, err)
	p.Settings.StyleStrength = 0.9
	p.Settings.StylePrompt, p.Settings.StyleName = "", "udnie"
	require.NoError(t, s.Save(p, false))
	b, err := os.ReadFile(filepath.Join(s.Dir, "x.json"))
	require.NoError(t, err)
	var back map[string]any
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, map[string]any{"of": []any{1.0, 2.0}}, back["maker"])
	settings := back["settings"].(map[string]any)
	require.Equal(t, "warm", settings["colour"])
	require.Equal(t, 0.9, settings["style_strength"])
	require.NotContains(t, settings, "style_prompt")
}

func TestRecipeIsVersionZero(t *testing.T) {
	c := pipeline.DefaultConfig()
	c.ContentImagePath, c.OutputPath, c.StyleImagePath, c.StyleStrength = "a.jpg", "b.png", "/p.jpg", 0.45
	raw, err := json.Marshal(struct {
		pipeline.Config
		Version string `json:"gesso_version"`
		Source  string `json:"source_sha256"` // of a batch
	}{c, "0.1.0", "77"})
	require.NoError(t, err)
	s := newStore(t)
	p, err := s.Import(strings.NewReader(string(raw)), "from a picture", "", false)
	require.NoError(t, err)
	require.Equal(t, "from a picture", p.Name)
	require.Equal(t, "/p.jpg", p.StyleImage)
	require.Equal(t, 0.45, p.Settings.StyleStrength)
	require.Equal(t, "/p.jpg", p.Config().StyleImagePath)
	b, err := os.ReadFile(filepath.Join(s.Dir, "from a picture.json"))
	require.NoError(t, err)
	require.NotContains(t, string(b), "a.jpg")
	require.NotContains(t, string(b), "source_sha256")
	require.NoError(t, check(t, string(b)))
}

func TestImportChecks(t *testing.T) {
	s := newStore(t)
	for text, want := range map[string]string{
		`{`:                           "no JSON",
		`{"version": 7}`:              "newer Gesso",
		`{"version": 0}`:              "whole number",
		`{"a": 1}`:                    "neither a preset nor a recipe",
		strings.Repeat(" ", 1<<20+10): "larger",
		`{"version": 1, "name": "con", "settings": {"style_name": "udnie"}}`: "Windows",
	} {
		_, err := s.Import(strings.NewReader(text), "x", "", false)
		require.ErrorContains(t, err, want)
	}
	require.NoDirExists(t, s.Dir)
	good := `{"version": 1, "name": "a", "settings": {"style_name": "udnie"}}`
	_, err := s.Import(strings.NewReader(good), "x", "other", false)
	require.NoError(t, err)
	_, err = s.Import(strings.NewReader(good), "x", "OTHER", false)
	require.ErrorIs(t, err, ErrExists)
	_, err = s.Import(strings.NewReader(good), "x", "OTHER", true)
	require.NoError(t, err)
}

func TestConcurrentWritersKeepEachOthersChanges(t *testing.T) {
	s := newStore(t)
	require.NoError(t, s.Save(named("p"), false))
	a, err := s.Get("p")
	require.NoError(t, err)
	b, err := s.Get("p")
	require.NoError(t, err)
	a.Settings.StyleStrength, b.Settings.Size = 0.1, 512
	require.NoError(t, s.Save(a, false))
	require.NoError(t, s.Save(b, false))
	got, err := s.Get("p")
	require.NoError(t, err)
	require.Equal(t, 0.1, got.Settings.StyleStrength)
	require.Equal(t, 512, got.Settings.Size)

	a = got
	b, err = s.Get("p")
	require.NoError(t, err)
	a.Settings.Quality, b.Settings.Quality = 50, 60
	require.NoError(t, s.Save(a, false))
	require.ErrorIs(t, s.Save(b, false), ErrConflict)
	b, err = s.Get("p")
	require.NoError(t, err)
	a.Settings.StyleName, a.Settings.StylePrompt = "", "night"
	b.Settings.StyleCode, b.Settings.StyleName = &pipeline.StyleCode{Networks: "n", Code: pipeline.Floats{1}}, ""
	require.NoError(t, s.Save(a, false))
	require.ErrorIs(t, s.Save(b, false), ErrConflict, "two styles make no preset")
}

func TestManyWriters(t *testing.T) {
	s := newStore(t)
	require.NoError(t, s.Save(named("p"), false))
	var wg sync.WaitGroup
	errs := make(chan error, 80)
	for w := range 8 {
		wg.Go(func() {
			other := &Store{Dir: s.Dir} // as another process would
			errs <- other.Save(named(fmt.Sprint("own ", w)), false)
			for i := range 5 {
				for {
					p, err := other.Get("p")
					if err == nil {
						p.Description += fmt.Sprintf("%d.%d ", w, i)
						err = other.Save(p, false)
					}
					if !errors.Is(err, ErrConflict) {
						errs <- err
						break
					}
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	p, err := s.Get("p")
	require.NoError(t, err)
	require.Len(t, strings.Fields(p.Description), 40)
	all, err := s.List()
	require.NoError(t, err)
	require.Len(t, all, len(Builtins())+9)
}

func TestCodeOfOtherNetworks(t *testing.T) {
	p := named("x")
	p.Settings.StyleName = ""
	p.Settings.StyleCode = &pipeline.StyleCode{Title: "t", Networks: "old", Code: pipeline.Floats{1}}
	require.NoError(t, p.Validate())
	require.NotNil(t, p.Config().StyleCode)
	p.StyleImage = "/picture.jpg"
	require.Nil(t, p.Config().StyleCode)
	require.Equal(t, "/picture.jpg", p.Config().StyleImagePath)
}

func FuzzParse(f *testing.F) {
	for _, p := range Builtins() {
		b, err := p.JSON()
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"version": 1, "name": "a", "settings": {"style_code": {"code": "AACAPw==", "moments": null}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(strings.NewReader(string(b)), "fuzz")
		if err != nil {
			return
		}
		out, err := p.JSON()
		require.NoError(t, err)
		again, err := Parse(strings.NewReader(string(out)), "fuzz")
		require.NoError(t, err)
		require.Equal(t, p.Settings, again.Settings)
		require.Equal(t, p.Name, again.Name)
	})
}

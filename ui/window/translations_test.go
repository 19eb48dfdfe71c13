//go:build !headless

package window

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/test"
	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/assets"
	"github.com/gesso-app/gesso/ui/window/session"
	"github.com/gesso-app/gesso/ui/window/view"
)

// texts are the English texts of the window, as its source asks for them.
func texts(t *testing.T) (all []string) {
	t.Helper()
	for _, p := range phases {
		all = append(all, p)
	}
	for _, n := range themes {
		all = append(all, n.name)
	}
	all = append(all, failures...)
	set := token.NewFileSet()
	require.NoError(t, filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name, ok := call.Fun.(*ast.Ident)
			if !ok {
				return true
			}
			at := slices.Index([]string{"tr", "said"}, strings.ToLower(name.Name)) // said takes a tone first
			if at < 0 || len(call.Args) <= at {
				return true
			}
			if text, ok := call.Args[at].(*ast.BasicLit); ok {
				s, err := strconv.Unquote(text.Value)
				require.NoError(t, err)
				all = append(all, s)
			}
			return true
		})
		return nil
	}))
	return all
}

var verb = regexp.MustCompile(`%[0-9.]*[a-z]`)

// TestEveryTextIsTranslated holds the translations to the source: every text in every language, with the same verbs in the same order.
func TestEveryTextIsTranslated(t *testing.T) {
	wanted := texts(t)
	require.Greater(t, len(wanted), 150)
	for _, l := range assets.Languages() {
		if l == "en" {
			continue
		}
		data, err := assets.Translations.ReadFile("translations/" + l + ".json")
		require.NoError(t, err)
		var have map[string]string
		require.NoError(t, json.Unmarshal(data, &have), l)
		for _, text := range wanted {
			require.NotEmpty(t, have[text], "%s lacks %q", l, text)
			require.Equal(t, verb.FindAllString(text, -1), verb.FindAllString(have[text], -1), "%s: %q", l, text)
		}
		for text := range have {
			require.Contains(t, wanted, text, "%s has a text that the window does not", l)
		}
	}
}

// TestLanguagesFit opens the window in each language: at its smallest size nothing is wider than in the window.
func TestLanguagesFit(t *testing.T) {
	t.Cleanup(func() { require.NoError(t, speak("en")) })
	for _, l := range assets.Languages() {
		require.NoError(t, speak(l))
		a := test.NewTempApp(t)
		a.Settings().SetTheme(view.Theme{})
		w := newWindow(a, "test", func(func()) {}) // what other goroutines draw changes no width, and may not run beside this one
		w.presets.Dir = t.TempDir()
		s := session.New(session.Options{Engine: newFakeEngine()})
		w.connect(s)
		m := w.win.Content().MinSize()
		require.LessOrEqual(t, m.Width, float32(1000), l)
		require.LessOrEqual(t, m.Height, float32(700-32), l)
		if l != "en" {
			require.NotEqual(t, "Strength", lang.L("Strength"), l)
		}
		s.Close()
		w.win.Close()
	}
}

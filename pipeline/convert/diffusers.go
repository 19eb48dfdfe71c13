package convert

import (
	"os"
	"path/filepath"

	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// isDiffusers tells a folder that diffusers wrote.
func isDiffusers(path string) bool {
	st, err := os.Stat(filepath.Join(path, "model_index.json"))
	return err == nil && st.Mode().IsRegular()
}

func inspectDiffusers(path string) (*Source, error) { return nil, errNoParts }

func diffusionIn(s *source.Set) string { return "" }

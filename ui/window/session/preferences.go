package session

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/batch"
)

// Preferences are the choices that outlast a session.
type Preferences struct {
	// OutputFolder is where pictures of the queue go, and where single ones are offered to be saved; empty means beside their photo.
	OutputFolder string         `json:"output_folder,omitempty"`
	Naming       batch.Template `json:"naming"`
	Format       batch.Format   `json:"format"`
	Quality      int            `json:"quality"` // of JPEG, 1..100
	Gate         pipeline.Gate  `json:"gate"`    // at the start
	MinSSIM      float64        `json:"min_ssim"`
	Units        string         `json:"compute_units"` // of Core ML, as native.ParseUnits reads them; from the next start on
	Metadata     bool           `json:"metadata"`      // files carry the photo's metadata and the recipe
	Theme        string         `json:"theme"`         // system, light or dark
	Language     string         `json:"language"`      // BCP 47, or empty for the system's
	Favourites   []string       `json:"favourites,omitempty"`
	Recent       []string       `json:"recent,omitempty"` // photos, the latest first
}

// recentMost is how many photos are remembered.
const recentMost = 12

// DefaultPreferences are those of a new user.
func DefaultPreferences() Preferences {
	c := pipeline.DefaultConfig()
	return Preferences{Naming: "{name}-{style}", Format: batch.FormatJPEG, Quality: c.Quality, Gate: c.Gate, MinSSIM: c.MinSSIM, Units: native.UnitsAll.String(), Metadata: true, Theme: "system"}
}

// Validate says what is wrong with p.
func (p Preferences) Validate() error {
	if err := p.Naming.Validate(); err != nil {
		return err
	}
	if p.OutputFolder != "" && !filepath.IsAbs(p.OutputFolder) {
		return &pipeline.FieldError{Field: "output_folder", Value: p.OutputFolder, Want: "it is a whole path, or empty for beside the photo"}
	}
	if _, err := native.ParseUnits(p.Units); err != nil {
		return err
	}
	c := pipeline.DefaultConfig()
	c.ContentImagePath, c.StyleName = "photo", "style"
	c.Quality, c.Gate, c.MinSSIM = p.Quality, p.Gate, p.MinSSIM
	return c.Validate()
}

// useANE is whether the compute units have the Neural Engine among them.
func (p Preferences) useANE() bool {
	u, err := native.ParseUnits(p.Units)
	return err == nil && (u == native.UnitsAll || u == native.UnitsCPUAndNeuralEngine)
}

// SetPreferences takes p, from the next picture on, and keeps it.
func (s *Session) SetPreferences(p Preferences) error {
	if err := p.Validate(); err != nil {
		return err
	}
	s.change("preferences", s.o.PreviewDelay, func(n *settings) {
		n.minSSIM, n.quality, n.useANE = p.MinSSIM, p.Quality, p.useANE()
		if p.Gate != s.preferences.Gate {
			n.gate = p.Gate
		}
	})
	s.edit(func() {
		s.preferences = p
		s.keep(s.preferencesFile)
	})
	return nil
}

// Preferences returns the present ones.
func (s *Session) Preferences() Preferences {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.preferences
}

// restorePreferences reads those of the last time.
func (s *Session) restorePreferences() error {
	s.preferences = DefaultPreferences()
	s.preferencesFile = s.keeper(preferencesName, func() any { return s.preferences })
	p := s.preferences
	err := readKept(s.preferencesFile, &p)
	if err == nil {
		err = p.Validate()
	}
	if err != nil {
		return fmt.Errorf("the preferences are those of a new user: %w", err)
	}
	s.preferences = p
	return nil
}

// KeptPreferences are those of a state folder, before there is a session.
func KeptPreferences(folder string) Preferences {
	p := DefaultPreferences()
	if err := readState(filepath.Join(folder, preferencesName), &p); err != nil || p.Validate() != nil {
		return DefaultPreferences() // the session says what is wrong
	}
	return p
}

const preferencesName = "preferences.json"

// outputPath is where the picture that c makes is written: the n-th free name.
func (s *Session) outputPath(c pipeline.Config, n int) string {
	s.mu.Lock()
	p := s.preferences
	s.mu.Unlock()
	dir := p.OutputFolder
	if dir == "" {
		dir = filepath.Dir(c.ContentImagePath)
		if s.Private(dir) {
			dir = s.o.SaveFolder
		}
	}
	extension := ".jpg"
	if p.Format == batch.FormatPNG || p.Format == batch.FormatAuto && filepath.Ext(c.ContentImagePath) == ".png" {
		extension = ".png"
	}
	if n > 1 {
		extension = fmt.Sprintf("-%d%s", n, extension)
	}
	f := batch.Fields{Name: stem(c.ContentImagePath), Style: styleName(c), Strength: c.StyleStrength, Date: time.Now(), N: int64(n)}
	return filepath.Join(dir, p.Naming.Expand(f, extension))
}

// styleName is what the style of c is called in a file's name.
func styleName(c pipeline.Config) string {
	switch {
	case c.StylePrompt != "":
		return slug(c.StylePrompt)
	case c.StyleImagePath != "":
		return stem(c.StyleImagePath)
	case c.StyleCode != nil:
		return slug(c.StyleCode.Title)
	}
	m, _ := (mix{}).from(c)
	name := ""
	for i, p := range m.list() {
		if i > 0 {
			name += "-"
		}
		name += slug(p.Name())
	}
	return name
}

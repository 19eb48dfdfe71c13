package session

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline"
)

// Share is a style of a mix. ID is a built-in style's identifier or the path of one of the user's own style pictures.
type Share struct {
	ID     string
	Weight float64 // in proportion to the others, above 0 and at most 1
}

// Own is whether the style is a picture of the user's.
func (p Share) Own() bool { return filepath.IsAbs(p.ID) }

// Name is what the style is called in a file's name.
func (p Share) Name() string {
	if p.Own() {
		return stem(p.ID)
	}
	return p.ID
}

// MixMost is how many styles can be mixed.
const MixMost = 4

// minWeight keeps a style in the mix, however little of it.
const minWeight = 0.05

// mix are the chosen styles, from the front; the rest is empty. An array, so that settings can be compared.
type mix [MixMost]Share

func (m mix) list() []Share {
	n := slices.IndexFunc(m[:], func(p Share) bool { return p.ID == "" })
	if n < 0 {
		n = len(m)
	}
	return slices.Clone(m[:n])
}

func (m mix) with(parts []Share) (out mix) {
	copy(out[:], parts)
	return out
}

// into writes the mix into c.
func (m mix) into(c *pipeline.Config) {
	parts := m.list()
	if len(parts) == 1 {
		if parts[0].Own() {
			c.StyleImagePath = parts[0].ID
		} else {
			c.StyleName = parts[0].ID
		}
		return
	}
	for _, p := range parts {
		share := pipeline.StyleShare{StyleName: p.ID, Weight: p.Weight}
		if p.Own() {
			share.StyleName, share.StyleImagePath = "", p.ID
		}
		c.StyleMix = append(c.StyleMix, share)
	}
}

// from reads the style of c as far as the strip can show it; ok is false where it cannot.
func (mix) from(c pipeline.Config) (m mix, ok bool) {
	switch {
	case c.StyleName != "":
		m[0] = Share{c.StyleName, 1}
	case len(c.StyleMix) > 0 && len(c.StyleMix) <= MixMost:
		top := 0.0
		for _, p := range c.StyleMix {
			top = max(top, p.Weight)
		}
		for i, p := range c.StyleMix {
			m[i] = Share{p.StyleName + p.StyleImagePath, max(p.Weight/top, minWeight)}
		}
	}
	return m, m[0].ID != ""
}

// ChooseStyle takes one style of the strip in place of the painting and the prompt; an empty identifier gives the style back to the painting.
func (s *Session) ChooseStyle(id string) {
	s.change("styles", s.o.PreviewDelay, func(n *settings) {
		if id == "" && n.styles[0].ID == "" {
			return
		}
		n.prompt, n.code, n.styles = "", nil, mix{}
		if id != "" {
			n.styles[0] = Share{id, 1}
		}
	})
}

// MixStyle adds a style of the strip to those chosen, or takes it out again.
func (s *Session) MixStyle(id string) {
	s.change("styles", s.o.PreviewDelay, func(n *settings) {
		parts := n.styles.list()
		if i := slices.IndexFunc(parts, func(p Share) bool { return p.ID == id }); i >= 0 {
			parts = slices.Delete(parts, i, i+1)
		} else if len(parts) < MixMost {
			parts = append(parts, Share{id, 1})
		} else {
			s.status = said(ToneWarn, "Four styles can be mixed: take one out first.")
			return
		}
		n.prompt, n.code, n.styles = "", nil, mix{}.with(parts)
	})
}

// SetWeight sets a chosen style's part of the mix, 0.05 to 1.
func (s *Session) SetWeight(id string, weight float64) {
	s.change("weight "+id, s.o.PreviewDelay, func(n *settings) {
		for i := range n.styles {
			if n.styles[i].ID == id {
				n.styles[i].Weight = min(max(weight, minWeight), 1)
			}
		}
	})
}

// unknownStyle is a sentence on a style of c that this version does not have, empty when it has all.
func unknownStyle(c pipeline.Config) string {
	known := func(id string) bool {
		return id == "" || slices.ContainsFunc(pipeline.BuiltinStyles(), func(b pipeline.BuiltinStyle) bool { return b.ID == id })
	}
	names := []string{c.StyleName}
	for _, p := range c.StyleMix {
		names = append(names, p.StyleName)
	}
	names = slices.DeleteFunc(names, known)
	if len(names) == 0 {
		return ""
	}
	return "There is no style called " + strings.Join(names, " or ") + " here."
}

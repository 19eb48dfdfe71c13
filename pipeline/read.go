package pipeline

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gesso-app/gesso/pipeline/adjust"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/pipeline/style"
)

// look is a style: its features (a built-in style's have no map) and its name for people.
type look struct {
	features   *style.Features
	name       string
	confidence float64 // of a prompt's match
}

// part is one style of a config's, with what was read of it.
type part struct {
	StyleShare
	code     *StyleCode
	key      string // in Transfer.styles; empty when it cannot be kept
	look     *look
	painting *picture.Picture // decoded, not yet studied
}

// parts lists the styles that c blends; a prompt is none.
func (c Config) parts() []part {
	if c.StyleCode != nil {
		return []part{{code: c.StyleCode, key: c.StyleCode.key()}}
	}
	shares := c.StyleMix
	if shares == nil && strings.TrimSpace(c.StylePrompt) == "" {
		shares = []StyleShare{{c.StyleImagePath, c.StyleName, 1}}
	}
	all := make([]part, len(shares))
	for i, s := range shares {
		all[i] = part{StyleShare: s, key: "name:" + s.StyleName}
		if s.StyleImagePath != "" {
			all[i].key = fileKey(s.StyleImagePath, 0)
		}
	}
	return all
}

// read opens the photo, unless it is given, and the styles side by side.
func (t *Transfer) read(ctx context.Context, c Config, content *opened) (*photo, *look, error) {
	var contentKey string // of a given picture there is none, as it is used once
	if content == nil {
		if contentKey = fileKey(c.ContentImagePath, c.Size); contentKey != "" {
			contentKey += "|" + adjust.Format(c.Pre)
		}
	}
	p, haveContent := t.photos.get(contentKey)
	var g errgroup.Group
	if !haveContent && content == nil {
		g.Go(func() error {
			p, err := picture.Open(ctx, c.ContentImagePath, t.limits)
			if err == nil {
				content, err = c.prepare(p)
			}
			return err
		})
	}
	parts := c.parts()
	t.openStyles(ctx, parts, &g)
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	if err := t.ready(); err != nil {
		return nil, nil, err
	}
	if !haveContent {
		f, err := t.networks.Look(ctx, content.Image)
		if err != nil {
			return nil, nil, err
		}
		p = &photo{content, f}
		t.photos.put(contentKey, p)
	}
	if err := t.studyStyles(ctx, parts); err != nil {
		return nil, nil, err
	}
	l, err := c.blend(parts)
	return p, l, err
}

// look reads the style alone. t.mu is held and the networks are ready.
func (t *Transfer) look(ctx context.Context, c Config) (*look, error) {
	var g errgroup.Group
	parts := c.parts()
	t.openStyles(ctx, parts, &g)
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := t.studyStyles(ctx, parts); err != nil {
		return nil, err
	}
	return c.blend(parts)
}

// openStyles decodes the pictures of parts that are not known yet, in g.
func (t *Transfer) openStyles(ctx context.Context, parts []part, g *errgroup.Group) {
	for i := range parts {
		s := &parts[i]
		if l, ok := t.styles.get(s.key); ok {
			s.look = l
		} else if s.StyleImagePath != "" {
			g.Go(func() (err error) {
				if s.painting, err = picture.Open(ctx, s.StyleImagePath, t.limits); err == nil {
					s.painting = s.painting.Resize(2048)
				}
				return err
			})
		}
	}
}

// studyStyles gives every part its look.
func (t *Transfer) studyStyles(ctx context.Context, parts []part) (err error) {
	for i := range parts {
		s := &parts[i]
		if s.look != nil {
			continue
		}
		if s.look, err = t.study(ctx, s); err != nil {
			return err
		}
		t.styles.put(s.key, s.look)
	}
	return nil
}

func (t *Transfer) study(ctx context.Context, s *part) (*look, error) {
	if s.painting != nil {
		f, err := t.networks.Study(ctx, s.painting.Image)
		return &look{features: f, name: s.StyleImagePath}, err
	}
	if s.code != nil {
		f, err := s.code.features()
		return &look{features: f, name: s.code.Title}, err
	}
	b, err := style.Builtin(s.StyleName)
	if err != nil {
		return nil, &FieldError{"style_name", fmt.Sprintf("%q", s.StyleName), err.Error()}
	}
	return &look{features: b.Features(), name: b.Title + ", " + b.Artist}, nil
}

// blend makes one look of c's styles or of its prompt.
func (c Config) blend(parts []part) (*look, error) {
	switch len(parts) {
	case 0:
		if c.Diffusion != nil {
			return &look{name: strings.TrimSpace(c.StylePrompt)}, nil
		}
		m, err := style.Match(c.StylePrompt)
		if err != nil {
			return nil, &FieldError{"style_prompt", fmt.Sprintf("%q", c.StylePrompt), err.Error()}
		}
		return &look{m.Features, strings.Join(m.Names, "; "), m.Confidence}, nil
	case 1:
		return parts[0].look, nil
	}
	var total float64
	for _, s := range parts {
		total += s.Weight
	}
	var features []*style.Features
	var weights []float64
	var names []string
	for _, s := range parts {
		features, weights = append(features, s.look.features), append(weights, s.Weight/total)
		name := s.look.name
		if s.StyleImagePath != "" {
			name = filepath.Base(name)
		}
		names = append(names, fmt.Sprintf("%s (%.0f %%)", name, 100*s.Weight/total))
	}
	return &look{features: style.Mix(features, weights), name: strings.Join(names, "; ")}, nil
}

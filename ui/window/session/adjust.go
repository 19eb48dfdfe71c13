package session

import (
	"slices"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/adjust"
)

// Mask says where the photo is stylized; without a path everywhere.
type Mask struct {
	Path    string
	Feather float64 // width of the soft edge in pixels of the photo, 0 to FeatherMost
	Invert  bool    // stylize what the mask leaves out
}

// FeatherMost is the widest soft edge that SetMask takes: pipeline.Config.MaskFeather goes further.
const FeatherMost = 200.0

// steps are the lists of a Config as text, so that settings can be compared. What the window does not show is kept in them.
type steps struct{ pre, post string }

func stepsOf(c pipeline.Config) steps { return steps{adjust.Format(c.Pre), adjust.Format(c.Post)} }

// into writes the steps into c; they were checked when they were taken.
func (s steps) into(c *pipeline.Config) {
	c.Pre, _ = adjust.ParsePre(s.pre)
	c.Post, _ = adjust.ParsePost(s.post)
}

// with sets the amount of an operation, of which there is no step at 0: where it stands, or else in the order that is best as a rule.
func (s steps) with(step adjust.Step) steps {
	list, _ := adjust.ParsePost(s.post)
	order := adjust.PostOps()
	at := slices.IndexFunc(list, func(t adjust.Step) bool { return t.Op == step.Op })
	switch {
	case step.Amount == 0:
		list = slices.DeleteFunc(list, func(t adjust.Step) bool { return t.Op == step.Op })
	case at >= 0:
		list[at].Amount, list[at].To = step.Amount, step.To // the seed stays
	default:
		at = slices.IndexFunc(list, func(t adjust.Step) bool { return slices.Index(order, t.Op) > slices.Index(order, step.Op) })
		if at < 0 {
			at = len(list)
		}
		list = slices.Insert(list, at, step)
	}
	if adjust.ValidatePost(list) != nil {
		return s
	}
	s.post = adjust.Format(list)
	return s
}

// list are the steps after the style.
func (s steps) list() []adjust.Step {
	list, _ := adjust.ParsePost(s.post)
	return list
}

// SetAdjustment sets the amount of one of adjust's operations after the style, in its range; 0 takes it away. One out of range changes nothing.
func (s *Session) SetAdjustment(op string, amount float64) {
	s.change(op, s.o.PreviewDelay, func(n *settings) { n.steps = n.steps.with(adjust.Step{Op: op, Amount: amount}) })
}

// SetColourMatch takes the colours of the style (adjust.ToStyle) or of the photo (adjust.ToPhoto), or leaves them as they are painted (empty).
func (s *Session) SetColourMatch(to string) {
	step := adjust.Step{Op: adjust.ColourMatch, To: to}
	if to != "" {
		step.Amount = 1
	}
	s.change(adjust.ColourMatch, s.o.PreviewDelay, func(n *settings) { n.steps = n.steps.with(step) })
}

// SetMask stylizes only where a mask says; without a path everywhere. It belongs to the photo: opening another one takes it away.
func (s *Session) SetMask(m Mask) {
	m.Feather = min(max(m.Feather, 0), FeatherMost)
	if m.Path == "" {
		m = Mask{}
	}
	s.change("mask", s.o.PreviewDelay, func(n *settings) { n.mask = m })
}

// Adjustment is the amount of an operation after the style, 0 where it is not done.
func (n Snapshot) Adjustment(op string) float64 {
	for _, t := range n.Post {
		if t.Op == op {
			return t.Amount
		}
	}
	return 0
}

// ColourMatch is what SetColourMatch set.
func (n Snapshot) ColourMatch() string {
	for _, t := range n.Post {
		if t.Op == adjust.ColourMatch {
			return t.To
		}
	}
	return ""
}

// into writes the mask into c.
func (m Mask) into(c *pipeline.Config) {
	c.MaskPath, c.MaskFeather, c.MaskInvert = m.Path, m.Feather, m.Invert
}

// Package arch knows networks whose files hold weights alone: it recognises them by their tensors' names and shapes, and builds their graphs.
//
// It must not import an engine or ui.
package arch

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline/convert/mil"
	"github.com/gesso-app/gesso/pipeline/convert/source"
)

// Options is what a file of weights does not say.
type Options struct {
	// Sizes are the heights and widths of pictures, the default first; empty: the architecture's own.
	Sizes [][2]int
	// Part picks one of a network's parts, where it has several.
	Part string
}

// Architecture is a network that is known.
type Architecture struct {
	Name string
	// Match reads the network's structure off its tensors. It returns a builder, or what is lacking and what is too much.
	match func(*weights) (builder, error)
}

// builder builds the graph for pictures of one size.
type builder func(b *mil.Builder, w *weights, h, wd int)

// architectures are all that are known, the more specific first.
func architectures() []Architecture {
	return []Architecture{transformerNet(), conditional(), adainDecoder(), adainEncoder(), gesso()}
}

// weights are the tensors of a file, and which of them have been used.
type weights struct {
	tensors map[string]*source.Tensor
	used    map[string]bool
	missing []string
}

// get is a tensor of a shape, in which 0 stands for any size. What is missing is noted, and nil.
func (w *weights) get(name string, shape ...int) *source.Tensor {
	t := w.tensors[name]
	fits := t != nil && len(t.Shape) == len(shape)
	for i := 0; fits && i < len(shape); i++ {
		fits = shape[i] == 0 || shape[i] == t.Shape[i]
	}
	if !fits {
		want := name
		if t != nil {
			want = fmt.Sprintf("%s of shape %v, not %v", name, shape, t.Shape)
		}
		w.missing = append(w.missing, want)
		return nil
	}
	w.used[name] = true
	return t
}

func (w *weights) has(name string) bool { return w.tensors[name] != nil }

// rest are the tensors that nobody used.
func (w *weights) rest() (out []string) {
	for n := range w.tensors {
		if !w.used[n] {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// value is a tensor as a constant.
func (w *weights) value(b *mil.Builder, name string) *mil.Value {
	t := w.tensors[name]
	if t == nil {
		mil.Fail("the tensor %q is missing", name)
	}
	return b.Weight(t)
}

// Network is a network that was recognised.
type Network struct {
	Name  string
	build builder
	w     *weights
}

// NotRecognisedError names the architecture that comes nearest to a file's tensors.
type NotRecognisedError struct {
	Nearest         string
	Missing, Extra  []string
	Tensors, Needed int
}

func (e *NotRecognisedError) Error() string {
	if e.Nearest == "" {
		return fmt.Sprintf("the network is not recognised: none of its %d tensors has a name that is known; export it as ONNX or with torch.export, which hold the graph", e.Tensors)
	}
	s := "the network is not recognised; nearest is " + e.Nearest
	if len(e.Missing) > 0 {
		s += ", of which there lack " + some(e.Missing)
	}
	if len(e.Extra) > 0 {
		s += ", which does not have " + some(e.Extra)
	}
	return s
}

// some lists the first few names.
func some(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// ignored are buffers of training that no network needs.
var ignored = regexp.MustCompile(`(^|\.)num_batches_tracked$`)

// Recognise finds the architecture whose tensors a file has.
func Recognise(s *source.Set) (*Network, error) {
	tensors := stripped(s.Tensors)
	var nearest *NotRecognisedError
	best := 0
	for _, a := range architectures() {
		w := &weights{tensors: tensors, used: map[string]bool{}}
		build, err := a.match(w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.Name, err)
		}
		rest := w.rest()
		if len(w.missing) == 0 && len(rest) == 0 && build != nil {
			return &Network{a.Name, build, w}, nil
		}
		if score := 2*len(w.used) - len(w.missing); len(w.used) > 0 && (nearest == nil || score > best) {
			best, nearest = score, &NotRecognisedError{a.Name, w.missing, rest, len(tensors), len(w.used) + len(w.missing)}
		}
	}
	if nearest == nil {
		nearest = &NotRecognisedError{Tensors: len(tensors)}
	}
	return nil, nearest
}

// stripped removes what training programs put before all names, and buffers that are of no use.
func stripped(in map[string]*source.Tensor) map[string]*source.Tensor {
	out := map[string]*source.Tensor{}
	for n, t := range in {
		if !ignored.MatchString(n) {
			out[n] = t
		}
	}
	prefixes := []string{"module.", "_orig_mod.", "model.", "net.", "network.", "transformer.", "generator.", "state_dict."}
	for i := 0; i < len(prefixes); i++ {
		p := prefixes[i]
		all := len(out) > 0
		for n := range out {
			all = all && strings.HasPrefix(n, p)
		}
		if !all {
			continue
		}
		short := map[string]*source.Tensor{}
		for n, t := range out {
			short[n[len(p):]] = t.Renamed(n[len(p):])
		}
		out, i = short, -1 // there may be several, in any order
	}
	return out
}

// defaultSize is the height and width of pictures where nothing is said.
const defaultSize = 512

// Build makes the network's program.
func (n *Network) Build(o Options, m mil.Options) (*mil.Program, error) {
	sizes := o.Sizes
	if len(sizes) == 0 {
		sizes = [][2]int{{defaultSize, defaultSize}}
	}
	var programs []*mil.Program
	for _, s := range sizes {
		p, err := mil.Build(m, func(b *mil.Builder) { n.build(b, n.w, s[0], s[1]) })
		if err != nil {
			return nil, fmt.Errorf("%s for %d x %d pixels: %w", n.Name, s[1], s[0], err)
		}
		programs = append(programs, p)
	}
	return programs[0], programs[0].Vary(programs[1:]...)
}

// Names are the architectures that are known.
func Names() (out []string) {
	for _, a := range architectures() {
		out = append(out, a.Name)
	}
	slices.Sort(out)
	return out
}

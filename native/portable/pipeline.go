package portable

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gesso-app/gesso/native/engine"
	"github.com/gesso-app/gesso/native/mlpackage"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
)

// maxPipeline bounds the models of a pipeline.
const maxPipeline = 64

// pipeline runs models one after the other: each finds its inputs by name among the pipeline's own and what those before it gave.
type pipeline struct {
	path    string
	pkg     *mlpackage.Package
	models  []*model
	in, out []engine.Feature
}

func openPipeline(path string, p *mlpackage.Package, spec *coremlpb.Model, o engine.Options) (_ engine.Model, err error) {
	if o.Function != "" {
		return nil, errors.Join(fmt.Errorf("a pipeline has no function %q", o.Function), p.Close())
	}
	c := &pipeline{path: path, pkg: p}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	subs := mlpackage.Submodels(spec)
	if len(subs) > maxPipeline {
		return nil, fmt.Errorf("a pipeline of %d models", len(subs))
	}
	for i, sub := range subs {
		m, err := openModel(path, p, sub, o)
		if err != nil {
			return nil, fmt.Errorf("model %d of the pipeline: %w", i, err)
		}
		c.models = append(c.models, m)
	}
	var low []*lowered
	for _, m := range c.models {
		low = append(low, m.ports)
	}
	joined, err := join(spec, low)
	if err != nil {
		return nil, err
	}
	c.in, c.out = features(joined.in), features(joined.out)
	return c, nil
}

// describePipeline reads what a pipeline takes and gives, and checks its models.
func describePipeline(p *mlpackage.Package) (*lowered, error) {
	var all []*lowered
	subs := mlpackage.Submodels(p.Spec)
	if len(subs) > maxPipeline {
		return nil, fmt.Errorf("a pipeline of %d models", len(subs))
	}
	for i, sub := range subs {
		low, err := lower(p, sub, "", true)
		if err != nil {
			return nil, fmt.Errorf("model %d of the pipeline: %w", i, err)
		}
		all = append(all, low)
	}
	return join(p.Spec, all)
}

// join checks that all inputs of a pipeline's models are given, and by what they can take.
func join(spec *coremlpb.Model, models []*lowered) (*lowered, error) {
	in, err := describeAll(spec.GetDescription().GetInput(), "input")
	if err != nil {
		return nil, err
	}
	given := map[string]*port{}
	for _, p := range in {
		given[p.Name] = p
	}
	for i, m := range models {
		for _, p := range m.in {
			from := given[p.Name]
			switch {
			case from == nil && !p.Optional:
				return nil, fmt.Errorf("model %d of the pipeline: nothing gives its input %q", i, p.Name)
			case from != nil && (from.DType != p.DType || from.Image != p.Image):
				return nil, fmt.Errorf("model %d of the pipeline: its input %q is given as another kind", i, p.Name)
			}
		}
		for _, p := range m.out {
			given[p.Name] = p
		}
	}
	res := &lowered{in: in}
	for _, d := range spec.GetDescription().GetOutput() {
		p := given[d.GetName()]
		if p == nil {
			if kind := d.GetType().GetType(); kind != nil && d.GetType().GetMultiArrayType() == nil && d.GetType().GetImageType() == nil {
				continue // a class's name, which is not made here
			}
			return nil, fmt.Errorf("nothing in the pipeline gives its output %q", d.GetName())
		}
		res.out = append(res.out, p)
	}
	if len(res.out) == 0 {
		return nil, errors.New("the pipeline gives nothing")
	}
	return res, nil
}

func (c *pipeline) Inputs() []engine.Feature { return c.in }

func (c *pipeline) Outputs() []engine.Feature { return c.out }

func (c *pipeline) Placement() engine.Placement { return engine.Placement{} }

func (c *pipeline) Close() error {
	var errs []error
	for _, m := range c.models {
		errs = append(errs, m.Close())
	}
	c.models = nil
	return errors.Join(append(errs, c.pkg.Close())...)
}

// Run keeps what the models between give until the end.
func (c *pipeline) Run(ctx context.Context, in map[string]*engine.Tensor) (out map[string]*engine.Tensor, err error) {
	if c.models == nil {
		return nil, fmt.Errorf("the model %s is closed", c.path)
	}
	values, made := maps.Clone(in), map[string]*engine.Tensor{}
	defer func() {
		for name, t := range made {
			if out[name] != t {
				err = errors.Join(err, t.Close())
			}
		}
	}()
	for name := range in {
		if !slices.ContainsFunc(c.in, func(f engine.Feature) bool { return f.Name == name }) {
			return nil, fmt.Errorf("%s: the model has no input %q", c.path, name)
		}
	}
	for _, m := range c.models {
		own := map[string]*engine.Tensor{}
		for _, f := range m.in {
			if t := values[f.Name]; t != nil {
				own[f.Name] = t
			}
		}
		got, err := m.Run(ctx, own)
		if err != nil {
			return nil, err
		}
		for name, t := range got {
			if old := made[name]; old != nil {
				if err := old.Close(); err != nil {
					return nil, err
				}
			}
			values[name], made[name] = t, t
		}
	}
	out = map[string]*engine.Tensor{}
	for _, f := range c.out {
		out[f.Name] = made[f.Name]
	}
	return out, nil
}

func (c *pipeline) Predict(ctx context.Context, in, out map[string]*engine.Tensor) error {
	for _, f := range c.out {
		t := out[f.Name]
		if t == nil || t.Bytes() == nil || t.DType() != f.DType {
			return fmt.Errorf("%s: the output %q is missing, or not of %v", c.path, f.Name, f.DType)
		}
	}
	got, err := c.Run(ctx, in)
	if err != nil {
		return err
	}
	for _, f := range c.out {
		to, from := out[f.Name], got[f.Name]
		if slices.Equal(to.Shape(), from.Shape()) {
			copy(to.Bytes(), from.Bytes())
		} else if err == nil {
			err = fmt.Errorf("%s: the output %q cannot have the shape %v", c.path, f.Name, to.Shape())
		}
	}
	for _, t := range got {
		err = errors.Join(err, t.Close())
	}
	return err
}

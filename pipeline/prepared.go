package pipeline

import (
	"context"

	"github.com/gesso-app/gesso/pipeline/picture"
)

// RenderPicture is Render for a photo that is already decoded: c.ContentImagePath only names it, and c.Pre and c.Size are applied. So the next photo can be
// decoded, and the last one encoded, while the networks work on this one. It is for many photos, one after the other: while the machine is hot it
// rests before it begins, for as long as the last picture took, and longer when it is very hot.
func (t *Transfer) RenderPicture(ctx context.Context, c Config, content *picture.Picture, progress func(Progress)) (*Rendering, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	ready, err := c.prepare(content)
	if err != nil {
		return nil, err
	}
	if err := t.cooling.rest(ctx); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r, err := t.render(ctx, c, ready, progress)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return r, err
}

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/gesso-app/gesso/pipeline/adjust"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// validateSteps checks what is done before and after the style, and the mask.
func (c Config) validateSteps() error {
	for _, list := range []struct {
		field string
		err   error
	}{{"pre", adjust.ValidatePre(c.Pre)}, {"post", adjust.ValidatePost(c.Post)}} {
		if list.err != nil {
			return stepError(list.field, list.err)
		}
	}
	switch {
	case !(c.MaskFeather >= 0 && c.MaskFeather <= 1000):
		return &FieldError{"mask_feather", c.MaskFeather, "it goes from 0 to 1000 pixels"}
	case c.MaskPath == "" && c.MaskFeather != 0:
		return &FieldError{"mask_feather", c.MaskFeather, "it needs a mask"}
	case c.MaskPath == "" && c.MaskInvert:
		return &FieldError{"mask_invert", c.MaskInvert, "it needs a mask"}
	}
	return nil
}

// stepError names the list that a step is in.
func stepError(field string, err error) error {
	var step *adjust.StepError
	if errors.As(err, &step) {
		return &FieldError{field, step.Step, step.Want}
	}
	return err
}

// opened is a photo that was decoded and prepared.
type opened struct {
	*picture.Picture
	whole image.Point // its size in the file, upright
}

// prepare runs c's steps before the style on a decoded photo, and brings it to c.Size.
func (c Config) prepare(p *picture.Picture) (*opened, error) {
	o := &opened{p, p.Bounds().Size()}
	img, err := adjust.Prepare(p.Image, c.Pre)
	if err != nil {
		return nil, stepError("pre", err)
	}
	if img != p.Image {
		changed := *p
		changed.Image = img
		o.Picture = &changed
	}
	if c.Size > 0 {
		o.Picture = o.Resize(c.Size)
	}
	return o, nil
}

// mask reads c's mask for the prepared photo, at its size; without one it is nil. t.mu is held.
func (t *Transfer) mask(ctx context.Context, c Config, o *opened) (*image.Gray, error) {
	if c.MaskPath == "" {
		return nil, nil
	}
	size := o.Bounds().Size()
	key := fileKey(c.MaskPath, 0)
	if key != "" {
		key += fmt.Sprint("|", o.whole, size, c.MaskFeather, c.MaskInvert, adjust.Format(c.Pre))
	}
	if m, ok := t.masks.get(key); ok {
		return m, nil
	}
	p, err := picture.Open(ctx, c.MaskPath, t.limits)
	if err != nil {
		return nil, err
	}
	if !sameProportions(p.Bounds(), image.Rectangle{Max: o.whole}) {
		reason := fmt.Sprintf("is a mask of %dx%d pixels for a photo of %dx%d: give it the photo's proportions", p.Bounds().Dx(), p.Bounds().Dy(), o.whole.X, o.whole.Y)
		return nil, &picture.Error{Path: c.MaskPath, Reason: reason}
	}
	m := adjust.MaskOf(p.Image)
	if c.MaskInvert {
		m = adjust.Invert(m)
	}
	if c.MaskFeather > 0 { // on the mask, before anything is cut off; an edge of four deviations has faded
		m = adjust.Feather(m, c.MaskFeather/4*float64(m.Rect.Dx())/float64(o.whole.X))
	}
	if len(c.Pre) > 0 {
		if m, err = adjust.PrepareMask(adjust.ScaleMask(m, o.whole.X, o.whole.Y), c.Pre); err != nil {
			return nil, stepError("pre", err)
		}
	}
	m = adjust.ScaleMask(m, size.X, size.Y)
	t.masks.put(key, m)
	return m, nil
}

// finish runs the steps after the style and lays the mask over both pictures.
func (p *painter) finish(img, photo *image.NRGBA) (stylized, original *image.NRGBA, err error) {
	var tone adjust.Tone
	for i := range 3 { // the first layer is the picture itself
		tone.Mean[i], tone.Deviation[i] = float64(p.look.features.Moments[i]), float64(p.look.features.Moments[3+i])
	}
	if img, photo, err = adjust.Finish(img, photo, p.post, tone); err != nil {
		return nil, nil, stepError("post", err)
	}
	if p.mask != nil {
		img = adjust.Composite(img, photo, adjust.ScaleMask(p.mask, photo.Rect.Dx(), photo.Rect.Dy()))
	}
	return img, photo, nil
}

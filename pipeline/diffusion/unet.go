package diffusion

import (
	"context"
	"errors"
	"math"
)

// unet predicts noise. Its packages are loaded while it is open: the text encoders are closed before, and the decoder is loaded after.
type unet struct {
	model                   *Model
	parts                   []*network
	batch                   int
	channels, height, width int
	positive, negative      prompt
	guided                  bool
	guidance, rescale       float64
	timeIDs                 []float32
}

func (m *Model) openUnet() (_ *unet, err error) {
	u := &unet{model: m}
	defer func() {
		if err != nil {
			err = errors.Join(err, u.close())
		}
	}()
	for _, p := range m.unets {
		n, err := m.load(p)
		if err != nil {
			return nil, err
		}
		u.parts = append(u.parts, n)
	}
	f, ok := u.parts[0].input("sample")
	if !ok || len(f.Shape) != 4 || f.Shape[0] < 1 || f.Shape[0] > 2 {
		return nil, refuse("the package %s is no U-Net: its sample is %v", u.parts[0].path, f.Shape)
	}
	u.batch, u.channels, u.height, u.width = f.Shape[0], f.Shape[1], f.Shape[2], f.Shape[3]
	return u, nil
}

func (u *unet) close() error {
	var errs []error
	for _, n := range u.parts {
		errs = append(errs, n.Close())
	}
	u.parts = nil
	return errors.Join(errs...)
}

// noise is the predicted noise of x at a time, guided.
func (u *unet) noise(ctx context.Context, x []float32, t float64) ([]float32, error) {
	if !u.guided {
		out, err := u.call(ctx, x, t, u.positive, u.positive)
		if err != nil {
			return nil, err
		}
		return out[:len(x)], nil
	}
	var without, with []float32
	if u.batch == 2 {
		out, err := u.call(ctx, x, t, u.negative, u.positive)
		if err != nil {
			return nil, err
		}
		without, with = out[:len(x)], out[len(x):]
	} else {
		var err error
		if without, err = u.call(ctx, x, t, u.negative); err != nil {
			return nil, err
		}
		if with, err = u.call(ctx, x, t, u.positive); err != nil {
			return nil, err
		}
	}
	out := make([]float32, len(x))
	for i := range out {
		out[i] = without[i] + float32(u.guidance)*(with[i]-without[i])
	}
	if u.rescale > 0 {
		f := u.rescale*deviation(with)/deviation(out) + 1 - u.rescale
		for i := range out {
			out[i] = float32(float64(out[i]) * f)
		}
	}
	return out, nil
}

// deviation is the standard deviation.
func deviation(x []float32) float64 {
	var sum, squares float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	for _, v := range x {
		squares += (float64(v) - mean) * (float64(v) - mean)
	}
	return math.Sqrt(squares / float64(max(len(x)-1, 1)))
}

// call runs the network for as many prompts as its batch.
func (u *unet) call(ctx context.Context, x []float32, t float64, prompts ...prompt) ([]float32, error) {
	in := map[string][]float32{}
	for _, p := range prompts[:u.batch] {
		in["sample"] = append(in["sample"], x...)
		in["timestep"] = append(in["timestep"], float32(t))
		in["encoder_hidden_states"] = append(in["encoder_hidden_states"], p.hidden...)
		in["time_ids"] = append(in["time_ids"], u.timeIDs...)
		in["text_embeds"] = append(in["text_embeds"], p.pooled...)
	}
	var out map[string][]float32
	for _, n := range u.parts { // a second half takes what the first gives
		var err error
		if out, err = n.run(ctx, in); err != nil {
			return nil, err
		}
		for name, v := range out {
			in[name] = v
		}
	}
	noise := one(out, "noise_pred")
	if len(noise) != len(in["sample"]) {
		return nil, refuse("the U-Net %s gives %d numbers for %d", u.parts[0].path, len(noise), len(in["sample"]))
	}
	return noise, nil
}

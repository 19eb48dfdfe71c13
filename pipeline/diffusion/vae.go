package diffusion

import (
	"context"
	"errors"
	"image"
	"image/color"
	"math"

	"github.com/disintegration/imaging"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline/diffusion/random"
)

// decode turns latents into a picture.
func (m *Model) decode(ctx context.Context, x []float32) (_ *image.NRGBA, err error) {
	n, err := m.load(m.decoder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	f, ok := n.input("")
	if !ok || len(f.Shape) != 4 {
		return nil, refuse("the package %s is no decoder", n.path)
	}
	z := make([]float32, len(x))
	for i, v := range x {
		z[i] = float32(float64(v) / m.scaling)
	}
	out, err := n.run(ctx, map[string][]float32{f.Name: z})
	if err != nil {
		return nil, err
	}
	y := one(out, "image")
	h, w := sides(len(y)/3, f.Shape[2], f.Shape[3])
	if h*w*3 != len(y) || h < 1 {
		return nil, refuse("the package %s gives no picture", n.path)
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		level := func(c int) uint8 {
			v := min(max(float64(y[c*h*w+i])/2+0.5, 0), 1)
			return uint8(math.RoundToEven(v * 255))
		}
		copy(img.Pix[4*i:], []uint8{level(0), level(1), level(2), 255})
	}
	return img, nil
}

// sides are the height and width of so many pixels of the aspect of h x w.
func sides(pixels, h, w int) (int, int) {
	if h < 1 || w < 1 {
		return 0, 0
	}
	f := int(math.Round(math.Sqrt(float64(pixels) / float64(h*w))))
	return h * f, w * f
}

// pixels are the picture's height and width.
func (m *Model) pixels(u *unet) (h, w int) {
	if _, out, err := native.Describe(m.decoder, m.options); err == nil && len(out) > 0 && len(out[0].Shape) == 4 && out[0].Shape[2] > 0 {
		return out[0].Shape[2], out[0].Shape[3]
	}
	if m.encoder != "" {
		if in, _, err := native.Describe(m.encoder, m.options); err == nil && len(in) > 0 && len(in[0].Shape) == 4 {
			return in[0].Shape[2], in[0].Shape[3]
		}
	}
	return 8 * u.height, 8 * u.width
}

// latents are a picture's, drawn from what the encoder gives: means and logarithms of variances.
func (m *Model) latents(ctx context.Context, img image.Image, source random.Source, want int) (_ []float32, err error) {
	n, err := m.load(m.encoder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	f, ok := n.input("")
	if !ok || len(f.Shape) != 4 || f.Shape[1] != 3 {
		return nil, refuse("the package %s is no encoder of pictures", n.path)
	}
	fit := Fit(img, f.Shape[3], f.Shape[2])
	h, w := f.Shape[2], f.Shape[3]
	x := make([]float32, 3*h*w)
	for i := range h * w {
		for c := range 3 {
			x[c*h*w+i] = 2*(float32(fit.Pix[4*i+c])/255) - 1
		}
	}
	out, err := n.run(ctx, map[string][]float32{f.Name: x})
	if err != nil {
		return nil, err
	}
	y := one(out, "latent", "latent_dist")
	if len(y) != 2*want {
		return nil, refuse("the package %s gives %d numbers for a picture, and the U-Net takes %d", n.path, len(y), want)
	}
	noise := source.Normal(want)
	z := make([]float32, want)
	for i := range z {
		std := math.Exp(0.5 * min(max(float64(y[want+i]), -30), 20))
		z[i] = float32((float64(y[i]) + std*float64(noise[i])) * m.scaling)
	}
	return z, nil
}

// inside is where a picture of w x h pixels lies in the middle of one of width x height, as large as it fits.
func inside(w, h, width, height int) image.Rectangle {
	f := min(float64(width)/float64(w), float64(height)/float64(h))
	a, b := min(max(int(math.Round(float64(w)*f)), 1), width), min(max(int(math.Round(float64(h)*f)), 1), height)
	at := image.Pt((width-a)/2, (height-b)/2)
	return image.Rectangle{at, at.Add(image.Pt(a, b))}
}

// Fit lays a picture into one of width x height: scaled to fit, and its edges drawn out where the aspect differs.
func Fit(img image.Image, width, height int) *image.NRGBA {
	b := img.Bounds()
	r := inside(b.Dx(), b.Dy(), width, height)
	small := imaging.Clone(img)
	if r.Dx() != b.Dx() || r.Dy() != b.Dy() {
		small = imaging.Resize(img, r.Dx(), r.Dy(), imaging.Lanczos)
	}
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			sx, sy := min(max(x-r.Min.X, 0), r.Dx()-1), min(max(y-r.Min.Y, 0), r.Dy()-1)
			copy(out.Pix[out.PixOffset(x, y):][:4], small.Pix[small.PixOffset(sx, sy):][:4])
		}
	}
	return out
}

// Unfit takes out of a picture what Fit laid into it, at the size w x h.
func Unfit(img *image.NRGBA, w, h int) *image.NRGBA {
	r := inside(w, h, img.Bounds().Dx(), img.Bounds().Dy())
	cut := imaging.Crop(img, r)
	if cut.Bounds().Dx() == w && cut.Bounds().Dy() == h {
		return cut
	}
	return imaging.Resize(cut, w, h, imaging.Lanczos)
}

// colours map Stable Diffusion 1's four latents to red, green and blue, roughly: a least-squares fit that is in common use.
var colours = [4][3]float64{{0.298, 0.207, 0.208}, {0.187, 0.286, 0.173}, {-0.158, 0.189, 0.264}, {-0.184, -0.271, -0.473}}

// preview is a picture of the latents' size.
func (m *Model) preview(x []float32, u *unet) *image.NRGBA {
	if u.channels != len(colours) {
		return nil
	}
	img := image.NewNRGBA(image.Rect(0, 0, u.width, u.height))
	n := u.width * u.height
	for i := range n {
		var rgb [3]uint8
		for c := range 3 {
			v := 0.0
			for k := range colours {
				v += colours[k][c] * float64(x[k*n+i])
			}
			rgb[c] = uint8(min(max((v+1)/2, 0), 1) * 255)
		}
		img.SetNRGBA(i%u.width, i/u.width, color.NRGBA{rgb[0], rgb[1], rgb[2], 255})
	}
	return img
}

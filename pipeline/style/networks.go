// Package style gives a photo the look of a painting with Gesso's own feed-forward networks: the style code of a picture, blends of codes,
// the built-in styles, and the tiled transform. It must not import ui or Fyne; networks run through package native alone.
package style

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/disintegration/imaging"
	"golang.org/x/sync/errgroup"

	"github.com/gesso-app/gesso/native"
)

// Side is the height and width in pixels of what the style and statistics networks read.
const Side = 256

// MapChannels is the number of channels of Features.Map.
const MapChannels = 96

// CodeLength is the number of values in a style code.
const CodeLength = 128

// Names of the networks' packages and of their inputs and outputs; assets/train/export.py writes them.
const (
	styleNetwork      = "style"
	statisticsNetwork = "statistics"
	transformNetwork  = "transform"

	inImage    = "image"     // style and transform: (1,3,H,W), 0..1
	inThumb    = "thumbnail" // statistics: (1,3,256,256), 0..1
	inCode     = "code"      // statistics: (1,128)
	outCode    = "style_code"
	outMoments = "moments"   // style: (1,854): mean and deviation of six layers' channels
	outMap     = "structure" // style: (1,96,32,32)
	outScale   = "scale"     // statistics: (1,S,1,1)
	outShift   = "shift"     // statistics: (1,S,1,1)
	inScale    = "scale_in"  // transform
	inShift    = "shift_in"  // transform
	outImage   = "stylized"  // transform: (1,3,H,W), not clipped
)

// Code says how a picture is painted: CodeLength values that blend linearly.
type Code []float32

// Blend returns the point at t between a (t = 0) and b (t = 1).
func Blend(a, b Code, t float64) Code {
	c := make(Code, len(a))
	for i := range c {
		c[i] = a[i] + float32(t)*(b[i]-a[i])
	}
	return c
}

// Features are what the style network sees in a picture; package quality compares them.
type Features struct {
	Code Code
	// Moments are means and deviations of the channels of six layers.
	Moments []float32
	// Map is a feature map of 96 channels, 32 x 32, row-major (C,H,W).
	Map []float32
}

// Mix blends styles: codes and moments, weighted; weights add up to 1. A mix has no map.
func Mix(styles []*Features, weights []float64) *Features {
	m := &Features{Code: make(Code, len(styles[0].Code)), Moments: make([]float32, len(styles[0].Moments))}
	for i, s := range styles {
		k := float32(weights[i])
		for j, v := range s.Code {
			m.Code[j] += k * v
		}
		for j, v := range s.Moments {
			m.Moments[j] += k * v
		}
	}
	return m
}

// Networks are the three loaded networks. One goroutine at a time may use them.
type Networks struct {
	style, statistics, transform *network
}

// Opener opens a network, as native.Open does.
type Opener func(path string, o native.Options) (native.Model, error)

// Load opens the three packages in dir with native.Open, or with what stands in for it.
func Load(open Opener, dir string, o native.Options) (*Networks, error) {
	var n Networks
	var g errgroup.Group
	for name, into := range map[string]**network{styleNetwork: &n.style, statisticsNetwork: &n.statistics, transformNetwork: &n.transform} {
		g.Go(func() error {
			m, err := openNetwork(open, dir, name, o)
			*into = m
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return &n, nil
}

// Close frees the networks. It may be called again.
func (n *Networks) Close() error {
	var errs []error
	for _, m := range []*network{n.style, n.statistics, n.transform} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	return errors.Join(errs...)
}

// Placement is the transform network's planned placement: it is nearly all of the work.
func (n *Networks) Placement() native.Placement { return n.transform.model.Placement() }

// Look returns the features of the whole picture, squeezed to Side x Side as the statistics network sees a photo.
func (n *Networks) Look(ctx context.Context, img image.Image) (*Features, error) {
	return n.read(ctx, imaging.Resize(img, Side, Side, imaging.Box))
}

// Study returns the features of a style picture: its shorter side is brought to Side and squares along the longer one are averaged, so that
// strokes keep their shape and the whole painting counts.
func (n *Networks) Study(ctx context.Context, img image.Image) (*Features, error) {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	scaled := imaging.Resize(img, max(Side, w*Side/min(w, h)), max(Side, h*Side/min(w, h)), imaging.Lanczos)
	long := max(scaled.Bounds().Dx(), scaled.Bounds().Dy())
	count := min((long+Side-1)/Side, 8)
	var sum *Features
	for i := range count {
		at := 0
		if count > 1 {
			at = i * (long - Side) / (count - 1)
		}
		r := image.Rect(at, 0, at+Side, Side)
		if h > w {
			r = image.Rect(0, at, Side, at+Side)
		}
		f, err := n.read(ctx, imaging.Crop(scaled, r))
		if err != nil {
			return nil, err
		}
		if sum == nil {
			sum = f
			continue
		}
		accumulate(sum.Code, f.Code)
		accumulate(sum.Moments, f.Moments)
	}
	scale(sum.Code, 1/float32(count))
	scale(sum.Moments, 1/float32(count))
	return sum, nil
}

func accumulate(into, v []float32) {
	for i := range into {
		into[i] += v[i]
	}
}

func scale(v []float32, k float32) {
	for i := range v {
		v[i] *= k
	}
}

func (n *Networks) read(ctx context.Context, square *image.NRGBA) (*Features, error) {
	in, err := n.style.tensor(inImage, nil)
	if err != nil {
		return nil, err
	}
	fill(in.Float32s(), square, 0, 0, Side, Side)
	if err := n.style.run(ctx); err != nil {
		return nil, fmt.Errorf("read the style: %w", err)
	}
	return &Features{
		Code:    Code(n.style.result(outCode)),
		Moments: n.style.result(outMoments),
		Map:     n.style.result(outMap),
	}, nil
}

// Modulation is what the statistics network hands to the transform network: a scale and a shift for each channel of each normalised layer.
type Modulation struct{ Scale, Shift []float32 }

// Statistics measures photo's layers on a thumbnail of Side x Side and folds them with what the code asks for.
func (n *Networks) Statistics(ctx context.Context, photo image.Image, c Code) (*Modulation, error) {
	thumb, err := n.statistics.tensor(inThumb, nil)
	if err != nil {
		return nil, err
	}
	code, err := n.statistics.tensor(inCode, nil)
	if err != nil {
		return nil, err
	}
	if len(c) != code.Len() {
		return nil, fmt.Errorf("a style code has %d values, not %d", code.Len(), len(c))
	}
	fill(thumb.Float32s(), imaging.Resize(photo, Side, Side, imaging.Box), 0, 0, Side, Side)
	copy(code.Float32s(), c)
	if err := n.statistics.run(ctx); err != nil {
		return nil, fmt.Errorf("measure the photo: %w", err)
	}
	return &Modulation{n.statistics.result(outScale), n.statistics.result(outShift)}, nil
}

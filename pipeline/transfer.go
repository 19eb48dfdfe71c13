// Package pipeline turns a photo and a style into a stylized picture: Config, Result, Transfer and the queue whose goroutine owns the engine.
// It must not import ui or Fyne.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"path/filepath"
	"sync"
	"time"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/pipeline/quality"
	"github.com/gesso-app/gesso/pipeline/style"
)

// ErrSameFile means that the output would replace one of the inputs.
var ErrSameFile = errors.New("the output is one of the inputs: choose another name, or allow it with --force")

// Options is how the engine is opened. The zero value is right for most.
type Options struct {
	Units    native.Units   // default: all
	Threads  int            // 0: as many as Go may use processors; of no effect with Core ML
	Limits   picture.Limits // default picture.DefaultLimits
	CacheDir string         // where the networks are unpacked and compiled; default: gesso in the user's cache folder
	// KeepMemory keeps memory between pictures: for many that follow each other; of no effect with Core ML.
	KeepMemory bool

	// For tests; default: the system's engine, its heat and its memory.
	open     style.Opener
	heat     func() native.Thermal
	pressure func(f func(critical bool)) (stop func())
}

// Transfer holds the loaded networks and what was last read, so that a second picture of the same photo or painting starts at once. When the system
// says that memory runs short it lets go of all of that, between two pictures, and loads it again when it is needed.
// Its methods may be called from several goroutines; they run one after the other.
type Transfer struct {
	begin   func() func() (*style.Networks, error) // begins to load the networks; the function that it returns waits for them
	relax   func()                                 // stops listening to the system
	cooling *cooling
	engine  native.Options
	cache   string // Options.CacheDir

	mu       sync.Mutex
	closed   bool
	load     func() (*style.Networks, error) // of begin; nil while nobody needs them
	networks *style.Networks                 // nil until a picture needs them
	limits   picture.Limits
	photos   memo[*photo]
	styles   memo[*look]
	masks    memo[*image.Gray]
}

// photo is a content picture at its output size with its own code.
type photo struct {
	*opened
	features *style.Features
}

// Open unpacks the networks and begins to load them, while pictures can be decoded already. What keeps them from loading is said by the first
// picture that needs them.
func Open(ctx context.Context, o Options) (*Transfer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.Limits == (picture.Limits{}) {
		o.Limits = picture.DefaultLimits
	}
	dir, err := UnpackNetworks(o.CacheDir)
	if err != nil {
		return nil, err
	}
	engine := native.Options{Units: o.Units, Threads: o.Threads, KeepMemory: o.KeepMemory}
	if o.CacheDir != "" {
		engine.CacheDir = filepath.Join(o.CacheDir, "coreml")
	}
	if o.open == nil {
		o.open = native.Open
	}
	if o.heat == nil {
		o.heat = native.Heat
	}
	if o.pressure == nil {
		o.pressure = native.OnMemoryPressure
	}
	begin := func() func() (*style.Networks, error) {
		load := sync.OnceValues(func() (*style.Networks, error) { return style.Load(o.open, dir, engine) })
		go func() { _, _ = load() }() // the error is kept for the callers
		return load
	}
	t := &Transfer{
		begin: begin, load: begin(), cooling: &cooling{heat: o.heat, poll: time.Second}, engine: engine, cache: o.CacheDir, limits: o.Limits,
		photos: memo[*photo]{size: 2}, styles: memo[*look]{size: 16},
		masks: memo[*image.Gray]{size: 2},
	}
	t.relax = o.pressure(func(bool) { _ = t.Trim() }) // what cannot be freed now is freed by Close
	return t, nil
}

// Trim frees the networks and what was read, when no picture is being made; the next picture loads them again.
func (t *Transfer) Trim() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.photos.items, t.styles.items, t.masks.items = nil, nil, nil
	return t.free()
}

// free waits for networks that are being loaded, and frees them. t.mu is held.
func (t *Transfer) free() error {
	if t.load == nil {
		return nil
	}
	n, err := t.load()
	t.load, t.networks = nil, nil
	if err != nil {
		return nil // there is nothing to free, and whoever needed them knows
	}
	return n.Close()
}

// Close waits until the networks are loaded and frees them. It may be called again.
func (t *Transfer) Close() error {
	t.relax()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	return t.free()
}

// ready waits for the networks. t.mu is held.
func (t *Transfer) ready() (err error) {
	if t.closed {
		return errors.New("the engine is closed")
	}
	if t.load == nil {
		t.load = t.begin()
	}
	t.networks, err = t.load()
	return err
}

// Run renders c and writes the picture to c.OutputPath. A cancelled or failed run leaves no file. progress may be nil.
func (t *Transfer) Run(ctx context.Context, c Config, progress func(Progress)) (Result, error) {
	start := time.Now()
	if err := CheckOutput(c); err != nil {
		return Result{}, err
	}
	r, err := t.Render(ctx, c, progress)
	if err != nil {
		return Result{}, err
	}
	report(progress, PhaseSave, 0.95)
	saving := time.Now()
	if err := r.Save(ctx, c.OutputPath, c.Force); err != nil {
		return Result{}, err
	}
	r.Result.PhaseTimes[PhaseSave] = time.Since(saving)
	r.Result.ProcessingTime = time.Since(start)
	report(progress, PhaseSave, 1)
	return r.Result, nil
}

// Render makes the stylized picture of c and its scores; no file is written. progress may be nil. When ctx ends, a running network is told to
// stop and the error is ctx's.
func (t *Transfer) Render(ctx context.Context, c Config, progress func(Progress)) (*Rendering, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r, err := t.render(ctx, c, nil, progress)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return r, err
}

// render works on content, or, where that is nil, on the photo that c names.
func (t *Transfer) render(ctx context.Context, c Config, content *opened, progress func(Progress)) (*Rendering, error) {
	start := time.Now()
	clock := stopwatch{start, map[Phase]time.Duration{}}
	report(progress, PhaseOpen, 0)
	p, l, err := t.read(ctx, c, content)
	if err != nil {
		return nil, err
	}
	clock.lap(PhaseOpen)
	report(progress, PhaseStyle, 0.1)
	painter := newPainter(t.networks, p, l, c)
	if painter.mask, err = t.mask(ctx, c, p.opened); err != nil {
		return nil, err
	}
	s := settings{strength: c.StyleStrength}
	var note string
	if c.Gate == GateHold {
		if s, note, err = painter.hold(ctx, c); err != nil {
			return nil, err
		}
	}
	clock.lap(PhaseStyle)
	var made painted
	painting := func(f float64) { report(progress, PhaseStylize, 0.15+0.7*f) }
	if c.Diffusion != nil {
		made, note, err = t.diffuse(ctx, c, painter, painting)
	} else {
		made, err = painter.paint(ctx, s, painting)
	}
	if err != nil {
		return nil, err
	}
	for c.Gate == GateHold && made.ssim < c.MinSSIM && s.detail < 1 { // what held on the small picture may not at full size
		s = s.nearer()
		note = holdNote(s, c)
		if made, err = painter.paint(ctx, s, nil); err != nil {
			return nil, err
		}
	}
	clock.lap(PhaseStylize)
	report(progress, PhaseMeasure, 0.9)
	seen, err := t.networks.Look(ctx, made.NRGBA)
	if err != nil {
		return nil, err
	}
	switch {
	case made.ssim >= c.MinSSIM:
	case c.Gate == GateWarn && note == "":
		way := "let the gate hold it"
		if c.Diffusion != nil {
			way = "keep more detail"
		}
		note = fmt.Sprintf("SSIM %.2f is below %.2f: lower the strength, or %s", made.ssim, c.MinSSIM, way)
	case c.Gate == GateHold:
		note = fmt.Sprintf("SSIM %.2f is as near to %.2f as it comes: lower the threshold", made.ssim, c.MinSSIM)
	}
	var placement native.Placement // a plan of the style networks is none of Stable Diffusion
	loss := math.NaN()
	if c.Diffusion == nil {
		placement, loss = t.networks.Placement(), quality.StyleLoss(seen.Moments, l.features.Moments)
	} else {
		painter.brush = 1
	}
	r := Result{
		SSIMScore:           made.ssim,
		StyleLoss:           loss,
		ContentPreservation: quality.ContentPreservation(p.features.Map, seen.Map, style.MapChannels),
		ANEUtilized:         placement.Known && placement.NeuralEngine > 0 && c.UseANE,
		ANEShare:            placement.NeuralEngine,
		Engine:              native.Engine(),
		StrengthUsed:        s.strength,
		BrushScaleUsed:      painter.brush,
		DetailKept:          s.detail,
		Style:               l.name,
		StyleConfidence:     l.confidence,
		GateNote:            note,
		Warnings:            p.Warnings,
		Width:               made.Bounds().Dx(),
		Height:              made.Bounds().Dy(),
		PhaseTimes:          clock.laps,
	}
	if heat := t.cooling.heat(); heat > native.ThermalFair {
		r.Heat = heat.String()
	}
	clock.lap(PhaseMeasure)
	r.ProcessingTime = time.Since(start)
	t.cooling.done(r.ProcessingTime)
	before := *p.Picture
	before.Image = made.photo
	return &Rendering{Config: c, Content: &before, Image: made.NRGBA, Result: r}, nil
}

// BenchTransform runs the transform network alone runs times on a grey picture of size x size pixels.
func (t *Transfer) BenchTransform(ctx context.Context, size, runs int) ([]time.Duration, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.ready(); err != nil {
		return nil, err
	}
	return t.networks.Bench(ctx, size, runs)
}

func report(progress func(Progress), p Phase, fraction float64) {
	if progress != nil {
		progress(Progress{p, fraction})
	}
}

// stopwatch adds up the time of each phase.
type stopwatch struct {
	last time.Time
	laps map[Phase]time.Duration
}

func (s *stopwatch) lap(p Phase) {
	now := time.Now()
	s.laps[p] += now.Sub(s.last)
	s.last = now
}
